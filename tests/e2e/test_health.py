"""Health checks: ejected servers get no requests, and come back."""

import json
import re
import threading
from pathlib import Path

from harness import (
    LineServer, at, gateway_config, relay_config, wait_until,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/health.json"


def test_the_example(fairlead, line_server, connect):
    """One of the two falls ill: it answers what nobody expects. It gets no
    requests until it is well again."""
    ill = threading.Event()

    def behaviour(peer):
        for line in peer.lines():
            if line == b"PING":
                peer.send(b"ill\n" if ill.is_set() else b"PONG\n")
            else:
                peer.send(b"one\n")

    def other(peer):
        for line in peer.lines():
            peer.send(b"PONG\n" if line == b"PING" else b"two\n")

    one, two = line_server(behaviour), line_server(other)
    text = re.sub(r"^\s*//.*$", "", EXAMPLE.read_text(), flags=re.M)
    config = json.loads(text)
    config["listeners"][0]["listen"] = ["127.0.0.1:0"]
    upstream = config["upstreams"][0]
    upstream["servers"] = [at(one.address), at(two.address)]
    upstream["health"]["interval"] = "50ms"
    gateway = fairlead(config)
    with connect(gateway.address("front")) as client:
        wait_until(lambda: client.ask(b"who") == b"one", "one is used")
        wait_until(lambda: client.ask(b"who") == b"two", "two is used")
        ill.set()
        gateway.wait_log(rf"{at(one.address)} is ejected.*bad_answer")
        assert [client.ask(b"who") for _ in range(20)] == [b"two"] * 20
        ill.clear()
        gateway.wait_log(rf"{at(one.address)} has returned")
        wait_until(lambda: client.ask(b"who") == b"one", "one is used again")
    totals = gateway.stop()[1]
    assert totals["servers_ejected{bad_answer}"] == 1
    assert totals["servers_returned"] == 1


def test_sessions_of_servers_that_are_checked(fairlead, line_server, connect):
    """Checks are connects, with connections of their own; who refuses them
    gets no session until it is back, and sessions that are open go on."""
    def answering(name):
        def behaviour(peer):
            for line in peer.lines():
                peer.send(name + b" " + line + b"\n")
        return behaviour

    one, two = line_server(answering(b"one")), line_server(answering(b"two"))
    gateway = fairlead({
        "listeners": [{"name": "s", "listen": ["127.0.0.1:0"],
                       "mode": "session", "upstream": "u"}],
        "upstreams": [{
            "name": "u", "servers": [at(one.address), at(two.address)],
            "health": {"interval": "20ms", "rise": 2, "fall": 2}}]})

    def session():
        with connect(gateway.address("s")) as client:
            return client.ask(b"x").split()[0]

    held = [connect(gateway.address("s")) for _ in range(6)]
    names = [client.ask(b"x").split()[0] for client in held]
    assert set(names) == {b"one", b"two"}
    one.refuse()
    gateway.wait_log(rf"{at(one.address)} is ejected: connect_refused")
    assert [session() for _ in range(10)] == [b"two"] * 10
    for name, client in zip(names, held):
        assert client.ask(b"y") == name + b" y"
    back = line_server(answering(b"back"), address=one.address)
    gateway.wait_log(rf"{at(one.address)} has returned")
    wait_until(lambda: session() == b"back", "it is used again")
    for client in held:
        client.close()
    # What a check opens says nothing.
    for server in one, two, back:
        assert set(server.received()) <= {b"x", b"y"}
    assert gateway.stop()[1]["probes"] > 2


def test_a_device_with_one_place(fairlead, line_server, connect):
    """Checks, sign-ons, lifetimes, failures and restarts: the device never
    sees two connections at once."""
    def behaviour(peer):
        peer.send(b"220 hello\n")
        for line in peer.lines():
            if line == b"die":
                peer.reset()
                return
            peer.send(b"PONG\n" if line == b"PING" else b"re " + line + b"\n")

    device = line_server(behaviour)
    gateway = fairlead(gateway_config(
        device,
        on_connect=[{"expect": "220 "}],
        keepalive_request={"send": "PING", "interval": "7ms"},
        on_close="QUIT",
        health={"interval": "5ms", "send": "PING", "expect": "PONG"},
        backoff={"initial": "10ms", "max": "10ms"},
        pool={"min_size": 1, "max_size": 1, "max_lifetime": "60ms"},
    ))
    peak = 0
    for round_ in range(3):
        with connect(gateway.address("gateway")) as client:
            for i in range(20):
                assert client.ask(b"%d" % i) == b"re %d" % i
                assert client.ask(b"die").startswith(b"ERROR upstream_")
        address = device.address
        device.stop()
        peak = max(peak, device.peak)
        gateway.wait_log(r"is ejected", count=round_ + 1)
        device = line_server(behaviour, address=address)
        gateway.wait_log(r"has returned", count=round_ + 1)
    assert max(peak, device.peak) == 1


def test_relays(fairlead, line_server, connect):
    """A relay's checks are connects; clients go to the server that is in."""
    def named(name):
        def behaviour(peer):
            peer.send(name)
            peer.socket.recv(1)
        return behaviour

    one, two = line_server(named(b"one\n")), line_server(named(b"two\n"))
    gateway = fairlead(relay_config(
        one, two, balance="round_robin",
        health={"interval": "50ms", "rise": 1, "fall": 2},
    ))
    address = one.address
    one.stop()
    gateway.wait_log(rf"{at(address)} is ejected")
    for _ in range(4):
        with connect(gateway.address("relay")) as client:
            assert client.line() == b"two"
    again = LineServer(named(b"one\n"), address=address)
    try:
        gateway.wait_log(rf"{at(address)} has returned")

        def is_used():
            with connect(gateway.address("relay")) as client:
                return client.line() == b"one"

        wait_until(is_used, "the server that is back is used")
    finally:
        again.stop()
    assert gateway.stop()[1]["servers_returned"] == 1


def test_the_last_server_is_tried_all_the_same(fairlead, line_server, connect):
    """The check is wrong, the server works: clients notice nothing."""
    def behaviour(peer):
        for line in peer.lines():
            peer.send(b"?\n" if line == b"PING" else b"re " + line + b"\n")

    gateway = fairlead(gateway_config(
        line_server(behaviour),
        health={"interval": "20ms", "send": "PING", "expect": "PONG",
                "fall": 1},
        backoff={"initial": "10ms", "max": "10ms"},
    ))
    gateway.wait_log(r"is ejected.*no server is left")
    with connect(gateway.address("gateway")) as client:
        for i in range(20):
            assert client.ask(b"%d" % i) == b"re %d" % i
