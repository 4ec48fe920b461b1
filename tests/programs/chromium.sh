#!/usr/bin/env bash
#
# chromium.sh - chromium under the library.  It has an allocator of its own, which takes
# malloc's names: the library is a guest there, in a browser that sandboxes its
# children by namespaces and seccomp.
#
# Proves: headless chromium starts, runs a page's script, workers and WebAssembly, prints
# what became of the page, and ends; without its sandbox and, as an ordinary user
# where the kernel permits, with it.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs chromium

mkdir -m 777 "$scratch/home"
export HOME=$scratch/home XDG_RUNTIME_DIR=$scratch/home
cat >"$scratch/page.html" <<'END'
<!DOCTYPE html><title>page</title><p id=out>nothing yet</p>
<script>
const out = document.getElementById("out"), kept = [];
for (let i = 0; i < 20000; i++) kept.push({ i, text: "t".repeat(i % 50) });
for (let i = 0; i < 500; i++) { const p = document.createElement("p"); p.textContent = "paragraph " + i; document.body.append(p); if (i % 3) p.remove(); }
const canvas = new OffscreenCanvas(300, 200), context = canvas.getContext("2d");
for (let i = 0; i < 300; i++) { context.fillStyle = `hsl(${i}, 50%, 50%)`; context.fillRect(i, i % 200, 40, 40); }
const pixel = context.getImageData(150, 150, 1, 1).data.join();
const code = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
const sum = new WebAssembly.Instance(new WebAssembly.Module(code)).exports.add(40, 2);
const body = (count) => `let n = 0; for (let i = 0; i < ${count}; i++) n = (n * 31 + i) % 1000003; postMessage(n);`;
const workers = [1, 2, 3].map((n) => new Promise((done) => {
	new Worker(URL.createObjectURL(new Blob([body(n * 100000)]))).onmessage = (e) => done(e.data);
}));
Promise.all(workers).then((results) => { out.textContent = [kept.length, document.querySelectorAll("p").length, pixel, sum, ...results].join(" "); });
</script>
END
chmod 644 "$scratch/page.html"

flags=(--headless --disable-gpu --no-first-run --disable-dev-shm-usage --virtual-time-budget=20000
	"--user-data-dir=$scratch/home/profile")

# Each of the libraries in it finds chromium's own malloc, which comes first.
whose_malloc()
{
	mkdir -m 777 "$scratch/bindings"
	(
		settings=(LD_DEBUG=bindings "LD_DEBUG_OUTPUT=$scratch/bindings/of")
		with preloaded chromium --version
	) >/dev/null 2>&1 </dev/null
	sed -nE "s,.* to ([^ ]*/chromium/chromium) .*normal symbol .malloc'.*,\1,p" "$scratch"/bindings/* | sort -u
	rm -rf "$scratch/bindings"
}

# The pages's text, once it is done.
page()
{
	rm -rf "$HOME"/*
	(with "$way" timeout -k 10 180 chromium "${flags[@]}" "$@" --dump-dom "file://$scratch/page.html") \
		2>>"$scratch/said/page-$way" </dev/null
	echo "status $?"
}

pages()
{
	local name=$1

	shift
	for way in plain "${ways[@]}"; do
		page "$@" >"$scratch/page-$way"
		if [ "$way" = plain ]; then
			if ! grep -q '^status 0' "$scratch/page-plain"; then
				tap_skip "$name" "it does not run here without the library either"
				tail -n 3 "$scratch/said/page-plain" | tap_note
				return
			fi
			tap_is "$name: the page's script ran" 1 "$(grep -c '<p id="out">20000 ' "$scratch/page-plain")"
		else
			diff "$scratch/page-plain" "$scratch/page-$way" | cut -c1-150 | head -n 8 | tap_none "$name, $way: the same page"
		fi
	done
}

tap_is "chromium's malloc is its own" 1 "$(whose_malloc | wc -l)"
pages "without the sandbox" --no-sandbox
pages "in one process" --no-sandbox --single-process

as_nobody
pages "with the sandbox"

# It ends its children by signals, so that these leave their boxes behind.
boxes_are_of_the_dead "chromium"
programs_done
