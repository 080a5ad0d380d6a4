"""What the operating system sees: states of TCP, queues, round trips, ports."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import harness
from harness import (
    at, command_listener, gateway_config, relay_config, relay_listener,
    request_listener, upstream, wait_until,
)
from test_admin import ROOT, admin, metrics, value

OFTEN = {"states": {"interval": "100ms"}}


def sockets(instance):
    """(of the first listener, of the first server), once there is a sample."""
    state = wait_until(
        lambda: instance.state().get("sockets"), "there is a sample")
    return state["listeners"][0], (state["servers"] or [None])[0]


def finding(instance, kind):
    """The text of the finding of this kind."""
    found = [one for one in instance.state().get("findings", ())
             if one["kind"] == kind]
    return found[0]["text"] if found else None


def seen(instance, condition, what):
    """Waits until a sample is so; returns it."""
    def look():
        found = sockets(instance)
        return found if condition(*found) else None

    return wait_until(look, what)


# ---- states ----


def test_close_wait_of_clients(fairlead, line_server, connect, run_program):
    """Clients that have closed their side and are owed a reply."""
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    instance = fairlead(admin({**OFTEN, **gateway_config(
        server, request_timeout="1m")}))
    clients = [connect(instance.address("gateway")) for _ in range(25)]
    for client in clients:
        client.send(b"x\n")
        client.socket.shutdown(socket.SHUT_WR)
    seen(instance, lambda listener, _: listener["states"]["close_wait"] == 25,
         "25 clients are in CLOSE_WAIT")
    assert value(metrics(instance), "listener_sockets", listener="gateway",
                 state="close_wait") == 25
    text = wait_until(lambda: finding(instance, "listener_close_wait"),
                      "it is told")
    assert text.startswith("25 clients have closed their side")
    assert value(metrics(instance), "findings",
                 kind="listener_close_wait") == 1
    done = run_program("status", "--config", instance.path)
    assert f"WARNING listener gateway at {at(instance.address('gateway'))}: " \
        "25 clients" in done.stdout
    row = re.search(r"^gateway +127\.\S+ (.*)$", done.stdout.split(
        "SOCKETS OF")[1], re.M)[1].split()
    assert row[3] == "25"  # CLOSE WAIT
    server.stop()
    seen(instance, lambda listener, _: listener["states"]["close_wait"] == 0,
         "they are closed")
    wait_until(lambda: not finding(instance, "listener_close_wait"),
               "nothing is wrong any more")
    assert len(instance.grep(r"warning states .*25 clients")) == 1


def test_close_wait_of_servers(fairlead, line_server, connect):
    """A relay whose server has closed and whose client has not."""
    server = line_server(lambda peer: None)
    instance = fairlead({**OFTEN, **relay_config(server)})
    clients = [connect(instance.address("relay")) for _ in range(20)]
    for client in clients:
        assert client.rest() == b""
    seen(instance, lambda _, to: to["states"]["close_wait"] == 20,
         "20 connections are in CLOSE_WAIT")
    assert "20 connections" in wait_until(
        lambda: finding(instance, "server_close_wait"), "it is told")


def test_time_wait_belongs_to_the_side_that_closed_first(
        fairlead, line_server, connect):
    # At an address of its own: an ephemeral port has had other connections,
    # whose TIME_WAIT would be counted, too.
    server = line_server(address=harness.free_port())
    instance = fairlead({**OFTEN, **relay_config(server)})
    for _ in range(7):
        client = connect(instance.address("relay"))
        assert client.ask(b"x") == b"re x"  # the server was connected to
        client.close()
    # The client closed first towards us; we closed first towards the server.
    listener, to = seen(
        instance, lambda _, to: to["states"]["time_wait"] == 7,
        "7 connections to the server are in TIME_WAIT")
    assert listener["states"]["time_wait"] == 0
    assert to["states"]["established"] == 0


def test_a_server_that_is_our_own_listener(fairlead, connect):
    """Each end of a connection counts once, in its place."""
    port = harness.free_port()
    instance = fairlead({**OFTEN, "listeners": [
        command_listener(listen=at(port)), request_listener()],
        "upstreams": [upstream(port, pool={"min_size": 3})]})
    assert connect(instance.address("gateway")).ask(b"PING") == b"PONG"
    listener, to = seen(
        instance, lambda _, to: to["states"]["established"] == 3,
        "3 connections stand")
    assert listener["address"] == at(port)
    assert listener["states"]["established"] == 3
    assert sum(listener["states"].values()) == 3
    assert sum(to["states"].values()) == 3


def test_a_server_by_its_name(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead({**OFTEN, **gateway_config(
        f"localhost:{server.address[1]}")})
    if server.address[0] != "127.0.0.1":
        pytest.skip("the server is not at localhost")
    assert connect(instance.address("gateway")).ask(b"x") == b"re x"
    seen(instance, lambda _, to: to["states"]["established"] == 1,
         "the connection is seen")


# ---- round trips and ports ----


def test_round_trips_and_segments(fairlead, line_server, connect):
    server = line_server()
    instance = fairlead(admin({**OFTEN, **gateway_config(
        server, pool={"min_size": 1, "max_size": 1})}))
    client = connect(instance.address("gateway"))
    seen(instance, lambda _, to: "rtt_median_seconds" in to, "it is measured")
    before = sockets(instance)[1]["segments_sent"]
    for _ in range(100):
        assert client.ask(b"x") == b"re x"
    _, to = seen(instance, lambda _, to: to["segments_sent"] >= before + 100,
                 "100 segments were sent")
    assert 0 < to["rtt_min_seconds"] <= to["rtt_median_seconds"] \
        <= to["rtt_max_seconds"] < 60
    assert to["segments_sent"] == before + 100
    found = metrics(instance)
    assert value(found, "upstream_segments_sent_total") == before + 100
    assert 0 < value(found, "upstream_rtt_median_seconds") < 60


def in_own_network(commands):
    """A program for the fixture `fairlead` that runs in a network namespace
    of its own, after these commands of a shell."""
    script = "; ".join(["ip link set lo up", *commands, 'exec "$0" "$@"'])
    return ["unshare", "--net", "sh", "-c", script]


@pytest.fixture
def wrapped(program, tmp_path):
    """wrapped(command) is a program that runs the program by a command."""
    def make(command):
        path = tmp_path / "wrapped"
        words = " ".join("'" + word.replace("'", "'\\''") + "'"
                         for word in [*map(str, command), str(program)])
        path.write_text(f"#!/bin/sh\nexec {words} \"$@\"\n")
        path.chmod(0o755)
        return path

    return make


def test_few_ports_are_left(tmp_path, wrapped):
    """20 ephemeral ports, most of them in TIME_WAIT."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a network namespace")
    path = wrapped(in_own_network(
        ["echo 20001 20020 > /proc/sys/net/ipv4/ip_local_port_range"]))
    config = {**OFTEN, "listeners": [
        command_listener(listen="127.0.0.1:8080"),
        relay_listener(listen="127.0.0.1:8081")],
        "upstreams": [upstream(("127.0.0.1", 8080))]}
    instance = harness.Fairlead(path, config, tmp_path).start()
    try:
        _, to = sockets(instance)
        assert to["ports_free"] == 20
        client = (
            "import socket,sys\n"
            "for port in range(17):\n"
            "  peer = socket.socket()\n"
            "  peer.bind(('127.0.0.1', 30000 + port))\n"
            "  peer.connect(('127.0.0.1', 8081))\n"
            "  peer.sendall(b'PING\\n')\n"
            "  assert peer.recv(9) == b'PONG\\n'\n"
            "  peer.close()\n"
        )
        subprocess.run(
            ["nsenter", f"--net=/proc/{instance.pid}/ns/net",
             sys.executable, "-c", client], check=True, timeout=30)
        _, to = seen(instance, lambda _, to: to["states"]["time_wait"] == 17,
                     "17 ports are in TIME_WAIT")
        assert to["ports_free"] == 3
        assert "3 of 20 local ports are left" in wait_until(
            lambda: finding(instance, "ports"), "it is told")
    finally:
        instance.finish()


# ---- the listen queue ----


def test_a_listen_queue_that_overflows(fairlead):
    """Clients come while the process is stopped."""
    instance = fairlead(admin({**OFTEN, "listeners": [
        command_listener(socket={"backlog": 1})]}))
    listener, _ = sockets(instance)
    assert (listener["queue"], listener["queue_limit"]) == (0, 1)
    assert listener["queue_drops"] == 0
    system = instance.state()["sockets"]["system_listen_overflows"]
    instance.kill(signal.SIGSTOP)
    clients = []
    try:
        wait_until(instance.stopped, "it is stopped")
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(instance.address("commands"))
            clients.append(client)
    finally:
        instance.kill(signal.SIGCONT)
    seen(instance, lambda listener, _: listener["queue_drops"] >= 1,
         "clients were dropped")
    text = wait_until(lambda: finding(instance, "listen_queue"), "it is told")
    assert re.search(r"dropped \d+ connection attempts.*its limit is 1,", text)
    found = metrics(instance)
    assert value(found, "listener_queue_drops_total") >= 1
    assert value(found, "listener_queue_limit") == 1
    assert value(found, "system_listen_overflows_total") > system
    for client in clients:
        client.close()


# ---- when the system does not tell ----

# Refuses socket(AF_NETLINK, ...) with EPERM: seccomp(2), on x86-64 (nr 41)
# and AArch64 (nr 198).
REFUSE = r"""
import ctypes, os, struct, sys
number = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
code = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16),
        (0x15, 0, 1, 16), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(
    b"".join(struct.pack("HBBI", *line) for line in code))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(
    Filter(len(code), ctypes.addressof(program))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_system_that_does_not_tell(tmp_path, wrapped, connect, line_server,
                                     run_program):
    """It is said once, and everything else goes on."""
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("the filter knows other processors")
    server = line_server()
    instance = harness.Fairlead(
        wrapped([sys.executable, "-c", REFUSE]),
        admin({**OFTEN, **gateway_config(server)}), tmp_path).start()
    try:
        line = r"warning states the system does not tell the states of " \
            r"sockets: operation not permitted"
        instance.wait_log(line)
        assert connect(instance.address("gateway")).ask(b"x") == b"re x"
        state = instance.state()
        assert state["sockets"] == {"error": "operation not permitted"}
        assert "findings" not in state
        found = metrics(instance)
        assert value(found, "listener_requests_total") == 1
        assert not any("sockets" in name for name, *_ in found)
        done = run_program("status", "--config", instance.path)
        assert done.returncode == 0
        assert "does not tell the states of sockets: operation not" \
            in done.stdout
        assert len(instance.grep(line)) == 1
    finally:
        instance.finish()


def test_it_can_be_switched_off(fairlead, connect):
    instance = fairlead({
        "states": {"interval": "0s"}, "listeners": [command_listener()]})
    assert connect(instance.address("commands")).ask(b"PING") == b"PONG"
    state = instance.state()
    assert "sockets" not in state and "findings" not in state


def test_it_follows_a_reload(fairlead, line_server, connect):
    server = line_server()
    config = {**OFTEN, **gateway_config(server)}
    instance = fairlead(config)
    seen(instance, lambda listener, _: listener["listener"] == "gateway", "it")
    config["listeners"].append(command_listener(name="second"))
    instance.write(config)
    instance.kill(signal.SIGHUP)
    wait_until(
        lambda: [one["listener"] for one in
                 instance.state()["sockets"]["listeners"]]
        == ["gateway", "second"], "the new listener is seen")


def test_the_example(fairlead, line_server, connect):
    """config/examples/states.json does what it says, on free ports."""
    text = (ROOT / "config/examples/states.json").read_text()
    server = line_server()
    for old, new in (
        ("127.0.0.1:9180", "127.0.0.1:0"), ("0.0.0.0:5020", "127.0.0.1:0"),
        ("192.0.2.10:5020", at(server.address)), ('"2s"', '"100ms"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    instance = fairlead(text)
    assert connect(instance.address("meters")).ask(b"x") == b"re x"
    seen(instance, lambda listener, to: listener["queue_limit"] == 128
         and to["states"]["established"] >= 1, "it is seen")
