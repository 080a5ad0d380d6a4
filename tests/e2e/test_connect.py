"""fairlead connect: in a pipe, and at a terminal (tmux)."""

import os
import re
import shutil
import socket
import subprocess

import pytest

import harness
from terminal import Terminal

OK, UNANSWERED, USAGE = 0, 1, 2


@pytest.fixture
def piped(program):
    """piped(target, text, *arguments) to its end; bytes in and out."""
    def run(target, text, *arguments):
        if isinstance(target, harness.LineServer):
            target = target.address
        return subprocess.run(
            [str(program), "connect", harness.at(target), *arguments],
            input=text, capture_output=True, timeout=30 * harness.SLOW,
            env=harness.environment())

    return run


def test_a_line_and_its_reply(piped, line_server):
    done = piped(line_server(), b"one\ntwo\r\nhex:7468726565\nlast")
    assert done.returncode == OK and done.stderr == b""
    assert done.stdout == b"re one\nre two\nre three\nre last\n"


def test_requests_are_sent_one_after_the_other(piped, line_server):
    """Each only after the reply to the one before."""
    seen = []

    def watch(peer):
        for line in peer.lines():
            peer.wait(0.02)
            seen.append((line, peer.socket.recv(
                1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
                if has_input(peer.socket) else b""))
            peer.send(line + b"\n")

    done = piped(line_server(watch), b"1\n2\n3\n")
    assert done.stdout == b"1\n2\n3\n"
    assert seen == [(b"1", b""), (b"2", b""), (b"3", b"")]


def has_input(sock):
    try:
        return bool(sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_early_bytes_are_no_reply(program, line_server):
    """A greeting that is here before the first line is sent, and what comes
    behind a reply."""
    def greet(peer):
        peer.send(b"220 welcome\n")
        for line in peer.lines():
            peer.send(b"re " + line + b"\nevent\n")

    server = line_server(greet)
    process = subprocess.Popen(
        [str(program), "connect", harness.at(server.address)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=harness.environment())
    assert process.stderr.readline() == b"unasked: 220 welcome\n"
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"re one\n"
    assert process.stderr.readline() == b"unasked: event\n"
    out, _ = process.communicate(b"two\n", timeout=20 * harness.SLOW)
    assert out == b"re two\n"
    assert process.returncode == OK


def test_no_reply_in_time(piped, line_server):
    def once(peer):
        for number, line in enumerate(peer.lines()):
            if number == 0:
                peer.send(line + b"\n")

    done = piped(line_server(once), b"1\n2\n3\n", "--timeout", "200ms")
    assert done.returncode == UNANSWERED
    assert done.stdout == b"1\n"
    assert b"no reply within 200ms" in done.stderr


def test_a_server_that_closes(piped, line_server):
    def leave(peer):
        next(peer.lines())

    done = piped(line_server(leave), b"1\n")
    assert done.returncode == UNANSWERED
    assert b"closed by the server" in done.stderr


def test_nobody_listens(piped):
    done = piped(harness.free_port(), b"1\n")
    assert done.returncode == UNANSWERED
    assert done.stderr.endswith(b": refused\n")


FRAMINGS = {
    "delimited": (["--start", "hex:0b", "--end", "hex:1c0d"],
                  b"MSH|^~\\&|\n", b"\x0bMSH|^~\\&|\x1c\x0d"),
    "length": (["--length-width", "2"], b"hello\n", b"\x00\x05hello"),
    "modbus": (["--length-offset", "4", "--length-width", "2"],
               b"hex:000100000006010300000001\n",
               bytes.fromhex("000100000006010300000001")),
    "fixed": (["--size", "3"], b"abc\n", b"abc"),
}


def echo(peer):
    while data := peer.socket.recv(65536):
        peer.send(data)


@pytest.mark.parametrize("name", FRAMINGS)
def test_framings(piped, run_program, line_server, name):
    """What the framing has around a frame is added; ping does the same."""
    arguments, typed, frame = FRAMINGS[name]
    framing = "length" if name == "modbus" else name
    server = line_server(echo)
    done = piped(server, typed * 3, "--framing", framing, *arguments)
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout == frame * 3
    ping = run_program(
        "ping", harness.at(server.address), "--count", "2", "--interval",
        "1ms", "--framing", framing, *arguments, "--send",
        typed.decode().rstrip("\n"))
    assert ping.returncode == OK, ping.stderr
    assert f"{len(frame)} bytes" in ping.stdout


def test_a_bad_frame_from_the_server(piped, line_server):
    def talk(peer):
        peer.socket.recv(100)
        peer.send(b"no start")

    done = piped(line_server(talk), b"a\n", "--framing", "delimited",
                 "--start", "hex:0b", "--end", "hex:1c0d")
    assert done.returncode == UNANSWERED
    assert b"no frame of this framing" in done.stderr


def test_what_is_no_frame_is_not_sent(piped, line_server):
    server = line_server(echo)
    done = piped(server, b"abcd\nabc\n", "--framing", "fixed", "--size", "3")
    assert done.returncode == UNANSWERED
    assert b"--size" in done.stderr
    assert done.stdout == b""


def test_raw_passes_everything(piped, line_server):
    def talk(peer):
        peer.send(b"\x00first")
        while peer.socket.recv(65536):
            pass
        peer.send(b"last")

    done = piped(line_server(talk), b"a\nhex:00ff\n", "--framing", "raw")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout == b"\x00firstlast"


def test_raw_sends_much_to_a_slow_server(piped, line_server):
    """More than the system takes at once, byte for byte."""
    got = []

    def swallow(peer):
        peer.wait(0.2)
        while data := peer.socket.recv(65536):
            got.append(data)

    text = b"".join(b"%0799d\n" % number for number in range(3000))
    done = piped(line_server(swallow), text, "--framing", "raw")
    assert done.returncode == OK
    assert b"".join(got) == text


def test_wrong_command_lines(run_program):
    for arguments, error in (
        (["connect"], "HOST:PORT is missing: fairlead connect HOST:PORT"),
        (["connect", "a:1", "--framing", "lines"], "--framing: found"),
        (["connect", "a:1", "--framing", "length"], "--length-width: required"),
        (["connect", "a:1", "--framing", "raw", "--size", "3"], "--size: "),
        (["connect", "a:1", "b:2"], "connect takes one HOST:PORT"),
        (["connect", "a:1", "--count", "2"], "is an option of: fairlead ping"),
    ):
        done = run_program(*arguments)
        assert done.returncode == USAGE
        assert error in done.stderr, done.stderr


# --- at a terminal ----------------------------------------------------------


@pytest.fixture
def terminal(program):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened = []

    def start(server, *arguments):
        one = Terminal(program, "connect", harness.at(server.address),
                       *arguments)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.end()


def test_prompt_history_and_editing(terminal, line_server):
    server = line_server()
    screen = terminal(server)
    prompt = re.escape(harness.at(server.address)) + ">"
    screen.wait(prompt)
    screen.keys("one", "Enter")
    screen.wait(rf"{prompt} one\nre one\n{prompt}")
    screen.keys("two", "Enter")
    screen.wait(rf"re two\n{prompt}")
    screen.keys("Up", "Up")
    screen.wait(rf"{prompt} one")
    screen.keys("Left", "Left", "Left", "x", "Enter")
    screen.wait(rf"{prompt} xone\nre xone\n{prompt}")
    screen.keys("C-d")
    screen.wait(r"status 0")
    assert [line for _, line in server.requests] == [b"one", b"two", b"xone"]


def test_control_c(terminal, line_server):
    """It drops a line, gives up a reply, and ends at an empty prompt."""
    def answer(peer):
        for line in peer.lines():
            if line != b"silence":
                peer.send(line + b"\n")

    server = line_server(answer)
    screen = terminal(server)
    prompt = re.escape(harness.at(server.address)) + ">"
    screen.wait(prompt)
    screen.keys("dropped")
    screen.wait(rf"{prompt} dropped")
    screen.keys("C-c")
    screen.wait(rf"\n{prompt}")
    screen.keys("silence", "Enter")
    harness.wait_until(lambda: server.requests, "the request")
    screen.keys("C-c")
    screen.wait(rf"not waited for any more\n{prompt}")
    screen.keys("again", "Enter")
    screen.wait(rf"again\nagain\n{prompt}")
    screen.keys("C-c")
    screen.wait(r"status 130")
    assert [line for _, line in server.requests] == [b"silence", b"again"]


def test_what_comes_while_somebody_types(terminal, line_server):
    """It is shown above the line, which stays as it was."""
    peers = []

    def keep(peer):
        peers.append(peer)
        harness.answer(peer)

    server = line_server(keep)
    screen = terminal(server)
    prompt = re.escape(harness.at(server.address)) + ">"
    screen.wait(prompt)
    screen.keys("half")
    screen.wait(rf"{prompt} half")
    peers[0].send(b"event \x1b[2J\xff\n")
    screen.wait(rf"unasked: event \\x1b\[2J\\xff\n{prompt} half")
    screen.keys("way", "Enter")
    screen.wait(rf"{prompt} halfway\nre halfway\n{prompt}")


def test_a_reply_that_does_not_come(terminal, line_server):
    def swallow(peer):
        for _ in peer.lines():
            pass

    server = line_server(swallow)
    timeout = f"{int(200 * harness.SLOW)}ms"  # of the connect, too
    screen = terminal(server, "--timeout", timeout)
    prompt = re.escape(harness.at(server.address)) + ">"
    screen.wait(prompt)
    screen.keys("hello", "Enter")
    screen.wait(rf"no reply within {timeout}; .*\n{prompt}")


def test_binary_replies_are_hexadecimal(terminal, line_server):
    server = line_server(echo)
    screen = terminal(server, "--framing", "length", "--length-width", "2")
    prompt = re.escape(harness.at(server.address)) + ">"
    screen.wait(prompt)
    screen.keys("hi", "Enter")
    screen.wait(rf"hex:00026869\n{prompt}")
