"""terminal.py - a terminal of a given size, for tests of programs that draw on one.

    python3 terminal.py LINESxCOLUMNS STEP... -- COMMAND...

Runs COMMAND on a pseudo terminal of TERM=xterm, keeps what it draws, and goes through the
steps; the first that fails ends all with what is on the screen.  Steps are

    see:TEXT      wait until a line of the screen has TEXT
    gone:TEXT     wait until none has
    top:TEXT      wait until the first line has TEXT
    drawn:        wait until the program has cleared a screen of its own
    marked:TEXT   wait until TEXT is on a line that is reversed
    send:KEYS     type; \\e is Escape, \\r Enter, ^L Ctrl-L
    size:LxC      another size, as a window that is resized
    kill:PID      SIGKILL to a process
    signal:N      a signal to COMMAND
    ends:STATUS   wait for the end: its status, -N of signal N; the terminal is as it was

It knows the sequences of xterm that curses uses, and fails on any other.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_SECONDS = 30
SEQUENCE = re.compile(r"\x1b(\[[?>]?[0-9;]*[A-Za-z@`]|\([0AB]|[=>78M])")


class Screen:
    def __init__(self, lines, columns):
        self.resize(lines, columns)
        self.pen = False
        self.pending = ""
        self.is_alternate = False
        self.is_drawn = False

    def resize(self, lines, columns):
        self.lines, self.columns = lines, columns
        self.cells = [[(" ", False)] * columns for _ in range(lines)]
        self.line = self.column = 0
        self.last = " "
        self.top, self.bottom = 0, lines  # what scrolls

    def rows(self):
        return ["".join(character for character, _ in row).rstrip() for row in self.cells]

    def marked(self):
        return [text for text, row in zip(self.rows(), self.cells) if any(mark for _, mark in row)]

    def feed(self, text):
        text = self.pending + text
        self.pending = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.character(text[at])
                at += 1
                continue
            found = SEQUENCE.match(text, at)
            if found is None:
                if len(text) - at > 20:
                    raise SystemExit("unknown sequence %r" % text[at:at + 20])
                self.pending = text[at:]
                return
            self.sequence(found.group(1))
            at = found.end()

    def character(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            if self.line == self.bottom - 1:
                self.delete_lines(self.top, 1)
            else:
                self.line = min(self.line + 1, self.lines - 1)
        elif character == "\b":
            self.column = max(self.column - 1, 0)
        elif character == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
        elif character >= " ":
            self.put(character)

    def put(self, character):
        self.last = character
        if self.column >= self.columns:
            self.column = 0
            self.line = min(self.line + 1, self.lines - 1)
        self.cells[self.line][self.column] = (character, self.pen)
        self.column += 1

    def blank(self, line, first, end):
        for column in range(max(first, 0), min(end, self.columns)):
            self.cells[line][column] = (" ", False)

    def sequence(self, text):
        if text == "M":
            if self.line == self.top:
                self.insert_lines(self.top, 1)
            else:
                self.line = max(self.line - 1, 0)
        if text in "78":
            raise SystemExit("unknown sequence %r" % text)
        if not text.startswith("["):
            return  # character sets, keypads
        numbers = [int(n) if n else 0 for n in text[1:-1].strip("?>").split(";")]
        first = max(numbers[0], 1)
        final = text[-1]
        if final == "H":
            self.line = min(first, self.lines) - 1
            self.column = min(max(numbers[1], 1) if len(numbers) > 1 else 1, self.columns) - 1
        elif final == "d":
            self.line = min(first, self.lines) - 1
        elif final in "G`":
            self.column = min(first, self.columns) - 1
        elif final == "A":
            self.line = max(self.line - first, 0)
        elif final == "B":
            self.line = min(self.line + first, self.lines - 1)
        elif final == "C":
            self.column = min(self.column + first, self.columns - 1)
        elif final == "D":
            self.column = max(self.column - first, 0)
        elif final == "X":
            self.blank(self.line, self.column, self.column + first)
        elif final == "K":
            ranges = {0: (self.column, self.columns), 1: (0, self.column + 1), 2: (0, self.columns)}
            self.blank(self.line, *ranges[numbers[0]])
        elif final == "J":
            self.erase(numbers[0])
        elif final == "b":
            for _ in range(first):
                self.put(self.last)
        elif final == "P":
            row = self.cells[self.line]
            self.cells[self.line] = (row[:self.column] + row[self.column + first:] +
                                     [(" ", False)] * first)[:self.columns]
        elif final == "@":
            row = self.cells[self.line]
            self.cells[self.line] = (row[:self.column] + [(" ", False)] * first +
                                     row[self.column:])[:self.columns]
        elif final == "L":
            self.insert_lines(self.line, first)
        elif final == "M":
            self.delete_lines(self.line, first)
        elif final == "S":
            self.delete_lines(self.top, first)
        elif final == "T":
            self.insert_lines(self.top, first)
        elif final == "r":
            self.top = first - 1
            self.bottom = numbers[1] if len(numbers) > 1 else self.lines
            self.line = self.column = 0
        elif final == "m":
            self.attributes(numbers)
        elif final in "hl":
            if 1049 in numbers:
                self.is_alternate = final == "h"
        elif final != "t":
            raise SystemExit("unknown sequence %r" % text)

    def erase(self, how):
        self.is_drawn = self.is_alternate
        if how == 0:
            self.blank(self.line, self.column, self.columns)
        for line in range(self.line + 1 if how == 0 else 0, self.lines):
            self.blank(line, 0, self.columns)

    def blanks(self, count):
        return [[(" ", False)] * self.columns for _ in range(count)]

    def insert_lines(self, at, count):
        moved = self.blanks(count) + self.cells[at:self.bottom]
        self.cells[at:self.bottom] = moved[:self.bottom - at]

    def delete_lines(self, at, count):
        moved = self.cells[at:self.bottom] + self.blanks(count)
        self.cells[at:self.bottom] = moved[-(self.bottom - at):]

    def attributes(self, numbers):
        for number in numbers:
            if number in (0, 27):
                self.pen = False
            elif number == 7:
                self.pen = True


class Terminal:
    def __init__(self, size, command):
        lines, columns = (int(n) for n in size.split("x"))
        self.screen = Screen(lines, columns)
        self.master, slave = pty.openpty()
        self.slave = slave
        self.set_size(lines, columns)
        self.modes = termios.tcgetattr(slave)
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for descriptor in (0, 1, 2):
                os.dup2(slave, descriptor)
            os.close(self.master)
            os.environ["TERM"] = os.environ.get("TEST_TERM", "xterm")
            os.environ.pop("LINES", None)
            os.environ.pop("COLUMNS", None)
            os.execvp(command[0], command)

    def set_size(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def pump(self, seconds):
        readable, _, _ = select.select([self.master], [], [], seconds)
        if readable:
            self.screen.feed(os.read(self.master, 65536).decode(errors="replace"))
        return bool(readable)

    def wait(self, what, holds):
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > end:
                print("waited in vain for", what)
                print("\n".join("|" + row for row in self.screen.rows()))
                os.kill(self.pid, signal.SIGKILL)
                raise SystemExit(1)
            self.pump(0.1)

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def end(self, want):
        self.wait("the end", self.has_ended)
        while self.pump(0.1):
            pass
        if self.status != want:
            raise SystemExit("status %d, not %d" % (self.status, want))
        if self.screen.is_alternate:
            raise SystemExit("the alternate screen was not left")
        if termios.tcgetattr(self.slave) != self.modes:
            raise SystemExit("the terminal's modes are not as they were")

    def step(self, name, value):
        screen = self.screen
        if name == "see":
            self.wait(value, lambda: any(value in row for row in screen.rows()))
        elif name == "gone":
            self.wait("not " + value, lambda: not any(value in row for row in screen.rows()))
        elif name == "top":
            self.wait(value, lambda: value in screen.rows()[0])
        elif name == "drawn":
            self.wait("a screen", lambda: screen.is_drawn)
        elif name == "marked":
            self.wait("marked " + value, lambda: any(value in row for row in screen.marked()))
        elif name == "send":
            keys = value.replace("\\e", "\x1b").replace("\\r", "\r").replace("^L", "\x0c")
            os.write(self.master, keys.replace("^C", "\x03").encode())
        elif name == "size":
            while self.pump(0.2):
                pass
            screen.resize(*(int(n) for n in value.split("x")))
            self.set_size(screen.lines, screen.columns)
            # Curses draws what it thinks has changed; all of it may be gone here.
            self.pump(0.6)
            os.write(self.master, b"\x0c")
        elif name == "kill":
            os.kill(int(value), signal.SIGKILL)
        elif name == "signal":
            os.kill(self.pid, int(value))
        elif name == "ends":
            self.end(int(value))
        else:
            raise SystemExit("no step is called " + name)


def main():
    split = sys.argv.index("--")
    terminal = Terminal(sys.argv[1], sys.argv[split + 1:])
    for step in sys.argv[2:split]:
        name, _, value = step.partition(":")
        terminal.step(name, value)


main()
