"""What keeps it from starting: exit status, place and reason."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

import harness
from harness import command_listener, request_listener


def place_of(text, needle, which=1):
    """Line and column, from 1, of the needle's nth place in a text."""
    at = -1
    for _ in range(which):
        at = text.index(needle, at + 1)
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def run(run_program, config, **options):
    if isinstance(config, dict):
        config = json.dumps(config, indent=2)
    return run_program("run", "--config", "config.json", config=config,
                       **options)


def test_port_in_use(run_program):
    with socket.socket() as one, socket.socket() as two:
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.listen()
        first, second = (
            f"127.0.0.1:{sock.getsockname()[1]}" for sock in (one, two)
        )
        text = json.dumps(
            {
                "listeners": [
                    command_listener("one", listen=first),
                    command_listener("fine"),
                    command_listener("two", listen=second),
                ]
            },
            indent=2,
        )
        done = run(run_program, text)
        assert done.returncode == 1, done.stderr
        for address in (first, second):
            line, column = place_of(text, f'"{address}"')
            assert f"config.json:{line}:{column}" in done.stderr
            assert address in done.stderr
        assert len(re.findall("is in use", done.stderr)) == 2
        assert "service ready" not in done.stderr


def test_port_in_use_by_another_fairlead(fairlead, run_program):
    first = fairlead({"listeners": [command_listener()]})
    listen = harness.at(first.address("commands"))
    done = run(run_program, {"listeners": [command_listener(listen=listen)]})
    assert done.returncode == 1
    assert re.search("is in use", done.stderr), done.stderr


def test_the_port_is_free_again_after_a_stop(fairlead, connect):
    """Connections in TIME_WAIT do not keep it."""
    first = fairlead({"listeners": [command_listener()]})
    address = first.address("commands")
    client = connect(address)
    assert client.ask(b"PING") == b"PONG"
    first.kill()
    assert client.rest() == b""  # the server's side closes first
    client.close()
    assert first.join() == 0
    shown = subprocess.run(
        ["ss", "-Htan", "state", "time-wait", "src", harness.at(address)],
        capture_output=True, text=True, check=True,
    )
    assert shown.stdout, "no connection in TIME_WAIT"
    again = fairlead(
        {"listeners": [command_listener(listen=harness.at(address))]}
    )
    assert connect(again.address("commands")).ask(b"PING") == b"PONG"


def test_address_not_available(run_program):
    text = json.dumps(
        {"listeners": [command_listener(listen="192.0.2.1:0")]}, indent=2
    )
    done = run(run_program, text)
    assert done.returncode == 1, done.stderr
    line, column = place_of(text, '"192.0.2.1:0"')
    assert f"config.json:{line}:{column}" in done.stderr
    assert "192.0.2.1" in done.stderr


def test_privileged_port(program, run_program, tmp_path):
    least = int(
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    )
    if least < 2:
        pytest.skip("this system has no privileged ports")
    options = {}
    if os.geteuid() == 0:  # give root's rights away for it
        options = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            subprocess.run(
                [str(program), "--version"], check=True, capture_output=True,
                **options,
            )
        except PermissionError:
            pytest.skip("the program cannot be reached without root")
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
    done = run(
        run_program,
        {"listeners": [command_listener(listen="127.0.0.1:1")]}, **options,
    )
    assert done.returncode == 1, done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert "CAP_NET_BIND_SERVICE" in done.stderr


def good():
    return {"listeners": [command_listener()]}


def bad(change):
    config = good()
    change(config)
    return json.dumps(config, indent=2)


BAD = {
    "empty": ("", None),
    "not JSON": ("hello", (1, 1)),
    "missing comma": ('{\n  "workers": 1\n  "log": {}\n}', (3, 3)),
    "cut off": ('{"listeners": [', None),
    "type": (bad(lambda c: c.update(workers="many")), '"many"'),
    "range": (bad(lambda c: c.update(workers=1000)), "1000"),
    "unit": (
        bad(lambda c: c["listeners"][0].update(idle_timeout="5 parsecs")),
        '"5 parsecs"',
    ),
    "no unit": (
        bad(lambda c: c["listeners"][0].update(idle_timeout=5000)), "5000",
    ),
    "unknown key": (
        bad(lambda c: c["listeners"][0].update(idle_timout="5s")),
        '"idle_timout"',
    ),
    "duplicate name": (
        bad(lambda c: c["listeners"].append(command_listener())),
        ('"commands"', 2),
    ),
    "missing upstream": (
        bad(lambda c: c["listeners"].append(
            request_listener(upstream="elsewhere"))),
        '"elsewhere"',
    ),
    "brackets": ("[" * 100000, None),
    "braces": ('{"a":' * 100000, None),
    "NUL": ('{"workers": 1,\x00 "listeners": []}', (1, 15)),
    "not UTF-8": (b'{"listeners": "\xff\xfe"}', None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file(run_program, name):
    text, where = BAD[name]
    done = run(run_program, text)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert done.stderr.strip()
    assert len(done.stderr) < 20000
    assert re.search(r"config\.json:\d+:\d+", done.stderr), done.stderr
    if isinstance(where, str):
        where = place_of(text, where)
    elif where is not None and isinstance(where[0], str):
        where = place_of(text, *where)
    if where is not None:
        assert "config.json:%d:%d" % where in done.stderr, done.stderr
    if name == "unknown key":
        assert '"idle_timeout"' in done.stderr or (
            "idle_timeout" in done.stderr
        )


def test_every_fault_is_named(run_program):
    text = bad(
        lambda c: c.update(workers=0, shutdown_timeout="1 fortnight", oops=1)
    )
    done = run(run_program, text)
    assert done.returncode == 1
    for needle in ("0", '"1 fortnight"', '"oops"'):
        if needle != "0":
            assert "config.json:%d:%d" % place_of(text, needle) in done.stderr
    assert len(re.findall(r"config\.json:\d+:\d+", done.stderr)) == 3


def test_no_such_file(run_program):
    done = run_program("run", "--config", "nowhere.json")
    assert done.returncode == 1
    assert "nowhere.json" in done.stderr


def test_a_folder(run_program, tmp_path):
    done = run_program("run", "--config", tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
