"""How connections to a server begin, rest and end."""

import time

from harness import SLOW, gateway_config, wait_until


def test_a_device_with_one_place(fairlead, line_server, connect):
    """Connections end of age all the time, and the device never sees two."""
    server = line_server()
    gateway = fairlead(
        gateway_config(
            server,
            reconnect_delay="5ms",
            pool={"min_size": 1, "max_size": 1, "max_lifetime": "50ms"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(5)]
    rounds = 0
    while server.accepted < 10:
        rounds += 1
        for client in clients:
            client.send(b"%d\n" % rounds)
        for client in clients:
            assert client.line() == b"re %d" % rounds
    assert server.peak == 1
    assert gateway.stop()[0] == 0
    totals = gateway.totals()
    assert totals["requests"] == totals["replies"] == rounds * len(clients)
    assert totals["upstream_closed{max_lifetime}"] >= 9
    # Nothing was sent that had to be sent again.
    assert len(server.requests) == rounds * len(clients)


def test_a_late_repeat_within_the_gap(fairlead, line_server, connect):
    """The server repeats every reply 20 ms later, when the next request of
    another client would have left long ago."""

    def repeats(peer):
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")
            peer.wait(0.02)
            peer.send(b"re " + line + b"\n")

    server = line_server(repeats)
    gateway = fairlead(
        gateway_config(
            server,
            request_gap=f"{int(1000 * SLOW)}ms",
            pool={"max_size": 1, "acquire_timeout": "30s"},
        )
    )
    clients = [connect(gateway.address("gateway")) for _ in range(5)]
    for number, client in enumerate(clients):
        client.send(b"%d\n" % number)
    for number, client in enumerate(clients):
        assert client.line() == b"re %d" % number
    # The last repeat is on its way still.
    wait_until(
        lambda: gateway.grep(r"unexpected_data"), "a repeat was noticed"
    )
    assert gateway.stop()[0] == 0
    totals = gateway.totals()
    assert totals["upstream_closed{unexpected_data}"] >= 4


def test_settling(fairlead, line_server, connect):
    """A server that says something first is not asked anything."""
    early = []

    def greets(peer):
        peer.wait(0.05)
        peer.send(b"220 ready\n")
        early.extend(peer.lines())

    server = line_server(greets)
    gateway = fairlead(
        gateway_config(
            server,
            connect_settle=f"{int(1000 * SLOW)}ms",
            pool={"max_size": 1, "acquire_timeout": "1s"},
        )
    )
    begin = time.monotonic()
    client = connect(gateway.address("gateway"))
    assert client.ask(b"hello") == b"ERROR acquire_timeout"
    assert time.monotonic() - begin >= 0.9
    assert not early
    assert gateway.stop()[0] == 0
    assert gateway.totals()["upstream_closed{unexpected_data}"] >= 1
