"""Access lists and limits for each client address. Every address of
127.0.0.0/8 is one of this machine, so clients come from many."""

import collections
import socket
import threading
import time
from pathlib import Path

import pytest

from harness import (
    SLOW,
    LineClient,
    command_listener,
    gateway_config,
    wait_until,
)


def served(address, source):
    """Whether a client is answered; else it was reset."""
    try:
        with LineClient(address, source=source) as client:
            answer = client.ask(b"PING")
    except (ConnectionResetError, BrokenPipeError):
        return False
    assert answer in (b"PONG", b"re PING"), answer  # None would be a FIN
    return True


def refused(address, source):
    return not served(address, source)


def commands(fairlead, listen="127.0.0.1:0", workers=2, level="info", **more):
    program = fairlead(
        {"workers": workers,
         "states": {"interval": "0s"},  # opens descriptors for a moment
         "listeners": [command_listener(listen=listen, **more)]},
        level=level,
    )
    return program, program.address("commands")


def test_the_longest_prefix_decides(fairlead):
    program, address = commands(
        fairlead,
        access={
            "allow": ["127.1.0.0/16", "127.1.2.3"],
            "deny": ["127.1.2.0/24"],
        },
    )
    for source in ("127.1.0.1", "127.1.255.255", "127.1.2.3"):
        assert served(address, source), source
    for source in ("127.1.2.4", "127.0.0.1", "127.2.0.1"):
        assert refused(address, source), source
    _, totals = program.stop()
    assert totals["clients_refused{denied_address}"] == 3
    assert totals["clients_opened"] == 3


def test_only_denied_ones_are_refused(fairlead):
    _, address = commands(fairlead, access={"deny": ["127.9.0.0/16"]})
    assert served(address, "127.0.0.1")
    assert refused(address, "127.9.1.1")
    assert served(address, "127.10.1.1")


def test_ip6_blocks(fairlead):
    access = {"allow": ["::1"]}
    _, address = commands(fairlead, "[::1]:0", access=access)
    assert served(address, "::1")
    _, address = commands(fairlead, "[::1]:0", access={"deny": ["::/8"]})
    assert refused(address, "::1")
    _, address = commands(fairlead, "[::1]:0", access={"allow": ["::/128"]})
    assert refused(address, "::1")


def test_nothing_of_a_denied_client_reaches_an_upstream(
    fairlead, line_server
):
    server = line_server()
    program = fairlead(
        gateway_config(
            server, listener={"access": {"deny": ["127.7.7.7"]}}
        )
    )
    address = program.address("gateway")
    assert refused(address, "127.7.7.7")
    with LineClient(address, source="127.7.7.8") as client:
        assert client.ask(b"hello") == b"re hello"
    assert server.received() == [b"hello"]


def test_a_scan_does_not_flood_the_log(fairlead):
    program, address = commands(fairlead, access={"deny": ["127.9.0.0/16"]})
    descriptors = program.descriptors()
    for number in range(300):
        assert refused(address, f"127.9.{number // 250}.{number % 250 + 1}")
    assert program.descriptors() <= descriptors
    lines = program.grep("refused: denied_address")
    # The first, and then at most one in ten seconds.
    assert 1 <= len(lines) <= 2 + 300 * SLOW / 10, lines
    assert "commands: 127.9.0.1:" in lines[0]
    _, totals = program.stop()
    assert totals["clients_refused{denied_address}"] == 300


def test_each_refusal_is_logged_at_debug(fairlead):
    program, address = commands(
        fairlead, level="debug", access={"deny": ["127.9.0.0/16"]}
    )
    for number in range(1, 6):
        assert refused(address, f"127.9.0.{number}")
    program.wait_log("refused: denied_address", count=5)


@pytest.mark.parametrize("mode", ["command", "request"])
def test_connections_per_address(fairlead, line_server, connect, mode):
    limit = {"max_connections_per_address": 3}
    config = (
        {"listeners": [command_listener("gateway", **limit)]}
        if mode == "command"
        else gateway_config(line_server(), listener=limit)
    )
    program = fairlead({"workers": 4, **config})
    address = program.address("gateway")
    held = {}
    for source in ("127.0.0.1", "127.0.0.2"):
        held[source] = [connect(address, source=source) for _ in range(3)]
        for client in held[source]:
            assert client.ask(b"PING") in (b"PONG", b"re PING")
        for _ in range(3):
            assert refused(address, source)
    held["127.0.0.1"].pop().close()

    def in_again():
        try:
            client = connect(address, source="127.0.0.1")
            return client.ask(b"PING") in (b"PONG", b"re PING")
        except (ConnectionResetError, BrokenPipeError):
            return False

    wait_until(in_again, "the place is free")
    assert refused(address, "127.0.0.1")
    assert refused(address, "127.0.0.2")
    _, totals = program.stop()
    assert totals["clients_refused{address_connections}"] >= 8
    assert totals["clients_opened"] == 7


def test_the_rate_of_an_address(fairlead):
    program, address = commands(
        fairlead, max_connection_rate=1, max_connection_burst=5
    )
    begin = time.monotonic()
    results = [served(address, "127.0.0.1") for _ in range(40)]
    spent = time.monotonic() - begin
    let_in = sum(results)
    assert all(results[:5])
    assert let_in <= 5 + spent + 1
    assert served(address, "127.0.0.2"), "others do not pay for it"
    wait_until(lambda: served(address, "127.0.0.1"), "a token more")
    _, totals = program.stop()
    assert totals["clients_refused{address_rate}"] >= 40 - let_in


@pytest.mark.threads
@pytest.mark.parametrize("listen", [["127.0.0.1:0"],
                                    ["127.0.0.1:0", "127.0.0.2:0"]])
def test_exact_over_all_workers(fairlead, listen):
    """Clients of a few addresses come and go on four workers; never are more
    of one address answered and not closed yet than the limit allows."""
    limit, sources = 2, [f"127.3.0.{n}" for n in range(1, 4)]
    program = fairlead({
        "workers": 4,
        "listeners": [{
            "name": "commands", "listen": listen, "mode": "command",
            "max_connections_per_address": limit,
        }],
    })
    end = time.monotonic() + 2
    held = collections.Counter()
    peak = collections.Counter()
    answered, turned_away = [0], [0]
    lock = threading.Lock()

    def visit(number):
        addresses = program.addresses("commands")
        source = sources[number % len(sources)]
        turn = number
        while time.monotonic() < end:
            turn += 1
            try:
                with LineClient(
                    addresses[turn % len(addresses)], source=source
                ) as client:
                    assert client.ask(b"PING") == b"PONG"
                    with lock:
                        held[source] += 1
                        peak[source] = max(peak[source], held[source])
                        answered[0] += 1
                    time.sleep(0.001)
                    with lock:
                        held[source] -= 1
                    if turn % 3 == 0:
                        client.reset()
            except (ConnectionResetError, BrokenPipeError):
                with lock:
                    turned_away[0] += 1

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOW)
    assert [peak[source] for source in sources] == [limit] * len(sources)
    assert answered[0] > 0 and turned_away[0] > 0
    # All places came back.
    clients = []

    def full():
        for source in sources:
            try:
                client = LineClient(program.address("commands"),
                                    source=source)
                assert client.ask(b"PING") == b"PONG"
                clients.append(client)
            except (ConnectionResetError, BrokenPipeError):
                pass
        return len(clients) == limit * len(sources)

    wait_until(full, "every place is free again")
    for client in clients:
        client.close()
    _, totals = program.stop()
    assert totals["clients_refused{address_connections}"] >= turned_away[0]


def test_a_stop_with_refused_clients_waiting(fairlead, connect):
    """What had queued is refused as well, and nothing hangs."""
    program, address = commands(
        fairlead, max_connections=1, access={"deny": ["127.9.0.0/16"]}
    )
    first = connect(address)
    assert first.ask(b"PING") == b"PONG"
    waiting = [
        socket.create_connection(address, 10 * SLOW, ("127.9.0.1", 0))
        for _ in range(5)
    ]
    status, _ = program.stop()
    assert status == 0
    for client in waiting:
        client.close()


EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/limits.json"


def test_the_example(fairlead, run_program, connect):
    """config/examples/limits.json does what it says, on a free port."""
    assert run_program("check", "--config", EXAMPLE).returncode == 0
    text = EXAMPLE.read_text()
    assert text.count("127.0.0.1:8080") == 1
    program = fairlead(text.replace("127.0.0.1:8080", "127.0.0.1:0"))
    address = program.address("commands")
    assert served(address, "127.0.0.1")
    assert refused(address, "127.66.0.1")
    assert served(address, "127.66.0.9")
    four = [connect(address, source="127.0.0.2") for _ in range(4)]
    assert [client.ask(b"PING") for client in four] == [b"PONG"] * 4
    assert refused(address, "127.0.0.2")
    many = [served(address, "127.0.0.3") for _ in range(30)]
    assert all(many[:10]) and not all(many)
    _, totals = program.stop()
    assert totals["clients_refused{denied_address}"] == 1
    assert totals["clients_refused{address_connections}"] == 1
    assert totals["clients_refused{address_rate}"] == 30 - sum(many)
