"""Many clients over few connections: pairing, limits, nothing repeated."""

import random
import threading

import pytest

from harness import (
    LineClient,
    at,
    command_listener,
    free_port,
    gateway_config,
    request_listener,
    upstream,
    wait_until,
)


def test_the_shipped_shape(fairlead, connect):
    """A command listener and a gateway to it in one process."""
    place = free_port()
    both = fairlead(
        {
            "listeners": [
                command_listener(listen=at(place)),
                request_listener(upstream="commands"),
            ],
            "upstreams": [
                upstream(place, name="commands",
                         pool={"min_size": 2, "max_size": 10})
            ],
        }
    )
    direct = connect(both.address("commands"))
    wait_until(
        lambda: direct.ask(b"STATUS") == b"Connected clients: 3",
        "the pool of two stands",
    )
    client = connect(both.address("gateway"))
    client.send(b"PING\nhello\r\nSTATUS\n")
    assert client.lines(3) == [b"PONG", b"Echo: hello", b"Connected clients: 3"]
    direct.close()
    wait_until(
        lambda: client.ask(b"STATUS") == b"Connected clients: 2",
        "STATUS counts the pool's two connections",
    )
    client.close()
    status, totals = both.stop()
    assert status == 0
    assert not [name for name in totals if name.startswith("requests_failed")]


def test_inline_upstream(fairlead, line_server, connect):
    server = line_server()
    gateway = fairlead(
        {"listeners": [request_listener(upstream=at(server.address))]}
    )
    client = connect(gateway.address("gateway"))
    assert client.ask(b"hello") == b"re hello"


def test_max_size_is_hard_and_min_size_is_kept(fairlead, line_server, connect):
    server = line_server()
    gateway = fairlead(
        gateway_config(
            server,
            pool={"min_size": 2, "max_size": 10, "idle_timeout": "1s"},
        )
    )
    wait_until(lambda: server.open() == 2, "min_size connections stand")
    clients = [connect(gateway.address("gateway")) for _ in range(100)]
    for turn in range(20):
        for number, client in enumerate(clients):
            client.send(b"%d %d\n" % (turn, number))
        for number, client in enumerate(clients):
            assert client.line() == b"re %d %d" % (turn, number)
    assert server.peak == 10
    wait_until(lambda: server.open() == 2, "the others were let go when idle")
    for client in clients:
        client.close()
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 2000
    assert totals["upstream_closed{pool_idle}"] == 8
    assert server.peak == 10


def test_frames_pass_byte_for_byte(fairlead, line_server, connect):
    server = line_server()
    gateway = fairlead(gateway_config(server))
    client = connect(gateway.address("gateway"))
    for line in (b"with cr\r", b" spaces ", b"", b"\xff\x01\x00rubbish",
                 b"x" * 60000):
        assert client.ask(line) == b"re " + line
    assert client.quiet()


def test_requests_of_one_client_run_in_order(fairlead, line_server, connect):
    server = line_server()
    gateway = fairlead(
        gateway_config(server, in_flight=4, pool={"max_size": 4})
    )
    clients = [connect(gateway.address("gateway")) for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(b"".join(b"%d %d\n" % (number, i) for i in range(300)))
    for number, client in enumerate(clients):
        assert client.lines(300) == [
            b"re %d %d" % (number, i) for i in range(300)
        ]
    for number in range(10):
        mine = [line for line in server.received()
                if line.startswith(b"%d " % number)]
        assert mine == [b"%d %d" % (number, i) for i in range(300)]


def test_half_close_still_gets_its_replies(fairlead, line_server, connect):
    def slow(peer):
        for line in peer.lines():
            peer.wait(0.02)
            peer.send(b"re " + line + b"\n")

    gateway = fairlead(gateway_config(line_server(slow)))
    client = connect(gateway.address("gateway"))
    client.send(b"1\n2\n3\nunterminated")
    client.shutdown()
    assert client.rest() == b"re 1\nre 2\nre 3\n"


def test_a_client_that_leaves_does_not_leak_its_reply(
    fairlead, line_server, connect
):
    """Its reply is taken off the wire; the next client gets its own."""
    release = threading.Event()

    def held(peer):
        for line in peer.lines():
            if line == b"held":
                release.wait(10)
            peer.send(b"re " + line + b"\n")

    server = line_server(held)
    gateway = fairlead(gateway_config(server, pool={"max_size": 1}))
    first = connect(gateway.address("gateway"))
    first.send(b"held\n")
    wait_until(lambda: server.requests, "the request arrived")
    first.reset()
    second = connect(gateway.address("gateway"))
    second.send(b"mine\n")
    release.set()
    assert second.line() == b"re mine"
    second.close()
    _, totals = gateway.stop()
    assert totals["replies_dropped"] == 1
    assert totals["upstream_connects"] == 1


class Hostile:
    """A line server with bad manners, drawn from a seeded generator."""

    KINDS = [
        "missing", "twice", "twice split", "close", "close mid-reply",
        "reset", "reset mid-reply", "rubbish", "too long", "late",
    ]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.served = {kind: 0 for kind in self.KINDS}

    def choose(self):
        with self.lock:
            if self.random.random() > 0.15:
                return self.random.choice(["plain", "plain", "split"]), 0.5
            kind = self.random.choice(self.KINDS)
            self.served[kind] += 1
            return kind, self.random.random()

    def __call__(self, peer):
        for line in peer.lines():
            kind, part = self.choose()
            reply = b"re " + line + b"\n"
            cut = 1 + int(part * (len(reply) - 2))
            if kind == "plain":
                peer.send(reply)
            elif kind == "split":
                peer.send(reply[:cut])
                peer.wait(0.001)
                peer.send(reply[cut:])
            elif kind == "missing":
                pass  # and further ones are answered
            elif kind == "late":
                peer.wait(0.4)  # past request_timeout
                peer.send(reply)
            elif kind == "twice":
                peer.send(reply + reply)
            elif kind == "twice split":
                peer.send(reply + reply[:cut])
            elif kind == "close":
                return
            elif kind == "close mid-reply":
                peer.send(reply[:cut])
                return
            elif kind == "reset":
                peer.reset()
                return
            elif kind == "reset mid-reply":
                peer.send(reply[:cut])
                peer.reset()
                return
            elif kind == "rubbish":
                peer.send(bytes([0, 255, 13]) * 20)  # never a line
            elif kind == "too long":
                peer.send(b"z" * 5000)


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_server_against_twenty_clients(fairlead, line_server, seed):
    """Each request gets its own reply or an error, in order."""
    hostile = Hostile(seed)
    server = line_server(hostile)
    gateway = fairlead(
        gateway_config(
            server,
            in_flight=1,
            max_frame="1KiB",
            pool={"min_size": 2, "max_size": 8},
            request_timeout="200ms",
            backoff={"initial": "1ms", "max": "5ms"},
        ),
    )
    results = [[] for _ in range(20)]

    def client(number):
        generator = random.Random(seed * 1000 + number)
        with LineClient(gateway.address("gateway")) as line:
            sent = 0
            while sent < 100:
                batch = min(generator.choice([1, 1, 1, 2, 5]), 100 - sent)
                tokens = [
                    b"%d-%d-%d" % (seed, number, sent + i)
                    for i in range(batch)
                ]
                sent += batch
                line.send(b"".join(token + b"\n" for token in tokens))
                results[number] += zip(tokens, line.lines(batch))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = [pair for result in results for pair in result]
    assert len(outcomes) == 2000
    good = [r for token, r in outcomes if r == b"re " + token]
    errors = [r for _, r in outcomes if r.startswith(b"ERROR ")]
    wrong = [
        (token, reply) for token, reply in outcomes
        if reply != b"re " + token and not reply.startswith(b"ERROR ")
    ]
    assert wrong == []
    assert len(good) > 1500
    assert len(errors) > 50
    assert server.peak <= 8
    assert min(hostile.served.values()) > 0
    names = {error.split()[1].decode() for error in errors}
    assert names <= {
        "request_timeout", "upstream_closed", "upstream_reset",
        "reply_too_long", "upstream_retired", "unexpected_data",
    }
    assert {"request_timeout", "upstream_closed", "upstream_reset",
            "reply_too_long"} <= names
    _, totals = gateway.stop()
    failed = sum(
        value for name, value in totals.items()
        if name.startswith("requests_failed{")
    )
    assert failed == len(errors)
    assert totals["requests"] == 2000
    assert totals["replies"] == 2000 - failed
    assert totals["upstream_closed{unexpected_data}"] > 0



def test_a_reply_in_the_same_write_as_a_second_one(
    fairlead, line_server, connect
):
    def twice(peer):
        for line in peer.lines():
            peer.send((b"re " + line + b"\n") * 2)

    server = line_server(twice)
    gateway = fairlead(gateway_config(server, pool={"max_size": 1}))
    clients = [connect(gateway.address("gateway")) for _ in range(5)]
    for turn in range(10):
        for number, client in enumerate(clients):
            client.send(b"%d %d\n" % (turn, number))
        for number, client in enumerate(clients):
            assert client.line() == b"re %d %d" % (turn, number)
    for client in clients:
        assert client.quiet()
    assert server.peak == 1
    _, totals = gateway.stop()
    assert totals["upstream_closed{unexpected_data}"] == 50


def test_a_reply_before_any_request(fairlead, line_server, connect):
    def greets(peer):
        peer.send(b"220 welcome\n")
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")

    def polite_later(peer):
        (greets if peer.number < 2 else polite)(peer)

    def polite(peer):
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")

    server = line_server(polite_later)
    gateway = fairlead(
        gateway_config(
            server, pool={"min_size": 2, "max_size": 2},
            backoff={"initial": "1ms", "max": "5ms"},
        )
    )
    wait_until(
        lambda: server.accepted >= 4 and server.open() == 2,
        "connections that talked first are replaced",
    )
    client = connect(gateway.address("gateway"))
    assert client.ask(b"hello") == b"re hello"
    _, totals = gateway.stop()
    assert totals["upstream_closed{unexpected_data}"] == 2


@pytest.mark.parametrize("how, reason", [
    ("close", b"upstream_closed"), ("reset", b"upstream_reset"),
])
def test_a_request_is_never_repeated(
    fairlead, line_server, connect, how, reason
):
    """The server reads a request and dies: once, with one error."""
    def dies(peer):
        for line in peer.lines():
            if line.startswith(b"die"):
                if how == "reset":
                    peer.reset()
                return
            peer.send(b"re " + line + b"\n")

    server = line_server(dies)
    gateway = fairlead(gateway_config(server, pool={"max_size": 2}))
    clients = [connect(gateway.address("gateway")) for _ in range(4)]
    for turn in range(10):
        for number, client in enumerate(clients):
            client.send(b"%s %d %d\n" % (
                b"die" if number % 2 else b"live", turn, number))
        for number, client in enumerate(clients):
            reply = client.line()
            if number % 2:
                assert reply == b"ERROR " + reason
            else:
                assert reply == b"re live %d %d" % (turn, number)
    received = server.received()
    assert len(received) == len(set(received)) == 40


def test_a_pooled_connection_that_the_server_closed_is_not_used(
    fairlead, line_server, connect
):
    """Closed while idle: the next request goes over another connection."""
    closing = threading.Event()

    def closes(peer):
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")
            if line == b"last":
                return

    server = line_server(closes)
    gateway = fairlead(
        gateway_config(server, pool={"min_size": 0, "max_size": 1})
    )
    client = connect(gateway.address("gateway"))
    for turn in range(30):
        assert client.ask(b"last") == b"re last"
        closing.wait(0.01)  # the FIN is there, and was seen
    assert server.accepted == 30
    assert len(server.requests) == 30
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 30


def test_a_close_that_crosses_a_request_never_doubles_it(
    fairlead, line_server, connect
):
    """Requests at once after a reply that the server closes behind: each is
    answered or gets an error, and none arrives twice."""
    def closes(peer):
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")
            if line.endswith(b"9"):
                return

    server = line_server(closes)
    gateway = fairlead(
        gateway_config(
            server, pool={"min_size": 0, "max_size": 2},
            backoff={"initial": "1ms", "max": "5ms"},
        )
    )
    client = connect(gateway.address("gateway"))
    tokens = [b"%d" % i for i in range(1000)]
    client.send(b"".join(token + b"\n" for token in tokens))
    replies = client.lines(1000)
    assert len(replies) == 1000
    for token, reply in zip(tokens, replies):
        assert reply in (
            b"re " + token, b"ERROR upstream_closed", b"ERROR upstream_reset",
        )
    received = server.received()
    assert len(received) == len(set(received))
    answered = {reply[3:] for reply in replies if reply.startswith(b"re ")}
    assert len(answered) >= 900
    assert answered <= set(received)
