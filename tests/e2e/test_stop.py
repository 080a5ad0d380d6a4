"""SIGTERM and SIGINT: answer what was complete, then end."""

import random
import signal
import threading
import time

import pytest

from harness import (
    SLOW,
    LineClient,
    at,
    command_listener,
    free_port,
    gateway_config,
    request_listener,
    upstream,
    wait_until,
)

BOTH = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"]
)


def slow(peer):
    for line in peer.lines():
        peer.wait(0.03 / SLOW)
        peer.send(b"re " + line + b"\n")


def silent(peer):
    for _ in peer.lines():
        pass


def refused(address):
    try:
        LineClient(address).close()
    except ConnectionRefusedError:
        return True
    return False


@BOTH
def test_fifty_waiting_requests_are_answered(
    fairlead, line_server, connect, number
):
    server = line_server(slow)
    gateway = fairlead(
        gateway_config(server, pool={"min_size": 2, "max_size": 4})
    )
    clients = [connect(gateway.address("gateway")) for _ in range(50)]
    for client in clients:
        assert client.ask(b"warm") == b"re warm"
    for index, client in enumerate(clients):
        client.send(b"%d\n" % index)
    gateway.kill(number)
    gateway.wait_log(r" service stopping")
    wait_until(lambda: refused(gateway.address("gateway")), "it is refused")
    answered = len(server.requests)
    assert answered < 100, "refused while requests still wait"
    for index, client in enumerate(clients):
        assert client.rest() == b"re %d\n" % index
        client.close()
    assert gateway.join() == 0
    totals = gateway.totals()
    assert totals["requests"] == totals["replies"] == 100
    assert totals["clients_closed{shutdown}"] == 50
    assert server.open() == 0


@BOTH
def test_idle_clients_do_not_hold_the_stop(
    fairlead, line_server, connect, number
):
    program = fairlead(
        {
            "shutdown_timeout": "1h",
            "listeners": [command_listener(), request_listener()],
            "upstreams": [upstream(line_server(), pool={"min_size": 2})],
        }
    )
    names = ["commands", "gateway"] * 5
    clients = [connect(program.address(name)) for name in names]
    for client in clients:
        client.ask(b"warm")
    for client in clients[:6]:
        client.send(b"half a li")  # nor does a partial frame
    status, _ = program.stop(number)
    assert status == 0
    for client in clients:
        assert client.rest() == b""


def test_pipelined_requests_are_answered(fairlead, line_server, connect):
    gateway = fairlead(gateway_config(line_server(slow)))
    client = connect(gateway.address("gateway"))
    assert client.ask(b"warm") == b"re warm"
    client.send(b"1\n2\n3\n4\n5\n6\nhalf")
    status, totals = gateway.stop()
    assert status == 0
    assert client.rest() == b"".join(b"re %d\n" % i for i in range(1, 7))
    assert totals["requests"] == 7


@pytest.mark.threads
@pytest.mark.parametrize("turn", range(3))
def test_what_arrived_before_the_signal_is_answered(
    fairlead, line_server, connect, turn
):
    """Also of clients that were not accepted yet."""
    program = fairlead(
        {
            "workers": 4,
            "listeners": [command_listener(), request_listener()],
            "upstreams": [upstream(line_server(), workers=2)],
        }
    )
    clients = []
    for number in range(60):
        name, lead = [("commands", b"Echo: "), ("gateway", b"re ")][number % 2]
        client = connect(program.address(name))
        client.send(b"%d\n" % number)
        clients.append((client, lead + b"%d\n" % number))
    program.kill()
    for client, reply in clients:
        assert client.rest() == reply
        client.close()
    assert program.join() == 0


def test_a_command_batch_is_answered(fairlead, connect):
    """More output than the kernel takes at once, for a slow reader."""
    program = fairlead({"listeners": [command_listener()]})
    client = connect(program.address("commands"), receive_buffer=8192)
    client.ask(b"warm")
    line = b"w" * 999 + b"\n"
    client.send(line * 60)
    program.kill()
    program.wait_log(r" service stopping")
    assert client.rest() == (b"Echo: " + line) * 60
    assert program.join() == 0


def test_shutdown_timeout_cuts_a_silent_server(
    fairlead, line_server, connect
):
    server = line_server(silent)
    gateway = fairlead(
        {
            "shutdown_timeout": "500ms",
            **gateway_config(server, request_timeout="1m"),
        }
    )
    clients = [connect(gateway.address("gateway")) for _ in range(5)]
    for client in clients:
        client.send(b"hello\n")
    wait_until(lambda: len(server.requests) == 5, "all are in flight")
    begin = time.monotonic()
    gateway.kill()
    assert gateway.join(10) == 0
    assert time.monotonic() - begin >= 0.49
    for client in clients:
        assert client.rest() == b"ERROR shutdown\n"
    assert gateway.totals()["requests_failed{shutdown}"] == 5


@pytest.mark.parametrize("more", [b"", b"one more\n"])
def test_a_client_that_resets_does_not_hold_the_stop(
    fairlead, line_server, connect, more
):
    """Nobody waits for the reply to its request any more. Nor does what it
    sends in the stop keep that from being seen."""
    server = line_server(silent)
    gateway = fairlead({
        "shutdown_timeout": "1h",
        **gateway_config(server, request_timeout="1h"),
    })
    client = connect(gateway.address("gateway"))
    client.send(b"hello\n")
    wait_until(lambda: len(server.requests) == 1, "it is in flight")
    gateway.kill()
    gateway.wait_log(r" service stopping")
    wait_until(lambda: refused(gateway.address("gateway")), "it is refused")
    if more:
        client.send(more)
    client.reset()
    assert gateway.join(10) == 0
    totals = gateway.totals()
    # What it sent after the signal may have been taken for a request.
    assert totals["requests_abandoned"] == totals["requests"]
    assert totals["clients_closed{peer_reset}"] == 1


def test_shutdown_timeout_cuts_a_client_that_does_not_read(
    fairlead, connect
):
    program = fairlead(
        {"shutdown_timeout": "500ms", "listeners": [command_listener()]}
    )
    client = connect(program.address("commands"), receive_buffer=8192)
    client.ask(b"warm")
    client.socket.setblocking(False)
    try:
        while True:
            client.socket.send(b"v" * 999 + b"\n")
    except BlockingIOError:
        pass
    begin = time.monotonic()
    program.kill()
    assert program.join(10) == 0
    assert time.monotonic() - begin >= 0.49


def test_a_refusing_server_does_not_outlast_the_stop(fairlead, connect):
    gateway = fairlead(
        {
            "shutdown_timeout": "500ms",
            **gateway_config(free_port(), pool={"acquire_timeout": "1m"}),
        }
    )
    client = connect(gateway.address("gateway"))
    client.send(b"hello\n")
    gateway.wait_log(r" upstream ")
    gateway.kill()
    assert gateway.join(10) == 0
    assert client.rest() == b"ERROR shutdown\n"


@pytest.mark.parametrize(
    "first, second",
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGINT),
    ],
    ids=["TERM-TERM", "INT-INT", "TERM-INT"],
)
def test_a_second_signal_ends_at_once(
    fairlead, line_server, connect, first, second
):
    server = line_server(silent)
    gateway = fairlead(
        {
            "shutdown_timeout": "1h",
            **gateway_config(server, request_timeout="1h"),
        }
    )
    client = connect(gateway.address("gateway"))
    client.send(b"hello\n")
    wait_until(lambda: server.requests, "it is in flight")
    gateway.kill(first)
    gateway.wait_log(r" service stopping")
    time.sleep(0.1)
    assert gateway.process.poll() is None, "it waits for the server"
    gateway.kill(second)
    assert gateway.join(10) == 128 + second


def test_stop_at_once_after_start(fairlead):
    for _ in range(5):
        program = fairlead({"listeners": [command_listener()]})
        assert program.stop()[0] == 0


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 4])
def test_the_shipped_shape_drains_under_load(fairlead, workers):
    """The gateway's upstream is the program's own command listener: that one
    has to serve until the gateway's clients are done."""
    place = free_port()
    program = fairlead(
        {
            "workers": workers,
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
    going = threading.Barrier(21)
    wrong, counts = [], []

    def load(number):
        generator = random.Random(number)
        done = 0
        with LineClient(program.address("gateway")) as client:
            client.ask(b"warm")
            going.wait(10 * SLOW)
            while True:
                batch = [
                    b"%d %d" % (number, done + i)
                    for i in range(generator.randrange(1, 20))
                ]
                try:
                    client.send(b"".join(line + b"\n" for line in batch))
                    replies = client.lines(len(batch))
                except OSError:
                    break  # sent after the end
                wanted = [b"Echo: " + line for line in batch]
                if replies != wanted[:len(replies)]:
                    wrong.append((batch, replies))
                done += len(replies)
                if len(replies) < len(batch):
                    break
        counts.append(done)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    going.wait(10 * SLOW)
    time.sleep(0.3)
    status, totals = program.stop()
    for thread in threads:
        thread.join(20 * SLOW)
    assert status == 0
    assert wrong == []
    assert min(counts) > 0
    assert not [name for name in totals if name.startswith("requests_failed")]


def test_what_was_not_read_yet_is_answered_too(fairlead, line_server, connect):
    """More than a client may have waiting in the gateway: the rest of it waits
    in the kernel when the signal comes."""
    count = 3000
    gate = threading.Event()

    def gated(peer):
        for line in peer.lines():
            gate.wait(30)
            peer.send(b"re " + line + b"\n")

    server = line_server(gated)
    gateway = fairlead(
        gateway_config(
            server, request_timeout="60s",
            pool={"min_size": 1, "max_size": 1, "acquire_timeout": "60s"},
        )
    )
    client = connect(gateway.address("gateway"))
    lines = [b"%06d" % number + b"x" * 93 for number in range(count)]
    client.send(b"".join(line + b"\n" for line in lines))
    wait_until(lambda: server.requests, "the first is with the server")
    gateway.kill(signal.SIGTERM)
    gateway.wait_log(r" service stopping")
    gate.set()
    assert client.rest() == b"".join(b"re " + line + b"\n" for line in lines)
    client.close()
    assert gateway.join() == 0


def test_a_lost_terminal_is_no_stop(fairlead, connect):
    gateway = fairlead({"listeners": [command_listener()]})
    client = connect(gateway.address("commands"))
    gateway.kill(signal.SIGHUP)
    assert client.ask(b"PING") == b"PONG"
    assert gateway.stop()[0] == 0
