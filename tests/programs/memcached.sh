#!/usr/bin/env bash
#
# memcached.sh - memcached under the library, with less memory than it is given.
#
# Proves: eight clients that set, get, delete, add, append, count and compare-and-swap never
# get what nobody set, while it evicts and moves slabs; dumps asked for meanwhile
# are whole; it ends as it is told to.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs memcached
as_nobody

mkdir -m 777 "$scratch/run"
socket=$scratch/run/memcached.sock

# Prints what must be, whatever is evicted when: the same in each way.
cat >"$scratch/clients.py" <<'END'
import hashlib, random, socket, sys, threading

path, seed = sys.argv[1], int(sys.argv[2])


class Client:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, line, data=None):
        self.socket.sendall(line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b""))
        return self.file.readline().rstrip()

    def value(self, key):
        head = self.ask(f"gets {key}")
        if head == b"END":
            return None, None
        word, name, flags, size, unique = head.split()
        data = self.file.read(int(size))
        assert self.file.read(2) == b"\r\n" and self.file.readline() == b"END\r\n", "framing"
        assert name == key.encode(), "another's value"
        return data, unique.decode()

    def stats(self, of=""):
        self.socket.sendall(f"stats{of}\r\n".encode())
        found = {}
        while (line := self.file.readline().rstrip()) != b"END":
            _, name, value = line.decode().split(" ", 2)
            found[name] = value
        return found


def content(key, version):
    """A value that tells whose it is: up to 60 KiB, mostly small."""
    word = hashlib.sha1(f"{key} {version}".encode()).hexdigest()
    number = int(word[:8], 16)
    return (f"{key} {version} ".encode() + word.encode() * (number % (1500 if number % 20 == 0 else 30)))


def is_ours(key, data):
    name, version, _ = data.split(b" ", 2)
    return name == key.encode() and data == content(key, version.decode())


done, wrong = [], []


def work(number):
    draw = random.Random(seed * 100 + number)
    client, counts = Client(), dict.fromkeys(("set", "hit", "miss", "cas", "count"), 0)
    try:
        for step in range(12000):
            key = f"key{draw.randrange(40000)}"
            choice, again, life = draw.random(), draw.random() < 0.1, draw.choice((0, 0, 1, 300))
            if choice < 0.45:
                value = content(key, f"{number}.{step}")
                answer = client.ask(f"set {key} 0 {life} {len(value)}", value)
                assert answer in (b"STORED", b"SERVER_ERROR out of memory storing object"), answer
                counts["set"] += 1
            elif choice < 0.85:
                data, unique = client.value(key)
                counts["miss" if data is None else "hit"] += 1
                assert data is None or is_ours(key, data), f"{key} has {data[:60]}"
                if data is not None and again:
                    value = content(key, f"{number}.{step}")
                    answer = client.ask(f"cas {key} 0 0 {len(value)} {unique}", value)
                    assert answer in (b"STORED", b"EXISTS", b"NOT_FOUND", b"SERVER_ERROR out of memory storing object"), answer
                    counts["cas"] += 1
            elif choice < 0.90:
                assert client.ask(f"delete {key}") in (b"DELETED", b"NOT_FOUND")
            elif choice < 0.95:
                counter = f"counter{number}"
                if client.ask(f"incr {counter} 3") == b"NOT_FOUND":
                    client.ask(f"add {counter} 0 0 1", b"0")
                counts["count"] += 1
            elif choice < 0.97:
                own = f"own{number}"
                client.ask(f"set {own} 0 0 2", b"ab")
                client.ask(f"append {own} 0 0 2", b"cd")
                data, _ = client.value(own)
                assert data in (b"abcd", None), data
            else:
                client.ask(f"touch {key} 100")
        done.append(counts)
    except Exception as error:
        wrong.append(f"client {number}: {error!r}")


threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("clients", len(done), "wrong", wrong)
client = Client()
stats = client.stats()
print("evicted", int(stats["evictions"]) > 1000, "hits", sum(c["hit"] for c in done) > 1000)
print("sets", sum(c["set"] for c in done), "counted", sum(c["count"] for c in done))
print("bounded", int(stats["bytes"]) <= int(stats["limit_maxbytes"]), "items", int(stats["curr_items"]) > 100)
print("slabs", len({name.split(":")[0] for name in client.stats(" slabs") if ":" in name}) > 10)
print(client.ask("flush_all"), client.value("key1"))
END

bound_everywhere memcached 1 memcached -h

for way in plain "${ways[@]}"; do
	(with "$way" memcached -s "$socket" -a 0777 -m 16 -t 4 -I 2m -o slab_automove=2,hash_algorithm=murmur3) \
		>/dev/null 2>"$scratch/said/memcached-$way" </dev/null &
	server=$!
	waits_for 20 test -S "$socket"
	sleep 0.3
	if [ $way != plain ]; then
		kept "$way" $server
		listed "$way" $server
		storm $server
	fi
	timeout 300 /usr/bin/python3 "$scratch/clients.py" "$socket" 1 >"$scratch/clients-$way" 2>&1
	tap_is "$way: the clients end well" 0 $?
	if [ $way = plain ]; then
		tap_note <"$scratch/clients-plain"
		tap_is "without the library nothing is wrong" "clients 8 wrong []" "$(head -n 1 "$scratch/clients-plain")"
	else
		diff "$scratch/clients-plain" "$scratch/clients-$way" | tap_none "$way: they see the same"
		storm_ends "$way" 20
		kept "$way, at last" $server
	fi
	kill -TERM $server
	ended 20 $server
	echo $? >"$scratch/status-$way"
	tap_is "$way: the server ends as it is told to" "$(cat "$scratch/status-plain")" "$(cat "$scratch/status-$way")"
	rm -f "$socket"
done

programs_done
