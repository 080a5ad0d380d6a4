"""What is said on a new connection to a server before its first request."""

import json
import re
from pathlib import Path

import pytest

from harness import at, gateway_config, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/signon.json"


def instrument(peer):
    """Answers requests of who has signed on, and of nobody else."""
    peer.send(b"220 instrument\r\n")
    wanted = [(b"USER gateway", b"331 password\n"),
              (b"PASS secret", b"230 welcome\n")]
    for line in peer.lines():
        if wanted:
            expected, reply = wanted.pop(0)
            assert line == expected
            peer.send(reply)
        else:
            peer.send(b"re " + line + b"\n")


def test_the_example(fairlead, line_server, connect):
    server = line_server(instrument)
    text = re.sub(r"^\s*//.*$", "", EXAMPLE.read_text(), flags=re.M)
    config = json.loads(text)
    config["listeners"][0]["listen"] = ["127.0.0.1:0"]
    config["upstreams"][0]["servers"] = [at(server.address)]
    gateway = fairlead(config)
    for _ in range(3):
        with connect(gateway.address("readers")) as client:
            assert client.ask(b"*IDN?") == b"re *IDN?"
    assert server.accepted == 1  # signed on once, for all of them
    assert server.peak == 1


SIGN_ON = [{"expect": "220 "}, {"send": "USER gateway", "expect": "331"},
           {"send": "PASS secret", "expect": "230"}]


@pytest.mark.parametrize("greeting", [
    b"", b"421 too many\n", b"220 hello\nmore\n", b"2" * 3000,
], ids=["none", "wrong", "more", "endless"])
def test_a_wrong_greeting(fairlead, line_server, connect, greeting):
    """The first two connections are greeted wrongly: the device sees one at a
    time, and the client that waits gets its reply from the third."""

    def behaviour(peer):
        if peer.number < 2:
            peer.send(greeting)
            assert peer.socket.recv(1) == b""  # it said nothing
        else:
            instrument(peer)

    server = line_server(behaviour)
    gateway = fairlead(gateway_config(
        server,
        on_connect=SIGN_ON,
        max_frame="1KiB",
        connect_timeout="300ms",
        backoff={"initial": "20ms", "max": "20ms"},
        pool={"max_size": 1},
    ))
    with connect(gateway.address("gateway")) as client:
        assert client.ask(b"a") == b"re a"
    assert server.accepted == 3
    assert server.peak == 1
    assert gateway.grep(r"bad_greeting")
    totals = gateway.stop()[1]
    assert totals["upstream_closed{bad_greeting}"] == 2


def test_every_connection_signs_on_again(fairlead, line_server, connect):
    """Over lifetimes and restarts of the server, which takes one connection,
    no request is lost that the server did not lose."""
    server = line_server(instrument)
    gateway = fairlead(gateway_config(
        server,
        on_connect=SIGN_ON,
        reconnect_delay="5ms",
        backoff={"initial": "20ms", "max": "20ms"},
        pool={"min_size": 1, "max_size": 1, "max_lifetime": "50ms"},
    ))
    rounds = 0
    with connect(gateway.address("gateway")) as client:
        while server.accepted < 8:
            rounds += 1
            assert client.ask(b"%d" % rounds) == b"re %d" % rounds
        address = server.address
        server.stop()
        wait_until(lambda: gateway.grep(r"is down"), "it is down")
        server = line_server(instrument, address=address)
        assert client.ask(b"again") == b"re again"
    assert server.peak == 1
