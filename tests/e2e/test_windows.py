"""What only the program for Windows does. Run by Wine."""

import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

import harness

pytestmark = pytest.mark.skipif(
    not harness.on_windows(), reason="the program for Windows")

# Parts of every Windows 10 and later.
SYSTEM = {
    "advapi32.dll", "bcrypt.dll", "dbghelp.dll", "iphlpapi.dll",
    "kernel32.dll", "msvcrt.dll", "ole32.dll", "psapi.dll", "shell32.dll",
    "user32.dll", "userenv.dll", "ws2_32.dll",
}


def test_only_the_systems_libraries_are_needed():
    listed = subprocess.run(
        ["x86_64-w64-mingw32-objdump", "-p", os.environ["FAIRLEAD_WINE"]],
        capture_output=True, text=True, check=True).stdout
    needed = {name.lower() for name in re.findall(r"DLL Name: (\S+)", listed)}
    assert "ws2_32.dll" in needed
    assert needed <= SYSTEM


@pytest.mark.parametrize("option", [
    ["--daemon"], ["--pidfile", "p"], ["--user", "somebody"]])
def test_what_daemons_have_is_refused(run_program, option):
    done = run_program("run", "--config", "config.json", *option,
                       config={"listeners": [harness.command_listener()]})
    assert done.returncode == 2
    assert f"{option[0]}: not on Windows" in done.stderr
    assert "service" in done.stderr


def test_words_and_names_are_utf_8(run_program, tmp_path):
    (tmp_path / "grün 灯.json").write_text("{}")
    done = run_program("check", "--config", "grün 灯.json")
    assert "grün 灯.json:1:1: " in done.stderr
    done = run_program("stätus")
    assert done.returncode == 2 and '"stätus"' in done.stderr


def test_errors_have_the_systems_name_and_number(run_program):
    done = run_program("check", "--config", "none.json")
    assert re.search(r"cannot be opened: ERROR_FILE_NOT_FOUND \(2\): \S",
                     done.stderr)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_program("run", "--config", "config.json", config={
            "listeners": [harness.command_listener(
                listen=f"127.0.0.1:{port}")]})
    assert done.returncode == 1
    assert re.search(rf"127\.0\.0\.1:{port} is in use .*;"
                     r".* \(WSAEADDRINUSE \(10048\)", done.stderr)


def test_output_is_byte_for_byte(program):
    done = subprocess.run([str(program), "--version"], capture_output=True,
                          check=True, env=harness.environment())
    assert re.fullmatch(rb"fairlead [0-9.]+\n", done.stdout)


def test_a_second_ctrl_c_ends_at_once(fairlead, connect):
    instance = fairlead({"listeners": [harness.relay_listener()],
                         "upstreams": [harness.upstream("127.0.0.1:9")],
                         "shutdown_timeout": "60s",
                         "drain_delay": "30s"})
    instance.kill(signal.SIGINT)
    instance.wait_log("Ctrl-C: not ready any more")
    instance.kill(signal.SIGINT)
    instance.wait_log("Ctrl-C again: ending at once")
    assert instance.join() == 130


CONTROL = Path(os.environ.get("FAIRLEAD_WINE", "/none")).with_name(
    "fl-control.exe")
LAST = pytest.mark.skipif(not CONTROL.exists(), reason="built without tests")
ENDS = pytest.mark.parametrize("act, who", [
    ("close", "the console was closed"), ("end", "the user logs off")])


def silent(peer):
    for _ in peer.lines():
        pass


def system_does(act, instance):
    """What Windows does with it at the end of a console or a session."""
    subprocess.run(
        ["/usr/lib/wine/wine64", str(CONTROL), act,
         str(instance.state()["pid"])], check=True, env=harness.environment())


@LAST
@ENDS
def test_the_last_moments_are_for_the_drain(
        fairlead, line_server, connect, act, who):
    """Whoever tells of the end returns only when the process has ended, so
    that Windows does not end it before."""
    go = threading.Event()

    def late(peer):
        for line in peer.lines():
            go.wait(30 * harness.SLOW)
            peer.send(b"re " + line + b"\n")

    server = line_server(late)
    instance = fairlead({
        **harness.gateway_config(server, request_timeout="1m"),
        "drain_delay": "1h"})
    client = connect(instance.address("gateway"))
    client.send(b"x\n")
    harness.wait_until(lambda: server.requests, "the request is in flight")
    system_does(act, instance)
    instance.wait_log(
        f"stopping: {who}; 1 client is connected, .* for up to 4.0s$")
    go.set()
    assert client.line() == b"re x"
    assert instance.join() == 0


@LAST
@ENDS
def test_the_drain_ends_in_time(fairlead, line_server, connect, act, who):
    server = line_server(silent)
    instance = fairlead({
        **harness.gateway_config(server, request_timeout="1m"),
        "shutdown_timeout": "1h"})
    connect(instance.address("gateway")).send(b"x\n")
    harness.wait_until(lambda: server.requests, "the request is in flight")
    system_does(act, instance)
    instance.wait_log("the time that the system leaves is over: closing the 1")
    assert instance.join() == 0


@LAST
@pytest.mark.parametrize("more", [
    {"drain_delay": "1h"}, {"shutdown_timeout": "1h"}])
def test_a_stop_under_way_becomes_a_short_one(
        fairlead, line_server, connect, more):
    server = line_server(silent)
    instance = fairlead({
        **harness.gateway_config(server, request_timeout="1m"), **more})
    connect(instance.address("gateway")).send(b"x\n")
    harness.wait_until(lambda: server.requests, "the request is in flight")
    instance.kill()
    instance.wait_log("Ctrl-C")
    system_does("end", instance)
    instance.wait_log("stopping already; the user logs off")
    instance.wait_log("the time that the system leaves is over: closing the 1")
    assert instance.join() == 0


def test_what_tcp_measures_is_done_without(
        fairlead, line_server, connect):
    """Wine has no SIO_TCP_INFO: that is said once, and the states of sockets
    are told as before."""
    instance = fairlead({**harness.gateway_config(line_server()),
                         "states": {"interval": "100ms"}})
    client = connect(instance.address("gateway"))
    assert client.ask(b"x") == b"re x"
    instance.wait_log(r"warning states .* it refuses SIO_TCP_INFO "
                      r"\(WSAE[A-Z]+ \(10\d+\).*\); going on without them")

    def samples():
        sockets = instance.state().get("sockets", {})
        return sum(s["states"]["established"]
                   for s in sockets.get("servers", []))

    harness.wait_until(samples, "states of sockets")
    client.ask(b"y")
    assert instance.text().count("SIO_TCP_INFO") == 1


def timer(address):
    """When the kernel sends the first keep-alive, in seconds: ss shows
    "50sec" of the program's end of a connection."""
    shown = subprocess.run(
        ["ss", "-Htno", "state", "established", "src", harness.at(address)],
        capture_output=True, text=True, check=True).stdout
    found = re.search(r"timer:\(keepalive,(\d+)sec,", shown)
    assert found, shown
    return int(found[1])


@pytest.mark.parametrize("idle", [25, 50])
def test_keepalive_begins_when_it_is_to(fairlead, connect, idle):
    """By SIO_KEEPALIVE_VALS, for Wine has no TCP_KEEPIDLE."""
    instance = fairlead({
        "listeners": [harness.command_listener()],
        "socket": {"keepalive": {"idle": f"{idle}s", "interval": "9s"}}})
    client = connect(instance.address("commands"))
    assert client.ask(b"PING") == b"PONG"
    assert idle / 2 < timer(instance.address("commands")) <= idle


def test_two_are_not_controlled_at_one_place(fairlead, run_program, tmp_path):
    place = r"\\.\pipe\fairlead-test-" + str(os.getpid())
    config = {"listeners": [harness.command_listener()],
              "control": {"path": place}}
    fairlead(config)
    done = run_program("run", "--config", "config.json", config=config)
    assert done.returncode == 1
    assert "another fairlead that runs is controlled there" in done.stderr


@pytest.mark.parametrize("control, fault", [
    ({"path": "C:/run/fairlead.sock"}, "is no name of a pipe"),
    ({"group": "Users"}, "control.group: not on Windows"),
])
def test_a_place_that_is_none_is_refused(run_program, control, fault):
    done = run_program("run", "--config", "config.json", config={
        "listeners": [harness.command_listener()], "control": control})
    assert done.returncode == 1
    assert fault in done.stderr


def test_commands_reach_it_and_tell_the_result(
        fairlead, line_server, run_program):
    server = line_server()
    config = harness.gateway_config(server)
    instance = fairlead(config)

    def command(*words):
        return run_program(*words, "--config", instance.path)

    name = harness.at(server.address)
    for act in ("drain", "restore", "eject", "restore"):
        done = command(act, name)
        assert done.returncode == 0, done.stderr
    assert command("drain", "127.0.0.1:1").returncode == 1
    config["listeners"][0]["idle_timeout"] = "77s"
    instance.write(config)
    done = command("reload")
    assert done.returncode == 0
    assert 'listener "gateway" idle_timeout changed' in done.stdout
    instance.write({**config, "listeners": 5})
    done = command("reload")
    assert done.returncode == 1
    assert "listeners: found 5" in done.stdout + done.stderr
    instance.write(config)
    assert instance.state()["generation"] == 2
    assert command("log-level", "debug").returncode == 0
    assert command("stop").returncode == 0
    assert instance.join() == 0
    done = command("status")
    assert done.returncode == 1
    assert "no fairlead that runs with" in done.stderr
