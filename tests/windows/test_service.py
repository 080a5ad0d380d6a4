"""The service under Wine's service control manager."""

import hashlib
import json
import re
import socket
import threading
import time

import pytest

import wine as w

COMMANDS = {"name": "commands", "listen": ["127.0.0.1:0"], "mode": "command"}
LOG = {"target": "./service.log"}


def write(service, *, log=LOG, **more):
    """Writes a configuration; returns its SHA-256."""
    config = {"log": log, "listeners": [COMMANDS], **more}
    data = json.dumps(config).encode()
    service.config.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def run_ok(result):
    status, out, error = result
    assert status == 0, (out, error)
    return out


def test_a_service_from_beginning_to_end(service):
    sha256 = write(service, shutdown_timeout="7s", drain_delay="0s")
    mark = service.wine.mark()

    assert "installed" in run_ok(service.install())
    status, out, _ = service.command("status")
    assert status == 1 and "fairlead: stopped" in out
    assert re.search(r"account +NT SERVICE\\fairlead", out)
    config = w.windows_path(service.config)
    program = w.windows_path(service.program)
    assert f'command  "{program}" run --config "{config}"\n' in out
    kept = run_ok(service.control("config"))
    assert "start 2\n" in kept  # automatic
    assert "description TCP gateway: " in kept
    assert "preshutdown 17000\n" in kept

    assert "the service runs" in run_ok(service.command("start"))
    # STOP, PARAMCHANGE and PRESHUTDOWN.
    assert service.query() == (w.RUNNING, 0, 0, 0x1 | 0x8 | 0x100)
    # RUNNING means that it can be connected to.
    client = w.Client(service.address("commands"))
    assert client.ask("PING") == "PONG"
    assert "runs already" in run_ok(service.command("start"))
    assert "fairlead: running (process " in run_ok(service.command("status"))
    started = service.wine.await_event(1, mark)
    assert started.severity == "information"
    assert config in started.text and "generation 1" in started.text
    assert sha256 in started.text

    assert "has stopped" in run_ok(service.command("stop"))
    client.close()
    assert "stopped already" in run_ok(service.command("stop"))
    assert service.command("status")[0] == 1
    assert "STOP" in service.wine.await_event(2, mark).text
    service.wine.await_event(3, mark)
    assert not [e for e in service.wine.events(mark) if e.severity == "error"]

    assert "is removed" in run_ok(service.command("uninstall"))
    status, out, _ = service.command("status")
    assert status == 1 and "not installed" in out
    status, _, error = service.command("start")
    assert status == 3 and "install it first" in error


def test_install_and_start_at_once_and_uninstall_stops(service):
    write(service)
    assert "the service runs" in run_ok(service.install("--start"))
    client = w.Client(service.address("commands"))
    assert client.ask("PING") == "PONG"
    status, _, error = service.install()
    assert status == 3 and "fairlead service uninstall" in error
    assert client.ask("PING") == "PONG"

    assert "has stopped" in run_ok(service.command("uninstall"))
    assert client.line() == ""
    client.close()


def test_the_event_source_is_registered_and_removed(service):
    key = (r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application"
           r"\Fairlead")
    write(service)
    run_ok(service.install())
    out = run_ok(service.wine.run("reg", "query", key))
    program = w.windows_path(service.program)
    assert re.search(r"EventMessageFile +REG_EXPAND_SZ +" + re.escape(program),
                     out)
    assert re.search(r"TypesSupported +REG_DWORD +0x7\b", out)
    run_ok(service.command("uninstall"))
    assert service.wine.run("reg", "query", key)[0] != 0


def test_install_refuses_a_wrong_configuration(service):
    write(service, workers="many")
    status, _, error = service.install("--start")
    assert status == 1
    assert re.search(r"config\.json:1:\d+: workers: found \"many\"", error)
    assert "not installed" in service.command("status")[1]


@pytest.mark.parametrize("break_it, number, reason", [
    (lambda s: write(s, worker=2), 20,
     r"config\.json:1:\d+: worker: .*\"workers\""),
    (lambda s: s.config.unlink(), 20,
     r"config\.json: cannot be opened: ERROR_FILE_NOT_FOUND \(2\): "),
    (lambda s: write(s, log={"target": "./none/service.log"}), 20,
     r"config\.json: log\.target: .* cannot be opened"),
    (lambda s: write(s, log={"target": "stderr"}), 20,
     r"log\.target: .* leads nowhere in a service"),
    (lambda s: write(s, listeners=[{
        **COMMANDS, "access_log": {"target": "syslog"}}]), 20,
     r"listeners\[0\]\.access_log\.target: .* Event Log"),
    (lambda s: write(s, listeners=[{**COMMANDS, "listen": ["192.0.2.1:1"]}]),
     22, r"config\.json:1:\d+: listeners\[0\]\.listen\[0\]: 192\.0\.2\.1:1 "),
], ids=["wrong", "missing", "no log", "stderr", "access log", "address"])
def test_a_failed_start_has_its_status_and_its_reason(service, break_it,
                                                      number, reason):
    write(service)
    run_ok(service.install())
    break_it(service)
    mark = service.wine.mark()

    status, _, error = service.command("start")
    assert status == 1
    assert "exit status 1" in error and "Event Log" in error
    assert re.search(r"^fairlead: .*" + reason, error, re.MULTILINE)
    status, out, _ = service.command("status")
    assert status == 1 and "stopped, exit status 1" in out
    event = service.wine.await_event(number, mark)
    assert event.severity == "error" and re.search(reason, event.text)
    last = service.wine.await_event(4, mark)
    assert last.severity == "error" and last.text == "1"
    assert service.wine.events(mark)[-1].number == 4


def test_a_port_in_use(service):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    write(service, listeners=[
        {**COMMANDS, "listen": ["127.0.0.1:0", f"127.0.0.1:{port}"]}])
    mark = service.wine.mark()
    status, _, error = service.install("--start")
    assert status == 1 and "exit status 1" in error
    assert f"listen[1]: 127.0.0.1:{port} is in use" in error
    event = service.wine.await_event(22, mark)
    assert f"listen[1]: 127.0.0.1:{port} is in use" in event.text
    assert "WSAEADDRINUSE (10048)" in event.text
    taken.close()
    run_ok(service.command("start"))


def test_wrong_arguments(service):
    program = w.windows_path(service.program)
    mark = service.wine.mark()
    run_ok(service.control("make", f'"{program}" rum --config x.json'))
    status, _, error = service.command("start")
    assert status == 2 and "exit status 2" in error
    assert 'fairlead: unknown command "rum"; did you mean' in error
    event = service.wine.await_event(23, mark)
    assert 'unknown command "rum"; did you mean "run"?' in event.text
    assert service.wine.await_event(4, mark).text == "2"


def test_paramchange_reloads_and_keeps_connections(service):
    write(service)
    run_ok(service.install("--start"))
    client = w.Client(service.address("commands"))
    assert client.ask("PING") == "PONG"

    mark = service.wine.mark()
    sha256 = write(service, listeners=[COMMANDS, {**COMMANDS, "name": "new"}])
    run_ok(service.control("paramchange"))
    event = service.wine.await_event(10, mark)
    assert "generation 2" in event.text and sha256 in event.text
    assert client.ask("PING") == "PONG"
    other = w.Client(service.address("new"))
    assert other.ask("PING") == "PONG"
    other.close()

    mark = service.wine.mark()
    run_ok(service.control("paramchange"))
    assert sha256 in service.wine.await_event(11, mark).text
    assert client.ask("PING") == "PONG"
    client.close()


def test_a_bad_reload_is_refused_and_it_goes_on(service):
    write(service)
    run_ok(service.install("--start"))
    client = w.Client(service.address("commands"))
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    mark = service.wine.mark()
    write(service, shutdown_timeout=5)
    run_ok(service.control("paramchange"))
    assert "generation 1" in service.wine.await_event(12, mark).text
    event = service.wine.await_event(20, mark)
    assert re.search(r"config\.json:1:\d+: shutdown_timeout: found 5",
                     event.text)
    assert client.ask("PING") == "PONG"

    mark = service.wine.mark()
    write(service, listeners=[
        COMMANDS, {**COMMANDS, "name": "b", "listen": [f"127.0.0.1:{port}"]}])
    run_ok(service.control("paramchange"))
    service.wine.await_event(12, mark)
    assert f":{port} is in use" in service.wine.await_event(22, mark).text
    assert client.ask("PING") == "PONG"
    assert "running" in run_ok(service.command("status"))
    taken.close()
    client.close()


class SlowServer:
    """Answers a line when it is told to."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.lock = threading.Lock()
        self.asked = 0
        self.go = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    def _serve(self, sock):
        with sock, sock.makefile("rb") as lines:
            for line in lines:
                with self.lock:
                    self.asked += 1
                self.go.wait(30 * w.SLOW)
                sock.sendall(b"reply to " + line)


def test_stop_answers_what_is_under_way(service):
    server = SlowServer()
    write(service, listeners=[{
        "name": "gateway", "listen": ["127.0.0.1:0"], "mode": "request",
        "upstream": "u"}], upstreams=[{
            "name": "u", "servers": [server.address],
            "framing": {"type": "line"}, "pool": {"max_size": 8},
            "request_timeout": "30s"}])
    run_ok(service.install("--start"))
    address = service.address("gateway")
    clients = [w.Client(address) for _ in range(16)]
    for n, client in enumerate(clients):
        client.send(f"request {n}")
    w.wait_until(lambda: server.asked == 8, "requests at the server")

    stop = service.wine.begin(service.program, "service", "stop")
    w.wait_until(lambda: service.query()[0] == w.STOP_PENDING, "stopping")
    # It is not taken for hung, however long that lasts.
    _, first, hint, accepted = service.query()
    assert accepted == 0
    assert hint >= 5000
    w.wait_until(lambda: service.query()[1] > first + 1, "checkpoints")
    assert service.query()[0] == w.STOP_PENDING and stop.poll() is None

    server.go.set()
    for n, client in enumerate(clients):
        assert client.line() == f"reply to request {n}"
    out, error = stop.communicate(timeout=60 * w.SLOW)
    assert stop.returncode == 0 and "has stopped" in out, (out, error)
    for client in clients:
        assert client.line() == ""
        client.close()
    server.socket.close()


def test_stop_ends_after_shutdown_timeout(service):
    server = SlowServer()
    write(service, shutdown_timeout="1s", listeners=[{
        "name": "gateway", "listen": ["127.0.0.1:0"], "mode": "request",
        "upstream": "u"}], upstreams=[{
            "name": "u", "servers": [server.address],
            "framing": {"type": "line"}, "request_timeout": "1h"}])
    run_ok(service.install("--start"))
    client = w.Client(service.address("gateway"))
    client.send("request")
    w.wait_until(lambda: server.asked == 1, "the request at the server")
    begin = time.monotonic()
    run_ok(service.command("stop"))
    assert time.monotonic() - begin < 20 * w.SLOW
    service.await_log("shutdown_timeout is over")
    server.socket.close()
    client.close()


def test_a_crashed_service_can_be_started_again(service):
    """Wine's manager does not notice the end; Windows restarts it."""
    write(service)
    run_ok(service.install("--start"))
    mark = len(service.log.read_text())
    service.kill()
    run_ok(service.command("start"))
    ready = service.await_log(
        r"listener commands: listening on ([\d.]+):(\d+)", mark)
    client = w.Client((ready[1], int(ready[2])))
    assert client.ask("PING") == "PONG"
    client.close()


def test_warnings_stand_in_the_event_log_by_default(service):
    """And nothing less grave, but for the beginning and the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = free.getsockname()[1]
    write(service, log={"level": "info"}, listeners=[
        {**COMMANDS, "listen": [f"127.0.0.1:{port}"]}, {
            "name": "gateway", "listen": ["127.0.0.1:0"], "mode": "request",
            "upstream": "u"}], upstreams=[{
                "name": "u", "servers": [f"127.0.0.1:{gone}"],
                "framing": {"type": "line"}, "pool": {"min_size": 1}}])
    mark = service.wine.mark()
    run_ok(service.install("--start"))
    client = w.Client(("127.0.0.1", port))
    assert client.ask("PING") == "PONG"
    client.close()

    def told():
        return [e for e in service.wine.events(mark)
                if e.number == 31 and f":{gone}" in e.text]
    assert w.wait_until(told, "a warning")[0].severity == "warning"
    assert not [e for e in service.wine.events(mark)
                if "listening on" in e.text]  # what the log has of it

    # What has an event of its own is no line of the log, too.
    before = service.wine.mark()
    write(service, log={"level": "loud"})
    run_ok(service.control("paramchange"))
    service.wine.await_event(12, before)
    assert {e.number for e in service.wine.events(before)
            if e.severity == "error"} == {12, 20}
    run_ok(service.command("stop"))
    service.wine.await_event(3, mark)
    assert {e.number for e in service.wine.events(mark)} <= {
        1, 2, 3, 12, 20, 30, 31}
