"""Listeners that refuse connects while no server of their upstream is in."""

import errno
import json
import re
import signal
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from harness import (
    LineServer, at, free_port, gateway_config, relay_config, request_listener,
    upstream, wait_until,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/updown.json"
CLOSE = {"on_upstream_down": "close_listener"}
HEALTH = {"interval": "40ms", "rise": 1, "fall": 1}
BACKOFF = {"initial": "10ms", "max": "10ms"}


def echo(peer):
    for line in peer.lines():
        peer.send(b"re " + line + b"\n")


def refuses(address):
    """Whether a connect is refused, as a balancer's check would see it."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(10)
        return probe.connect_ex(address) == errno.ECONNREFUSED


def listens(address):
    return not refuses(address)


def state_of(gateway, name):
    return next(each["state"] for each in gateway.state()["listeners"]
                if each["name"] == name)


def test_the_example(fairlead, line_server, connect):
    """Both servers fall ill: the port refuses. One is well again: it opens."""
    ill = threading.Event()

    def behaviour(peer):
        for line in peer.lines():
            if line == b"PING":
                peer.send(b"ill\n" if ill.is_set() else b"PONG\n")
            else:
                peer.send(b"re " + line + b"\n")

    one, two = line_server(behaviour), line_server(behaviour)
    text = re.sub(r"^\s*//.*$", "", EXAMPLE.read_text(), flags=re.M)
    config = json.loads(text)
    config["listeners"][0]["listen"] = ["127.0.0.1:0"]
    config["upstreams"][0]["servers"] = [at(one.address), at(two.address)]
    config["upstreams"][0]["health"]["interval"] = "50ms"
    gateway = fairlead(config)
    front = gateway.address("front")
    wait_until(lambda: listens(front), "it opens")
    ill.set()
    gateway.wait_log(r"front: closed: no server of upstream pair is in")
    wait_until(lambda: refuses(front), "it is closed")
    ill.clear()
    gateway.wait_log(r"front: a server of upstream pair is in: opening")
    wait_until(lambda: listens(front), "it opens again")
    with connect(front) as client:
        assert client.ask(b"a") == b"re a"


@pytest.mark.parametrize("workers", [1, 2])
def test_down_and_up(fairlead, line_server, connect, workers):
    """The server ends and returns, several times, with clients connected: the
    same ports of all addresses refuse and serve; the clients stay; what is in
    TIME_WAIT does not keep the port."""
    server = line_server(echo)
    address = server.address
    gateway = fairlead({
        "workers": workers,
        **gateway_config(
            server,
            listener={**CLOSE, "listen": "127.0.0.1:0"},
            health=HEALTH, backoff=BACKOFF,
            pool={"max_size": 4}, workers=workers,
        ),
    } | {"listeners": [
        {**request_listener(**CLOSE), "listen": ["127.0.0.1:0", "[::1]:0"]},
    ]})
    both = gateway.addresses("gateway")
    assert len(both) == 2
    for each in both:
        wait_until(lambda each=each: listens(each), "it opens")
    stays = connect(both[0])
    assert stays.ask(b"a") == b"re a"
    for round_ in range(3):
        server.stop()
        gateway.wait_log(r"gateway: closed: no server", count=round_ + 1)
        for each in both:
            wait_until(lambda each=each: refuses(each), "it is closed")
        assert state_of(gateway, "gateway") == "closed"
        server = line_server(echo, address=address)
        for each in both:
            wait_until(lambda each=each: listens(each), "it opens again")
        assert state_of(gateway, "gateway") == "open"
        assert stays.ask(b"b%d" % round_) == b"re b%d" % round_
        for each in both:
            with connect(each) as client:
                assert client.ask(b"new") == b"re new"
    stays.close()
    totals = gateway.stop()[1]
    assert totals["listener_closed"] == 4  # at the start, too
    assert totals["listener_opened"] == 4
    assert totals["listener_rebinds_failed"] == 0


@pytest.mark.parametrize("word", ["drain", "eject"])
def test_taken_out_by_an_operator(
    fairlead, line_server, connect, run_program, word
):
    """The last server that is in is taken out by hand, and given back: so the
    port closes for as long, and no request of those inside is lost."""
    server, ill = line_server(echo), free_port()
    gateway = fairlead({"workers": 2, **gateway_config(
        server, ill, listener=CLOSE, health=HEALTH, backoff=BACKOFF)})
    address = gateway.address("gateway")
    wait_until(lambda: listens(address), "it opens")
    stays = connect(address)
    assert stays.ask(b"a") == b"re a"
    gateway.wait_log(r"is ejected")
    for verb, seen in ((word, refuses), ("restore", listens)):
        done = run_program(verb, at(server.address), "--config", gateway.path)
        assert done.returncode == 0, done.stderr
        wait_until(lambda seen=seen: seen(address), f"it is seen: {verb}")
    assert stays.ask(b"b") == b"re b"
    totals = gateway.stop()[1]
    assert totals["listener_closed"] == 2  # at the start, too
    assert totals["listener_opened"] == 2


def test_it_opens_only_when_a_server_has_answered(fairlead, line_server,
                                                  connect):
    """Started before its server: nobody is let in to be disappointed."""
    address = free_port()
    gateway = fairlead(relay_config(
        address, listener=CLOSE, health={**HEALTH, "fall": 100},
        backoff=BACKOFF,
    ))
    relay = gateway.address("relay")
    gateway.wait_log(r"relay: closed until a server of upstream u has answered")
    wait_until(lambda: refuses(relay), "it is closed")
    line_server(lambda peer: peer.send(b"hello\n"), address=address)
    wait_until(lambda: listens(relay), "it opens")
    with connect(relay) as client:
        assert client.line() == b"hello"
    assert not gateway.grep("ejected")


def test_a_port_taken_meanwhile(fairlead, line_server, connect):
    """Another program has the port when a server is back: said once, tried
    every second, counted, shown; and got in the end."""
    port = free_port()
    server = line_server(echo)
    gateway = fairlead(gateway_config(
        server, listener={**CLOSE, "listen": at(port)}, health=HEALTH,
        backoff=BACKOFF,
    ))
    wait_until(lambda: listens(port), "it opens")
    server.stop()
    wait_until(lambda: refuses(port), "it is closed")
    thief = socket.create_server(port)
    try:
        line_server(echo, address=server.address)
        gateway.wait_log(
            rf"cannot listen on {at(port)} again: "
            r"(WSAEADDRINUSE \(10048\): )?address already in use; "
            r"next attempt every second; stop the program")
        assert state_of(gateway, "gateway") == "opening"
    finally:
        thief.close()
    gateway.wait_log(rf"gateway: listening on {at(port)} again")
    with connect(port) as client:
        assert client.ask(b"a") == b"re a"
    assert state_of(gateway, "gateway") == "open"
    assert len(gateway.grep("cannot listen")) == 1
    assert gateway.stop()[1]["listener_rebinds_failed"] >= 1


def test_reload_while_closed(fairlead, line_server, connect):
    """A closed listener gets another address, moves to an upstream that is up,
    goes back, is told to keep open, and is removed."""
    down, up = free_port(), line_server(echo)
    port, more = free_port(), free_port()
    upstreams = [
        upstream(down, name="down", health=HEALTH, backoff=BACKOFF),
        upstream(up, name="up", health=HEALTH, backoff=BACKOFF),
    ]

    def config(*listeners):
        return {"listeners": list(listeners), "upstreams": upstreams,
                "workers": 2}

    def listener(listen, target, **keys):
        return {**request_listener(upstream=target, **keys),
                "listen": [at(each) for each in listen]}

    def reload(*listeners):
        gateway.write(config(*listeners))
        gateway.kill(signal.SIGHUP)
        reload.count += 1
        gateway.wait_log(r"generation \d+ is in effect", count=reload.count)

    other = request_listener("other", "up")
    reload.count = 0
    gateway = fairlead(config(listener([port], "down", **CLOSE), other))
    wait_until(lambda: refuses(port), "it is closed")
    reload(listener([port, more], "down", **CLOSE), other)
    wait_until(lambda: refuses(port) and refuses(more), "both are closed")
    reload(listener([port, more], "up", **CLOSE), other)
    for each in (port, more):
        wait_until(lambda each=each: listens(each), "the upstream is up")
        with connect(each) as client:
            assert client.ask(b"a") == b"re a"
    reload(listener([port, more], "down", **CLOSE), other)
    wait_until(lambda: refuses(port) and refuses(more), "both are closed")
    reload(listener([port, more], "down"), other)
    for each in (port, more):
        wait_until(lambda each=each: listens(each), "it is kept open")
    reload(listener([port, more], "down", **CLOSE), other)
    wait_until(lambda: refuses(port) and refuses(more), "both are closed")
    reload(other)
    assert refuses(port) and refuses(more)
    reload(listener([more], "down", **CLOSE), other)
    wait_until(lambda: refuses(more), "it is closed")
    assert gateway.stop()[0] == 0  # while closed


def test_readiness(fairlead):
    """/readyz tells a balancer the same."""
    down = free_port()
    gateway = fairlead({
        "admin": {"listen": "127.0.0.1:0"},
        **gateway_config(down, listener=CLOSE, health=HEALTH,
                         backoff=BACKOFF),
    })
    admin = gateway.wait_log(r"admin.listen: listening on (\S+)")[1]

    def ready():
        try:
            with urllib.request.urlopen(f"http://{admin}/readyz") as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    wait_until(lambda: ready() == 503, "it is not ready")
    server = LineServer(echo, address=down)
    try:
        wait_until(lambda: ready() == 200, "it is ready")
    finally:
        server.stop()
    wait_until(lambda: ready() == 503, "it is not ready again")


def test_health_is_needed(run_program):
    done = run_program("check", "--config", "config.json", config=gateway_config(
        "127.0.0.1:9", listener=CLOSE))
    assert done.returncode == 1
    assert "listeners[0].on_upstream_down" in done.stderr
    assert "health with an interval above 0 for the upstream" in done.stderr
