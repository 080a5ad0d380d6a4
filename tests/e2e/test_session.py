"""Session listeners: a client has an upstream connection to itself."""

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from harness import SLOW, free_port, upstream, wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "config/examples"
RESET = {"send": "RESET\n", "expect": "+RESET\n"}
RAW = {"type": "raw"}


def config(server, listener=None, **more):
    return {
        "listeners": [
            {"name": "s", "listen": ["127.0.0.1:0"], "mode": "session",
             "upstream": "u", **(listener or {})}
        ],
        "upstreams": [upstream(server, **more)],
    }


def remembers(peer):
    """Answers with all that was said on the connection since the reset."""
    said = []
    for line in peer.lines():
        if line == b"RESET":
            said.clear()
            peer.send(b"+RESET\n")
        else:
            said.append(line)
            peer.send(b" ".join(said) + b"\n")


def test_a_client_keeps_its_connection(fairlead, line_server, connect):
    server = line_server(remembers)
    service = fairlead(config(server))
    first = connect(service.address("s"))
    second = connect(service.address("s"))
    assert first.ask(b"a") == b"a"
    assert second.ask(b"x") == b"x"
    assert first.ask(b"b") == b"a b"
    assert second.ask(b"y") == b"x y"
    first.close()
    third = connect(service.address("s"))
    assert third.ask(b"n") == b"n"
    assert server.accepted == 3
    third.close()
    second.close()
    status, totals = service.stop()
    assert status == 0
    assert totals["clients_closed{peer_closed}"] == 3


@pytest.mark.parametrize("framing", [{"type": "line"}, RAW])
def test_a_reset_connection_is_used_again(
    fairlead, line_server, connect, framing
):
    server = line_server(remembers)
    service = fairlead(
        config(server, framing=framing, reset=RESET, pool={"max_size": 1})
    )
    for i in range(20):
        client = connect(service.address("s"))
        assert client.ask(b"a%d" % i) == b"a%d" % i
        assert client.ask(b"b") == b"a%d b" % i
        client.close()
    wait_until(lambda: server.received().count(b"RESET") == 20, "20 resets")
    assert server.accepted == 1
    status, totals = service.stop()
    assert status == 0
    assert totals["upstream_connects"] == 1
    assert totals["clients_closed{peer_closed}"] == 20


def test_many_clients_share_two_connections_without_crosstalk(
    fairlead, line_server, connect
):
    server = line_server(remembers)
    service = fairlead(
        config(server, reset=RESET,
               pool={"max_size": 2, "acquire_timeout": "1m"})
    )
    faults = []

    def use(number):
        for turn in range(10):
            client = connect(service.address("s"), timeout=60 * SLOW)
            said = []
            for word in range(3):
                said.append(b"%d.%d.%d" % (number, turn, word))
                if client.ask(said[-1]) != b" ".join(said):
                    faults.append(said)
            if turn % 3 == 0:
                client.reset()
            else:
                client.close()

    users = [threading.Thread(target=use, args=(i,)) for i in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not faults
    assert server.peak <= 2
    assert server.accepted == 2


def fails_to_reset(peer):
    for line in peer.lines():
        peer.send(b"-ERR\n" if line == b"RESET" else b"re " + line + b"\n")


def test_a_reset_that_fails_closes(fairlead, line_server, connect):
    server = line_server(fails_to_reset)
    service = fairlead(config(server, reset=RESET))
    for i in range(3):
        client = connect(service.address("s"))
        assert client.ask(b"a") == b"re a"
        client.close()
        service.wait_log("reset_failed", i + 1)
    assert server.accepted == 3
    _, totals = service.stop()
    assert totals["upstream_closed{reset_failed}"] == 3


def test_max_size_is_shared_in_turn(fairlead, line_server, connect):
    server = line_server(remembers)
    service = fairlead(config(server, pool={"max_size": 1}))
    clients = [connect(service.address("s")) for _ in range(4)]
    assert clients[0].ask(b"0") == b"0"
    order = [2, 1, 3]
    waiting = 0
    for i in order:
        clients[i].send(b"%d\n" % i)
        waiting += 1
        # Ask something else of the same loop, so that the byte was seen.
        assert clients[0].ask(b"more")
    for previous, i in zip([0, *order], order):
        clients[previous].close()
        assert clients[i].line() == b"%d" % i
    assert server.peak == 1


def test_who_holds_in_silence_gives_way(fairlead, line_server, connect):
    server = line_server(remembers)
    service = fairlead(
        config(server, reset=RESET,
               pool={"max_size": 1, "hold_timeout": "200ms",
                     "acquire_timeout": "1m"})
    )
    first = connect(service.address("s"))
    assert first.ask(b"a") == b"a"
    second = connect(service.address("s"), timeout=30 * SLOW)
    assert second.ask(b"b") == b"b"
    assert first.rest() == b""
    assert server.accepted == 1
    service.wait_log("hold_timeout")


def test_a_frame_that_is_too_long_ends_the_session(
    fairlead, line_server, connect
):
    server = line_server(remembers)
    service = fairlead(config(server, listener={"max_frame": "64B"}))
    client = connect(service.address("s"))
    assert client.ask(b"good") == b"good"
    client.send(b"x" * 100)
    assert client.rest() == b""
    service.wait_log("frame_too_long")
    assert server.received() == [b"good"]


def test_a_reply_that_is_too_long_ends_the_session(
    fairlead, line_server, connect
):
    server = line_server(lambda peer: peer.send(b"ok\n" + b"x" * 100))
    service = fairlead(config(server, max_frame="64B"))
    client = connect(service.address("s"))
    client.send(b"a\n")
    assert client.rest() == b"ok\n"
    service.wait_log("reply_too_long")


def test_a_half_closed_client_gets_all_replies(
    fairlead, line_server, connect
):
    server = line_server(remembers)
    service = fairlead(config(server, reset=RESET))
    client = connect(service.address("s"))
    client.send(b"a\nb\nc\n")
    client.shutdown()
    assert client.rest() == b"a\na b\na b c\n"
    wait_until(lambda: b"RESET" in server.received(), "the reset")
    assert server.accepted == 1


def test_a_session_ends_a_stop(fairlead, line_server, connect):
    server = line_server(remembers)
    service = fairlead(config(server))
    silent = connect(service.address("s"))
    client = connect(service.address("s"))
    assert client.ask(b"a") == b"a"
    service.kill()
    assert silent.rest() == b""
    assert client.ask(b"b") == b"a b"
    client.close()
    assert service.join() == 0


def test_spare_connections_of_a_relay(fairlead, line_server, connect):
    """A client of a relay gets one that stands, and its greeting."""
    server = line_server(
        lambda peer: (peer.send(b"hi %d\n" % peer.number), remembers(peer))
    )
    service = fairlead({
        "workers": 1,
        "listeners": [{"name": "s", "listen": ["127.0.0.1:0"],
                       "mode": "relay", "upstream": "u"}],
        "upstreams": [upstream(server, pool={"min_size": 2, "max_size": 3})],
    })
    wait_until(lambda: server.accepted == 2, "two spare connections")
    clients = [connect(service.address("s")) for _ in range(3)]
    greetings = {client.line() for client in clients}
    assert greetings == {b"hi 0", b"hi 1", b"hi 2"}
    assert server.peak == 3
    clients[0].close()
    wait_until(lambda: server.accepted == 4, "a spare in its place")
    assert server.peak == 3


# The example.


def example(server):
    text = (EXAMPLES / "session.json").read_text()
    parsed = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    parsed["listeners"][0]["listen"] = ["127.0.0.1:0"]
    parsed["upstreams"][0]["servers"] = [server]
    return parsed


def test_the_example_is_right_as_it_stands(run_program):
    done = run_program("check", "--config", EXAMPLES / "session.json")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    not shutil.which("redis-server"), reason="redis-server is not installed"
)
def test_the_example_with_redis(fairlead, connect, tmp_path):
    host, port = free_port()
    redis = subprocess.Popen(
        ["redis-server", "--bind", host, "--port", str(port), "--save", "",
         "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        service = fairlead(example(f"{host}:{port}"))
        # Connections are opened, with backoff, until it listens.
        client = connect(service.address("redis"), timeout=30 * SLOW)
        for command in (b"SELECT 3", b"SET key three", b"MULTI"):
            assert client.ask(command).strip() == b"+OK"
        client.close()
        for _ in range(2):  # whichever connection it gets
            client = connect(service.address("redis"))
            assert client.ask(b"EXISTS key").strip() == b":0"
            client.close()
        info = connect((host, port))
        info.send(b"INFO stats\r\n")
        while b"total_connections_received" not in (line := info.line()):
            pass
        # Two at most for three clients, and this one.
        assert int(line.split(b":")[1]) <= 3
    finally:
        redis.terminate()
        redis.wait()
