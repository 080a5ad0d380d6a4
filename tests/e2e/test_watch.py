"""fairlead status --watch: at a terminal, and in a pipe."""

import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest

import harness
from harness import command_listener
from terminal import Terminal

HOME = "\033[H"  # a frame begins


def many(count):
    return {"workers": 1, "states": {"interval": "0s"}, "listeners": [
        command_listener(name=f"listener-{i}") for i in range(count)]}


@pytest.fixture
def screen(program):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened = []

    def start(instance, **size):
        opened.append(Terminal(program, "status", "--watch", "--config",
                               instance.path, **size))
        return opened[-1]

    yield start
    for one in opened:
        one.end()


def test_what_a_small_terminal_shows(fairlead, screen):
    """Each line is cut at its width, those below its height are counted, and
    it follows when the size changes."""
    instance = fairlead(many(30))
    terminal = screen(instance, columns=60, rows=20)
    # 3 lines of text and a title; 18 lines of 34 fit.
    terminal.wait("q ends; 16 lines are not shown; > is cut")
    lines = terminal.screen().split("\n")
    assert len(lines) == 19 and max(map(len, lines)) == 60
    assert re.match(rf"fairlead \S+, pid {instance.pid}, serving", lines[0])
    assert re.match("LISTENER +MODE +ADDRESS", lines[3])
    assert [line[:11].strip() for line in lines[4:-1]] == [
        f"listener-{i}" for i in range(14)]
    assert all(line[-1] == ">" for line in lines[3:-1])
    terminal.resize(150, 50)
    terminal.wait("listener-29 .*\nq ends")
    terminal.resize(40, 10)
    terminal.wait("listener-3 .*>\nq ends; 26 lines are not shown; > is cut")
    terminal.keys("x")
    terminal.keys("q")
    terminal.wait("q ends; .*\nstatus 0")


def test_control_c_ends_it(fairlead, screen):
    terminal = screen(fairlead(many(1)))
    terminal.wait("q ends; > is cut")
    terminal.keys("C-c")
    terminal.wait("q ends; > is cut\nstatus 0")


class Watching:
    """The command at a terminal that keeps what is written to it."""

    def __init__(self, program, instance):
        self.terminal, self.end = os.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 200, 0, 0))
        self.modes = termios.tcgetattr(self.end)
        self.seen = ""
        self.process = subprocess.Popen(
            [str(program), "status", "--watch", "--config",
             str(instance.path)],
            stdin=self.end, stdout=self.end, stderr=self.end,
            env=harness.environment(), start_new_session=True)

    def until(self, pattern):
        end = time.monotonic() + 20 * harness.SLOW
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.terminal], [], [], left)[0]
            assert ready, f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self.terminal, 65536).decode()

    def ends(self, status):
        """With that status, the terminal as it was."""
        assert self.process.wait(20 * harness.SLOW) == status
        assert termios.tcgetattr(self.end) == self.modes

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.end)


@pytest.fixture
def watching(program):
    opened = []

    def start(instance):
        opened.append(Watching(program, instance))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize("key", [b"q", b"Q", b"\x03"])
def test_the_terminal_is_as_it_was(fairlead, watching, key):
    one = watching(fairlead(many(1)))
    one.until(rf"(?s){re.escape(HOME)}.*q ends.*{re.escape(HOME)}.*q ends")
    assert termios.tcgetattr(one.end) != one.modes
    os.write(one.terminal, b"x" + key)
    one.ends(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(fairlead, watching, number):
    one = watching(fairlead(many(1)))
    one.until("q ends")
    one.process.send_signal(number)
    one.ends(128 + number)


def test_keys_while_there_is_no_answer(fairlead, watching):
    instance = fairlead(many(1))
    one = watching(instance)
    one.until("q ends")
    os.kill(instance.pid, signal.SIGSTOP)
    harness.wait_until(instance.stopped, "it stands still")
    # The next question is asked in two seconds; this one may be before it.
    os.write(one.terminal, b"q")
    one.ends(0)
    second = watching(instance)
    harness.wait_until(
        lambda: termios.tcgetattr(second.end) != second.modes, "it reads keys")
    os.write(second.terminal, b"q")
    second.ends(0)
    os.kill(instance.pid, signal.SIGCONT)


def test_it_ends_with_what_it_watches(fairlead, watching):
    instance = fairlead(many(1))
    one = watching(instance)
    one.until("q ends")
    instance.stop()
    one.until("(?s)q ends.*\033\\[Jfairlead: no fairlead that "
              "runs .*\r\n$")
    one.ends(1)


def test_in_a_pipe_there_is_text(fairlead, program):
    """Tables one after another, the time and an empty line between them."""
    instance = fairlead(many(30))
    process = subprocess.Popen(
        [str(program), "status", "--watch", "--config", str(instance.path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env={**harness.environment(), "COLUMNS": "60", "LINES": "20"})
    lines = []
    while sum(line.startswith(b"listener-29") for line in lines) < 2:
        lines.append(process.stdout.readline())
        assert lines[-1]
    process.kill()
    process.wait()
    process.stdout.close()
    text = b"".join(lines).decode()
    assert "\033" not in text and "\r" not in text
    once = (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n"
            r"fairlead .*\nconfiguration: .*\n\nLISTENER .*\n(listener.*\n){30}")
    assert re.fullmatch(once + "\n" + once, text)
    assert max(map(len, lines)) > 80
