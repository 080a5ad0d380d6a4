"""The control socket, and the commands status and stop that use it."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

import harness
from harness import (
    SLOW, at, command_listener, gateway_config, request_listener, upstream,
    wait_until,
)


def by_name(items):
    return {item["name"]: item for item in items}


def settled(instance, condition, what):
    """The first state for which the condition holds."""
    return wait_until(
        lambda: (lambda state: state if condition(state) else None)(
            instance.state()
        ),
        what,
    )


# ---- the socket ----


def test_only_its_user_may_use_it(fairlead):
    path = fairlead({"listeners": [command_listener()]}).control()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_group_may_use_it(fairlead):
    group = "daemon"
    instance = fairlead({
        "control": {"group": group}, "listeners": [command_listener()],
    })
    found = os.stat(instance.control())
    assert stat.S_IMODE(found.st_mode) == 0o660
    with open("/etc/group") as groups:
        numbers = dict(
            line.split(":")[0::2][:2] for line in groups if ":" in line
        )
    assert found.st_gid == int(numbers[group])


def test_an_unknown_group_is_a_wrong_configuration(run_program):
    done = run_program(
        "run", "--config", "config.json",
        config={"control": {"group": "no-such-group-here"},
                "listeners": [command_listener()]},
    )
    # Where the place is "auto" the program would run on without it, but
    # nobody asks for a group in vain.
    assert done.returncode == 1, done.stderr
    assert "no-such-group-here" in done.stderr


def test_it_is_where_the_configuration_says(fairlead, tmp_path):
    path = harness.control_place("mine.sock")
    instance = fairlead({
        "control": {"path": path}, "listeners": [command_listener()],
    })
    assert instance.control() == path
    assert instance.answers()
    instance.stop()
    assert not os.path.exists(path)
    assert not os.path.exists(path + ".lock")


def test_what_a_dead_process_left_is_replaced(fairlead):
    path = harness.control_place("left.sock")
    config = {"control": {"path": path}, "listeners": [command_listener()]}
    first = fairlead(config)
    first.kill(signal.SIGKILL)
    first.join()
    assert harness.on_windows() or os.path.exists(path)
    second = fairlead(config)
    assert second.answers()


def test_a_living_one_is_respected(fairlead, run_program):
    path = harness.control_place("taken.sock")
    config = {"control": {"path": path}, "listeners": [command_listener()]}
    first = fairlead(config)
    done = run_program("run", "--config", "config.json", config=config)
    assert done.returncode == 1
    assert path in done.stderr and "another fairlead" in done.stderr
    assert first.answers()


def test_a_file_that_is_no_socket_is_left_alone(run_program, tmp_path):
    path = f"{harness.RUNTIME}/precious"
    with open(path, "w") as file:
        file.write("precious")
    done = run_program(
        "run", "--config", "config.json",
        config={"control": {"path": path}, "listeners": [command_listener()]},
    )
    assert done.returncode == 1
    assert "no socket" in done.stderr
    with open(path) as file:
        assert file.read() == "precious"


def test_two_with_one_file_do_not_mix(fairlead, run_program):
    instance = fairlead({"listeners": [command_listener()]})
    done = run_program("run", "--config", instance.path)
    assert done.returncode == 1
    assert "another fairlead" in done.stderr


def test_without_a_place_it_runs_on_and_says_so(program, tmp_path):
    """The configuration on standard input has no name."""
    config = harness.config_bytes({"listeners": [command_listener()]})
    process = subprocess.Popen(
        [program, "run", "--config", "-"], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE, env=harness.environment(),
    )
    process.stdin.write(config)
    process.stdin.close()
    log = b""
    while b"service ready" not in log:
        line = process.stderr.readline()
        assert line, log
        log += line
    process.send_signal(harness.stop_signal())
    log += process.stderr.read()
    assert process.wait(20 * SLOW) == 0
    assert b"will not reach this program: no place for" in log


# ---- peers ----


def test_a_request_may_come_in_pieces_and_be_followed_by_fin(fairlead):
    instance = fairlead({"listeners": [command_listener()]})
    with instance.peer() as peer:
        for byte in b"status\r\n":
            peer.send(bytes([byte]))
        peer.shutdown(socket.SHUT_WR)
        assert json.loads(harness.read_all(peer))["state"] == "serving"


@pytest.mark.parametrize("line, words", [
    ("nonsense", 'no "nonsense"'),
    ("status now", "takes 0 arguments"),
    ("", "one line"),
    ("a b c d e f g h i j", "one line"),
    ("x" * 5000, "too long"),
    ("\x1b[2J\xff", "no "),
])
def test_what_it_does_not_understand_gets_an_error(fairlead, line, words):
    instance = fairlead({"listeners": [command_listener()]})
    answer = instance.ask(line)
    assert words in answer["error"] and answer["status"] == 2
    assert instance.answers()


def test_peers_that_say_nothing_harm_nobody(fairlead, connect):
    """More than are served at once: they are closed in their time, and those
    behind them get their turn."""
    instance = fairlead({"listeners": [command_listener()]})
    silent = [instance.peer() for _ in range(20)]
    begin = time.monotonic()
    client = connect(instance.address("commands"))
    assert client.ask(b"PING") == b"PONG"
    assert time.monotonic() - begin < 4 * SLOW
    assert instance.answers()
    for peer in silent[:16]:
        assert peer.recv(1) == b""
        peer.close()
    for peer in silent[16:]:
        peer.close()


def test_a_peer_that_does_not_read_is_closed(fairlead, connect):
    """An answer of more than a socket buffer stays with the program."""
    instance = fairlead({"listeners": [command_listener()]})
    clients = [connect(instance.address("commands")) for _ in range(1500)]
    settled(instance,
            lambda s: s["listeners"][0]["clients"] == len(clients), "open")
    lazy = []
    for _ in range(16):  # no more are served at once
        lazy.append(instance.peer())
        lazy[-1].sendall(b"connections\n")
    assert instance.answers()
    with pytest.raises(json.JSONDecodeError):
        json.loads(harness.read_all(lazy[0]))
    for peer in lazy:
        peer.close()
    assert clients[0].ask(b"PING") == b"PONG"


# ---- status ----


def test_status_counts_what_happens(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead(gateway_config(server, listener={
        "access": {"deny": ["127.0.0.9"]}}))
    client = connect(instance.address("gateway"))
    assert client.ask(b"one") == b"re one"
    assert client.ask(b"two") == b"re two"
    with pytest.raises(OSError):
        connect(instance.address("gateway"), source="127.0.0.9").ask(b"x")
    state = settled(
        instance, lambda s: s["listeners"][0]["refused"] != {}, "refused"
    )
    assert state["state"] == "serving" and state["workers"] >= 1
    assert state["config_file"] == str(instance.path)
    listener = by_name(state["listeners"])["gateway"]
    assert listener["addresses"] == [at(instance.address("gateway"))]
    assert listener["upstream"] == "u" and listener["mode"] == "request"
    assert listener["clients"] == 1 and listener["opened"] == 1
    assert listener["refused"] == {"denied_address": 1}
    assert listener["requests"] == 2 and listener["replies"] == 2
    # Of clients that are open, too.
    assert listener["bytes_in"] == len("one\ntwo\n")
    assert listener["bytes_out"] == len("re one\nre two\n")
    found = by_name(state["upstreams"])["u"]
    assert found["size"] == 1 and found["connects"] == 1
    assert found["bytes_out"] == listener["bytes_in"]
    assert found["servers"][0]["address"] == at(server.address)
    assert found["servers"][0]["state"] == "up"
    assert found["servers"][0]["connections"]["idle"] == 1
    client.close()
    settled(
        instance,
        lambda s: s["listeners"][0]["closed"] == {"peer_closed": 1}, "closed",
    )


def test_status_shows_a_server_that_is_down(fairlead, connect):
    nobody = harness.free_port()
    instance = fairlead(gateway_config(
        nobody, pool={"acquire_timeout": "50ms"},
        backoff={"initial": "1m", "max": "1m"}))
    client = connect(instance.address("gateway"))
    assert b"ERROR" in client.ask(b"x")
    found = instance.state()["upstreams"][0]
    assert found["connects_failed"]["connect_refused"] >= 1
    assert found["servers"][0]["state"] == "down"
    assert found["servers"][0]["reason"] == "connect_refused"
    assert found["servers"][0]["failures"] >= 1
    assert 0 <= found["servers"][0]["retry_in_seconds"] <= 60
    listener = instance.state()["listeners"][0]
    assert sum(listener["failed"].values()) == 1


def test_status_shows_who_waits(fairlead, line_server, connect):
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    instance = fairlead({
        "shutdown_timeout": "100ms",
        **gateway_config(server, pool={"max_size": 1})})
    clients = [connect(instance.address("gateway")) for _ in range(3)]
    for client in clients:
        client.send(b"x\n")
    state = settled(
        instance,
        lambda s: s["upstreams"][0]["waiting"] == 2
        and s["upstreams"][0]["servers"][0]["in_flight"] == 1,
        "one is asked for, two wait",
    )
    assert state["upstreams"][0]["servers"][0]["connections"]["full"] == 1
    listed = instance.state(connections=True)["connections"]
    states = sorted(c["state"] for c in listed if "listener" in c)
    assert states == ["in_flight", "waiting", "waiting"]


def test_connections_are_listed_over_all_workers(fairlead, connect):
    instance = fairlead({"workers": 2, "listeners": [command_listener()]})
    clients = [connect(instance.address("commands")) for _ in range(6)]
    for number, client in enumerate(clients):
        assert client.ask(b"x" * number) == b"Echo: " + b"x" * number
    listed = instance.state(connections=True)["connections"]
    assert len({c["id"] for c in listed}) == 6
    assert {c["id"] % 64 for c in listed} == {0, 1}
    ports = {client.socket.getsockname()[1]: i
             for i, client in enumerate(clients)}
    for found in listed:
        number = ports[int(found["peer"].rpartition(":")[2])]
        assert found["listener"] == "commands"
        assert found["state"] == "idle"
        assert found["frames"] == 1
        assert found["bytes_in"] == number + 1
        assert found["bytes_out"] == len("Echo: ") + number + 1
        assert found["age_seconds"] < 60 * SLOW


def test_relays_are_listed_from_both_sides(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead(harness.relay_config(server))
    client = connect(instance.address("relay"))
    assert client.ask(b"x") == b"re x"
    listed = instance.state(connections=True)["connections"]
    assert sorted(c["state"] for c in listed) == ["open", "open"]
    assert {c.get("listener") for c in listed} == {"relay", None}
    state = instance.state()
    assert "requests" not in state["listeners"][0]
    assert state["upstreams"][0]["servers"][0]["connections"]["full"] == 1


# ---- the commands ----


def test_status_prints_tables(fairlead, line_server, connect, run_program):
    server = line_server()
    instance = fairlead({
        "listeners": [command_listener(), request_listener()],
        "upstreams": [upstream(server)],
    })
    client = connect(instance.address("gateway"))
    assert client.ask(b"x") == b"re x"
    done = run_program(
        "status", "--config", instance.path, "--connections")
    assert done.returncode == 0 and done.stderr == ""
    text = done.stdout
    pid = instance.state()["pid"]
    assert re.search(rf"pid {pid}, serving for ", text)
    assert re.search(r"^LISTENER +MODE +ADDRESS ", text, re.M)
    row = re.search(r"^gateway +request +(\S+) +u +open +1/10000 +1 +0 +1 +0 +2 +5$",
                    text, re.M)
    assert row and row[1] == at(instance.address("gateway"))
    assert re.search(rf"^u +1/10 +0 +{at(server.address)} +up +0 +1 +1 +0 ",
                     text, re.M)
    peer = at(client.socket.getsockname())
    assert re.search(rf"^ *\d+ +listener gateway +{peer} +idle ", text, re.M)
    assert max(map(len, text.splitlines())) < 200


def test_status_as_json_is_what_the_socket_says(fairlead, run_program):
    instance = fairlead({"listeners": [command_listener()]})
    done = run_program(
        "status", "--control", instance.control(), "--json")
    assert done.returncode == 0
    state = json.loads(done.stdout)
    expected = instance.state()
    for one in state, expected:  # of another moment
        del one["uptime_seconds"]
        one.pop("sockets", None), one.pop("findings", None)
    assert state == expected


def test_status_watches(fairlead, program):
    instance = fairlead({"listeners": [command_listener()]})
    watching = subprocess.Popen(
        [program, "status", "--config", instance.path, "--watch"],
        stdout=subprocess.PIPE, env=harness.environment(), text=True,
    )
    seen = 0
    for line in watching.stdout:
        seen += line.count("LISTENER")
        if seen == 2:
            break
    watching.kill()
    watching.wait()
    assert seen == 2


def test_status_ends_with_what_it_watches(fairlead, program):
    instance = fairlead({"listeners": [command_listener()]})
    watching = subprocess.Popen(
        [program, "status", "--config", instance.path, "--watch"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=harness.environment(), text=True,
    )
    watching.stdout.readline()
    instance.stop()
    _, errors = watching.communicate(timeout=20 * SLOW)
    assert watching.returncode == 1
    assert "no fairlead that runs" in errors


@pytest.mark.parametrize("command", ["status", "stop"])
def test_nobody_there(run_program, command):
    done = run_program(
        command, "--config", "config.json",
        config={"listeners": [command_listener()]},
    )
    assert done.returncode == 1
    assert "no fairlead that runs with config.json is reached" in done.stderr


def test_a_file_that_is_being_edited_need_not_be_right(fairlead, run_program):
    instance = fairlead({"listeners": [command_listener()]})
    instance.path.write_text("{ not finished")
    done = run_program("status", "--config", instance.path)
    assert done.returncode == 0


@pytest.mark.parametrize("arguments, words", [
    (["status"], "--config is missing"),
    (["stop", "--json"], "--json is an option of: fairlead status"),
    (["status", "--config", "a", "--control", "b"], "give one of them"),
    (["status", "--config", "-"], "--control PATH"),
    (["status", "now"], "unexpected argument"),
])
def test_wrong_command_lines(run_program, arguments, words):
    done = run_program(*arguments)
    assert done.returncode == 2 and words in done.stderr


def test_stop_waits_for_the_end(fairlead, line_server, connect, program):
    """The request under way is answered before the command returns, and then
    the process is gone."""
    release = []

    def slow(peer):
        for line in peer.lines():
            wait_until(lambda: release, "release")
            peer.send(b"re " + line + b"\n")

    server = line_server(slow)
    instance = fairlead(gateway_config(server))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    stopping = subprocess.Popen(
        [program, "stop", "--config", instance.path],
        env=harness.environment(), stdout=subprocess.PIPE, text=True,
    )
    instance.wait_log(r"service stopping: fairlead stop")
    assert stopping.poll() is None
    state = instance.state()
    assert state["state"] == "stopping"
    number = state["pid"]
    release.append(True)
    assert client.line() == b"re x"
    said, _ = stopping.communicate(timeout=20 * SLOW)
    assert stopping.returncode == 0
    assert said == f"process {number} has ended with status 0\n"
    # It returned because the process has ended.
    assert instance.process.wait(2 * SLOW) == 0
    assert instance.join() == 0


def test_status_says_how_long_it_has_been_stopping(
    fairlead, connect, run_program
):
    """And when it cuts; the time since its start is another one."""
    instance = fairlead({
        "shutdown_timeout": "1h", "drain_delay": "1h",
        "listeners": [command_listener()]})
    serving = instance.state()
    assert "stopping_seconds" not in serving
    assert "cut_in_seconds" not in serving
    assert "serving for " in run_program(
        "status", "--config", instance.path).stdout
    wait_until(lambda: instance.state()["uptime_seconds"] > 1.5, "it is older")
    instance.kill()
    instance.wait_log(
        f"{harness.stop_word()}: not ready any more.*; another signal ends it "
        "at once")
    state = instance.state()
    assert state["stopping_seconds"] < state["uptime_seconds"] - 1
    assert 3600 < state["cut_in_seconds"] <= 7200
    line = run_program(
        "status", "--config", instance.path).stdout.splitlines()[0]
    assert re.search(
        r" stopping for \S+, whoever is left is closed in 1h\S+, "
        r"running for \S+, \d+ worker", line), line
    instance.kill()
    assert instance.join() == 128 + harness.stop_signal()


def test_a_signal_behind_stop_does_not_hurry_it(fairlead, line_server,
                                                connect, program):
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    instance = fairlead(gateway_config(server))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    stopping = subprocess.Popen(
        [program, "stop", "--config", instance.path],
        env=harness.environment(), stderr=subprocess.PIPE,
    )
    instance.wait_log(
        r"service stopping: fairlead stop.*; the first signal after the "
        r"command changes nothing, the second one ends it at once")
    instance.kill()
    instance.wait_log(f"{harness.stop_word()}: stopping already; another "
                      "signal ends it at once")
    assert instance.process.poll() is None
    instance.kill()
    assert instance.join() == 128 + harness.stop_signal()
    _, errors = stopping.communicate(timeout=20 * SLOW)
    assert stopping.returncode == 3
    assert b"without an answer" in errors
