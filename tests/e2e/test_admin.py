"""The HTTP pages: metrics, status and health."""

import hashlib
import http.client
import json
import re
import shutil
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

import pytest

import harness
from harness import (
    SLOW, command_listener, gateway_config, relay_listener, request_listener,
    upstream, wait_until,
)

ROOT = Path(__file__).resolve().parents[2]
ANY = "127.0.0.1:0"


def address_of(instance, key="listen"):
    found = instance.wait_log(rf" service admin.{key}: listening on (\S+):(\d+)")
    return found[1].strip("[]"), int(found[2])


def fetch(address, path, method="GET", headers=None, timeout=20):
    """(status, headers, body as text)"""
    connection = http.client.HTTPConnection(*address, timeout=timeout * SLOW)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def get(instance, path, key="listen", **options):
    return fetch(address_of(instance, key), path, **options)


SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')


def metrics(instance):
    """{(name, (label, value), ...): value} of all samples."""
    found = {}
    status, _, text = get(instance, "/metrics")
    assert status == 200
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        pairs = tuple(sorted(re.findall(r'(\w+)="([^"]*)"', labels or "")))
        assert (name, *pairs) not in found
        found[(name, *pairs)] = float(value)
    return found


def value(found, name, **labels):
    """The sum over the samples of a metric that have these labels."""
    return sum(
        number for (found_name, *pairs), number in found.items()
        if found_name == "fairlead_" + name
        and set(labels.items()) <= set(pairs)
    )


def admin(config, **more):
    return {"admin": {"listen": ANY, **more}, **config}


def has_moved(instance, name, number, **labels):
    wait_until(
        lambda: value(metrics(instance), name, **labels) == number,
        f"{name} {labels} is {number}",
    )


# ---- pages ----


def test_metrics_are_as_prometheus_wants_them(fairlead, line_server, connect):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is in Debian's package prometheus"
    server = line_server()
    instance = fairlead(admin(gateway_config(server)))
    assert connect(instance.address("gateway")).ask(b"x") == b"re x"
    status, headers, text = get(instance, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, text=True,
        capture_output=True,
    )
    assert done.returncode == 0 and done.stdout + done.stderr == "", done


def test_metrics_are_documented_as_they_are(fairlead, line_server, connect):
    """Names, types, labels and meanings."""
    nobody = harness.free_port()
    server = line_server()
    instance = fairlead(admin({
        "states": {"interval": "100ms"},
        "listeners": [
            request_listener(access={"deny": ["127.0.0.9"]}),
            request_listener(name="lost", upstream="down"),
            request_listener(name="steady", upstream="steady"),
        ],
        "upstreams": [
            upstream(server),
            upstream(nobody, name="down", pool={"acquire_timeout": "20ms"}),
            upstream(line_server(), name="steady"),
        ],
    }))
    client = connect(instance.address("gateway"))
    assert client.ask(b"x") == b"re x"
    client.close()
    assert connect(instance.address("steady")).ask(b"x") == b"re x"
    wait_until(
        lambda: value(metrics(instance), "upstream_rtt_median_seconds"),
        "a round trip is measured",
    )
    assert b"ERROR" in connect(instance.address("lost")).ask(b"x")
    with pytest.raises(ConnectionResetError):
        connect(instance.address("gateway"), source="127.0.0.9").line()
    server.stop()
    has_moved(instance, "upstream_connections_closed_total", 1)
    has_moved(instance, "listener_clients_refused_total", 1)
    has_moved(instance, "listener_clients_closed_total", 1)
    _, _, text = get(instance, "/metrics")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    labels = {name: set() for name in types}
    for name, *pairs in metrics(instance):
        name = re.sub("_(bucket|sum|count)$", "", name) \
            if re.sub("_(bucket|sum|count)$", "", name) in types else name
        labels[name] |= {label for label, _ in pairs if label != "le"}
    documented = re.findall(
        r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$",
        (ROOT / "docs/metrics.md").read_text(), re.M,
    )
    assert [row[0] for row in documented] == list(types)
    for name, kind, names, meaning in documented:
        assert types[name] == kind, name
        assert helps[name] == meaning, name
        expected = set(filter(None, names.strip().split(", ")))
        # A reason that never came has no sample.
        assert labels[name] == expected or (
            not labels[name] and "reason" in expected), name


def test_status_is_what_the_command_shows(fairlead, line_server, connect,
                                          run_program):
    server = line_server()
    instance = fairlead(admin(gateway_config(server)))
    client = connect(instance.address("gateway"))
    assert client.ask(b"x") == b"re x"
    status, headers, text = get(instance, "/status.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    shown = json.loads(text)
    done = run_program("status", "--config", instance.path, "--json")
    command = json.loads(done.stdout)
    assert shown.pop("uptime_seconds") <= command.pop("uptime_seconds")
    for state in shown, command:  # they are of another moment
        state.pop("sockets", None), state.pop("findings", None)
    assert shown == command
    # And the metrics agree with both.
    found = metrics(instance)
    listener = shown["listeners"][0]
    assert value(found, "listener_requests_total") == listener["requests"] == 1
    assert value(found, "listener_sent_bytes_total") == listener["bytes_out"]
    assert value(found, "listener_clients") == listener["clients"]
    assert value(found, "upstream_connections", state="idle") == 1


def test_health_and_readiness(fairlead, line_server, connect):
    server = line_server()
    nobody = harness.free_port()
    instance = fairlead(admin({
        "listeners": [
            request_listener(),
            request_listener(name="lost", upstream="down"),
        ],
        "upstreams": [
            upstream(server),
            upstream(nobody, name="down", pool={"acquire_timeout": "20ms"},
                     backoff={"initial": "1m", "max": "1m"}),
        ],
    }, health_listen=ANY))
    assert b"ERROR" in connect(instance.address("lost")).ask(b"x")
    for key in "listen", "health_listen":
        for path, expected in (
            ("/healthz", 200), ("/readyz", 200), ("/readyz?upstream=u", 200),
            ("/readyz?upstream=down", 503), ("/readyz?upstream=none", 404),
            ("/", 404), ("/healthz/", 404),
        ):
            assert get(instance, path, key)[0] == expected, (key, path)
    assert get(instance, "/metrics", "health_listen")[0] == 404
    assert get(instance, "/status.json", "health_listen")[0] == 404


def test_a_stop_is_no_longer_ready(fairlead, line_server, connect):
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    instance = fairlead(admin(gateway_config(server), health_listen=ANY))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    instance.kill()
    instance.wait_log("service stopping")
    assert get(instance, "/readyz", "health_listen")[0] == 503
    assert get(instance, "/healthz", "health_listen")[0] == 200
    assert json.loads(get(instance, "/status.json")[2])["state"] == "stopping"
    server.stop()
    assert instance.join() == 0


def test_only_get_and_head(fairlead):
    instance = fairlead(admin({"listeners": [command_listener()]}))
    status, headers, body = get(instance, "/healthz", method="HEAD")
    assert (status, body) == (200, "") and headers["Content-Length"] == "3"
    for method in "POST", "PUT", "DELETE", "OPTIONS", "TRACE":
        status, headers, _ = get(instance, "/healthz", method=method)
        assert status == 405 and headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("host, expected", [
    ("127.0.0.1:9180", 200), ("[::1]:9180", 200), ("[::1]", 200),
    ("10.1.2.3", 200), ("localhost", 200), ("LocalHost:80", 200),
    ("metrics.example.com", 200), ("METRICS.example.com:9180", 200),
    ("evil.example", 403), ("evil.example:9180", 403), ("localhost.evil", 403),
    ("metrics.example.co", 403), ("", 403), ("127.0.0.1.evil", 403),
])
def test_only_its_own_names(fairlead, host, expected):
    instance = fairlead(admin(
        {"listeners": [command_listener()]}, hosts=["metrics.example.com"],
        health_listen=ANY,
    ))
    assert get(instance, "/metrics", headers={"Host": host})[0] == expected
    assert get(instance, "/healthz", "health_listen",
               headers={"Host": host})[0] == 200


def test_a_port_in_use_is_told_with_its_place(run_program):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_program(
            "run", "--config", "config.json",
            config={"admin": {"listen": f"127.0.0.1:{port}"},
                    "listeners": [command_listener()]},
        )
    assert done.returncode == 1
    assert re.search(
        rf"config.json:3:\d+: admin.listen: 127.0.0.1:{port} cannot be "
        r"opened: (WSAEADDRINUSE \(10048\): )?address already in use",
        done.stderr,
    )


def test_the_example(fairlead, line_server, connect):
    """config/examples/admin.json does what it says, on free ports."""
    text = (ROOT / "config/examples/admin.json").read_text()
    server = line_server()
    for old, new in (
        ("127.0.0.1:9180", ANY), ("0.0.0.0:9181", ANY),
        ("0.0.0.0:5020", ANY), ("192.0.2.10:5020", harness.at(server.address)),
        ('"192.0.2.11:5020"', ""),
        ('"drain_delay": "10s"', '"drain_delay": "100ms"'),
        ('"group": "adm"', "" if harness.on_windows()
         else '"group": "daemon"'),
    ):
        assert old in text
        text = text.replace(old, new)
    text = text.replace(", ]", "]")
    instance = fairlead(text.encode())
    assert connect(instance.address("meters")).ask(b"x") == b"re x"
    assert get(instance, "/readyz?upstream=meters", "health_listen")[0] == 200
    assert get(instance, "/metrics",
               headers={"Host": "metrics.example.com"})[0] == 200


# ---- hostile clients ----


def latencies(client, count=300):
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        assert client.ask(b"PING") == b"PONG"
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def test_slow_clients_delay_nobody(fairlead, connect):
    """A hundred that begin requests and go on a byte at a time."""
    instance = fairlead(admin({"listeners": [command_listener()]}))
    client = connect(instance.address("commands"))
    latencies(client)
    before = latencies(client)
    slow = []
    for _ in range(100):
        peer = socket.create_connection(address_of(instance))
        peer.setblocking(False)
        slow.append(peer)
    during = []
    for byte in b"GET /metr":
        for peer in slow:
            try:
                peer.send(bytes([byte]))
            except OSError:
                pass  # there are at most 64
        during.append(latencies(client, 50))
    assert statistics.median(during) < 5 * before + 0.002 * SLOW
    for peer in slow:
        peer.close()
    assert get(instance, "/healthz")[0] == 200


@pytest.mark.parametrize("request_bytes", [
    b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 99999999999\r\n\r\n" + b"z" * 70000,
    b"GET /readyz?upstream=" + b"u" * 8000 + b" HTTP/1.1\r\nHost: [\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: " + b":" * 500 + b"\r\n\r\n",
])
def test_hostile_requests_end_themselves(fairlead, request_bytes):
    instance = fairlead(admin({"listeners": [command_listener()]}))
    with socket.create_connection(address_of(instance)) as peer:
        peer.settimeout(20 * SLOW)
        try:
            peer.sendall(request_bytes)
            peer.shutdown(socket.SHUT_WR)
            answer = harness.read_all(peer)
        except OSError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 200")
    assert get(instance, "/healthz")[0] == 200


def test_many_questions_at_once(fairlead, connect):
    """Those that are not read are answered all the same, and forgotten."""
    instance = fairlead(admin({"listeners": [command_listener()]}))
    peers = []
    for _ in range(50):
        peer = socket.create_connection(address_of(instance))
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        peers.append(peer)
    for peer in peers[::2]:
        peer.close()
    for peer in peers[1::2]:
        peer.settimeout(20 * SLOW)
        assert peer.recv(15) == b"HTTP/1.1 200 OK"
        peer.close()


def test_a_stop_amid_questions(fairlead):
    """Ends in order, whatever is asked meanwhile."""
    instance = fairlead(admin({"listeners": [command_listener()]}))
    peers = [socket.create_connection(address_of(instance))
             for _ in range(30)]
    for peer in peers:
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
    status, _ = instance.stop()
    assert status == 0
    for peer in peers:
        peer.close()


# ---- each metric is moved by its cause ----


def test_clients_move_metrics(fairlead, connect):
    instance = fairlead(admin({"listeners": [
        command_listener(access={"deny": ["127.0.0.9"]}, max_connections=7)]}))
    of = {"listener": "commands"}
    before = metrics(instance)
    assert value(before, "listener_max_connections", **of) == 7
    assert value(before, "listener_clients", **of) == 0
    clients = [connect(instance.address("commands")) for _ in range(2)]
    assert clients[0].ask(b"abc") == b"Echo: abc"
    with pytest.raises(ConnectionResetError):
        connect(instance.address("commands"), source="127.0.0.9").line()
    has_moved(instance, "listener_clients", 2, state="idle", **of)
    has_moved(instance, "listener_clients_refused_total", 1,
              reason="denied_address", **of)
    found = metrics(instance)
    assert value(found, "listener_clients_opened_total", **of) == 2
    assert value(found, "listener_received_bytes_total", **of) == 4
    assert value(found, "listener_sent_bytes_total", **of) == 10
    assert value(found, "listener_requests_total", **of) == 1
    assert value(found, "listener_replies_total", **of) == 1
    assert clients[0].ask(b"\x01").startswith(b"ERROR")
    has_moved(instance, "listener_requests_failed_total", 1,
              reason="not_text", **of)
    clients[0].close()
    has_moved(instance, "listener_clients_closed_total", 1,
              reason="peer_closed", **of)
    has_moved(instance, "listener_clients", 1, **of)
    wait_until(  # it grows in steps
        lambda: value(metrics(instance), "cpu_seconds_total")
        > value(before, "cpu_seconds_total") >= 0, "time was taken")
    later = metrics(instance)
    assert value(later, "uptime_seconds") > value(before, "uptime_seconds")
    assert value(later, "resident_memory_bytes") > 1e6
    assert value(later, "build_info") == value(later, "config_info") == 1
    lags = [number for (name, *_), number in later.items()
            if name == "fairlead_worker_lag_seconds"]
    assert lags and all(0 <= lag < 20 * SLOW for lag in lags)


def test_the_configuration_is_named_by_its_hash(fairlead):
    instance = fairlead(admin({"listeners": [command_listener()]}))
    done = subprocess.run(["sha256sum", instance.path], capture_output=True,
                          text=True, check=True)
    assert value(metrics(instance), "config_info",
                 sha256=done.stdout.split()[0]) == 1


def test_reloads_move_metrics(fairlead):
    config = admin({"listeners": [command_listener()]})
    instance = fairlead(config)
    before = metrics(instance)
    last = "config_last_reload_success_timestamp_seconds"
    assert value(before, "config_generation") == 1
    assert value(before, last) == pytest.approx(time.time(), abs=60 * SLOW)
    assert instance.ask("reload")["result"] == "unchanged"
    config["listeners"][0]["max_connections"] = 5
    instance.write(config)
    assert instance.ask("reload")["result"] == "changed"
    digest = hashlib.sha256(instance.path.read_bytes()).hexdigest()
    instance.write("{}")
    assert instance.ask("reload")["result"] == "failed"
    after = metrics(instance)
    assert value(after, "config_generation") == 2
    assert value(after, "config_info", sha256=digest) == 1
    assert value(after, last) >= value(before, last)
    for result in "unchanged", "changed", "failed":
        assert value(before, "reloads_total", result=result) == 0
        assert value(after, "reloads_total", result=result) == 1


def test_a_request_moves_metrics(fairlead, line_server, connect):
    """The three times of a request are told apart: the first waits for the
    connection that the second occupies."""
    pause = 0.1

    def slowly(peer):
        for line in peer.lines():
            peer.wait(pause / SLOW)
            peer.send(b"re " + line + b"\n")

    server = line_server(slowly)
    instance = fairlead(admin(gateway_config(server, pool={"max_size": 1})))
    clients = [connect(instance.address("gateway")) for _ in range(2)]
    for client in clients:
        client.send(b"x\n")
    has_moved(instance, "upstream_waiters", 1)
    has_moved(instance, "upstream_in_flight_requests", 1)
    for client in clients:
        assert client.line() == b"re x"
    found = metrics(instance)
    of = {"upstream": "u"}
    assert value(found, "upstream_acquire_wait_seconds_count", **of) == 2
    assert value(found, "upstream_acquire_wait_seconds_bucket", le="+Inf",
                 **of) == 2
    assert value(found, "upstream_server_time_seconds_count", **of) == 2
    server_time = value(found, "upstream_server_time_seconds_sum", **of)
    waited = value(found, "upstream_acquire_wait_seconds_sum", **of)
    total = value(found, "listener_request_duration_seconds_sum")
    assert server_time >= 2 * pause
    assert waited >= 0.9 * pause  # of the second
    assert abs(total - server_time - waited) < 0.02 * SLOW
    assert value(found, "listener_request_duration_seconds_bucket",
                 le="0.065536") == 0
    assert value(found, "upstream_max_connections") == 1
    assert value(found, "upstream_connects_total") == 1
    assert value(found, "upstream_sent_bytes_total") == 4
    assert value(found, "upstream_received_bytes_total") == 10
    assert value(found, "upstream_connections", state="idle") == 1
    assert value(found, "upstream_server_up") == 1


def test_failures_move_metrics(fairlead, line_server, connect):
    nobody = harness.free_port()
    silent = line_server(lambda peer: [None for _ in peer.lines()])
    instance = fairlead(admin({
        "listeners": [
            request_listener(name="down", upstream="down"),
            request_listener(name="late", upstream="late"),
        ],
        "upstreams": [
            upstream(nobody, name="down", pool={"acquire_timeout": "50ms"}),
            upstream(silent, name="late", request_timeout="50ms"),
        ],
    }))
    assert b"ERROR" in connect(instance.address("down")).ask(b"x")
    assert b"request_timeout" in connect(instance.address("late")).ask(b"x")
    found = metrics(instance)
    assert value(found, "upstream_connects_failed_total", upstream="down",
                 reason="connect_refused") >= 1
    assert value(found, "upstream_server_up", upstream="down") == 0
    assert value(found, "upstream_server_failures", upstream="down") >= 1
    assert value(found, "listener_requests_failed_total", listener="down") == 1
    assert value(found, "listener_requests_failed_total", listener="late",
                 reason="request_timeout") == 1
    assert value(found, "upstream_connections_closed_total", upstream="late",
                 reason="request_timeout") == 1
    # What failed is in no histogram of replies.
    assert value(found, "listener_request_duration_seconds_count") == 0


def test_leaving_moves_metrics(fairlead, line_server, connect):
    release = []

    def held(peer):
        for line in peer.lines():
            wait_until(lambda: release, "release")
            peer.send(b"re " + line + b"\n")

    server = line_server(held)
    instance = fairlead(admin(gateway_config(server)))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    has_moved(instance, "listener_clients", 1, state="in_flight")
    client.reset()
    has_moved(instance, "listener_requests_abandoned_total", 1)
    release.append(True)
    has_moved(instance, "upstream_replies_dropped_total", 1)


def test_a_connection_that_breaks_moves_metrics(fairlead, line_server,
                                                connect):
    """The second request is pipelined behind the first, and has not left when
    the server stops reading and resets."""
    broken = threading.Event()

    def stall(peer):
        if peer.number == 0:
            broken.wait(20 * harness.SLOW)
            peer.reset()
        else:
            harness.answer(peer)

    server = line_server(stall)
    instance = fairlead(admin(gateway_config(
        server, in_flight=8, pool={"max_size": 1},
        listener={"max_frame": "16MiB"})))
    clients = [connect(instance.address("gateway")) for _ in range(2)]
    clients[0].send(b"a" * (12 << 20) + b"\n")
    has_moved(instance, "listener_clients", 1, state="in_flight")
    clients[1].send(b"b\n")
    has_moved(instance, "listener_clients", 2, state="in_flight")
    broken.set()
    assert clients[1].line() == b"re b"
    assert value(metrics(instance), "listener_requests_resent_total") == 1


def test_backpressure_moves_its_metric(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead(admin({
        "listeners": [command_listener(max_frame="1MiB"), relay_listener()],
        "upstreams": [upstream(server)],
    }))
    for name in "commands", "relay":
        client = connect(instance.address(name), receive_buffer=4096)
        client.socket.setblocking(False)
        line = b"x" * 60000 + b"\n"
        sent = 0

        def push():
            nonlocal sent
            try:
                sent += client.socket.send(line[sent % len(line):])
            except BlockingIOError:
                pass
            return value(
                metrics(instance), "listener_backpressure_seconds_total",
                listener=name,
            ) > 0

        wait_until(push, f"{name} is held", 30)
        client.close()


def test_own_requests_move_their_metric(fairlead, line_server):
    server = line_server()
    instance = fairlead(admin(gateway_config(
        server, pool={"min_size": 1},
        keepalive_request={"send": "hello\n", "interval": "50ms"})))
    wait_until(
        lambda: value(metrics(instance), "upstream_own_requests_total") >= 2,
        "they are counted",
    )


def test_health_moves_metrics(fairlead, line_server):
    """A server that answers checks wrongly, and then rightly."""
    well = []

    def behaviour(peer):
        for _ in peer.lines():
            peer.send(b"PONG\n" if well else b"ill\n")

    server = line_server(behaviour)
    instance = fairlead(admin(gateway_config(server, health={
        "interval": "20ms", "send": "PING\n", "expect": "PONG",
        "rise": 1, "fall": 2})))
    has_moved(instance, "upstream_ejections_total", 1, reason="bad_answer")
    found = metrics(instance)
    assert value(found, "upstream_server_up") == 0
    assert value(found, "upstream_probes_total") >= 2
    state = instance.state()["upstreams"][0]["servers"][0]["state"]
    assert state == "ejected"
    assert get(instance, "/readyz?upstream=u")[0] == 503
    well.append(True)
    has_moved(instance, "upstream_returns_total", 1)
    has_moved(instance, "upstream_server_up", 1)


def test_relays_move_metrics(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead(admin(harness.relay_config(server)))
    client = connect(instance.address("relay"))
    assert client.ask(b"x") == b"re x"
    found = metrics(instance)
    assert value(found, "listener_clients", state="open") == 1
    assert value(found, "upstream_connections", state="full") == 1
    assert value(found, "upstream_acquire_wait_seconds_count") == 1
    assert value(found, "listener_received_bytes_total") == 2
    assert value(found, "upstream_received_bytes_total") == 5
