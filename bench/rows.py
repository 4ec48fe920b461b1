"""bench/rows.py - what was measured: rows as they are written, read, and compared.

One row a benchmark and allocator.  Empty time cells mean that it crashed, or
that the row is about memory alone (those have a name with a colon: the program
and the moment at which its resident memory was read).
"""

import csv
import math
import statistics
from dataclasses import dataclass, field

COLUMNS = ("bench,allocator,threads,ops,ns_per_op_min,ns_per_op_median,ns_per_op_max,"
           "peak_rss_kib,minor_faults,runs,cpu_seconds,instructions,kind").split(",")

OURS = "libmstat"


@dataclass
class Run:
    """What one run of one command gave."""
    ops: int
    ns: float
    peak_rss_kib: int
    minor_faults: int
    cpu_seconds: float
    rss_kib: dict = field(default_factory=dict)  # moment -> KiB
    stalls: dict = field(default_factory=dict)  # name -> (count, ns)
    counts: dict = field(default_factory=dict)  # name -> how many in all operations


def number(value, digits):
    return "" if value is None else f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else str(int(value))


def row_of(bench, kind, allocator, threads, runs, instructions):
    """A row of the file; no runs: a crash."""
    row = dict.fromkeys(COLUMNS, "")
    row.update(bench=bench, kind=kind, allocator=allocator, threads=threads, runs=len(runs),
               instructions=number(instructions, 0))
    if runs:
        per_op = [run.ns / run.ops for run in runs]
        row.update(ops=runs[0].ops, ns_per_op_min=number(min(per_op), 3),
                   ns_per_op_median=number(statistics.median(per_op), 3),
                   ns_per_op_max=number(max(per_op), 3),
                   peak_rss_kib=number(statistics.median(r.peak_rss_kib for r in runs), 0),
                   minor_faults=number(statistics.median(r.minor_faults for r in runs), 0),
                   cpu_seconds=number(statistics.median(r.cpu_seconds for r in runs), 4))
    return row


def moment_rows(bench, allocator, threads, runs):
    """One row for each moment at which resident memory was read."""
    for moment in runs[0].rss_kib if runs else ():
        row = dict.fromkeys(COLUMNS, "")
        row.update(bench=f"{bench}:{moment}", kind="memory", allocator=allocator, threads=threads,
                   runs=len(runs),
                   peak_rss_kib=number(statistics.median(r.rss_kib[moment] for r in runs), 0))
        yield row


def stall_rows(bench, allocator, threads, runs):
    """One row for each figure of how long calls took at worst: `ops` is how many
    it is about, and its times those of one."""
    for name in runs[0].stalls if runs else ():
        row = dict.fromkeys(COLUMNS, "")
        times = [run.stalls[name][1] for run in runs]
        row.update(bench=f"{bench}:{name}", kind="stall", allocator=allocator, threads=threads,
                   runs=len(runs), ops=number(statistics.median(run.stalls[name][0] for run in runs), 0),
                   ns_per_op_min=min(times), ns_per_op_median=number(statistics.median(times), 0),
                   ns_per_op_max=max(times))
        yield row


def count_rows(bench, allocator, threads, runs):
    """One row for each figure that was counted: `ops` is how many."""
    for name in runs[0].counts if runs else ():
        row = dict.fromkeys(COLUMNS, "")
        row.update(bench=f"{bench}:{name}", kind="count", allocator=allocator, threads=threads,
                   runs=len(runs), ops=number(statistics.median(run.counts[name] for run in runs), 0))
        yield row


def write(path, header, rows):
    with open(path, "w", newline="") as out:
        out.write(f"# {header}\n")
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(path):
    with open(path) as source:
        header = source.readline().lstrip("# ").rstrip()
        return header, list(csv.DictReader(source))


# ---- compared -------------------------------------------------------------------


class Comparison:
    """Rows by bench and allocator, of one column."""

    def __init__(self, rows, column, kinds):
        self.column = column
        self.allocators = list(dict.fromkeys(row["allocator"] for row in rows))
        self.peers = [name for name in self.allocators if name != OURS]
        self.values = {}
        for row in rows:
            if row["kind"] in kinds:
                value = float(row[column]) if row[column] else None
                self.values.setdefault(row["bench"], {})[row["allocator"]] = value

    def best_peer(self, bench):
        """(value, name) of the peer with the least, or None."""
        there = [(self.values[bench][name], name) for name in self.peers
                 if self.values[bench].get(name) is not None]
        return min(there, default=None)

    def ratio_to_best(self, bench):
        ours, best = self.values[bench].get(OURS), self.best_peer(bench)
        return ours / best[0] if ours is not None and best is not None and best[0] > 0 else None

    def geometric_mean(self, over, under):
        """Of over's value by under's, in the rows where both have one."""
        logs = [math.log(v[over] / v[under]) for v in self.values.values()
                if v.get(over) and v.get(under)]
        return math.exp(sum(logs) / len(logs)) if logs else None

    def best_single_peer(self):
        """The peer with the least geometric mean."""
        means = [(1 / mean, name) for name in self.peers
                 if (mean := self.geometric_mean(OURS, name)) is not None]
        return min(means, default=(None, None))[1]


def aligned(lines):
    """Columns of text as wide as they must be; all but the first to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip()


def scaled(value, units, factor):
    for unit in units[:-1]:
        if value < factor:
            return f"{value:.3g}{unit}"
        value /= factor
    return f"{value:.3g}{units[-1]}"


def time_text(ns):
    return "crash" if ns is None else scaled(ns, ("ns", "us", "ms", "s"), 1000)


def memory_text(kib):
    return "crash" if kib is None else scaled(kib / 1024, ("M", "G"), 1000)


def ratio_text(value):
    return "-" if value is None else f"{value:.2f}"


def table(comparison, title, text, worst_first):
    benches = list(comparison.values)
    if worst_first:
        benches.sort(key=lambda bench: -(comparison.ratio_to_best(bench) or math.inf))
    lines = [[title, *comparison.allocators, "best peer", "ours/best"]]
    for bench in benches:
        values = comparison.values[bench]
        best = comparison.best_peer(bench)
        lines.append([bench, *(text(values[name]) if name in values else "-"
                               for name in comparison.allocators),
                      best[1] if best else "-", ratio_text(comparison.ratio_to_best(bench))])
    return aligned(lines)


ALL_KINDS = ("micro", "shape", "real")


def means(rows):
    """Geometric means of ours by each peer's: below 1 is better."""
    peers = Comparison(rows, "ns_per_op_median", ALL_KINDS).peers
    if not any(row["kind"] in ALL_KINDS for row in rows):
        return []
    lines = [["ours / peer, geometric mean", *peers]]
    for title, column in (("time", "ns_per_op_median"), ("peak RSS", "peak_rss_kib")):
        for kinds in [(kind,) for kind in ALL_KINDS] + [ALL_KINDS]:
            comparison = Comparison(rows, column, kinds)
            name = kinds[0] if len(kinds) == 1 else "all"
            lines.append([f"{title}: {name}",
                          *(ratio_text(comparison.geometric_mean(OURS, peer)) for peer in peers)])
    return aligned(lines)


def live_ratios(rows):
    """Resident by live bytes over the time of each row that samples both, and
    the CPU time that it took."""
    memory = Comparison(rows, "peak_rss_kib", ("memory",)).values
    seconds = Comparison(rows, "cpu_seconds", ("memory",)).values
    lines = []
    for bench, live_bench in (("day", "day:live-mean"), ("redis-evict", "redis-evict:used-mean")):
        mean, live = memory.get(f"{bench}:mean", {}), memory.get(live_bench, {})
        if not mean:
            continue
        lines.append([f"{bench}: resident / live", *mean])
        lines.append(["", *(ratio_text(mean[name] / live[name] if mean[name] else None) for name in mean)])
        lines.append(["CPU seconds", *(ratio_text(seconds[bench].get(name)) for name in mean)])
    if lines:
        yield from aligned(lines)


CONTENTION_FROM = 2  # threads: as many as the machine that this was written on has CPUs


def contention(rows):
    """The throughput of the same work in more threads, by that in two: below 1
    it falls."""
    times = Comparison(rows, "ns_per_op_median", ALL_KINDS).values
    lines = []
    for bench, values in times.items():
        name, _, threads = bench.rpartition("/")
        few = times.get(f"{name}/{CONTENTION_FROM}")
        if not threads.isdigit() or int(threads) <= CONTENTION_FROM or few is None:
            continue
        lines.append([bench, *(ratio_text(few[who] / ns if ns and few.get(who) else None)
                               for who, ns in values.items())])
    if lines:
        names = Comparison(rows, "ns_per_op_median", ALL_KINDS).allocators
        yield from aligned([["throughput / that of two threads", *names], *lines])


def stalls(rows):
    """How many and how long, for each allocator."""
    cells = {}
    for row in rows:
        if row["kind"] == "stall" and ":" in row["bench"]:
            cells.setdefault(row["bench"], {})[row["allocator"]] = (
                f"{time_text(float(row['ns_per_op_median']))} x {row['ops']}")
    if cells:
        names = list(dict.fromkeys(name for values in cells.values() for name in values))
        yield from aligned([["stalls: how long x how many", *names],
                            *([bench, *(values.get(name, "-") for name in names)]
                              for bench, values in cells.items())])


def report(rows, worst_first=False):
    parts = []
    for title, kinds in (("time: micro", ("micro",)), ("time: shapes", ("shape",)),
                         ("CPU time: real programs", ("real",))):
        parts.append(table(Comparison(rows, "ns_per_op_median", kinds), title, time_text, worst_first))
    moments = [row for row in rows if ":" in row["bench"]]
    for title, some in (("peak resident", [row for row in rows if row["kind"] in ALL_KINDS]),
                        ("resident over time", moments)):
        parts.append(table(Comparison(some, "peak_rss_kib", (*ALL_KINDS, "memory")), title,
                           memory_text, worst_first))
    parts += [live_ratios(rows), contention(rows), stalls(rows), means(rows)]
    texts = ["\n".join(part) for part in parts]
    return "\n\n".join(text for text in texts if "\n" in text) + "\n"
