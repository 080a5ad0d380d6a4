"""What an operator does to a program that runs: close, log-level, drain, eject,
restore; and drain_delay, by which a stop lets balancers notice."""

import http.client
import re
import signal
import threading

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
    assert (done.returncode, done.stdout, done.stderr) == (
        0, f"connection {number}: closed\n", "")
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
    with pytest.raises(ConnectionResetError):  # no end that looks like one
        client.line()
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


# ---- drain, eject, restore ----


def name(server):
    return harness.at(server.address)


def shown(instance, server):
    """A server as status shows it."""
    for found in instance.state()["upstreams"]:
        for one in found["servers"]:
            if one["address"] == name(server):
                return one
    raise AssertionError(f"{name(server)} is not shown")


def standing(instance, server):
    return sum(shown(instance, server)["connections"].values())


def answering(text):
    def behaviour(peer):
        for _ in peer.lines():
            peer.send(text + b"\n")
    return behaviour


def test_drain_under_load(fairlead, line_server, connect, run_program):
    """Clients ask on and on while the servers are drained in turn: no request
    fails, and the drained one has no connection in the end."""
    one, two = line_server(answering(b"one")), line_server(answering(b"two"))
    instance = fairlead({"workers": 2, **gateway_config(
        one, two, workers=2, pool={
            "min_size": 4, "max_size": 8, "max_lifetime": "200ms"})})
    clients = [connect(instance.address("gateway")) for _ in range(8)]
    wrong, over = [], threading.Event()

    def load(client):
        while not over.is_set():
            client.send(b"q\n" * 4)
            answers = client.lines(4)
            if set(answers) - {b"one", b"two"} or len(answers) != 4:
                wrong.append(answers)

    threads = [threading.Thread(target=load, args=[c]) for c in clients]
    for thread in threads:
        thread.start()
    # Lifetimes end all the time, so that one that comes back gets its share.
    for server, other in ((one, two), (two, one), (one, two)):
        wait_until(lambda: standing(instance, server) > 0, "it is used")
        assert act(instance, run_program, "drain", name(server)
                   ).returncode == 0
        wait_until(lambda: standing(instance, server) == 0, "all are gone")
        assert shown(instance, server)["state"] == "drained"
        before = len(server.received())
        wait_until(lambda: len(other.received()) > 0, "the other works")
        assert standing(instance, server) == 0
        assert len(server.received()) == before
        assert act(instance, run_program, "restore", name(server)
                   ).returncode == 0
        wait_until(lambda: len(server.received()) > before, "used again")
    over.set()
    for thread in threads:
        thread.join(20 * harness.SLOW)
    assert wrong == []
    totals = instance.stop()[1]
    assert totals["servers_ejected{drained}"] == 3
    assert totals["servers_returned"] == 3
    assert totals["upstream_closed{drained}"] > 0
    assert not [n for n in totals if n.startswith("requests_failed")]


def test_drain_lets_requests_finish(
    fairlead, line_server, connect, run_program
):
    go = threading.Event()

    def slow(peer):
        for line in peer.lines():
            wait_until(go.is_set, "go")
            peer.send(b"re " + line + b"\n")

    server = line_server(slow)
    instance = fairlead(gateway_config(server, pool={"min_size": 2}))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(server.received, "the request arrives")
    done = act(instance, run_program, "drain", name(server))
    assert (done.returncode, done.stdout) == (
        0, f"server {name(server)} of u: drained; 1 request still in flight; "
        "no server of the upstream is left, so requests wait\n")
    wait_until(lambda: standing(instance, server) == 1, "the spare is gone")
    # Nobody else is left: the next request waits.
    other = connect(instance.address("gateway"))
    other.send(b"y\n")
    wait_until(lambda: instance.state()["upstreams"][0]["waiting"] == 1,
               "it waits")
    go.set()
    assert client.line() == b"re x"
    wait_until(lambda: standing(instance, server) == 0, "it is gone")
    assert instance.state()["upstreams"][0]["waiting"] == 1
    done = act(instance, run_program, "restore", name(server))
    assert (done.returncode, done.stdout) == (
        0, f"server {name(server)} of u: in use again\n")
    assert other.line() == b"re y"
    instance.wait_log(rf"server {name(server)} is drained by an operator; "
                      r"no server is left, so requests wait$")
    instance.wait_log(rf"server {name(server)} has returned after")


def test_eject_is_at_once(fairlead, line_server, connect, run_program):
    mute = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    well = line_server(answering(b"well"))
    instance = fairlead(gateway_config(
        mute, well, pool={"max_size": 1}, request_timeout="1h"))
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    wait_until(mute.received, "the request arrives")
    done = act(instance, run_program, "eject", name(mute))
    assert (done.returncode, done.stdout) == (
        0, f"server {name(mute)} of u: ejected; its connections are closed\n")
    assert b"ejected_by_operator" in client.line()
    assert shown(instance, mute)["state"] == "ejected_by_operator"
    instance.wait_log(rf"server {name(mute)} is ejected by an operator$")
    assert [client.ask(b"q") for _ in range(5)] == [b"well"] * 5
    assert len(mute.received()) == 1
    assert shown(instance, mute)["failures"] == 0


def test_a_word_outlasts_a_reload(
    fairlead, line_server, connect, run_program
):
    one, two = line_server(answering(b"one")), line_server(answering(b"two"))
    config = gateway_config(one, two)
    instance = fairlead(config)
    assert act(instance, run_program, "drain", name(one)).returncode == 0
    config["upstreams"][0]["request_timeout"] = "7s"
    instance.write(config)
    instance.kill(signal.SIGHUP)
    instance.wait_log(r"generation 2 is in effect")
    client = connect(instance.address("gateway"))
    assert [client.ask(b"q") for _ in range(5)] == [b"two"] * 5
    assert shown(instance, one)["state"] == "drained"
    assert act(instance, run_program, "restore", name(one)).returncode == 0
    assert act(instance, run_program, "drain", name(two)).returncode == 0
    assert [client.ask(b"q") for _ in range(5)] == [b"one"] * 5


def test_relays(fairlead, line_server, connect, run_program):
    one, two = line_server(answering(b"one")), line_server(answering(b"two"))
    instance = fairlead(harness.relay_config(one, two))
    first = connect(instance.address("relay"))
    server, word, rest = (
        (one, b"one", b"two") if first.ask(b"q") == b"one"
        else (two, b"two", b"one"))
    done = act(instance, run_program, "drain", name(server))
    assert done.stdout == (
        f"server {name(server)} of u: drained; "
        "1 relay or session still open\n")
    others = [connect(instance.address("relay")) for _ in range(4)]
    assert [other.ask(b"q") for other in others] == [rest] * 4
    assert first.ask(b"q") == word
    assert act(instance, run_program, "eject", name(server)).returncode == 0
    with pytest.raises(ConnectionResetError):
        first.line()
    assert [other.ask(b"q") for other in others] == [rest] * 4


def test_a_server_with_nothing_under_way(fairlead, line_server, run_program):
    """What was true is said each time, unless nobody wants to read it; and
    status shows for how long."""
    one, two = line_server(), line_server()
    instance = fairlead(gateway_config(one, two))
    line = f"server {name(one)} of u: drained; nothing is under way on it\n"
    for _ in range(2):
        assert act(instance, run_program, "drain", name(one)).stdout == line
    assert act(instance, run_program, "drain", name(one), "--quiet"
               ).stdout == ""
    found = shown(instance, one)
    assert found["state"] == "drained" and found["out_seconds"] > 0
    assert "out_seconds" not in shown(instance, two)
    table = act(instance, run_program, "status").stdout
    row = [r for r in table.splitlines() if name(one) in r][0].split()
    assert row[-3] != "-" and row[-2:] == ["-", "-"]


def test_no_message_says_it_twice(fairlead, line_server, connect, run_program):
    """Of what commands and failures leave in the log, no word stands right
    behind itself, and no word thrice."""
    server = line_server()
    instance = fairlead({
        "listeners": [harness.request_listener(),
                      harness.relay_listener(upstream="v")],
        "upstreams": [
            harness.upstream(server, health={"interval": "50ms", "fall": 1}),
            harness.upstream(server, name="v")],
    }, level="debug")
    client = connect(instance.address("gateway"))
    relay = connect(instance.address("relay"))
    assert client.ask(b"x") == b"re x" and relay.ask(b"x") == b"re x"
    for verb in "drain", "eject", "restore":
        for upstream in "u", "v":
            act(instance, run_program, verb, f"{upstream}/{name(server)}")
    assert client.ask(b"x") == b"re x"
    number = listed(instance, upstream="u")[0]["id"]
    act(instance, run_program, "close", str(number))
    client.reset()
    server.stop()
    instance.wait_log(r"is ejected: connect_refused")
    instance.stop()
    for line in instance.grep(" (client|upstream|control) "):
        words = re.findall(r"[a-z_]{2,}", line.split(" ", 3)[-1])
        assert not [a for a, b in zip(words, words[1:]) if a == b], line
        assert not [w for w in words if words.count(w) > 2], line


def test_which_server(fairlead, line_server, run_program):
    server = line_server()
    instance = fairlead({
        "listeners": [
            harness.request_listener(),
            harness.request_listener("more", upstream="v"),
        ],
        "upstreams": [
            harness.upstream(server), harness.upstream(server, name="v")],
    })
    done = act(instance, run_program, "drain", name(server))
    assert done.returncode == 1
    assert f"2 upstreams have a server {name(server)}" in done.stderr
    done = act(instance, run_program, "drain", f"u/{name(server)}")
    assert done.returncode == 0
    states = {u["name"]: u["servers"][0]["state"]
              for u in instance.state()["upstreams"]}
    assert states == {"u": "drained", "v": "unused"}
    done = act(instance, run_program, "eject", "127.0.0.1:9")
    assert done.returncode == 1
    assert "no upstream has a server 127.0.0.1:9" in done.stderr


# ---- drain_delay ----


def ready(instance, address):
    link = http.client.HTTPConnection(*address, timeout=20 * harness.SLOW)
    link.request("GET", "/readyz")
    status = link.getresponse().status
    link.close()
    return status


def admin(instance):
    found = instance.wait_log(r"admin.health_listen: listening on (\S+):(\d+)")
    return found[1], int(found[2])


def test_drain_delay(fairlead, connect):
    """Readiness fails first; everything else goes on, new clients included; a
    second signal ends it at once."""
    instance = fairlead({
        "drain_delay": "1h", "admin": {"health_listen": "127.0.0.1:0"},
        "listeners": [command_listener()],
    })
    pages = admin(instance)
    assert ready(instance, pages) == 200
    before = connect(instance.address("commands"))
    instance.kill()
    instance.wait_log(
        f"{harness.stop_word()}: not ready any more; clients are served")
    assert ready(instance, pages) == 503
    assert instance.state()["state"] == "stopping"
    assert before.ask(b"PING") == b"PONG"
    assert connect(instance.address("commands")).ask(b"PING") == b"PONG"
    instance.kill()
    assert instance.join() == 128 + harness.stop_signal()


def test_the_stop_follows_drain_delay(fairlead, connect):
    instance = fairlead({
        "drain_delay": "300ms", "listeners": [command_listener()]})
    client = connect(instance.address("commands"))
    assert client.ask(b"PING") == b"PONG"
    status, totals = instance.stop()
    assert status == 0 and totals["clients_closed{shutdown}"] == 1
    log = instance.text()
    assert log.index("not ready any more") < log.index(
        f"stopping: {harness.stop_word()}")
    assert client.line() is None


# ---- log-level ----


def test_log_level(fairlead, connect, run_program):
    instance = fairlead({
        "log": {"level": "info"}, "listeners": [command_listener()]})
    connect(instance.address("commands")).close()
    wait_until(lambda: not listed(instance), "the first is gone")
    done = act(instance, run_program, "log-level", "debug", "client")
    assert (done.returncode, done.stdout) == (
        0, "log level of client: debug, until a reload changes something\n")
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
    (["drain"], "SERVER is missing: fairlead drain SERVER"),
    (["restore", "a", "b"], 'unexpected argument "b"'),
    (["log-level"], "LEVEL is missing"),
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
