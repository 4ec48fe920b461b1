"""bench/suite.py - what is measured: the table of rows, and the inputs of the
real programs.

A row is a command that does a fixed amount of work.  Those of bench/ print what
they did and how long it took; of a real program the CPU time counts, which on a
busy machine is the same as on an idle one.  Counts are chosen so that a run
takes some tenths of a second.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import redis_load

QUICK_DIVISOR = 5


class Count(int):
    """A number of operations: --quick does fewer."""


@dataclass
class Row:
    name: str
    kind: str  # micro, shape, real, memory, stall, tiny, coro
    command: list
    threads: int = 1
    max_reps: int = 100
    needs: str = ""  # a program that must be there
    prepare: Optional[Callable[[Path], None]] = None
    client: Optional[Callable[[Path], Optional[str]]] = None  # drives the command from
    # outside, and may print for it

    def argv(self, programs: Path, work: Path, quick: bool) -> list:
        def word(part):
            if isinstance(part, Count):
                return str(max(1, part // QUICK_DIVISOR) if quick else int(part))
            return str(part).replace("{work}", str(work))

        words = [word(part) for part in self.command]
        is_ours = self.kind != "real" and "/" not in words[0]
        return [str(programs / words[0])] + words[1:] if is_ours else words


def bytes_name(count: int) -> str:
    return f"{count >> 10}K" if count >= 1024 else str(count)


def micro_rows():
    def row(name, *command, threads=1):
        return Row(name, "micro", list(command), threads)

    for bits in range(4, 19):
        yield row(f"pair/{bytes_name(1 << bits)}", "pair", 1 << bits,
                  Count(10_000_000 if bits <= 15 else 1_000_000))
    for order in ("lifo", "fifo", "random"):
        yield row(f"batch/{order}", "batch", order, Count(20_000_000))
    for threads in (1, 2, 4, 8, 64):
        yield row(f"replace/8-1024/{threads}", "replace", 100_000, 8, 1024, threads,
                  Count(4_000_000), threads=threads)
    for threads in (1, 2):
        yield row(f"replace/8-8192/{threads}", "replace", 20_000, 8, 8192, threads,
                  Count(4_000_000), threads=threads)
    yield row("handoff/64", "handoff", 64, 64, Count(8_000_000), threads=2)
    yield row("handoff/16-1024", "handoff", 16, 1024, Count(5_000_000), threads=2)
    yield row("grow/64M", "grow", "large", Count(10))
    yield row("grow/strings", "grow", "small", Count(4_000_000))
    for size, unwritten, written in ((4, 2_000_000, 1_000_000), (64, 150_000, 80_000),
                                     (1024, 8_000, 4_000)):
        yield row(f"zeroed/{size}K", "zeroed", size << 10, "unwritten", Count(unwritten))
        yield row(f"zeroed/{size}K/written", "zeroed", size << 10, "written", Count(written))
    yield row("large/untouched", "large", "untouched", Count(100_000))
    yield row("large/touched", "large", "touched", Count(5_000))
    yield row("aligned/64", "aligned", 64, 192, Count(10_000_000))
    yield row("aligned/4096", "aligned", 4096, 4096, Count(2_000_000))
    for kind in ("plain", "sized", "array"):
        yield row(f"newdelete/{kind}", "newdelete", kind, 64, Count(20_000_000))
    yield row("thread", "thread", Count(6_000))
    yield row("spawn/true", "spawn", "exec", 0, Count(400))
    yield row("spawn/fork", "spawn", "fork", 0, Count(2_000))
    yield row("spawn/fork-1G", "spawn", "fork", 1024, Count(20))


def shape_rows():
    def row(name, *command, threads=1):
        return Row(name, "shape", list(command), threads)

    for threads in (1, 2, 4, 8, 64):
        yield row(f"server/{threads}", "server", threads, Count(12_000_000), threads=threads)
    for threads in (1, 2, 8):
        yield row(f"bursts/{threads}", "bursts", threads, Count(8_000_000), threads=threads)
    for threads in (2, 8):
        yield row(f"traffic/{threads}", "traffic", threads, Count(2_000_000), threads=threads)
    for threads in (2, 4, 8, 64):
        yield row(f"queue/{threads}", "queue", threads, Count(6_000_000), threads=threads)
    yield row("factor", "factor", Count(30))
    yield row("nbody", "nbody", Count(60))
    yield row("json", "json", Count(16))
    yield row("words", "words", Count(600_000))
    yield row("containers", "containers", Count(2_000_000))
    yield row("phases", "phases", Count(8))
    yield row("buffers", "buffers", Count(200))


def memory_rows():
    yield Row("giveback", "memory", ["giveback", Count(512), 2], max_reps=2)
    yield Row("day", "memory", ["day", Count(20)], max_reps=1)
    yield Row("redis-evict", "memory", redis_load.eviction_command(), max_reps=2,
              needs="redis-check-rdb", prepare=redis_load.prepare, client=redis_load.evict)


def may_take_the_cpu() -> bool:
    """Real time (CAP_SYS_NICE is bit 23) and a second CPU to be seen from."""
    status = Path("/proc/self/status").read_text()
    return os.cpu_count() > 1 and int(status.split("CapEff:")[1].split()[0], 16) >> 23 & 1 == 1


def stall_rows():
    if may_take_the_cpu():
        yield Row("preempt", "stall", ["preempt", 2000, Count(5)], 2)
        yield Row("preempt/none-taken", "stall", ["preempt", 0, Count(5)], 2)


def tiny_rows(hints):
    """What ./dev bench tiny runs: hints is "hinted" or "plain", and ends no name, since
    the two are compared."""
    def row(name, workload, *numbers):
        return Row(name, "tiny", ["tiny", workload, hints, *numbers])

    for shape in ("places", "history", "events", "statuses"):
        for form in ("ended", "counted"):
            kept = 800 if shape == "history" else 1600
            yield row(f"json/{shape}/{form}", "json", shape, form, Count(kept), Count(2 * kept))
    yield row("tree", "tree", Count(16_000), Count(32_000))
    for least, most in ((1, 8), (1, 1), (8, 8), (1, 15), (9, 15)):
        yield row(f"kept/{least}-{most}", "kept", least, most, Count(1_000_000))
    for size, keep in ((8, 2), (8, 16), (1, 16)):
        yield row(f"worst/{size}/{keep}", "worst", size, keep, Count(500_000), 8)
    for size in (1, 8):
        yield row(f"pair/{size}", "pair", size, Count(10_000_000))


# ---- coroutines ----------------------------------------------------------------

# Who can do a workload: a program of bench/coro and the words before the workload's.
CORO_PROGRAMS = {"libmstat": "ours", "fcontext": "boost fcontext", "boost": "boost fiber",
                 "ucontext": "ucontext", "go": "runtime", "c++": "throw"}

# Of lexical deferred calls: a call that is written out beside them, and exceptions beside
# panics that unwind.
LEXICAL_PROGRAMS = {"libmstat": "lexical deferred", "direct": "lexical direct"}
UNWIND_PROGRAMS = {"libmstat": "lexical", "c++": "throw"}


def coro_contests(programs: Path):
    """What ./dev bench coro runs: name -> (contestant -> row).  Each does it as often as
    takes some tenths of a second, so that those who are slow do it less often."""
    def contest(name, workload, does=CORO_PROGRAMS, **counts):
        def row(contestant, count):
            program, *words = f"{does[contestant]} {workload}".split()
            return Row(name, "coro", [programs / "coro" / program, *words, count])

        return name, {who: row(who, count) for who, count in counts.items()}

    million = 1_000_000
    yield contest("switch", "switch", libmstat=Count(20 * million), fcontext=Count(20 * million),
                  boost=Count(20 * million), ucontext=Count(million // 2), go=Count(2 * million))
    yield contest("create", "create", libmstat=Count(10 * million), fcontext=Count(10 * million),
                  boost=Count(5 * million), ucontext=Count(million // 3), go=Count(million))
    yield contest("defer/lexical", "", LEXICAL_PROGRAMS, libmstat=Count(100 * million),
                  direct=Count(100 * million))
    yield contest("defer/one", "defer", libmstat=Count(10 * million), go=Count(30 * million))
    yield contest("defer/10", "defer10", libmstat=Count(15 * million), go=Count(5 * million))
    yield contest("defer/many", "defermany", libmstat=Count(million), go=Count(million))
    for depth, ours, go, cxx in ((0, 4000, 1000, 150), (10, 3000, 400, 50), (100, 1500, 70, 7)):
        yield contest(f"panic/{depth}", f"panic {depth}", libmstat=Count(1000 * ours),
                      go=Count(1000 * go), **{"c++": Count(1000 * cxx)})
    for depth, ours, cxx in ((0, 150, 150), (10, 50, 50), (100, 7, 7)):
        yield contest(f"unwind/{depth}", f"unwind {depth}", UNWIND_PROGRAMS,
                      libmstat=Count(1000 * ours), **{"c++": Count(1000 * cxx)})
    yield contest("foreign", "foreign", libmstat=Count(15 * million), go=Count(5 * million))
    yield contest("callback", "callback", libmstat=Count(8 * million), go=Count(2 * million))
    # As many in each run: where the mappings end is of interest.
    yield contest("many", "many", libmstat=100_000, boost=100_000, go=100_000)


# ---- real programs ------------------------------------------------------------


def write_lines(path: Path, lines) -> None:
    path.write_text("\n".join(lines) + "\n")


def c_source(work: Path) -> None:
    def function(n):
        return f"""
struct record{n} {{ int kind; long weight[{n % 7 + 2}]; struct record{n} *next; }};
static long visit{n}(struct record{n} *at, unsigned depth)
{{
	long sum = {n};
	for (; at != 0; at = at->next) {{
		switch (at->kind) {{
		case 0: sum += at->weight[0] * {n + 3}; break;
		case 1: sum ^= at->weight[1] << (depth & {n % 13 + 1}); break;
		case {n % 11 + 2}: return sum - at->weight[depth % {n % 7 + 2}];
		default:
			for (unsigned i = 0; i < {n % 7 + 2}; i++)
				sum += at->weight[i] / ({n % 5 + 1} + (long)i);
		}}
		if (at->next != 0 && at->next->kind == at->kind && depth < 8)
			sum += visit{n}(at->next, depth + 1);
	}}
	return sum;
}}
long entry{n}(void *at) {{ return visit{n}(at, 0){f" + entry{n - 1}(at)" if n > 0 else ""}; }}"""

    write_lines(work / "large.c", (function(n) for n in range(90)))


def cxx_source(work: Path) -> None:
    containers = [
        f"long use{n}() {{ std::map<std::string, std::vector<std::array<int, {n + 1}>>> m; "
        f"m[std::to_string({n})].push_back({{}}); std::unordered_map<int, std::set<long>> u; "
        f"u[{n}].insert({n}); std::vector<std::string> v(m.size()); "
        f"std::sort(v.begin(), v.end(), [](auto &a, auto &b) {{ return a.size() < b.size(); }}); "
        f"return (long)(m.size() + u.size() + v.size()); }}" for n in range(8)]
    headers = ("algorithm", "array", "map", "set", "string", "unordered_map", "vector")
    write_lines(work / "stl.cc", [f"#include <{header}>" for header in headers] + containers)


PYTHON_JOB = r"""
import json, re
class Point:
    def __init__(self, x, y): self.x, self.y, self.name = x, y, f"point {x},{y}"
points = [Point(i, i * i) for i in range(60000)]
by_name = {p.name: p for p in points}
words = {}
for i in range(150000):
    words.setdefault(f"word{i % 7919}", []).append((i, str(i)))
text = json.dumps([{"x": p.x, "name": p.name, "tags": ["a", "b", str(p.y)]} for p in points])
back = json.loads(text)
found = re.findall(r'"name": "([^"]*)"', text)
joined = "".join(sorted(found))
lists = [list(range(i % 300)) for i in range(6000)]
assert len(back) == len(found) == len(by_name)
"""

PERL_JOB = r"""
my (%count, @lines, %tree);
push @lines, join(' ', map { "w" . (($_ * 7919 + $. + $_ ** 2) % 5003) } $_ .. $_ + 12) for 1 .. 40000;
for my $line (@lines) {
	$count{$_}++ for split / /, $line;
	my @parts = $line =~ /w(\d+)/g;
	$tree{$parts[0]}{$parts[1]} = [@parts[2 .. 6]];
}
my $text = join "\n", sort { $count{$a} <=> $count{$b} || $a cmp $b } keys %count;
$text =~ s/(\d)/<$1>/g;
print length($text), "\n";
"""

LUA_JOB = r"""
local function tree(depth)
	if depth == 0 then return {} end
	return {left = tree(depth - 1), right = tree(depth - 1), name = "n" .. depth}
end
local function size(t) return t.left and 1 + size(t.left) + size(t.right) or 1 end
local total = 0
for i = 1, 12 do total = total + size(tree(13)) end
local words, parts = {}, {}
for i = 1, 200000 do
	local w = "word" .. (i * 7919 % 50021)
	words[w] = (words[w] or 0) + 1
	parts[#parts + 1] = w:upper():sub(1, 4 + i % 5)
end
print(total, #table.concat(parts, ","))
"""

NODE_JOB = r"""
const crypto = require('crypto'), zlib = require('zlib');
let rows = [];
for (let i = 0; i < 120000; i++) rows.push({id: i, name: 'row ' + i, tags: [i % 7, 'x' + i % 11]});
const text = JSON.stringify(rows), back = JSON.parse(text);
let buffers = [];
for (let i = 0; i < 40000; i++) {
	buffers[i % 500] = Buffer.alloc(100 + i * 7919 % 20000, i & 255);
	if (i % 50 == 0) crypto.createHash('sha1').update(buffers[i % 500]).digest('hex');
}
const packed = zlib.gzipSync(text.slice(0, 4000000), {level: 1});
console.log(back.length, packed.length);
"""

SQL_JOB = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, kind INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
INSERT INTO item SELECT i, 'item number ' || (i * 7919 % 150001), i % 997 / 7.0, i % 53 FROM n;
CREATE INDEX item_name ON item (name);
CREATE INDEX item_kind ON item (kind, price);
SELECT kind, count(*), avg(price), max(name) FROM item GROUP BY kind ORDER BY 3 LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name AND a.kind < b.kind + 10;
UPDATE item SET name = name || ' changed' WHERE kind % 3 = 0;
SELECT group_concat(name) IS NULL FROM (SELECT name FROM item ORDER BY price, name);
DELETE FROM item WHERE kind % 5 = 1;
SELECT count(DISTINCT substr(name, 1, 15)) FROM item;
"""


def script(name: str, text: str):
    def prepare(work: Path) -> None:
        (work / name).write_text(text)

    return prepare


def json_document(work: Path) -> None:
    rows = ('{"id":%d,"name":"name %d","tags":["t%d","t%d"],"at":{"x":%d.5,"y":%d}}'
            % (i, i * 7919 % 10007, i % 13, i % 31, i % 360, i % 180) for i in range(40000))
    (work / "rows.json").write_text("[" + ",\n".join(rows) + "]\n")


def git_repository(work: Path) -> None:
    """A history of 300 commits, each of which changes a few of 150 files."""
    repository = work / "history.git"
    files = {n: [f"line {i} of file {n}: {i * n * 7919 % 100003}" for i in range(300)]
             for n in range(150)}
    stream = []
    for commit in range(300):
        for n in range(commit % 5, 150, 40 if commit else 1):
            files[n][commit * 7 % 300] = f"changed in {commit}: {commit * n * 31 % 65537}"
        message = f"change {commit}\n"
        stream.append(f"commit refs/heads/main\ncommitter bench <bench@localhost> {1700000000 + commit}"
                      f" +0000\ndata {len(message)}\n{message}")
        for n, lines in files.items():
            if commit == 0 or n % 40 == commit % 5:
                text = "\n".join(lines) + "\n"
                stream.append(f"M 100644 inline {n % 9}/{n}.txt\ndata {len(text)}\n{text}")
    shutil.rmtree(repository, ignore_errors=True)
    subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)
    subprocess.run(["git", "-C", repository, "fast-import", "--quiet"], check=True,
                   input="\n".join(stream).encode())
    subprocess.run(["git", "-C", repository, "-c", "pack.threads=1", "repack", "-adfq"], check=True)


def cc1_path() -> str:
    if shutil.which("gcc") is None:
        return "cc1"
    return subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True).stdout.strip()


def real_rows():
    def row(name, program, *arguments, **more):
        command = arguments if arguments and arguments[0] == "env" else (program, *arguments)
        return Row(name, "real", list(command), needs=program, **more)

    python = "/usr/bin/python3"
    job = script("job.py", PYTHON_JOB)
    yield row("cc1", cc1_path(), "-quiet", "-O2", "{work}/large.c", "-o", "/dev/null", prepare=c_source)
    yield row("clang++", "clang++", "-std=gnu++17", "-O1", "-c", "{work}/stl.cc", "-o", "/dev/null",
              prepare=cxx_source)
    yield row("python", python, "{work}/job.py", prepare=job)
    yield row("python/malloc", python, "env", "PYTHONMALLOC=malloc", python, "{work}/job.py", prepare=job)
    yield row("perl", "perl", "{work}/job.pl", prepare=script("job.pl", PERL_JOB))
    yield row("lua", "lua5.4", "{work}/job.lua", prepare=script("job.lua", LUA_JOB))
    yield row("sqlite", "sqlite3", ":memory:", ".read {work}/job.sql", prepare=script("job.sql", SQL_JOB))
    yield row("jq", "jq", "[group_by(.name)[] | {name: .[0].name, n: length, x: (map(.at.x) | add)}]"
              " | sort_by(.n) | length", "{work}/rows.json", prepare=json_document)
    yield Row("redis", "real", redis_load.command(), needs="redis-check-rdb",
              prepare=redis_load.prepare, client=redis_load.benchmark)
    yield row("node", "node", "{work}/job.js", prepare=script("job.js", NODE_JOB))
    yield row("git-repack", "git", "-C", "{work}/history.git", "-c", "pack.threads=1", "repack", "-adfq",
              prepare=git_repository)


def rows() -> list:
    return [*micro_rows(), *shape_rows(), *real_rows(), *memory_rows(), *stall_rows()]
