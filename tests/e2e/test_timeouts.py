"""Clients that are slow, silent, too talkative or do not read."""

import threading
import time

import pytest

from harness import (
    SLOW,
    command_listener,
    gateway_config,
    sanitizer,
    wait_until,
)

MB = 1 << 20


def commands(**more):
    return {"listeners": [command_listener(**more)]}


def closing(client):
    """What a client is told when it is cut off: nothing, or an error."""
    try:
        rest = client.rest()
    except ConnectionResetError:
        return ""
    if not rest:
        return ""
    assert rest.startswith(b"ERROR ") and rest.count(b"\n") == 1, rest
    return rest.decode().split()[1]


def test_idle_timeout_runs_from_the_last_complete_line(fairlead, connect):
    service = fairlead(commands(idle_timeout="600ms"), level="debug")
    active = connect(service.address("commands"))
    silent = connect(service.address("commands"))
    begin = time.monotonic()
    stop = threading.Event()
    replies = []

    def talk():
        while not stop.wait(0.1):
            replies.append(active.ask(b"PING"))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        assert closing(silent) in ("", "idle_timeout")
        assert time.monotonic() - begin >= 0.59
        wait_until(lambda: time.monotonic() - begin > 1.5, "some time")
    finally:
        stop.set()
        thread.join()
    assert set(replies) == {b"PONG"}
    assert active.ask(b"PING") == b"PONG"
    assert closing(active) in ("", "idle_timeout")  # now it is silent too
    service.wait_log(r"client .*idle_timeout", count=2)
    _, totals = service.stop()
    assert totals["clients_closed{idle_timeout}"] == 2


def test_bytes_without_a_line_are_idle(fairlead, connect):
    service = fairlead(commands(idle_timeout="500ms", frame_timeout="1m"))
    client = connect(service.address("commands"))
    begin = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begin < 20 * SLOW:
            client.send(b"x")
            time.sleep(0.05)
    assert time.monotonic() - begin >= 0.49
    _, totals = service.stop()
    assert totals["clients_closed{idle_timeout}"] == 1


def test_a_client_that_waits_for_a_reply_is_not_idle(
    fairlead, connect, line_server
):
    def slow(peer):
        for line in peer.lines():
            peer.wait(0.9 / SLOW)
            peer.send(b"re " + line + b"\n")

    gateway = fairlead(
        gateway_config(
            line_server(slow), listener={"idle_timeout": "300ms"}
        )
    )
    client = connect(gateway.address("gateway"))
    begin = time.monotonic()
    assert client.ask(b"hello") == b"re hello"
    answered = time.monotonic()
    assert answered - begin >= 0.89
    assert closing(client) in ("", "idle_timeout")
    assert time.monotonic() - answered >= 0.25  # from then on


def test_frame_timeout(fairlead, connect):
    service = fairlead(commands(frame_timeout="400ms"), level="debug")
    whole = connect(service.address("commands"))
    assert whole.ask(b"PING") == b"PONG"
    slow = connect(service.address("commands"))
    begin = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begin < 20 * SLOW:
            slow.send(b"x")  # each byte alone does not give it more time
            time.sleep(0.05)
    assert time.monotonic() - begin >= 0.39
    assert whole.ask(b"PING") == b"PONG"
    service.wait_log(r"client .*frame_timeout")
    _, totals = service.stop()
    assert totals["clients_closed{frame_timeout}"] == 1


def test_frame_timeout_begins_with_each_frame(fairlead, connect):
    service = fairlead(commands(frame_timeout="1s"))
    client = connect(service.address("commands"))
    begin = time.monotonic()
    while time.monotonic() - begin < 2.5:
        client.send(b"PI")
        time.sleep(0.1)
        client.send(b"NG\nPI")  # always some of a frame is there
        time.sleep(0.1)
        assert client.line() == b"PONG"
        client.send(b"NG\n")
        assert client.line() == b"PONG"


class Pump:
    """Sends lines in a thread until all are sent or the peer is gone."""

    def __init__(self, client, line, total):
        self.client, self.line, self.total = client, line, total
        self.sent = 0
        self.failed = None
        client.socket.settimeout(None)  # only stops when the peer does
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        block = self.line * max(1, 65536 // len(self.line))
        try:
            while self.sent < self.total:
                self.client.send(block[:self.total - self.sent])
                self.sent += len(block)
        except OSError as failure:
            self.failed = failure

    def wait_stalled(self):
        """Waits until nothing more was taken for a while."""
        last, since = -1, time.monotonic()
        end = since + 30 * SLOW
        while time.monotonic() - since < 0.3 * SLOW:
            assert time.monotonic() < end, "never stalls"
            assert self.failed is None, self.failed
            if self.sent != last:
                last, since = self.sent, time.monotonic()
            time.sleep(0.02)
        assert self.sent < self.total, "nothing held it back"


def test_a_client_that_never_reads_is_closed(fairlead, connect):
    service = fairlead(commands(write_timeout="600ms"), level="debug")
    other = connect(service.address("commands"))
    assert other.ask(b"PING") == b"PONG"
    client = connect(service.address("commands"), receive_buffer=8192)
    before = service.rss()
    pump = Pump(client, b"x" * 1000 + b"\n", 200 * MB)
    pump.thread.join(30 * SLOW)
    assert pump.failed is not None, "it may send without end"
    assert service.rss() - before < 8 * MB
    assert other.ask(b"PING") == b"PONG"
    service.wait_log(r"client .*write_timeout")
    _, totals = service.stop()
    assert totals["clients_closed{write_timeout}"] == 1


def test_a_slow_reader_is_not_closed(fairlead, connect):
    """It takes some within each write_timeout, though less than the kernel
    waits for before it takes more from the program."""
    service = fairlead(commands(write_timeout="1s"))
    client = connect(service.address("commands"), receive_buffer=1 << 18)
    line = b"y" * 1000 + b"\n"
    pump = Pump(client, line, 200 * MB)
    pump.wait_stalled()
    begin = time.monotonic()
    taken = 0
    while time.monotonic() - begin < 3:
        data = client.socket.recv(50000)
        assert data, "closed"
        taken += len(data)
        time.sleep(0.1)
    pump.total = 0  # the block under way is its last
    client.socket.settimeout(0.2)
    while pump.thread.is_alive() or (
        taken < pump.sent // len(line) * (len(line) + 6)
    ):
        try:
            data = client.socket.recv(1 << 20)
        except TimeoutError:
            continue
        assert data, "closed"
        taken += len(data)
    assert pump.failed is None
    client.socket.settimeout(15 * SLOW)
    assert client.ask(b"PING") == b"PONG"
    assert client.quiet()


@pytest.mark.parametrize("kind", ["command", "request"])
def test_a_stopped_reader_keeps_memory_flat(
    fairlead, connect, line_server, kind
):
    """100 MB of replies are due; the sender is held back instead, and gets
    all of them once it reads."""
    if kind == "command":
        service = fairlead(commands(write_timeout="5m"))
        address, lead = service.address("commands"), b"Echo: "
    else:
        service = fairlead(
            gateway_config(
                line_server(), listener={"write_timeout": "5m"},
                request_timeout="1m",
            )
        )
        address, lead = service.address("gateway"), b"re "
    client = connect(address)
    other = connect(address)
    other.ask(b"warm")
    before = service.rss()
    line = b"z" * 49999 + b"\n"
    total = len(line) * 2000  # 100 MB
    pump = Pump(client, line, total)
    pump.wait_stalled()
    assert service.rss() - before < 6 * MB
    assert other.ask(b"hello") == lead + b"hello"
    lines = total // len(line)
    while lines:
        replies = client.lines(min(lines, 20))
        assert set(replies) == {lead + line[:-1]}
        lines -= len(replies)
    pump.thread.join(10 * SLOW)
    assert pump.failed is None
    limit = 16 if sanitizer() else 8
    assert service.rss() - before < limit * MB
    assert client.quiet()


def test_upstream_that_takes_nothing(fairlead, connect, line_server):
    """The server does not read: requests end at their deadlines, and memory
    does not grow."""
    def deaf(peer):
        peer.server.stopping.wait()

    gateway = fairlead(
        gateway_config(
            line_server(deaf),
            request_timeout="1s",
            pool={"max_size": 2, "acquire_timeout": "3s"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(4)]
    before = gateway.rss()
    for client in clients:
        client.send(b"q" * 60000 + b"\n")
    for client in clients:
        reply = client.line()
        assert reply in (b"ERROR request_timeout", b"ERROR acquire_timeout")
    assert gateway.rss() - before < 6 * MB


@pytest.mark.parametrize("mode", ["command", "request"])
def test_frame_too_long(fairlead, connect, line_server, mode):
    if mode == "command":
        service = fairlead(commands(max_frame="1KiB"), level="debug")
        address, lead = service.address("commands"), b"Echo: "
    else:
        service = fairlead(
            gateway_config(line_server(), listener={"max_frame": "1KiB"}),
            level="debug",
        )
        address, lead = service.address("gateway"), b"re "
    other = connect(address)
    client = connect(address)
    assert client.ask(b"x" * 1023) == lead + b"x" * 1023  # 1 KiB with its LF
    client.send(b"before\n" + b"x" * 1024 + b"\nafter\n")
    assert client.rest() == (
        lead + b"before\n" + b"ERROR frame_too_long\n"
    )
    client.close()
    assert other.ask(b"hello") == lead + b"hello"
    service.wait_log(r"client .*frame_too_long")
    _, totals = service.stop()
    assert totals["clients_closed{frame_too_long}"] == 1


def test_binary_rubbish(fairlead, connect):
    service = fairlead(commands(max_frame="1KiB"))
    other = connect(service.address("commands"))
    rubbish = bytes(byte for byte in range(256) if byte != 10)
    client = connect(service.address("commands"))
    client.send(rubbish * 100)
    assert client.rest() == b"ERROR frame_too_long\n"
    client = connect(service.address("commands"))
    client.send((rubbish + b"\n") * 10)
    assert client.lines(10) == [b"ERROR not_text"] * 10
    assert other.ask(b"PING") == b"PONG"
    client.close()
    _, totals = service.stop()
    assert totals["requests_failed{not_text}"] == 10


def test_a_talker_still_reads_why_it_was_closed(fairlead, connect):
    """Bytes that arrive after the fault must not turn the close into a reset
    that destroys the error line."""
    service = fairlead(commands(max_frame="1KiB"))
    for _ in range(10):
        client = connect(service.address("commands"))
        stop = threading.Event()

        def talk(sock=client.socket, stop=stop):
            try:
                while not stop.is_set():
                    sock.sendall(b"x" * 10000)
            except OSError:
                pass

        thread = threading.Thread(target=talk)
        thread.start()
        time.sleep(0.02)  # the error line is there, and so are more bytes
        try:
            assert client.line() == b"ERROR frame_too_long"
            assert client.line() is None
        finally:
            stop.set()
            client.socket.shutdown(2)
            thread.join()
        client.close()
    assert connect(service.address("commands")).ask(b"PING") == b"PONG"
    _, totals = service.stop()
    assert totals["clients_closed{frame_too_long}"] == 10


def test_a_lingering_close_ends(fairlead, connect):
    """A peer that never ends its side does not hold its place for ever."""
    service = fairlead(
        commands(max_frame="1KiB", write_timeout="500ms",
                 idle_timeout="500ms")
    )
    client = connect(service.address("commands"))
    client.send(b"x" * 5000)
    assert client.rest() == b"ERROR frame_too_long\n"

    def alone():
        other = connect(service.address("commands"))
        with other:
            return other.ask(b"STATUS") == b"Connected clients: 1"

    wait_until(alone, "its place is given back")
