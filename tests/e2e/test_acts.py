"""What an operator does to a program that runs: close, log-level."""

import pytest

import harness
from harness import (
    command_listener, gateway_config, wait_until,
)


def act(instance, run_program, *arguments):
    return run_program(*arguments, "--config", instance.path)


def listed(instance, **wanted):
    """The connections with these values."""
    return [
        c for c in instance.state(connections=True)["connections"]
        if all(c.get(key) == value for key, value in wanted.items())
    ]


# ---- close ----


def test_close_a_client(fairlead, connect, run_program):
    instance = fairlead({"workers": 2, "listeners": [command_listener()]})
    clients = [connect(instance.address("commands")) for _ in range(4)]
    for client in clients:
        assert client.ask(b"PING") == b"PONG"
    peer = harness.at(clients[2].socket.getsockname())
    number = listed(instance, peer=peer)[0]["id"]
    done = act(instance, run_program, "close", str(number))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert clients[2].line() is None
    assert [clients[i].ask(b"PING") for i in (0, 1, 3)] == [b"PONG"] * 3
    assert instance.state()["listeners"][0]["closed"] == {
        "closed_by_operator": 1}
    instance.wait_log(rf"connection {number} is closed by the operator")
    # It is gone: no other connection has its number.
    done = act(instance, run_program, "close", str(number))
    assert done.returncode == 1
    assert f"there is no connection {number}" in done.stderr
    assert instance.stop()[1]["clients_closed{closed_by_operator}"] == 1


def test_close_a_client_whose_request_is_under_way(
    fairlead, line_server, connect, run_program
):
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    instance = fairlead(gateway_config(server))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    number = listed(instance, listener="gateway")[0]["id"]
    assert act(instance, run_program, "close", str(number)).returncode == 0
    assert client.line() is None
    assert instance.state()["listeners"][0]["abandoned"] == 1


def test_close_a_connection_to_a_server(
    fairlead, line_server, connect, run_program
):
    server = line_server()
    instance = fairlead(gateway_config(server))
    client = connect(instance.address("gateway"))
    assert client.ask(b"x") == b"re x"
    number = listed(instance, upstream="u")[0]["id"]
    assert act(instance, run_program, "close", str(number)).returncode == 0
    assert client.ask(b"y") == b"re y"
    found = instance.state()["upstreams"][0]
    assert found["closed"] == {"closed_by_operator": 1}
    assert found["servers"][0]["failures"] == 0


@pytest.mark.parametrize("side", ["listener", "upstream"])
def test_close_a_relay(fairlead, line_server, connect, run_program, side):
    server = line_server()
    instance = fairlead(harness.relay_config(server))
    client = connect(instance.address("relay"))
    assert client.ask(b"x") == b"re x"
    number = [c["id"] for c in listed(instance) if side in c][0]
    assert act(instance, run_program, "close", str(number)).returncode == 0
    assert client.line() is None
    wait_until(lambda: not listed(instance), "both sides are closed")
    state = instance.state()
    assert state["listeners"][0]["closed"] == {"closed_by_operator": 1}
    assert state["upstreams"][0]["closed"] == {"closed_by_operator": 1}


@pytest.mark.parametrize("number, status, words", [
    ("64064", 1, "there is no connection 64064"),
    ("63", 1, "there is no connection 63"),  # of a worker that is not there
    ("12x", 2, '"12x" is no number'),
    ("99999999999999999999999", 2, "is no number"),
])
def test_close_what_is_not_there(fairlead, run_program, number, status, words):
    instance = fairlead({"workers": 2, "listeners": [command_listener()]})
    done = act(instance, run_program, "close", number)
    assert done.returncode == status and words in done.stderr


# ---- log-level ----


def test_log_level(fairlead, connect, run_program):
    instance = fairlead({
        "log": {"level": "info"}, "listeners": [command_listener()]})
    connect(instance.address("commands")).close()
    assert act(instance, run_program, "log-level", "debug", "client"
               ).returncode == 0
    client = connect(instance.address("commands"))
    instance.wait_log(r" debug client commands: ")
    seen = len(instance.grep(" debug client "))
    assert act(instance, run_program, "log-level", "warning").returncode == 0
    client.close()
    wait_until(lambda: not listed(instance), "it is gone")
    assert act(instance, run_program, "log-level", "info").returncode == 0
    instance.wait_log(r"log level of all areas: info")
    assert len(instance.grep(" debug client ")) == seen


@pytest.mark.parametrize("arguments, words", [
    (["loud"], '"loud" is no level; allowed: error, warning, info, debug'),
    (["info", "all"], '"all" is no area; allowed: service, listener'),
])
def test_log_level_wrong(fairlead, run_program, arguments, words):
    instance = fairlead({"listeners": [command_listener()]})
    done = act(instance, run_program, "log-level", *arguments)
    assert done.returncode == 2 and words in done.stderr


# ---- the command lines ----


@pytest.mark.parametrize("arguments, words", [
    (["close"], "CONNECTION is missing: fairlead close CONNECTION"),
    (["close", "1", "2"], 'unexpected argument "2" (fairlead close CONNECTION'),
    (["close", "1"], "--config is missing: fairlead close CONNECTION"),
    (["close", "1 2", "--config", "x"], '"1 2" is not one word'),
    (["log-level"], "LEVEL [AREA] is missing"),
    (["log-level", "a", "b", "c"], 'unexpected argument "c"'),
])
def test_wrong_command_lines(run_program, arguments, words):
    done = run_program(*arguments)
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.parametrize("command", [["close", "1"], ["log-level", "info"]])
def test_nobody_there(run_program, command):
    done = run_program(
        *command, "--config", "config.json",
        config={"listeners": [command_listener()]},
    )
    assert done.returncode == 1
    assert "no fairlead that runs with config.json is reached" in done.stderr
