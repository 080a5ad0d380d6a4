"""Several servers of one upstream."""

import json
import re
import threading
from pathlib import Path

from harness import SLOW, LineServer, at, gateway_config, wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/balance.json"


def tagged(tag, delay=0.0):
    def behaviour(peer):
        for line in peer.lines():
            if delay:
                peer.wait(delay)
            peer.send(tag + b" " + line + b"\n")

    return behaviour


def test_round_robin(fairlead, line_server, connect):
    servers = [line_server(tagged(tag)) for tag in (b"a", b"b", b"c")]
    gateway = fairlead(
        gateway_config(
            *servers, balance="round_robin",
            pool={"min_size": 3, "max_size": 3},
        )
    )
    wait_until(
        lambda: [server.open() for server in servers] == [1, 1, 1],
        "one connection to each",
    )
    client = connect(gateway.address("gateway"))
    for number in range(300):
        assert client.ask(b"%d" % number)[2:] == b"%d" % number
    shares = [len(server.requests) for server in servers]
    assert sum(shares) == 300
    assert min(shares) >= 95, shares


def test_least_in_flight(fairlead, line_server, connect):
    """One server holds a request: all others go to the other one, though
    both have connections with room."""
    release = threading.Event()

    def holds(peer):
        for line in peer.lines():
            if line == b"hold":
                release.wait(20 * SLOW)
            peer.send(b"re " + line + b"\n")

    servers = [line_server(holds), line_server(holds)]
    gateway = fairlead(
        gateway_config(
            *servers, balance="least_in_flight", request_timeout="1m",
            pool={"min_size": 4, "max_size": 4},
        )
    )
    wait_until(
        lambda: [server.open() for server in servers] == [2, 2],
        "two connections to each",
    )
    first = connect(gateway.address("gateway"))
    first.send(b"hold\n")
    wait_until(
        lambda: any(server.requests for server in servers), "it is held"
    )
    second = connect(gateway.address("gateway"))
    for number in range(40):
        assert second.ask(b"%d" % number) == b"re %d" % number
    assert sorted(len(server.requests) for server in servers) == [1, 40]
    release.set()
    assert first.line() == b"re hold"


def test_one_of_two_servers_dies(fairlead, line_server, connect):
    release = threading.Event()

    def held(peer):
        for _ in peer.lines():
            release.wait(20 * SLOW)
            return

    dying = LineServer(held)
    living = line_server(tagged(b"l", 0.01))
    gateway = fairlead(
        gateway_config(
            dying, living, balance="round_robin",
            backoff={"initial": "10ms", "max": "50ms"},
            pool={"min_size": 4, "max_size": 4},
            request_timeout="30s",
        )
    )
    wait_until(
        lambda: (dying.open(), living.open()) == (2, 2), "two to each"
    )
    clients = [connect(gateway.address("gateway")) for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(b"%d\n" % number)
    wait_until(lambda: len(dying.requests) == 2, "two are in flight there")
    wait_until(lambda: len(living.requests) == 18, "the others go on")
    dying.refuse()
    release.set()
    replies = [client.line() for client in clients]
    errors = [reply for reply in replies if reply.startswith(b"ERROR ")]
    assert len(errors) == 2
    assert set(errors) <= {b"ERROR upstream_closed", b"ERROR upstream_reset"}
    for number, reply in enumerate(replies):
        if reply not in errors:
            assert reply == b"l %d" % number
    dying.stop()
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(b"%d %d\n" % (turn, number))
        for number, client in enumerate(clients):
            assert client.line() == b"l %d %d" % (turn, number)
    assert len(dying.requests) == 2, "sent once only"
    wait_until(lambda: living.open() == 4, "the pool is full of the living")
    assert living.peak == 4
    gateway.wait_log(r" upstream .*" + str(dying.address[1]))


def test_the_dead_server_is_used_again(fairlead, line_server, connect):
    first, second = LineServer(tagged(b"1")), line_server(tagged(b"2"))
    gateway = fairlead(
        gateway_config(
            first, second, balance="round_robin",
            backoff={"initial": "10ms", "max": "50ms"},
            pool={"min_size": 0, "max_size": 2, "idle_timeout": "20ms"},
        )
    )
    client = connect(gateway.address("gateway"))

    def wait_both(what):
        others = [connect(gateway.address("gateway")) for _ in range(8)]

        def burst():
            for each in others:
                each.send(b"x\n")
            return {each.line()[:1] for each in others} == {b"1", b"2"}

        wait_until(burst, what)

    wait_both("both are used")
    first.stop()
    wait_until(
        lambda: {client.ask(b"x") for _ in range(20)} == {b"2 x"},
        "only the second is used",
    )
    line_server(tagged(b"1"), address=first.address)
    wait_both("both are used again")


def test_each_address_has_a_server(fairlead, line_server, connect):
    """The example: the same one for all connections of an address; only those
    of a server that goes have another, and they come back with it."""
    tags = [b"a", b"b", b"c"]
    servers = [LineServer(tagged(tag)) for tag in tags]
    try:
        text = re.sub(r"^\s*//.*$", "", EXAMPLE.read_text(), flags=re.M)
        config = json.loads(text)
        config["listeners"][0]["listen"] = ["127.0.0.1:0"]
        upstream = config["upstreams"][0]
        upstream["servers"] = [at(server.address) for server in servers]
        upstream["backoff"] = {"initial": "10ms", "max": "50ms"}
        gateway = fairlead(config)

        def of(host):
            with connect(gateway.address("caches"), source=host) as client:
                replies = {client.ask(b"x")[:1] for _ in range(3)}
            return b"".join(sorted(replies))

        hosts = [f"127.0.0.{i}" for i in range(1, 41)]
        first = {host: of(host) for host in hosts}
        assert set(first.values()) == set(tags)
        assert {host: of(host) for host in hosts} == first

        servers[1].stop()
        gateway.wait_log(rf"{at(servers[1].address)}.*peer_closed|"
                         rf"{at(servers[1].address)} is down")
        without = {host: of(host) for host in hosts}
        for host in hosts:
            if first[host] == b"b":
                assert without[host] != b"b"
            else:
                assert without[host] == first[host]

        servers[1] = LineServer(tagged(b"b"), address=servers[1].address)
        wait_until(
            lambda: {host: of(host) for host in hosts} == first,
            "its clients are back",
        )
    finally:
        for server in servers:
            server.stop()
