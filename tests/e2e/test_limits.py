"""Many clients, few descriptors, exact limits."""

import selectors
import socket
import time

import pytest

from harness import (
    RESET,
    SLOW,
    LineClient,
    command_listener,
    gateway_config,
    request_listener,
    sanitizer,
    upstream,
    wait_until,
)


class Crowd:
    """Many clients that each sent one line and wait for its answer."""

    def __init__(self, address, count, line=b"PING\n"):
        self.selector = selectors.DefaultSelector()
        self.waiting = set()
        self.served = []
        self.dropped = []
        for _ in range(count):
            client = socket.create_connection(address, 10 * SLOW)
            client.sendall(line)
            client.setblocking(False)
            self.waiting.add(client)
            self.selector.register(client, selectors.EVENT_READ)

    def look(self, seconds=0.0):
        """Takes answers that are there; returns how many are served."""
        for key, _ in self.selector.select(seconds):
            client = key.fileobj
            try:
                data = client.recv(100)
            except ConnectionResetError:
                data = b""
            self.waiting.discard(client)
            self.selector.unregister(client)
            (self.served if data else self.dropped).append(client)
        assert not self.dropped, "accepted and dropped"
        return len(self.served)

    def settle(self):
        """Looks until nothing more happens for a while."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 0.5 * SLOW:
            if self.look(0.05) != last:
                last, since = len(self.served), time.monotonic()
        return last

    def leave(self, count):
        for client in self.served[:count]:
            client.close()
        del self.served[:count]

    def close(self):
        for client in [*self.waiting, *self.served]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        self.selector.close()


@pytest.fixture
def crowd():
    made = []

    def make(*arguments):
        made.append(Crowd(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_descriptors_used_up(fairlead, line_server, connect, crowd):
    program = fairlead(
        {
            "workers": 2,
            "listeners": [command_listener(), request_listener()],
            "upstreams": [upstream(line_server(), pool={"max_size": 4})],
        },
        nofile=256,
    )
    early = connect(program.address("gateway"))
    assert early.ask(b"one") == b"re one"
    many = crowd(program.address("commands"), 400)
    served = many.settle()
    assert 100 < served < 256, "the limit is met, and most of it is used"
    begin, used = time.monotonic(), program.cpu()
    time.sleep(1)
    busy = (program.cpu() - used) / (time.monotonic() - begin)
    assert busy < 0.2, "spinning"
    assert many.look() == served
    # Existing clients are served, all of them.
    for client in many.served:
        client.setblocking(True)
        client.settimeout(10 * SLOW)
        client.sendall(b"hello\n")
    for client in many.served:
        assert client.recv(100) == b"Echo: hello\n"
    told = program.grep(r"(?i) (warning|error) .*descriptor")
    assert len(told) == 1, told
    # As many as leave are let in, until all were served.
    left = 400
    while left > served:
        many.leave(50)
        left -= 50
        wait_until(
            lambda: many.look(0.05) >= min(served, left) - 2,
            "those that left are replaced",
        )
    wait_until(lambda: many.look(0.05) >= left, "all are served")
    assert early.ask(b"two") == b"re two"
    _, totals = program.stop()
    assert totals["clients_opened"] == 401
    assert totals["requests"] == 400 + served + 2


def test_the_reserve_is_for_upstreams(fairlead, line_server, connect, crowd):
    """With clients waiting for descriptors, the pool still grows."""
    server = line_server(slow_answer)
    program = fairlead(
        {
            "workers": 2,
            "listeners": [command_listener(), request_listener()],
            "upstreams": [upstream(server, pool={"max_size": 20})],
        },
        nofile=256,
    )
    clients = [connect(program.address("gateway")) for _ in range(20)]
    wait_until(
        lambda: sum(c.get("listener") == "gateway" for c in
                    program.state(connections=True)["connections"]) == 20,
        "all of them are accepted",
    )
    many = crowd(program.address("commands"), 300)
    assert many.settle() < 300
    for client in clients:
        client.send(b"hello\n")
    for client in clients:
        assert client.line() == b"re hello"
    assert server.peak == 20


def slow_answer(peer):
    for line in peer.lines():
        peer.wait(0.3)
        peer.send(b"re " + line + b"\n")


@pytest.mark.parametrize("mode", ["command", "request"])
def test_max_connections_is_exact(
    fairlead, line_server, connect, crowd, mode
):
    listener = {"max_connections": 50}
    config = (
        {"listeners": [command_listener("gateway", **listener)]}
        if mode == "command"
        else gateway_config(line_server(), listener=listener)
    )
    program = fairlead({"workers": 4, **config})
    many = crowd(program.address("gateway"), 120)
    assert many.settle() == 50
    many.leave(7)
    assert many.settle() == 50
    begin, used = time.monotonic(), program.cpu()
    time.sleep(0.5)
    assert (program.cpu() - used) / (time.monotonic() - begin) < 0.2
    if mode == "command":
        probe = many.served[0]
        probe.setblocking(True)
        probe.settimeout(10 * SLOW)
        probe.sendall(b"STATUS\n")
        assert probe.recv(100) == b"Connected clients: 50\n"
    while many.waiting:
        many.leave(10)
        wait_until(
            lambda: not many.waiting or many.look(0.02) >= 50,
            "the next are let in",
        )
        assert len(many.served) <= 50
    _, totals = program.stop()
    assert totals["clients_opened"] == 120


def test_a_thousand_silent_clients(fairlead, connect):
    program = fairlead({
        "workers": 2,
        "states": {"interval": "0s"},  # opens descriptors for a moment
        "listeners": [command_listener()],
    })
    address = program.address("commands")
    client = connect(address)
    for _ in range(4):  # what a worker opens for its first client is there
        with connect(address) as first:
            assert first.ask(b"PING") == b"PONG"
    wait_until(
        lambda: client.ask(b"STATUS") == b"Connected clients: 1",
        "only one is left",
    )
    descriptors, memory = program.descriptors(), program.rss()
    silent = [LineClient(address) for _ in range(1000)]
    wait_until(
        lambda: client.ask(b"STATUS") == b"Connected clients: 1001",
        "all are in",
    )
    for number in range(200):
        assert client.ask(b"%d" % number) == b"Echo: %d" % number
    assert program.descriptors() == descriptors + 1000
    if not sanitizer():
        assert program.rss() - memory < 1000 * 2048
    for number, each in enumerate(silent):
        if number % 2:
            each.reset()
        else:
            each.close()
    wait_until(
        lambda: client.ask(b"STATUS") == b"Connected clients: 1",
        "all have left",
    )
    wait_until(
        lambda: program.descriptors() == descriptors,
        "their descriptors are closed",
    )
    full = program.rss()
    # A second wave takes the memory that the first gave back.
    again = [LineClient(address) for _ in range(1000)]
    wait_until(
        lambda: client.ask(b"STATUS") == b"Connected clients: 1001",
        "all are in again",
    )
    assert program.rss() - full < 1000 * 1024 * (4 if sanitizer() else 1)
    for each in again:
        each.close()
