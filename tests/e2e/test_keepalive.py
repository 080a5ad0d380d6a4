"""Fairlead's own requests on idle connections, and how it takes its leave."""

import json
import re
import threading
from pathlib import Path

from harness import at, gateway_config, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/keepalive.json"

PING = {"send": "PING", "expect": "PONG", "interval": "50ms"}


def ponging(peer):
    for line in peer.lines():
        peer.send(b"PONG\n" if line == b"PING" else b"re " + line + b"\n")


def test_the_example(fairlead, line_server, connect):
    server = line_server(ponging)
    text = re.sub(r"^\s*//.*$", "", EXAMPLE.read_text(), flags=re.M)
    config = json.loads(text)
    config["listeners"][0]["listen"] = ["127.0.0.1:0"]
    upstream = config["upstreams"][0]
    upstream["servers"] = [at(server.address)]
    upstream["keepalive_request"]["interval"] = "50ms"
    gateway = fairlead(config)
    wait_until(lambda: server.received().count(b"PING") >= 3, "three PINGs")
    with connect(gateway.address("readers")) as client:
        assert client.ask(b"a") == b"re a"
    assert server.accepted == 1
    status, totals = gateway.stop()
    assert status == 0
    assert totals["requests"] == totals["replies"] == 1
    assert totals["own_requests"] >= 3
    assert totals["upstream_closed{shutdown}"] == 1
    wait_until(lambda: not server.peers, "the connection ended")
    assert server.received()[-1] == b"QUIT"


def test_a_connection_that_died_silently(fairlead, line_server, connect):
    """The first connection answers nothing any more after its first request,
    as if a firewall had forgotten it. A client that asks then gets its reply,
    once, from another connection."""
    def behaviour(peer):
        for line in peer.lines():
            if peer.number == 0 and len(server.received()) > 1:
                continue
            peer.send(b"PONG\n" if line == b"PING" else b"re " + line + b"\n")

    server = line_server(behaviour)
    gateway = fairlead(gateway_config(
        server,
        keepalive_request={"send": "PING", "expect": "PONG",
                           "interval": "1h"},
        request_timeout="200ms",
        pool={"max_size": 1, "validate_after": "20ms"},
    ))
    with connect(gateway.address("gateway")) as client:
        assert client.ask(b"a") == b"re a"
        threading.Event().wait(0.05)  # longer than validate_after
        assert client.ask(b"b") == b"re b"
    assert server.peak == 1
    assert [(0, b"a"), (0, b"PING"), (1, b"b")] == server.requests
    totals = gateway.stop()[1]
    assert totals["replies"] == 2
    assert totals["upstream_closed{request_timeout}"] == 1


def test_a_wrong_answer(fairlead, line_server):
    """Each connection answers wrongly and is replaced, one after another."""
    def behaviour(peer):
        for _ in peer.lines():
            peer.send(b"PONY\n")

    server = line_server(behaviour)
    gateway = fairlead(gateway_config(
        server,
        keepalive_request=PING,
        backoff={"initial": "20ms", "max": "20ms"},
        pool={"min_size": 1, "max_size": 1},
    ))
    wait_until(lambda: server.accepted >= 3, "connections were replaced")
    assert server.peak == 1
    assert gateway.grep(r"bad_answer")
    assert gateway.stop()[1]["upstream_closed{bad_answer}"] >= 2


def test_a_device_with_one_place(fairlead, line_server, connect):
    """Own requests, lifetimes and farewells: the device sees one connection at
    a time, and no request is lost."""
    server = line_server(ponging)
    gateway = fairlead(gateway_config(
        server,
        keepalive_request={**PING, "interval": "5ms"},
        on_close="QUIT",
        pool={"min_size": 1, "max_size": 1, "max_lifetime": "40ms",
              "validate_after": "1ms"},
    ))
    rounds = 0
    with connect(gateway.address("gateway")) as client:
        while server.accepted < 8:
            rounds += 1
            assert client.ask(b"%d" % rounds) == b"re %d" % rounds
    assert server.peak == 1
    received = server.received()
    asked = [line for line in received if line not in (b"PING", b"QUIT")]
    assert asked == [b"%d" % i for i in range(1, rounds + 1)]
    assert received.count(b"QUIT") >= 6
