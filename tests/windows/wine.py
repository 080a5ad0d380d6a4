"""A Windows of Wine's own for the tests of what a system has once: services.

Its processes get their environment and standard error from the process that
starts it up. So what they report to the Event Log, which nobody can read back
here, is found in Wine's own trace of it.
"""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

WINE = "/usr/lib/wine/wine64"
ROOT = Path(__file__).resolve().parents[2]
SLOW = float(os.environ.get("FAIRLEAD_SLOW", "1"))

TYPES = {1: 3, 2: 2, 4: 1}  # error, warning, information

# services.h of the Windows SDK
STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4


def wait_until(condition, what, timeout=20.0):
    """Waits until condition() is true, and returns what it returned."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.02)


def program_path():
    return ROOT / os.environ.get("FAIRLEAD", "build/mingw/fairlead.exe")


def windows_path(path):
    return "Z:" + str(path).replace("/", "\\")


class Event:
    def __init__(self, number, text):
        self.number = number & 0xffff
        self.severity = ("success", "information", "warning",
                         "error")[number >> 30]
        self.text = text

    def __repr__(self):
        return f"{self.severity} {self.number}: {self.text}"


class Wine:
    """Requires: nothing else uses the folder."""

    def __init__(self, folder):
        self.prefix = folder / "prefix"
        self.prefix.mkdir()
        self.trace = folder / "trace.txt"
        self.environment = {
            **os.environ,
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDLLOVERRIDES": "mscoree=d;mshtml=d;winemenubuilder.exe=d",
            "WINEDEBUG": "-all",
        }
        self.environment.pop("DISPLAY", None)

    def _quiet(self, *command, error=subprocess.DEVNULL, **more):
        subprocess.run(command, env={**self.environment, **more}, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=error, timeout=120 * SLOW)

    def boot(self):
        """A second start, for not all services run after the first."""
        self._quiet("wineboot", "-i")
        self._quiet("wineserver", "-w")
        self._quiet("wineserver", "-p")
        with open(self.trace, "wb") as trace:
            self._quiet("wineboot", error=trace,
                        WINEDEBUG="-all,+eventlog,fixme+advapi")

    def halt(self):
        self._quiet("wineserver", "-k")
        self._quiet("wineserver", "-w")

    def begin(self, *words, cwd=None):
        """Starts a program of Windows."""
        return subprocess.Popen(
            [WINE, *map(str, words)], env=self.environment, cwd=cwd,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def run(self, *words, cwd=None, given=""):
        """Runs it; returns exit status, output and errors."""
        process = self.begin(*words, cwd=cwd)
        out, error = process.communicate(given, timeout=60 * SLOW)
        return process.returncode, out, error

    def mark(self):
        """From here on events() counts."""
        return len(self.trace.read_bytes())

    def events(self, mark=0):
        """Those of the service since mark, in order. The trace has the number
        in one line and the text in another one of the same thread."""
        found = []
        numbers = {}
        text = self.trace.read_bytes()[mark:].decode(errors="replace")
        for line in text.splitlines():
            head = re.match(
                r"(\w+):fixme:advapi:ReportEventW "
                r"\(\w+,(0x\w+),0x\w+,(0x\w+),", line)
            if head:
                numbers[head[1]] = int(head[3], 16)
                # EVENTLOG_*_TYPE of winnt.h, and the severity in the number.
                assert TYPES[int(head[2], 16)] == numbers[head[1]] >> 30, line
            body = re.match(r'(\w+):\w+:eventlog:ReportEventW L"(.*)"', line)
            if body and body[1] in numbers:
                found.append(Event(numbers.pop(body[1]),
                                   re.sub(r"\\(.)", r"\1", body[2])))
        return found

    def await_event(self, number, mark=0):
        def find():
            return [e for e in self.events(mark) if e.number == number]
        return wait_until(find, f"event {number}: {self.events(mark)}")[0]


class Service:
    """The service `fairlead`, with a configuration in a folder of its own."""

    def __init__(self, wine, folder):
        self.wine = wine
        self.folder = folder
        self.config = folder / "config.json"
        self.program = program_path()
        self.log = folder / "service.log"

    def command(self, verb, *more):
        return self.wine.run(self.program, "service", verb, *more,
                             cwd=self.folder)

    def install(self, *more):
        return self.command("install", "--config", "config.json", *more)

    def control(self, *words):
        return self.wine.run(self.program.with_name("fl-control.exe"), *words)

    def query(self):
        """State, checkpoint, wait hint and accepted orders (SERVICE_ACCEPT_*
        of winsvc.h, added)."""
        status, out, error = self.control("query")
        assert status == 0, error
        return tuple(map(int, out.split()))

    def await_log(self, pattern, mark=0):
        """The log is a file: its name is relative to the configuration."""
        def find():
            text = self.log.read_text() if self.log.exists() else ""
            return re.search(pattern, text[mark:])
        return wait_until(find, f"{pattern} in {self.log}")

    def address(self, listener):
        found = self.await_log(
            rf"listener {listener}: listening on ([\d.]+):(\d+)")
        return found[1], int(found[2])

    def process(self):
        """The service's process, as Linux counts it."""
        name = os.fsencode(self.program.name)
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if (name + b"\0run\0" in command and
                    os.fsencode(self.wine.prefix) in environment):
                return int(entry.name)
        raise AssertionError("there is no process of the service")

    def kill(self):
        os.kill(self.process(), signal.SIGKILL)


class Client:
    """Sends lines and reads lines."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20 * SLOW)
        self.lines = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def line(self):
        return self.lines.readline().decode().rstrip("\n")

    def ask(self, text):
        self.send(text)
        return self.line()

    def close(self):
        self.lines.close()
        self.socket.close()
