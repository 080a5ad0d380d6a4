"""Servers that are away, silent or slow; who waits and for how long."""

import signal
import socket
import threading
import time

import pytest

from harness import (
    SLOW,
    LineServer,
    free_port,
    gateway_config,
    wait_until,
)

QUICK = {"initial": "10ms", "max": "100ms"}


def silent(peer):
    for _ in peer.lines():
        pass


class Gate:
    """A behaviour that answers once it was opened."""

    def __init__(self):
        self.opened = threading.Event()

    def __call__(self, peer):
        for line in peer.lines():
            while not self.opened.wait(0.05):
                if peer.server.stopping.is_set():
                    return
            peer.send(b"re " + line + b"\n")


def test_refused_then_back(fairlead, connect, line_server):
    place = free_port()
    gateway = fairlead(
        gateway_config(
            place, backoff=QUICK,
            pool={"min_size": 2, "max_size": 4, "acquire_timeout": "1s"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(10)]
    begin, used = time.monotonic(), gateway.cpu()
    for client in clients:
        client.send(b"hello\n")
    for client in clients:
        assert client.line() == b"ERROR acquire_timeout"
    assert time.monotonic() - begin >= 0.99
    time.sleep(0.5)  # nobody waits now; the pool still wants min_size
    busy = (gateway.cpu() - used) / (time.monotonic() - begin)
    assert busy < 0.25, "a busy loop"
    assert len(gateway.grep(r" upstream .*connect_refused|refused")) >= 1

    server = line_server(address=place)
    for client in clients:  # within acquire_timeout, that is 10 times max
        assert client.ask(b"again") == b"re again"
    assert server.peak <= 4
    _, totals = gateway.stop()
    assert totals["requests_failed{acquire_timeout}"] == 10
    # On average every 50 ms, and one attempt at a time.
    assert 3 <= totals["connects_failed{connect_refused}"] <= 1000 * SLOW


def test_a_waiting_request_is_served_when_the_server_returns(
    fairlead, connect, line_server
):
    place = free_port()
    gateway = fairlead(
        gateway_config(place, backoff=QUICK, pool={"acquire_timeout": "30s"})
    )
    clients = [connect(gateway.address("gateway")) for _ in range(5)]
    for client in clients:
        client.send(b"hello\n")
    # The first failure is told, the ones that follow are not.
    gateway.wait_log(r" upstream .*refused")
    line_server(address=place)
    for client in clients:
        assert client.line() == b"re hello"
    gateway.wait_log(r" upstream .*(up|back|again|works)")
    assert len(gateway.grep(r" upstream .*refused")) == 1


def test_down_and_up_again(fairlead, connect, line_server):
    """A server that was used goes away and comes back at the same place."""
    first = LineServer()
    gateway = fairlead(
        gateway_config(
            first, backoff=QUICK,
            pool={"min_size": 1, "max_size": 2, "acquire_timeout": "300ms"},
        )
    )
    client = connect(gateway.address("gateway"))
    assert client.ask(b"one") == b"re one"
    first.stop()
    wait_until(
        lambda: client.ask(b"two") == b"ERROR acquire_timeout",
        "requests fail while it is away",
    )
    line_server(address=first.address)
    wait_until(
        lambda: client.ask(b"three") == b"re three", "it is used again", 3
    )


def test_silent_server(fairlead, connect, line_server):
    server = line_server(silent)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="300ms",
            pool={"max_size": 3, "acquire_timeout": "20s"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(6)]
    begin = time.monotonic()
    for client in clients:
        client.send(b"hello\n")
    for client in clients:
        assert client.line() == b"ERROR request_timeout"
    assert time.monotonic() - begin >= 0.59  # two rounds of three
    assert len(server.requests) == 6
    assert server.peak <= 3
    _, totals = gateway.stop()
    assert totals["requests_failed{request_timeout}"] == 6
    assert totals["upstream_closed{request_timeout}"] == 6


def test_a_late_reply_goes_to_nobody(fairlead, connect, line_server):
    def late(peer):
        for line in peer.lines():
            if line.startswith(b"late"):
                peer.wait(0.9)
            peer.send(b"re " + line + b"\n")

    gateway = fairlead(
        gateway_config(
            line_server(late), request_timeout="400ms", pool={"max_size": 1}
        )
    )
    first = connect(gateway.address("gateway"))
    second = connect(gateway.address("gateway"))
    for turn in range(3):
        assert first.ask(b"late %d" % turn) == b"ERROR request_timeout"
        for i in range(20):
            assert second.ask(b"%d %d" % (turn, i)) == b"re %d %d" % (turn, i)
    time.sleep(0.6 * SLOW)  # the last of them has come, too
    assert first.quiet() and second.quiet()


def test_one_timeout_fails_what_is_in_flight_behind_it(
    fairlead, connect, line_server
):
    """Several in flight by order: nothing behind a lost reply can be paired."""
    server = line_server(silent)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="500ms", in_flight=4,
            pool={"max_size": 1},
        )
    )
    client = connect(gateway.address("gateway"))
    client.send(b"1\n2\n3\n4\n")
    replies = client.lines(4)
    assert replies[0] == b"ERROR request_timeout"
    assert set(replies[1:]) <= {
        b"ERROR request_timeout", b"ERROR upstream_retired",
    }
    assert server.received() == [b"1", b"2", b"3", b"4"]
    assert client.quiet()


def test_connect_that_gets_no_answer(fairlead, connect):
    """A full backlog drops SYNs: to a client that is a black hole."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        place = hole.getsockname()
        fillers = []
        for _ in range(20):
            filler = socket.socket()
            filler.settimeout(0.2)
            fillers.append(filler)
            try:
                filler.connect(place)
            except TimeoutError:
                break
        else:
            raise AssertionError("the backlog never fills")
        gateway = fairlead(
            gateway_config(
                place, connect_timeout="150ms", backoff=QUICK,
                pool={"max_size": 2, "acquire_timeout": "800ms"},
            )
        )
        client = connect(gateway.address("gateway"))
        begin, used = time.monotonic(), gateway.cpu()
        assert client.ask(b"hello") == b"ERROR acquire_timeout"
        elapsed = time.monotonic() - begin
        assert elapsed >= 0.79
        assert (gateway.cpu() - used) / elapsed < 0.25
        assert gateway.descriptors() < 40
        for filler in fillers:
            filler.close()
        _, totals = gateway.stop()
        assert totals["connects_failed{connect_timeout}"] >= 2
        assert totals["requests_failed{acquire_timeout}"] == 1


def test_unknown_name(fairlead, connect):
    gateway = fairlead(
        gateway_config(
            "nowhere.invalid:80", backoff=QUICK,
            pool={"acquire_timeout": "300ms"},
        )
    )
    client = connect(gateway.address("gateway"))
    assert client.ask(b"hello") == b"ERROR acquire_timeout"
    status, _ = gateway.stop()
    assert status == 0


def test_a_name(fairlead, connect, line_server):
    try:
        socket.getaddrinfo("localhost", 80)
    except OSError:
        pytest.skip("localhost has no address here (no /etc/hosts)")
    server = line_server()
    gateway = fairlead(gateway_config(f"localhost:{server.address[1]}"))
    client = connect(gateway.address("gateway"))
    assert client.ask(b"hello") == b"re hello"


def test_too_many_waiters(fairlead, connect, line_server):
    gate = Gate()
    server = line_server(gate)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="60s",
            pool={"max_size": 1, "max_waiters": 3, "acquire_timeout": "60s"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(4)]
    clients[0].send(b"0\n")
    wait_until(lambda: server.requests, "one is in flight")
    for number in (1, 2, 3):
        clients[number].send(b"%d\n" % number)
    extra = connect(gateway.address("gateway"))
    # The others' requests are on their way too: the first to be refused is
    # refused at once, whoever else is.
    wait_until(
        lambda: extra.ask(b"extra") == b"ERROR too_many_waiters",
        "the fifth is refused",
    )
    assert extra.ask(b"extra") == b"ERROR too_many_waiters"
    assert all(client.quiet() for client in clients)
    gate.opened.set()
    for number, client in enumerate(clients):
        assert client.line() == b"re %d" % number
    assert extra.ask(b"now") == b"re now"
    assert server.received() == [b"0", b"1", b"2", b"3", b"now"]


def test_acquire_timeout(fairlead, connect, line_server):
    gate = Gate()
    server = line_server(gate)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="60s",
            pool={"max_size": 1, "acquire_timeout": "300ms"},
        )
    )
    holder = connect(gateway.address("gateway"))
    holder.send(b"held\n")
    wait_until(lambda: server.requests, "one is in flight")
    waiters = [connect(gateway.address("gateway")) for _ in range(5)]
    begin = time.monotonic()
    for waiter in waiters:
        waiter.send(b"waits\n")
    for waiter in waiters:
        assert waiter.line() == b"ERROR acquire_timeout"
    assert time.monotonic() - begin >= 0.29
    assert holder.quiet()
    gate.opened.set()
    assert holder.line() == b"re held"
    assert server.received() == [b"held"]
    assert waiters[0].ask(b"now") == b"re now"


@pytest.mark.parametrize("in_flight", [1, 4])
def test_clients_take_turns(fairlead, connect, line_server, in_flight):
    """One pipelines 1,000 requests; singles are served in between."""
    def slow(peer):
        for line in peer.lines():
            time.sleep(0.001)
            peer.send(b"re " + line + b"\n")

    server = line_server(slow)
    gateway = fairlead(
        gateway_config(server, in_flight=in_flight, pool={"max_size": 1})
    )
    greedy = connect(gateway.address("gateway"))
    singles = [connect(gateway.address("gateway")) for _ in range(5)]
    greedy.send(b"".join(b"greedy %d\n" % i for i in range(1000)))
    wait_until(lambda: len(server.requests) > 20, "it is under way")
    for turn in range(3):
        before = len(server.requests)
        for number, client in enumerate(singles):
            client.send(b"single %d %d\n" % (turn, number))
        for number, client in enumerate(singles):
            assert client.line() == b"re single %d %d" % (turn, number)
        # Ten if turns are taken; the rest is what goes on meanwhile.
        assert len(server.requests) - before < 60 * SLOW
    assert len(server.requests) < 1000
    assert greedy.lines(1000) == [b"re greedy %d" % i for i in range(1000)]


def test_first_come_first_served(fairlead, connect, line_server):
    gate = Gate()
    server = line_server(gate)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="60s",
            pool={"max_size": 1, "acquire_timeout": "60s", "max_waiters": 50},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(20)]
    clients[0].send(b"0\n")
    wait_until(lambda: server.requests, "one is in flight")
    for number, client in enumerate(clients[1:], 1):
        client.send(b"%d\n" % number)
        wait_until(
            lambda: gateway.state()["upstreams"][0]["waiting"] == number,
            "they arrive in this order",
        )
    gate.opened.set()
    for number, client in enumerate(clients):
        assert client.line() == b"re %d" % number
    assert server.received() == [b"%d" % i for i in range(20)]


def test_reply_too_long(fairlead, connect, line_server):
    def long(peer):
        for line in peer.lines():
            peer.send(line * int(line) + b"\n")

    gateway = fairlead(gateway_config(line_server(long), max_frame="1KiB"))
    client = connect(gateway.address("gateway"))
    assert client.ask(b"1023") == b"ERROR reply_too_long"
    assert client.ask(b"0255") == b"0255" * 255  # 1021 with its end
    assert client.ask(b"5000") == b"ERROR reply_too_long"
    _, totals = gateway.stop()
    assert totals["upstream_closed{reply_too_long}"] == 2
    assert totals["requests_failed{reply_too_long}"] == 2


def test_a_stray_reply_among_many_requests(fairlead, line_server, connect):
    """A line lies in an idle connection's receive buffer before any request
    has left, and the requests of many clients arrive in the same poll."""
    peers = []

    def keep(peer):
        peers.append(peer)
        for line in peer.lines():
            if line.startswith(b"warm"):
                peer.send(b"re " + line + b"\n")

    server = line_server(keep)
    gateway = fairlead(
        {
            "workers": 1,
            "shutdown_timeout": "100ms",
            **gateway_config(server, pool={"min_size": 1, "max_size": 1}),
        }
    )
    clients = [connect(gateway.address("gateway")) for _ in range(60)]
    for number, client in enumerate(clients):
        assert client.ask(b"warm%d" % number) == b"re warm%d" % number
    gateway.kill(signal.SIGSTOP)
    wait_until(gateway.stopped, "it stands still")
    for number, client in enumerate(clients):
        client.send(b"ask%d\n" % number)
    peers[0].send(b"STRAY\n")
    gateway.kill(signal.SIGCONT)
    gateway.wait_log(r"unexpected_data")
    for client in clients:
        assert client.quiet()
