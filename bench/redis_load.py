"""bench/redis_load.py - what drives a redis-server from outside: a benchmark's
clients, and a cache whose values change their size over time.
"""

import os
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path

SOCKET = "redis.socket"

MAXMEMORY_MIB = 64

# The middle of the values' sizes, one phase after the other; each replaces what
# the one before left, so that memory of one size has to serve another.
PHASES = (60, 180, 500, 1400, 4000, 700, 120)
PHASE_BYTES = 80 << 20  # what is set in each, as the server counts it
ITEM_OVERHEAD_BYTES = 110
PIPELINE = 100
KEYS = 2_000_000
SAMPLE_SECONDS = 0.05


def prepare(work: Path) -> None:
    """The server's binary is redis-tools' own; the name it is called by decides."""
    name = work / "redis-server"
    name.unlink(missing_ok=True)
    name.symlink_to(shutil.which("redis-check-rdb"))


def command(*more) -> list:
    return ["{work}/redis-server", "--port", "0", "--unixsocket", "{work}/" + SOCKET,
            "--save", "", "--appendonly", "no", "--logfile", "/dev/null", *more]


def eviction_command() -> list:
    return command("--maxmemory", f"{MAXMEMORY_MIB}mb", "--maxmemory-policy", "allkeys-lru")


def benchmark(work: Path) -> None:
    """Values of 64 and 512 bytes by 50 clients; then the server is told to end."""
    path = str(work / SOCKET)
    cli = ["redis-cli", "-s", path]
    for _ in range(200):
        ping = subprocess.run(cli + ["ping"], capture_output=True, text=True)
        if ping.stdout.startswith("PONG"):
            break
        time.sleep(0.02)
    for value_bytes, requests in ((64, 150_000), (512, 100_000)):
        subprocess.run(["redis-benchmark", "-s", path, "-q", "-t", "set", "-P", "16",
                        "-n", str(requests), "-r", "100000", "-d", str(value_bytes)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(cli + ["shutdown", "nosave"], capture_output=True)


class Connection:
    def __init__(self, path):
        for _ in range(200):
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                time.sleep(0.02)
        self.replies = self.socket.makefile("rb")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        first = self.replies.readline()
        return self.replies.read(int(first[1:]) + 2).decode() if first.startswith(b"$") else first.decode()

    def info(self, section, field):
        text = self.ask(f"INFO {section}")
        return int(text.split(field + ":")[1].split()[0])

    def set_all(self, pairs):
        self.socket.sendall(b"".join(
            b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)
            for key, value in pairs))
        for _ in pairs:
            if not self.replies.readline().startswith(b"+OK"):
                raise OSError("redis-server refused a value")


class Samples:
    """Resident memory, by the kernel, and the bytes that the server counts."""

    def __init__(self, connection):
        self.connection, self.pairs, self.due = connection, [], 0.0
        self.pid = connection.info("server", "process_id")

    def take(self):
        resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.pairs.append((resident * os.sysconf("SC_PAGE_SIZE"),
                           self.connection.info("memory", "used_memory")))
        self.due = time.monotonic() + SAMPLE_SECONDS
        return self.pairs[-1]

    def take_if_due(self):
        if time.monotonic() >= self.due:
            self.take()

    def means(self):
        return [sum(column) / len(self.pairs) for column in zip(*self.pairs)]


def set_phase(connection, samples, numbers, middle_bytes, text):
    """Sizes within an octave to either side, keys at random."""
    left = PHASE_BYTES
    while left > 0:
        sizes = [int(middle_bytes * 2 ** numbers.uniform(-1, 1)) for _ in range(PIPELINE)]
        connection.set_all([(b"key:%d" % numbers.randrange(KEYS), text[:size]) for size in sizes])
        left -= sum(sizes) + PIPELINE * ITEM_OVERHEAD_BYTES
        samples.take_if_due()


def evict(work: Path) -> str:
    """More and more than fits, for as long as the phases last; then nothing."""
    connection = Connection(work / SOCKET)
    samples, numbers, text = Samples(connection), random.Random(1), b"v" * 2 * max(PHASES)
    moments = {}
    for number, middle_bytes in enumerate(PHASES):
        set_phase(connection, samples, numbers, middle_bytes, text)
        moments[f"values-{number + 1}-of-{middle_bytes}"] = samples.take()[0]
    moments["mean"], moments["used-mean"] = samples.means()
    connection.ask("FLUSHALL SYNC")
    for _ in range(100):
        connection.ask("PING")
        time.sleep(0.02)
    moments["flushed-later"] = samples.take()[0]
    connection.socket.sendall(b"SHUTDOWN NOSAVE\r\n")
    return "".join(f"rss {name} {int(count) >> 10}\n" for name, count in moments.items())
