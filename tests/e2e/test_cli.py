"""The command line: options, exit statuses, check, and the log's lines."""

import os
import re
import subprocess

import pytest

import harness

OK, CONFIG, USAGE, SYSTEM = 0, 1, 2, 3

GOOD = {"listeners": [harness.command_listener()]}

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_version(run_program):
    done = run_program("--version")
    assert done.returncode == OK
    assert re.fullmatch(r"fairlead \d+\.\d+\.\d+\n", done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command_and_status(run_program, arguments):
    done = run_program(*arguments)
    assert done.returncode == OK and done.stderr == ""
    for word in ("run", "check", "ping", "help", "--version", "--config"):
        assert word in done.stdout
    for status in ("0 ", "1 ", "2 ", "3 ", "128+N"):
        assert f"\n  {status}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["run", "check"])
def test_help_of_a_command(run_program, command):
    texts = {
        run_program(*arguments).stdout
        for arguments in (
            ["help", command],
            [command, "--help"],
            [command, "-h"],
            [command, "--config", "missing.json", "--help"],
        )
    }
    assert len(texts) == 1
    assert texts.pop().startswith(f"Usage: fairlead {command} --config FILE")


@pytest.mark.parametrize("arguments, message", [
    ([], "a command is missing"),
    (["rnu"], 'unknown command "rnu"; did you mean "run"?'),
    (["chek", "--config", "x"], 'did you mean "check"?'),
    (["version"], 'did you mean "--version"?'),
    (["--hepl"], 'unknown option "--hepl"; did you mean "--help"?'),
    (["--vers"], 'unknown option "--vers"'),
    (["serve"], 'unknown command "serve"; did you mean "service"?'),
    (["frobnicate"], 'unknown command "frobnicate" ('),
    (["service"], "VERB is missing: fairlead service VERB"),
    (["service", "isntall"], 'unknown verb "isntall"; did you mean "install"?'),
    (["service", "stop", "it"], 'unexpected argument "it" (fairlead service'),
    (["service", "install"], "--config is missing: fairlead service install"),
    (["service", "install", "--config", "-"], "no standard input"),
    (["service", "start", "--config", "x"], "are for: fairlead service install"),
    (["service", "stop", "--start"], "are for: fairlead service install"),
    (["--config", "x"], "fairlead run --config FILE"),
    (["run"], "--config is missing: fairlead run --config FILE"),
    (["check", "--print"], "--config is missing: fairlead check"),
    (["run", "--config"], "--config needs a file"),
    (["run", "--config="], "--config needs a file"),
    (["check", "--config", "--print"], "--config needs a file"),
    (["run", "--conf", "x"], 'unknown option "--conf"; did you mean'),
    (["run", "--configs", "x"], 'unknown option "--configs"; did you mean'),
    (["check", "--config=a", "--config", "b"], "given twice"),
    (["check", "x.json"], 'unexpected argument "x.json"'),
    (["check", "--config", "x", "--print=1"], "--print takes no value"),
    (["run", "--config", "x", "--print"],
     "--print is an option of: fairlead check"),
    (["help", "rum"], 'did you mean "run"?'),
    (["help", "run", "check"], 'unexpected argument "check"'),
    (["--version", "--help"], "--version stands alone"),
    (["\x1b[31mrun\n"], 'unknown command "?[31mrun?"'),
])
def test_wrong_command_lines(run_program, arguments, message):
    done = run_program(*arguments)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert re.fullmatch(r"fairlead: [^\n]*\n", done.stderr)
    assert message in done.stderr


def test_output_that_does_not_arrive_is_a_failure(program):
    for arguments in (["--help"], ["--version"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [program, *arguments], stdout=full, stderr=subprocess.PIPE,
                env=harness.environment(), check=False,
            )
        assert done.returncode == SYSTEM
        assert b"standard output" in done.stderr


def test_check_of_a_good_file(run_program):
    done = run_program("check", "--config", "config.json", config={
        **harness.gateway_config("127.0.0.1:1"),
    })
    assert done.returncode == OK and done.stderr == ""
    assert done.stdout == "config.json: ok (1 listener, 1 upstream)\n"
    assert run_program("check", "--config=config.json").returncode == OK


def test_check_prints_every_error_with_its_place(run_program):
    done = run_program("check", "--config", "config.json", config="""{
  "listeners": [
    { "name": "a", "listen": ["127.0.0.1:0"], "mode": "comand",
      "idle_timeout": "5 parsecs" }
  ],
  "worker": 2
}
""")
    assert done.returncode == CONFIG and done.stdout == ""
    lines = done.stderr.splitlines()
    places = [re.match(r"config\.json:(\d+):(\d+): (\S+): found (.+); "
                       r"allowed: (.+)$", line) for line in lines[:-1]]
    assert all(places), done.stderr
    assert [(int(m[1]), int(m[2]), m[3]) for m in places] == [
        (3, 55, "listeners[0].mode"),
        (4, 23, "listeners[0].idle_timeout"),
        (6, 3, "worker"),
    ]
    assert '"comand"' in places[0][4] and '"command"' in places[0][5]
    assert '"5 parsecs"' in places[1][4]
    assert '"workers"' in places[2][5]
    assert lines[-1] == "config.json: 3 errors"


def test_run_prints_what_check_prints(run_program):
    bad = '{ "listeners": 3 }'
    check = run_program("check", "--config", "config.json", config=bad)
    run = run_program("run", "--config", "config.json")
    assert run.returncode == check.returncode == CONFIG
    assert run.stderr == check.stderr
    assert run.stderr.endswith("config.json: 1 error\n")


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("path, message", [
    ("missing.json", f"cannot be opened: {harness.no_such_file()}"),
    (".", "cannot be read: it is a directory"),
    ("/dev/zero", "is too large: at most 4194304 bytes"),
])
def test_files_that_cannot_be_read(run_program, command, path, message):
    done = run_program(command, "--config", path)
    assert done.returncode == CONFIG and done.stdout == ""
    assert done.stderr.startswith(f"{path}: {message}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(run_program, tmp_path):
    (tmp_path / "config.json").touch(mode=0)
    done = run_program("check", "--config", "config.json")
    assert done.returncode == CONFIG
    assert "config.json: cannot be opened: permission denied" in done.stderr


def test_a_long_file_is_read_whole(run_program):
    text = harness.config_bytes(GOOD) + b"\n// " + b"x" * 200000 + b"\n!"
    done = run_program("check", "--config", "config.json", config=text)
    assert done.returncode == CONFIG
    line = text.count(b"\n") + 1
    assert done.stderr.startswith(f"config.json:{line}:1: ")


def test_standard_input(program):
    def check(data):
        return subprocess.run(
            [program, "check", "--config", "-"], input=data,
            capture_output=True, env=harness.environment(), check=False,
        )

    good = check(harness.config_bytes(GOOD))
    assert good.stdout == b"<stdin>: ok (1 listener, 0 upstreams)\n"
    bad = check(b"[]")
    assert bad.returncode == CONFIG and bad.stderr.startswith(b"<stdin>:1:1: ")


def test_print_is_a_configuration_that_prints_the_same(run_program):
    first = run_program(
        "check", "--config", "config.json", "--print",
        config=harness.gateway_config("127.0.0.1:1", request_timeout="7s"),
    )
    assert first.returncode == OK and '"7s"' in first.stdout
    again = run_program("check", "--config", "config.json", "--print",
                        config=first.stdout)
    assert again.returncode == OK
    assert again.stdout == first.stdout


def test_in_flight_by_order_warns_only_above_one(run_program):
    for in_flight, warned in ((1, False), (2, True)):
        done = run_program(
            "check", "--config", "config.json",
            config=harness.gateway_config("127.0.0.1:1",
                                          in_flight=in_flight),
        )
        assert done.returncode == OK and "ok" in done.stdout
        found = re.match(
            r'config\.json:\d+:\d+: warning: upstream "u": in_flight 2 .*'
            r"never skip or repeat a reply", done.stderr)
        assert bool(found) == warned
        assert warned or done.stderr == ""


def test_an_upstream_that_nobody_uses_is_warned_of(run_program):
    config = harness.gateway_config("127.0.0.1:1")
    config["upstreams"].append(harness.upstream("127.0.0.1:2", name="typo"))
    done = run_program("check", "--config", "config.json", config=config)
    assert done.returncode == OK
    assert re.fullmatch(
        r'config\.json:\d+:\d+: warning: upstream "typo": no listener uses it\n',
        done.stderr)


@pytest.mark.parametrize("listen, server, loop", [
    ("127.0.0.1:7001", "127.0.0.1:7001", True),
    ("0.0.0.0:7001", "127.0.0.1:7001", True),
    ("0.0.0.0:7001", "localhost:7001", True),
    ("127.0.0.1:7001", "localhost:7001", True),
    ("127.0.0.1:7001", "0.0.0.0:7001", True),
    ("[::]:7001", "[::1]:7001", True),
    ("192.0.2.1:7001", "192.0.2.1:7001", True),
    ("127.0.0.1:7001", "127.0.0.1:7002", False),
    ("127.0.0.1:7001", "192.0.2.1:7001", False),
    ("192.0.2.1:7001", "127.0.0.1:7001", False),
    ("[::]:7001", "127.0.0.1:7001", False),
])
def test_a_listener_that_would_serve_itself_is_warned_of(
    run_program, listen, server, loop
):
    config = harness.gateway_config(server, listener={"listen": listen})
    done = run_program("check", "--config", "config.json", config=config)
    assert done.returncode == OK
    assert bool(done.stderr) == loop
    assert not loop or re.fullmatch(
        r'config\.json:\d+:\d+: warning: listener "gateway" listens on '
        rf"{re.escape(listen)}, and its upstream's server {re.escape(server)} "
        r"is that very address: .*\n", done.stderr)


@pytest.mark.parametrize("text, warned", [
    ("0x0d", True), ("0X1C0D", True), ("\\x0d", True),
    ("hex:0d", False), ("0x0", False), ("0xgg", False), ("10d", False),
])
def test_bytes_without_hex_are_warned_of(run_program, text, warned):
    config = harness.gateway_config(
        "127.0.0.1:1", framing={"type": "delimited", "end": text})
    done = run_program("check", "--config", "config.json", config=config)
    assert done.returncode == OK
    assert bool(done.stderr) == warned
    assert not warned or f'written "hex:{text[2:]}"' in done.stderr


def test_log_lines_of_clients(fairlead, connect):
    gateway = fairlead(
        {"listeners": [harness.command_listener(idle_timeout="200ms")]},
        level="debug",
    )
    address = gateway.addresses("commands")[0]
    client = connect(address)
    own = harness.at(client.socket.getsockname())
    client.ask(b"hello")
    gateway.wait_log(rf"^{STAMP} debug client commands: {own} opened$")
    gateway.wait_log(
        rf"^{STAMP} info client commands: {own} closed: idle_timeout "
        r"\(no complete frame, of a relay no byte, for idle_timeout\), "
        r"6 bytes in, 12 out, "
        r"1 frame, (\d+ms|\d+\.\ds)$")
    polite = connect(address)
    own = harness.at(polite.socket.getsockname())
    polite.close()
    gateway.wait_log(rf" debug client commands: {own} closed: peer_closed ")


def test_the_level_decides_what_is_logged(fairlead, connect):
    gateway = fairlead(GOOD, level="info")
    with connect(gateway.addresses("commands")[0]) as client:
        client.ask(b"PING")
    assert gateway.stop()[0] == OK
    assert gateway.grep(r" info service ")
    assert not gateway.grep(r" debug ")


def test_log_lines_of_a_server_that_comes_and_goes(fairlead, connect,
                                                   line_server):
    address = harness.free_port()
    gateway = fairlead(
        harness.gateway_config(
            address, pool={"min_size": 1},
            backoff={"initial": "10ms", "max": "20ms"}),
        level="debug",
    )
    server = re.escape(harness.at(address))
    gateway.wait_log(
        rf" warning upstream u: server {server} is down: connect_refused "
        r"\(.+\), next attempt in \d+ms$")

    def hostile(peer):
        for _ in peer.lines():
            peer.send(b"a\nb\n")

    line_server(hostile, address)
    gateway.wait_log(rf" info upstream u: server {server} is up again after ")
    gateway.wait_log(rf" debug upstream u: {server} connected$")
    client = connect(gateway.addresses("gateway")[0])
    client.ask(b"x")
    gateway.wait_log(
        rf" warning upstream u: {server} closed: unexpected_data \(.+\), "
        r"\d+ bytes in, 2 out, ")


def test_log_line_of_a_failed_request(fairlead, connect, line_server):
    def silent(peer):
        for _ in peer.lines():
            pass

    server = line_server(silent)
    gateway = fairlead(harness.gateway_config(server,
                                              request_timeout="50ms"))
    client = connect(gateway.addresses("gateway")[0])
    own = harness.at(client.socket.getsockname())
    assert client.ask(b"x") == b"ERROR request_timeout"
    gateway.wait_log(
        rf" info client gateway: {own} request failed: request_timeout "
        r"\(.+\), upstream u\b")


@pytest.mark.skipif("FAIRLEAD_WINE" in os.environ, reason="has services")
@pytest.mark.parametrize("verb, command", [
    ("start", "systemctl start fairlead"),
    ("status", "systemctl status fairlead"),
    ("uninstall", "systemctl disable --now fairlead"),
])
def test_service_is_for_windows(run_program, verb, command):
    done = run_program("service", verb)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert "for Windows only" in done.stderr and command in done.stderr
