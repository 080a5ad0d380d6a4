"""Clients of servers that were drained, or taken out by a reload: how long
they stay, and how an operator sees and ends them."""

import signal

import pytest

import harness
from harness import relay_config, wait_until


def shown(instance, server):
    """A server as status shows it; None: it does not."""
    for upstream in instance.state()["upstreams"]:
        for one in upstream["servers"]:
            if one["address"] == harness.at(server.address):
                return one
    return None


def config_of(mode, *servers, **more):
    config = relay_config(*servers, **more)
    config["listeners"][0]["mode"] = mode
    if mode == "session":
        config["upstreams"][0]["framing"] = {"type": "line"}
    config["workers"] = 2
    return config


def begin(instance, connect, count=4):
    """On both workers, where relays live."""
    clients = [connect(instance.address("relay")) for _ in range(count)]
    for client in clients:
        assert client.ask(b"x") == b"re x"
    return clients


def expect_reset(clients):
    for client in clients:
        with pytest.raises(ConnectionResetError):
            client.line()


MODES = pytest.mark.parametrize("mode", ["relay", "session"])


@MODES
def test_a_drained_server(fairlead, line_server, connect, run_program, mode):
    server = line_server()
    instance = fairlead(config_of(mode, server, drain_timeout="400ms"))
    clients = begin(instance, connect)
    done = run_program("drain", harness.at(server.address), "--config",
                       instance.path)
    assert done.returncode == 0, done.stderr
    expect_reset(clients)
    wait_until(lambda: server.open() == 0, "the server's side is closed")
    instance.wait_log(r"relay: \S+ closed: drain_timeout \(its server had been")
    upstream = instance.state()["upstreams"][0]
    assert upstream["closed"] == {"drain_timeout": 4}


@MODES
def test_a_removed_server(fairlead, line_server, connect, mode):
    """It is shown as long as it has connections, also where its upstream is
    changed in the same reload."""
    old, new = line_server(), line_server()
    instance = fairlead(config_of(mode, old))
    clients = begin(instance, connect)
    config = config_of(mode, new, drain_timeout="400ms")
    instance.write(config)
    instance.kill(signal.SIGHUP)
    instance.wait_log(r"generation 2 is in effect")
    expect_reset(clients)
    instance.wait_log(r"closed: drain_timeout")
    wait_until(lambda: shown(instance, old) is None, "it is not shown")
    assert shown(instance, new)["state"] == "unused"
    assert begin(instance, connect, 1)


def test_without_the_key_they_stay_and_can_be_ended(
    fairlead, line_server, connect, run_program
):
    old, new = line_server(), line_server()
    instance = fairlead(config_of("relay", old))
    clients = begin(instance, connect)
    bytes_in = instance.state()["upstreams"][0]["bytes_in"]
    instance.write(config_of("relay", new))
    instance.kill(signal.SIGHUP)
    instance.wait_log(r"generation 2 is in effect")
    found = shown(instance, old)
    assert found["state"] == "removed"
    assert sum(found["connections"].values()) == 4
    # What open connections have moved is counted on.
    assert instance.state()["upstreams"][0]["bytes_in"] >= bytes_in
    text = run_program("status", "--config", instance.path).stdout
    assert f"{harness.at(old.address)}" in text and " removed " in text
    number = next(
        one["id"] for one in instance.state(connections=True)["connections"]
        if one.get("server") == harness.at(old.address))
    done = run_program("close", str(number), "--config", instance.path)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: sum(shown(instance, old)["connections"].values()) == 3,
               "one is closed")
    for target in (harness.at(old.address), "u/" + harness.at(old.address)):
        done = run_program("eject", target, "--config", instance.path)
        if target[0] != "u":
            assert done.returncode == 0, done.stderr
            expect_reset(clients)
            wait_until(lambda: shown(instance, old) is None, "none is left")
        else:
            assert done.returncode == 1
            assert "no upstream has a server" in done.stderr
    instance.wait_log(r"what was left of the removed server \S+ is closed by")
