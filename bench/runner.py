"""bench/runner.py - runs one row under one library, or under several in turn, and
names the libraries.

What the kernel counted comes from bench/measure; what the program says of
itself from its output.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import rows as measured

TIMEOUT_SECONDS = 180

# What is touched before a run (bench/measure.c says why): as much as the row's
# largest run yet, or this if there was none.
WARM_FIRST_MIB = 128

# Where Debian's packages put them, whatever the machine.
DEBIAN_PEERS = {"glibc": "", "jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2",
                "tcmalloc": "libtcmalloc_minimal.so.4"}


def die(text):
    sys.exit(f"bench: {text}")


def library_path(name):
    """Where the dynamic linker would find a library of that name."""
    if not name:
        return ""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    found = re.search(rf"^\s*{re.escape(name)} .*=> (\S+)$", cache, re.MULTILINE)
    return found.group(1) if found else die(f"there is no {name}; see bench/packages.txt")


def allocators_of(words, build):
    """Name -> library ("": glibc's own), and what MSTAT_CONF is behind an @; ours last."""
    chosen = {}
    for word in ",".join(words).split(","):
        name, equals, path = word.partition("=")
        path, at, conf = path.partition("@")
        if equals and not os.path.isfile(path):
            die(f"there is no {path}")
        if not equals and name not in DEBIAN_PEERS:
            die(f"no peer {name}: know {', '.join(DEBIAN_PEERS)}, or NAME=LIBRARY")
        chosen[name] = os.path.realpath(path) + at + conf if equals else library_path(DEBIAN_PEERS[name])
    ours = os.environ.get("MSTAT_LIBRARY", str(build / ".libs/libmstat.so"))
    if not os.path.isfile(ours):
        die(f"there is no {ours}: run ./dev bench")
    return chosen | {measured.OURS: ours}


# ---- one run ------------------------------------------------------------------


class Runner:
    def __init__(self, build, quick):
        self.programs = build / "bench"
        self.work = build / "bench" / "work"
        self.quick = quick
        self.prepared = set()
        self.peak_kib = {}  # row's name -> the largest peak yet
        self.work.mkdir(parents=True, exist_ok=True)
        self.counts_instructions = self.perf_counts()

    def perf_counts(self):
        """Virtual machines often have no counters."""
        if shutil.which("perf") is None:
            return False
        tried = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"],
                               capture_output=True, text=True)
        return tried.returncode == 0 and re.match(r"\d+,", tried.stderr) is not None

    def prepare(self, row):
        if row.prepare is not None and row.prepare not in self.prepared:
            row.prepare(self.work)
            self.prepared.add(row.prepare)

    def start(self, row, library, result, wrap=()):
        warm_mib = self.peak_kib.get(row.name, 0) * 5 // 4096 or WARM_FIRST_MIB
        path, _, conf = library.partition("@")
        measure = [str(self.programs / "measure"), result, path, str(warm_mib)]
        environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        environment["LC_ALL"] = "C"
        if conf:
            environment["MSTAT_CONF"] = conf.replace(";", ",")
        return subprocess.Popen([*wrap, *measure, *row.argv(self.programs, self.work, self.quick)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment,
                                start_new_session=True)

    def run(self, row, library, wrap=()):
        """A Run, or None and a line on standard error."""
        with tempfile.NamedTemporaryFile(mode="r", dir=self.work) as result:
            process = self.start(row, library, result.name, wrap)
            try:
                said = row.client(self.work) if row.client is not None else None
                out, err = process.communicate(timeout=TIMEOUT_SECONDS)
                out += said or ""
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.communicate()
                out, err = "", "timeout"
            counted = result.read().split()
        if len(counted) != 6 or counted[0] != "0":
            status = counted[0] if counted else "none"
            print(f"{row.name} under {library or 'glibc'}: status {status}: "
                  f"{err.strip()[-200:]}", file=sys.stderr)
            return None
        return self.understand(row, out, counted)

    def understand(self, row, out, counted):
        user_us, system_us, peak_kib, faults = map(int, counted[2:])
        self.peak_kib[row.name] = max(peak_kib, self.peak_kib.get(row.name, 0))
        cpu_seconds = (user_us + system_us) / 1e6
        rss = {name: int(kib) for name, kib in re.findall(r"^rss (\S+) (\d+)$", out, re.MULTILINE)}
        stalls = {name: (int(count), int(ns)) for name, count, ns
                  in re.findall(r"^stall (\S+) (\d+) (\d+)$", out, re.MULTILINE)}
        counts = {name: int(count) for name, count in re.findall(r"^count (\S+) (\d+)$", out, re.MULTILINE)}
        timed = re.search(r"^ops (\d+) ns (\d+)$", out, re.MULTILINE) if row.kind != "real" else None
        ops, ns = (int(timed[1]), int(timed[2])) if timed else (1, cpu_seconds * 1e9)
        return measured.Run(ops, ns, peak_kib, faults, cpu_seconds, rss, stalls, counts)

    def instructions(self, row, library):
        """Of one more run, in user mode; None where they cannot be counted."""
        if not self.counts_instructions:
            return None
        with tempfile.NamedTemporaryFile(mode="r", dir=self.work) as counts:
            wrap = ("perf", "stat", "-x,", "-o", counts.name, "-e", "instructions:u", "--")
            self.run(row, library, wrap)
            found = re.search(r"^(\d+),.*instructions", counts.read(), re.MULTILINE)
        return int(found[1]) if found else None


# ---- runs of several, in turn ---------------------------------------------------


def in_turn(runner, contestants, reps):
    """Rows of the file for each name -> (row, library): the same work, A B C, C B A, A B C ...:
    what a process leaves of the system's memory - whole huge pages, or none - is the next one's."""
    runs = {name: [] for name in contestants}
    order = list(contestants.items())
    failed = set()
    for row, _ in contestants.values():
        runner.prepare(row)
    for _ in range(min(reps, *(row.max_reps for row, _ in contestants.values()))):
        for name, (row, library) in order:
            run = runner.run(row, library) if name not in failed else None
            if run is None:
                failed.add(name)
            else:
                runs[name].append(run)
        order.reverse()
    for name, (row, library) in contestants.items():
        good = [] if name in failed else runs[name]
        instructions = runner.instructions(row, library) if good else None
        yield measured.row_of(row.name, row.kind, name, row.threads, good, instructions)
        yield from measured.moment_rows(row.name, name, row.threads, good)
        yield from measured.stall_rows(row.name, name, row.threads, good)
        yield from measured.count_rows(row.name, name, row.threads, good)


# ---- the line above the rows ---------------------------------------------------


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
    except OSError:
        return "unknown"


def header_line(source, command):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith(("model name", "CPU part"))), "unknown")
    huge = re.search(r"\[(\w+)\]", Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text())
    commit = first_line(["git", "-C", str(source), "rev-parse", "--short", "HEAD"]) or "none"
    # Where a peer was built, or the rows went, is this machine's affair.
    command = re.sub(r"(?<=[=,\s])/[^\s,]*/", "", " ".join([command, *sys.argv[1:]]))
    return (f"host {platform.machine()}, cpu {cpu} x {os.cpu_count()}, kernel {platform.release()}, "
            f"huge pages {huge[1] if huge else 'unknown'}, {first_line(['cc', '--version'])}, "
            f"commit {commit}, command: {command}")
