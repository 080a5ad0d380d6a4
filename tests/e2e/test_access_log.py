"""Access logs of listeners: a line for each connection or request."""

import json
import re
import signal
import time
from pathlib import Path

import harness

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/logs.json"

PAIR = re.compile(r" (\w+)=(\S+)")


def lines_of(path, count):
    """Waits for `count` lines of an access log; returns all."""
    def found():
        text = path.read_text() if path.exists() else ""
        lines = text.split("\n")[:-1]
        return lines if len(lines) >= count else None

    return harness.wait_until(found, f"{count} lines in {path}")


def pairs(line):
    return dict(PAIR.findall(line))


def access(path, events="requests", **more):
    return {"target": str(path), "events": events, **more}


def test_the_example(fairlead, tmp_path):
    text = re.sub(r"^ *//.*\n", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    config = json.loads(text)
    inner = harness.free_port()
    config["listeners"][0]["listen"] = [harness.at(inner)]
    outer = harness.free_port()
    config["listeners"][1]["listen"] = [harness.at(outer)]
    config["upstreams"][0]["servers"] = [harness.at(inner)]
    for number, listener in enumerate(config["listeners"]):
        assert listener["access_log"]["target"].startswith("/tmp/fairlead-")
        listener["access_log"]["target"] = str(tmp_path / str(number))
    del config["$schema"]
    gateway = fairlead(config, wait=False)
    gateway.wait_log('"message":"ready')
    client = harness.LineClient(outer)
    assert client.ask(b"hello") == b"Echo: hello"
    client.close()
    line, = lines_of(tmp_path / "1", 1)
    assert re.match(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z gateway "
        r"127\.0\.0\.1:\d+ request outcome=ok ", line)
    gateway.kill()
    assert gateway.process.wait(20 * harness.SLOW) == 0
    gateway.status = 0
    for line in lines_of(tmp_path / "0", 1):
        record = json.loads(line)
        assert (record["of"], record["listener"]) == (
            "connection", "commands")
        assert record["frames"] in (0, 1)


def test_times_of_requests(fairlead, line_server, connect, tmp_path):
    """Where a request spent its time: one waits for the other."""
    delay = 0.2
    def slow(peer):
        for line in peer.lines():
            time.sleep(delay)
            peer.send(line + b"\n")

    server = line_server(slow)
    path = tmp_path / "requests"
    gateway = fairlead(harness.gateway_config(
        server, listener={"access_log": access(path)},
        pool={"min_size": 1, "max_size": 1}))
    first = connect(gateway.address("gateway"))
    second = connect(gateway.address("gateway"))
    first.send(b"one\n")
    harness.wait_until(lambda: server.requests, "the first at the server")
    second.send(b"another\n")
    assert first.line() == b"one"
    assert second.line() == b"another"
    one, another = map(pairs, lines_of(path, 2))
    assert one["outcome"] == another["outcome"] == "ok"
    assert one["server"] == harness.at(server.address)
    assert (one["bytes_in"], one["bytes_out"]) == ("4", "4")
    assert (another["bytes_in"], another["bytes_out"]) == ("8", "8")
    assert float(one["served"]) >= delay
    assert float(another["waited"]) >= delay / 2
    assert float(another["served"]) >= delay
    for record in one, another:
        total = float(record["waited"]) + float(record["served"])
        assert abs(total - float(record["duration"])) < 2e-6


def test_every_request_has_one_line(fairlead, line_server, tmp_path):
    """Replies, errors, timeouts, and clients that leave: as many lines as the
    counter says, by outcome."""
    def answer(peer):
        for line in peer.lines():
            if line != b"silence":
                peer.send(line + b"\n")

    server = line_server(answer)
    path = tmp_path / "requests"
    config = harness.gateway_config(
        server, listener={"access_log": access(path, format="json")},
        pool={"max_size": 2, "acquire_timeout": "300ms"},
        request_timeout="200ms")
    gateway = fairlead(config)
    address = gateway.address("gateway")
    clients = [harness.LineClient(address) for _ in range(8)]
    for number, client in enumerate(clients):
        client.send(b"silence\n" if number % 3 == 0 else b"text\n" * 5)
    for number, client in enumerate(clients):
        if number % 3 == 0:
            assert client.line().startswith(b"ERROR ")
        elif number == 7:
            client.reset()
        else:
            client.lines(5)
    leaving = harness.LineClient(address)
    leaving.send(b"silence\n")
    harness.wait_until(
        lambda: server.requests[-1][1] == b"silence", "it is at the server")
    leaving.reset()
    status, totals = gateway.stop()
    assert status == 0
    records = [json.loads(line) for line in path.read_text().splitlines()]
    outcomes = {}
    for record in records:
        assert record["of"] == "request"
        outcomes[record["outcome"]] = outcomes.get(record["outcome"], 0) + 1
    assert len(records) == totals["requests"], outcomes
    assert outcomes["ok"] == totals["replies"]
    for name, value in totals.items():
        if name.startswith("requests_failed{"):
            assert outcomes[name[16:-1]] == value, outcomes


def test_connections_of_a_relay(fairlead, line_server, tmp_path):
    server = line_server()
    path = tmp_path / "connections"
    config = harness.relay_config(
        server, listener={"access_log": access(path, "connections")})
    gateway = fairlead(config)
    client = harness.LineClient(gateway.address("relay"))
    reply = client.ask(b"hello")
    client.close()
    record = pairs(lines_of(path, 1)[0])
    assert (record["bytes_in"], record["bytes_out"]) == (
        "6", str(len(reply) + 1))
    assert "frames" not in record


def test_rotation_loses_no_request(fairlead, tmp_path):
    path = tmp_path / "requests"
    inner = harness.free_port()
    gateway = fairlead({
        "listeners": [
            harness.command_listener(listen=harness.at(inner)),
            harness.request_listener(access_log=access(path))],
        "upstreams": [harness.upstream(harness.at(inner))]})
    client = harness.LineClient(gateway.address("gateway"))
    names = []
    count = 0
    for number in range(10):
        for _ in range(200):
            client.ask(b"PING")
            count += 1
        names.append(tmp_path / f"requests.{number}")
        path.rename(names[-1])
        gateway.kill(signal.SIGUSR1)
        harness.wait_until(path.exists, "a new file")
    client.close()
    assert gateway.stop()[0] == 0
    lines = [line for name in [*names, path]
             for line in name.read_text().splitlines()]
    assert len(lines) == count
    assert all("outcome=ok" in line for line in lines)


def test_requests_only_where_there_are_some(run_program, tmp_path):
    done = run_program("check", "--config", "config.json", config={
        "listeners": [harness.command_listener(
            access_log=access(tmp_path / "log"))]})
    assert done.returncode == 1
    assert "listeners[0].access_log.events" in done.stderr


def test_a_target_that_cannot_be_opened(run_program, tmp_path):
    done = run_program("run", "--config", "config.json", config={
        "listeners": [harness.command_listener(access_log=access(
            tmp_path / "missing" / "log", "connections"))]})
    assert done.returncode == 1
    assert "listeners[0].access_log.target" in done.stderr
