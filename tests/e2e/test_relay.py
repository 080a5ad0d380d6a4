"""Relay listeners: raw bytes both ways."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import (
    SLOW,
    at,
    free_port,
    relay_config,
    relay_listener,
    request_listener,
    sanitizer,
    upstream,
    wait_until,
)

MB = 1 << 20
EXAMPLES = Path(__file__).resolve().parents[2] / "config/examples"


def take(sock, size):
    """Exactly that many bytes."""
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(1 << 16, size - len(data)))
        assert part, f"the end after {len(data)} of {size} bytes"
        data += part
    return bytes(data)


def until_end(sock):
    """All that comes until FIN."""
    data = bytearray()
    while part := sock.recv(1 << 16):
        data += part
    return bytes(data)


def echo(peer):
    """Gives back what comes, FIN included."""
    while data := peer.socket.recv(1 << 16):
        peer.send(data)


def after_the_end(peer):
    """Answers only once the client has ended: the digest of all it sent."""
    digest = hashlib.sha256(until_end(peer.socket)).digest()
    peer.send(digest)


def test_bytes_are_not_touched(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    blob = random.Random(1).randbytes(300_000)
    writer = threading.Thread(target=client.send, args=(blob,))
    writer.start()
    assert take(client.socket, len(blob)) == blob
    writer.join()
    client.shutdown()
    assert client.socket.recv(1) == b""
    status, totals = service.stop()
    assert status == 0
    assert totals["client_bytes_in"] == len(blob)
    assert totals["client_bytes_out"] == len(blob)
    assert totals["upstream_bytes_in"] == len(blob)
    assert totals["clients_closed{peer_closed}"] == 1
    assert totals["upstream_closed{peer_closed}"] == 1


def test_the_log_tells_the_bytes_both_ways(fairlead, line_server, connect):
    server = line_server(
        lambda peer: (take(peer.socket, 3), peer.send(b"four"))
    )
    service = fairlead(relay_config(server), level="debug")
    client = connect(service.address("relay"))
    client.send(b"one")
    assert client.rest() == b"four"
    client.close()
    service.wait_log(r"relay: \S+ closed: peer_closed.* 3 bytes in, 4 out, \d")
    service.wait_log(r"u: \S+ closed: peer_closed.* 4 bytes in, 3 out, \d")


def test_the_server_may_speak_first(fairlead, line_server, connect):
    server = line_server(lambda peer: (peer.send(b"220 hi\r\n"), echo(peer)))
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    assert take(client.socket, 8) == b"220 hi\r\n"


def test_an_answer_after_the_end_of_the_question(
    fairlead, line_server, connect
):
    server = line_server(after_the_end)
    service = fairlead(relay_config(server))
    blob = random.Random(2).randbytes(3 * MB)
    client = connect(service.address("relay"))
    client.send(blob)
    client.shutdown()
    assert client.rest() == hashlib.sha256(blob).digest()


def test_a_server_that_ends_first_is_still_sent_to(
    fairlead, line_server, connect
):
    heard = []

    def talk_then_listen(peer):
        peer.send(b"done talking")
        peer.socket.shutdown(socket.SHUT_WR)
        heard.append(until_end(peer.socket))

    server = line_server(talk_then_listen)
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    assert client.rest() == b"done talking"
    blob = random.Random(3).randbytes(MB)
    client.send(blob)
    client.close()
    wait_until(lambda: heard, "the server hears the end")
    assert heard == [blob]


def test_a_half_closed_relay_that_is_silent_ends(
    fairlead, line_server, connect
):
    ended = threading.Event()

    def silent(peer):
        try:
            until_end(peer.socket)
            ended.wait(30 * SLOW)
        finally:
            peer.socket.close()

    server = line_server(silent)
    service = fairlead(
        relay_config(server, listener={"half_close_timeout": "300ms"})
    )
    client = connect(service.address("relay"))
    begin = time.monotonic()
    client.shutdown()
    with pytest.raises(ConnectionResetError):
        client.rest()
    assert time.monotonic() - begin >= 0.3
    ended.set()
    service.wait_log(r"closed: half_close_timeout")


def test_a_reset_of_the_client_reaches_the_server(
    fairlead, line_server, connect
):
    outcome = []

    def watch(peer):
        take(peer.socket, 2)
        try:
            outcome.append(peer.socket.recv(1))
        except ConnectionResetError:
            outcome.append("reset")

    server = line_server(watch)
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    client.send(b"hi")
    wait_until(lambda: server.open() == 1, "the server has it")
    client.reset()
    wait_until(lambda: outcome, "the server hears of it")
    assert outcome == ["reset"]
    service.wait_log(r"client relay: \S+ closed: peer_reset")
    _, totals = service.stop()
    assert totals["upstream_closed{client_left}"] == 1


def test_a_reset_right_behind_bytes_is_a_reset(
    fairlead, line_server, connect
):
    """The program finds both at once, for it was stopped meanwhile."""
    outcomes = []

    def watch(peer):
        try:
            until_end(peer.socket)
            outcomes.append("end")
        except ConnectionResetError:
            outcomes.append("reset")

    server = line_server(watch)
    service = fairlead(relay_config(server))
    for number in range(1, 31):
        client = connect(service.address("relay"))
        wait_until(lambda: server.open() == 1, "the server has it")
        service.kill(signal.SIGSTOP)
        client.send(b"hi")
        client.reset()
        service.kill(signal.SIGCONT)
        wait_until(lambda: len(outcomes) == number, "the server hears")
        wait_until(lambda: server.open() == 0, "it has left")
    assert outcomes == ["reset"] * 30


def test_a_reset_of_the_server_reaches_the_client(
    fairlead, line_server, connect
):
    def reset(peer):
        take(peer.socket, 2)
        peer.reset()

    server = line_server(reset)
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    client.send(b"hi")
    with pytest.raises(ConnectionResetError):
        client.rest()
    service.wait_log(rf"closed: upstream_reset.*server {at(server.address)}")


@pytest.mark.parametrize("reader", ["client", "server"])
def test_a_stopped_reader_costs_no_memory(
    fairlead, line_server, connect, reader
):
    """The other side is stopped, and goes on where it was."""
    go_on = threading.Event()
    blob = random.Random(4).randbytes(64 * MB)
    digests = []
    sent = [0]

    def pour(sock):
        for start in range(0, len(blob), 1 << 16):
            sock.sendall(blob[start:start + (1 << 16)])
            sent[0] = start

    def listen(peer):
        go_on.wait(30 * SLOW)
        digests.append(hashlib.sha256(until_end(peer.socket)).digest())

    server = line_server(
        listen if reader == "server" else lambda peer: pour(peer.socket)
    )
    config = relay_config(server)
    config["socket"] = {"send_buffer": "64KiB", "receive_buffer": "64KiB"}
    service = fairlead(config)
    before = service.rss()
    client = connect(service.address("relay"))
    sender = threading.Thread(
        target=pour, args=(client.socket,), daemon=True
    )
    if reader == "server":
        sender.start()
    wait_until(lambda: sent[0] > 0, "it flows")

    def stopped():
        before = sent[0]
        time.sleep(0.2)
        return sent[0] == before

    wait_until(stopped, "it stops")
    assert sent[0] < len(blob) // 2
    if not sanitizer():
        assert service.rss() - before < 4 * MB
    go_on.set()
    if reader == "client":
        digests.append(hashlib.sha256(client.rest()).digest())
    else:
        sender.join()
        client.shutdown()
        wait_until(lambda: digests, "the server has read it")
    assert digests == [hashlib.sha256(blob).digest()]
    if not sanitizer():
        assert service.rss() - before < 4 * MB


def test_a_client_that_does_not_read_is_closed(
    fairlead, line_server, connect
):
    server = line_server(lambda peer: peer.send(bytes(64 * MB)))
    service = fairlead(
        relay_config(server, listener={"write_timeout": "300ms"})
    )
    client = connect(service.address("relay"), receive_buffer=4096)
    service.wait_log(r"client relay: \S+ closed: write_timeout")
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_idle_timeout_only_where_asked(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead({
        "listeners": [
            relay_listener("patient"),
            relay_listener("strict", idle_timeout="200ms"),
        ],
        "upstreams": [upstream(server)],
    })
    patient = connect(service.address("patient"))
    strict = connect(service.address("strict"))
    patient.send(b"a")
    strict.send(b"b")
    assert take(patient.socket, 1) == b"a"
    assert take(strict.socket, 1) == b"b"
    assert strict.rest() == b""
    service.wait_log(r"strict: \S+ closed: idle_timeout")
    patient.send(b"c")
    assert take(patient.socket, 1) == b"c"


def test_a_refusing_server_closes_the_client(fairlead, connect):
    service = fairlead(relay_config(free_port()))
    begin = time.monotonic()
    client = connect(service.address("relay"))
    assert client.rest() == b""
    assert time.monotonic() - begin < 9 * SLOW  # not acquire_timeout
    service.wait_log(r"client relay: \S+ closed: connect_refused.*, server ")
    _, totals = service.stop()
    assert totals["clients_closed{connect_refused}"] == 1


def test_another_server_takes_over(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead(
        relay_config(free_port(), server, balance="round_robin")
    )
    for number in range(6):
        client = connect(service.address("relay"))
        client.send(b"%d" % number)
        assert take(client.socket, 1) == b"%d" % number
    assert server.accepted == 6


def test_a_server_that_returns_is_used_at_once(
    fairlead, line_server, connect
):
    address = free_port()
    service = fairlead({"workers": 1, **relay_config(
        address, backoff={"initial": "50ms", "max": "50ms"}
    )})
    assert connect(service.address("relay")).rest() == b""
    service.wait_log(r"server \S+ is down: connect_refused")
    line_server(echo, address=address)
    client = connect(service.address("relay"))
    client.send(b"x")
    assert take(client.socket, 1) == b"x"
    service.wait_log(r"server \S+ is up again")


def test_a_device_with_one_connection_sees_one(
    fairlead, line_server, connect
):
    """Eight clients in turn; each has the device to itself."""

    def device(peer):
        peer.send(b"%d" % server.open())
        echo(peer)

    server = line_server(device)
    service = fairlead(relay_config(
        server, pool={"max_size": 1, "acquire_timeout": "30s"}
    ))
    address = service.address("relay")
    clients = [connect(address) for _ in range(8)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number)  # before it has a connection
    for number, client in enumerate(clients):
        assert take(client.socket, 2) == b"1%d" % number
        if number % 2:
            client.reset()
        else:
            client.shutdown()
            assert client.rest() == b""
            client.close()
    assert server.accepted == 8
    assert server.peak == 1


def test_a_client_that_waits_in_vain_is_closed(
    fairlead, line_server, connect
):
    server = line_server(echo)
    service = fairlead(relay_config(
        server, pool={"max_size": 1, "acquire_timeout": "200ms",
                      "max_waiters": 1}
    ))
    first = connect(service.address("relay"))
    first.send(b"x")
    assert take(first.socket, 1) == b"x"
    second = connect(service.address("relay"))
    third = connect(service.address("relay"))
    assert third.rest() == b""
    assert second.rest() == b""
    service.wait_log(r"closed: too_many_waiters")
    service.wait_log(r"closed: acquire_timeout")
    first.send(b"y")
    assert take(first.socket, 1) == b"y"


@pytest.mark.threads
def test_relays_run_on_all_workers(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead({"workers": 4, **relay_config(server)})
    address = service.address("relay")
    blobs = [random.Random(n).randbytes(200_000) for n in range(16)]
    good = []

    def talk(blob):
        with socket.create_connection(address) as sock:
            sock.settimeout(30 * SLOW)
            writer = threading.Thread(target=sock.sendall, args=(blob,))
            writer.start()
            good.append(take(sock, len(blob)) == blob)
            writer.join()

    threads = [threading.Thread(target=talk, args=(b,)) for b in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 16
    _, totals = service.stop()
    assert totals["upstream_connects"] == 16


def test_a_stop_lets_relays_end(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead(relay_config(server))
    client = connect(service.address("relay"))
    client.send(b"x")
    assert take(client.socket, 1) == b"x"
    service.kill()
    service.wait_log(r"stopping")
    for _ in range(3):
        client.send(b"y")
        assert take(client.socket, 1) == b"y"
    client.close()
    assert service.join() == 0
    assert service.totals()["clients_closed{peer_closed}"] == 1


def test_a_stop_closes_relays_in_the_end(fairlead, line_server, connect):
    server = line_server(echo)
    service = fairlead(
        {"shutdown_timeout": "300ms", **relay_config(server)}
    )
    client = connect(service.address("relay"))
    client.send(b"x")
    assert take(client.socket, 1) == b"x"
    _, totals = service.stop()
    assert client.rest() == b""
    assert totals["clients_closed{shutdown}"] == 1


def test_requests_and_relays_do_not_share_an_upstream(run_program):
    config = {
        "listeners": [relay_listener("raw"), request_listener("framed")],
        "upstreams": [upstream("127.0.0.1:9")],
    }
    done = run_program("check", "--config", "config.json", config=config)
    assert done.returncode == 1
    assert "listeners[1].upstream" in done.stderr
    assert 'listeners[0] uses it in mode "relay"' in done.stderr


def example(*servers):
    """config/examples/relay.json with other addresses, in order."""
    text = (EXAMPLES / "relay.json").read_text()
    config = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    for listener in config["listeners"]:
        listener["listen"] = ["127.0.0.1:0"]
    assert len(config["upstreams"]) == len(servers)
    for each, server in zip(config["upstreams"], servers):
        each["servers"] = [server]
    return config


def test_the_example_is_right_as_it_stands(run_program):
    done = run_program("check", "--config", EXAMPLES / "relay.json")
    assert done.returncode == 0, done.stderr


needs_redis = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="redis-server is not installed"
)


@pytest.fixture
def redis(tmp_path):
    host, port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--bind", host, "--port", str(port), "--save", "",
         "--appendonly", "no", "--protected-mode", "no",
         "--dir", str(tmp_path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )

    def answers():
        try:
            with socket.create_connection((host, port), timeout=1) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    try:
        wait_until(answers, "redis-server answers", timeout=30)
        yield host, port
    finally:
        process.kill()
        process.wait()


@needs_redis
def test_the_example_serves_redis(fairlead, redis, line_server):
    """redis-benchmark pipelines and checks its replies; then a value of 8 MiB
    both ways."""
    device = line_server(echo)
    service = fairlead(example(at(redis), at(device.address)))
    host, port = service.address("redis")
    done = subprocess.run(
        ["redis-benchmark", "-h", host, "-p", str(port), "-c", "20", "-n",
         "4000", "-P", "8", "-d", "1000", "-r", "1000", "-q",
         "-t", "ping,set,get,incr,lpush,lrange_100"],
        capture_output=True, text=True, timeout=50 * SLOW, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stdout + done.stderr
    assert done.stdout.count("requests per second") >= 6
    value = random.Random(5).randbytes(8 * MB)
    with socket.create_connection((host, port)) as sock:
        sock.settimeout(30 * SLOW)
        sock.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % len(value))
        sock.sendall(value + b"\r\n")
        assert take(sock, 5) == b"+OK\r\n"
        sock.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
        head = b"$%d\r\n" % len(value)
        assert take(sock, len(head) + len(value) + 2) == (
            head + value + b"\r\n"
        )
    with socket.create_connection(service.address("device")) as sock:
        sock.settimeout(15 * SLOW)
        sock.sendall(b"raw")
        assert take(sock, 3) == b"raw"


@pytest.mark.skipif(
    not shutil.which("iperf3"), reason="iperf3 is not installed"
)
@pytest.mark.parametrize("options", [[], ["-R"], ["--bidir"]],
                         ids=["up", "down", "both"])
def test_iperf(fairlead, options):
    server_at = free_port()
    server = subprocess.Popen(
        ["iperf3", "-s", "-1", "--forceflush", "-B", server_at[0],
         "-p", str(server_at[1])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )
    try:
        server.stdout.readline()  # it listens once it has said so
        service = fairlead(relay_config(server_at))
        host, port = service.address("relay")
        done = subprocess.run(
            ["iperf3", "-c", host, "-p", str(port), "-n", "200M", "-P", "2",
             "--json", *options],
            capture_output=True, text=True, timeout=50 * SLOW, check=False,
        )
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    result = json.loads(done.stdout)
    assert "error" not in result, result
    end = result["end"]
    # It counts until the sender is done, so the last bytes are not in it.
    assert end["sum_received"]["bytes"] > 0.5 * end["sum_sent"]["bytes"] > 0
    _, totals = service.stop()
    assert totals["upstream_connects"] >= 3  # control and two streams
    assert os.path.exists(service.path)
