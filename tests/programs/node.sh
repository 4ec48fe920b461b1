#!/usr/bin/env bash
#
# node.sh - node under the library: an allocator of its own for what JavaScript makes, the
# library for all that lies behind it.
#
# Proves: worker threads that pass, transfer and share buffers; streams through zlib and
# crypto; a server and its clients, also as a cluster of processes; child processes: the same
# results as without the library, and dumps asked for under load are whole.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs node

bound_everywhere "node and its children" 3 node -e '
	const { fork, execFileSync } = require("child_process");
	if (process.argv[1] !== "child") {
		require("fs").writeFileSync(process.argv[1] + ".js", "process.exit(0)");
		fork(process.argv[1] + ".js"); execFileSync(process.execPath, ["--version"]);
	}' "$scratch/child"

cat >"$scratch/workers.js" <<'END'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const crypto = require("crypto"), zlib = require("zlib");
const sum = (data) => crypto.createHash("sha256").update(data).digest("hex").slice(0, 16);
if (isMainThread) {
	const rounds = Number(process.argv[2] ?? 60), results = [], shared = new SharedArrayBuffer(4096);
	const one = (id) => new Promise((done, failed) => {
		const worker = new Worker(__filename, { workerData: { id, shared } });
		let round = 0;
		const send = () => {
			const size = 1 + (id * 7919 + round * 104729) % 300000, data = new Uint8Array(size);
			for (let i = 0; i < size; i += 7) data[i] = i * id + round;
			const copy = round % 2 ? [] : [data.buffer];
			worker.postMessage({ round, data, note: { list: Array.from({ length: round }, (_, i) => "n" + i) } }, copy);
		};
		worker.on("message", (answer) => {
			results.push(`${id} ${answer.round} ${sum(answer.data)} ${answer.packed} ${answer.notes}`);
			if (++round < rounds) send(); else worker.postMessage(null);
		});
		worker.on("error", failed);
		worker.on("exit", (code) => { results.push(`${id} exit ${code}`); done(); });
		send();
	});
	(async () => {
		await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(one));
		for (let i = 0; i < 30; i++)  // made and ended, one after the other, and one that is cut short
			await new Promise((done) => {
				const worker = new Worker("const a = []; for (let i = 0; i < 20000; i++) a.push(Buffer.alloc(i % 100)); setTimeout(() => {}, " + (i % 2 ? 0 : 1e6) + ")", { eval: true });
				worker.on("online", () => { if (i % 2 === 0) worker.terminate(); });
				worker.on("exit", done);
			});
		console.log(results.sort().join("\n"));
		console.log("shared", Atomics.load(new Int32Array(shared), 0));
	})();
} else {
	const counter = new Int32Array(workerData.shared);
	parentPort.on("message", (message) => {
		if (message === null) return parentPort.close();
		const { round, data, note } = message;
		for (let i = 0; i < data.length; i++) data[i] ^= round;
		const packed = zlib.deflateSync(data), back = zlib.inflateSync(packed);
		Atomics.add(counter, 0, back.length);
		parentPort.postMessage({ round, data: new Uint8Array(back), packed: packed.length, notes: note.list.join("").length });
	});
}
END

cat >"$scratch/streams.js" <<'END'
const { pipeline, Readable } = require("stream"), { promisify } = require("util");
const fs = require("fs"), zlib = require("zlib"), crypto = require("crypto"), http = require("http");
const { spawn } = require("child_process"), run = promisify(pipeline);
const lines = (count) => Readable.from((function* () { for (let i = 0; i < count; i++) yield `${(i * 7919) % 10007} line ${i} ${"x".repeat(i % 90)}\n`; })());
const digest = (name) => crypto.createHash("sha256").update(fs.readFileSync(name)).digest("hex");
(async () => {
	const key = crypto.scryptSync("secret", "salt", 32), iv = Buffer.alloc(16, 3);
	await run(lines(200000), zlib.createGzip({ level: 6 }), crypto.createCipheriv("aes-256-ctr", key, iv), fs.createWriteStream("packed"));
	await run(fs.createReadStream("packed"), crypto.createDecipheriv("aes-256-ctr", key, iv), zlib.createGunzip(), fs.createWriteStream("plain"));
	console.log(digest("packed"), digest("plain"));
	await run(fs.createReadStream("plain"), zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }), fs.createWriteStream("brotli"));
	await run(fs.createReadStream("brotli"), zlib.createBrotliDecompress(), fs.createWriteStream("again"));
	console.log(digest("again"));
	const hashes = await Promise.all(Array.from({ length: 40 }, (_, i) => promisify(crypto.pbkdf2)("p" + i, "salt", 2000, 64, "sha512")));
	console.log(crypto.createHash("md5").update(Buffer.concat(hashes)).digest("hex"));
	const pairs = await Promise.all(Array.from({ length: 6 }, () => promisify(crypto.generateKeyPair)("ec", { namedCurve: "P-256" })));
	console.log(pairs.every(({ publicKey, privateKey }) => crypto.verify("sha256", Buffer.from("data"), publicKey, crypto.sign("sha256", Buffer.from("data"), privateKey))));
	const server = http.createServer((request, response) => {
		const body = [];
		request.on("data", (part) => body.push(part));
		request.on("end", () => response.end(zlib.gzipSync(Buffer.concat(body))));
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	const ask = (i) => new Promise((done, failed) => {
		const data = Buffer.alloc(1 + i * 3571 % 200000, i);
		const request = http.request({ port: server.address().port, host: "127.0.0.1", method: "POST" }, (response) => {
			const parts = [];
			response.on("data", (part) => parts.push(part));
			response.on("end", () => done(zlib.gunzipSync(Buffer.concat(parts)).equals(data)));
		});
		request.on("error", failed);
		request.end(data);
	});
	let good = 0;
	for (let batch = 0; batch < 20; batch++)
		good += (await Promise.all(Array.from({ length: 50 }, (_, i) => ask(batch * 50 + i)))).filter(Boolean).length;
	console.log("answers", good);
	server.close();
	const sorted = (i) => new Promise((done) => {
		const child = spawn("sort", ["-n"]);
		let text = "";
		child.stdout.on("data", (part) => { text += part; });
		child.on("close", (code) => done(`${code} ${crypto.createHash("md5").update(text).digest("hex")}`));
		child.stdin.end(Array.from({ length: 3000 }, (_, n) => (n * 7919 + i) % 3001).join("\n"));
	});
	const outputs = await Promise.all(Array.from({ length: 12 }, (_, i) => sorted(i)));
	console.log(outputs.join("\n"));
})();
END

cat >"$scratch/cluster.js" <<'END'
const cluster = require("cluster"), net = require("net"), path = process.argv[2];
if (cluster.isPrimary) {
	let listening = 0, replies = [];
	for (let i = 0; i < 3; i++) cluster.fork();
	cluster.on("listening", () => { if (++listening === 3) clients(); });
	const clients = async () => {
		for (let batch = 0; batch < 30; batch++)
			replies.push(...await Promise.all(Array.from({ length: 20 }, (_, i) => new Promise((done, failed) => {
				const socket = net.connect(path, () => socket.end("x".repeat(1000 * (i + 1))));
				let text = "";
				socket.on("data", (part) => { text += part; });
				socket.on("end", () => done(text));
				socket.on("error", failed);
			}))));
		console.log(replies.sort().join("\n"));
		for (const worker of Object.values(cluster.workers)) worker.send("end");
	};
	let ended = 0;
	cluster.on("exit", (worker, code, signal) => { console.log("worker", code, signal); if (++ended === 3) process.exit(0); });
} else {
	const kept = [];
	net.createServer({ allowHalfOpen: true }, (socket) => {
		let bytes = 0;
		socket.on("data", (part) => { bytes += part.length; kept.push(Buffer.from(part)); if (kept.length > 500) kept.shift(); });
		socket.on("end", () => socket.end(`${bytes} bytes`));
	}).listen(path);
	process.on("message", () => process.exit(7));
}
END

work "worker threads" node "$scratch/workers.js" </dev/null
work "streams, zlib, crypto, http, child processes" node "$scratch/streams.js" </dev/null
work "a cluster of processes" bash -c 'rm -f sock; exec node "$0" "$PWD/sock"' "$scratch/cluster.js" </dev/null
work "objects, maps, strings, regular expressions, WebAssembly" node - <<'END'
const crypto = require("crypto"), vm = require("vm"), v8 = require("v8");
let seed = 1; const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
const map = new Map();
for (let i = 0; i < 1000000; i++) { const k = "k" + random(100000); map.set(k, (map.get(k) ?? "") + i % 10); if (i % 3 === 0) map.delete("k" + random(100000)); }
console.log(map.size, crypto.createHash("md5").update([...map].sort().join()).digest("hex"));
const list = Array.from({ length: 300000 }, () => ({ n: random(1e6), text: "t" + random(1000) }));
console.log(crypto.createHash("md5").update(JSON.stringify(list.sort((a, b) => a.n - b.n || (a.text < b.text ? -1 : 1)))).digest("hex"));
console.log(JSON.parse(JSON.stringify(list)).filter((x) => /^t\d*7$/.test(x.text)).length);
console.log(v8.deserialize(v8.serialize(list)).length, structuredClone(list).length);
for (let i = 0; i < 200; i++) { const context = vm.createContext({ i }); vm.runInContext("x = []; for (let j = 0; j < 1000; j++) x.push({ j, i })", context); if (i % 50 === 0) console.log(context.x.length); }
const code = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
let total = 0; for (let i = 0; i < 300; i++) total = new WebAssembly.Instance(new WebAssembly.Module(code)).exports.add(total, i); console.log(total);
const buffers = []; for (let i = 0; i < 30000; i++) { buffers[random(3000)] = Buffer.alloc(random(20000), i); } console.log(buffers.reduce((a, b) => a + (b ? b.length : 0), 0));
console.log(Intl.DateTimeFormat("de-DE", { dateStyle: "full", timeZone: "UTC" }).format(new Date(0)), "ß".toLocaleUpperCase("de"), ["ä", "a", "z"].sort(new Intl.Collator("sv").compare).join(""));
END

# ---- dumps under load ------------------------------------------------------------

node "$scratch/workers.js" 600 >"$scratch/unstormed"
for way in "${ways[@]}"; do
	(with "$way" node "$scratch/workers.js" 600) >"$scratch/stormed" 2>"$scratch/said/storm-$way" </dev/null &
	process=$!
	waits_for 20 is_shown $process
	kept "$way" $process
	storm $process
	ended 600 $process
	tap_is "$way, asked for dumps all the while: worker threads end well" 0 $?
	storm_ends "$way" 10
	diff "$scratch/unstormed" "$scratch/stormed" | tap_none "$way: with the same results"
done

programs_done
