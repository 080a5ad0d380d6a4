"""The log: its formats, levels and targets, and that nobody waits for it."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import harness


def log(**keys):
    return {"log": keys}


def command_config(**keys):
    return {**log(**keys), "listeners": [harness.command_listener()]}


def records(text):
    """The JSON objects of a text, a line each; anything else fails."""
    return [json.loads(line) for line in text.splitlines()]


def run(program, tmp_path, config, **options):
    """Starts the program by hand: the log is not where a fixture reads it."""
    path = tmp_path / "config.json"
    path.write_bytes(harness.config_bytes(config))
    return subprocess.Popen(
        [str(program), "run", "--config", str(path)],
        stdin=subprocess.DEVNULL, env=harness.environment(), **options,
    )


def wait_in(path, pattern, count=1):
    """Waits until a file has so many lines with the pattern."""
    def found():
        if not path.exists():
            return None
        matches = re.findall(pattern, path.read_text(errors="replace"))
        return matches if len(matches) >= count else None

    return harness.wait_until(found, f"{pattern} in {path}")


def end(process):
    process.send_signal(harness.stop_signal())
    assert process.wait(20 * harness.SLOW) == 0


def test_json_lines_are_valid_and_have_their_fields(fairlead, connect):
    port = harness.free_port()
    gateway = fairlead({
        **log(format="json", level="debug"),
        "listeners": [harness.command_listener(),
                      harness.request_listener()],
        "upstreams": [harness.upstream(harness.at(port), pool={
            "acquire_timeout": "50ms"})],
    }, wait=False)
    gateway.wait_log('"message":"ready')
    found = gateway.wait_log(
        r'gateway: listening on 127.0.0.1:(\d+)')
    client = connect(("127.0.0.1", int(found[1])))
    assert client.ask(b'\x01"\\\x80\xff') == b"ERROR acquire_timeout"
    client.close()
    gateway.wait_log('"event":"client_closed"')
    gateway.kill()
    assert gateway.process.wait(20) == 0
    gateway.status = 0
    gateway._reader.join(10)
    lines = records(gateway.text())
    for line in lines:
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("error", "warning", "info", "debug")
        assert line["area"] in AREAS
        assert line["message"]
    by_event = {line["event"]: line for line in lines if "event" in line}
    down = by_event["server_down"]
    assert down["upstream"] == "u"
    assert down["server"] == harness.at(port)
    assert down["reason"] == "connect_refused"
    failed = by_event["request_failed"]
    assert (failed["listener"], failed["reason"]) == (
        "gateway", "acquire_timeout")
    assert (failed["server"], failed["failure"]) == (
        harness.at(port), "connect_refused")
    assert 0 <= failed["failed_ago"] < 20 * harness.SLOW
    closed = by_event["client_closed"]
    assert closed["frames"] == 1
    assert closed["bytes_in"] == 6
    assert closed["duration"] > 0
    assert closed["peer"].startswith("127.0.0.1:")


AREAS = ("service", "listener", "client", "upstream", "reload", "control",
         "states", "socket")


@pytest.mark.parametrize("area", AREAS)
def test_every_area_can_be_set(fairlead, run_program, area):
    """In the file and by command."""
    instance = fairlead({
        **log(levels={area: "debug"}),
        "listeners": [harness.command_listener()]})
    done = run_program(
        "log-level", "debug", area, "--config", instance.path)
    assert done.returncode == 0, done.stderr
    if area != "control":
        instance.wait_log(f"info control log level of {area}: debug")


def test_areas_beside_service_have_levels_of_their_own(fairlead, run_program):
    instance = fairlead({
        **log(level="error", levels={"service": "info", "reload": "info"}),
        "listeners": [harness.command_listener()]}, wait=False)
    instance.wait_log("ready")
    for command in ("reload", "log-level"):
        words = [command] if command == "reload" else [
            command, "info", "service"]
        done = run_program(*words, "--config", instance.path)
        assert done.returncode == 0, done.stderr
    instance.wait_log("info reload .* says what is in effect already")
    assert not instance.grep(" control ")


def test_why_there_was_no_connection(fairlead, line_server, connect,
                                     run_program):
    nobody = harness.at(harness.free_port())
    mute = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    pool = {"max_size": 1, "acquire_timeout": "50ms"}
    instance = fairlead({
        "listeners": [harness.request_listener(name, upstream=name)
                      for name in ("down", "busy", "out")],
        "upstreams": [
            harness.upstream(nobody, name="down", pool=pool),
            harness.upstream(mute, name="busy", pool=pool),
            harness.upstream(mute, name="out", pool=pool)]})
    server = harness.at(mute.address)
    done = run_program("drain", f"out/{server}", "--config", instance.path)
    assert done.returncode == 0
    first = connect(instance.address("busy"))
    first.send(b"x\n")
    harness.wait_until(mute.received, "the only connection is in use")
    for name, why in (
        ("down", rf"none stands; server {nobody} failed \S+ ago: "
                 r"connect_refused \(nobody listens at that address\)"),
        ("busy", "all are in use"),
        ("out", "all its servers are taken out by an operator"),
    ):
        client = connect(instance.address(name))
        assert client.ask(b"y") == b"ERROR acquire_timeout"
        instance.wait_log(
            rf"client {name}: \S+ request failed: acquire_timeout "
            rf"\(no connection to upstream {name} became free in time\): "
            rf"{why}$")
    first.close()


def test_levels_of_areas(fairlead, connect):
    gateway = fairlead({
        **log(level="error", levels={"service": "info", "client": "debug"}),
        "listeners": [harness.command_listener(listen=harness.at(
            address := harness.free_port()))],
    })
    client = connect(address)
    assert client.ask(b"PING") == b"PONG"
    gateway.wait_log("client commands: .* opened")
    assert not gateway.grep(" listener ")


def test_a_repeated_event_is_told_as_a_number(fairlead):
    gateway = fairlead({
        **log(),
        "listeners": [harness.command_listener(framing={"type": "line"})],
    })
    address = gateway.address("commands")
    for _ in range(50):
        client = harness.LineClient(address)
        client.send(b"\x00\n")
        assert client.line() == b"ERROR not_text"
        client.close()
    status, totals = gateway.stop()
    assert status == 0
    assert totals["requests_failed{not_text}"] == 50
    lines = gateway.grep("request failed: not_text")
    assert len(lines) == 21
    assert "repeated 30 times" in lines[-1]


def test_a_file_is_appended_to_and_opened_again(
    program, tmp_path, connect
):
    path = tmp_path / "fairlead.log"
    path.write_text("before\n")
    process = run(program, tmp_path, command_config(
        target=str(path), level="debug"))
    wait_in(path, "service ready")
    port = int(wait_in(path, r"listening on 127.0.0.1:(\d+)")[0])
    done = threading.Event()
    opened = []

    def clients():
        while not done.is_set():
            client = harness.LineClient(("127.0.0.1", port))
            opened.append(client.socket.getsockname()[1])
            assert client.ask(b"PING") == b"PONG"
            client.close()

    thread = threading.Thread(target=clients)
    thread.start()
    names = []
    for number in range(20):
        names.append(tmp_path / f"fairlead.log.{number}")
        wait_in(path, "opened", 3)
        path.rename(names[-1])
        process.send_signal(signal.SIGUSR1)
        harness.wait_until(path.exists, "a new file")
    done.set()
    thread.join()
    end(process)
    text = "".join(name.read_text() for name in [*names, path])
    assert text.startswith("before\n")
    assert text.endswith("\n")
    told = re.findall(r"client commands: 127.0.0.1:(\d+) opened", text)
    assert list(map(int, told)) == opened
    assert "cannot be opened again" not in text


def test_a_directory_that_is_gone_loses_nothing(program, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "fairlead.log"
    process = run(program, tmp_path, command_config(target=str(path)))
    wait_in(path, "service ready")
    folder.rename(tmp_path / "moved")
    process.send_signal(signal.SIGUSR1)
    wait_in(tmp_path / "moved" / "fairlead.log", "cannot be opened again")
    end(process)
    assert "service stopped" in (
        tmp_path / "moved" / "fairlead.log").read_text()


def test_a_target_that_cannot_be_opened(run_program, tmp_path):
    done = run_program("run", "--config", "config.json", config=command_config(
        target=str(tmp_path / "missing" / "file")))
    assert done.returncode == 1
    assert "log.target" in done.stderr
    assert harness.no_such_file() in done.stderr


def test_a_start_that_fails_says_so_on_the_terminal(
    run_program, tmp_path
):
    host, port = harness.free_port()
    with harness.socket.create_server((host, port)):
        done = run_program(
            "run", "--config", "config.json", config={
                **log(target=str(tmp_path / "log")),
                "listeners": [harness.command_listener(
                    listen=f"{host}:{port}")]})
    assert done.returncode == 1
    assert "is in use by another program" in done.stderr


def test_a_reader_that_stops_does_not_stop_the_gateway(
    program, tmp_path, connect
):
    """The pipe fills, lines are lost and counted, and nobody waits."""
    read, write = os.pipe()
    address = harness.free_port()
    process = run(program, tmp_path, {
        **log(level="debug"),
        "listeners": [harness.command_listener(listen=harness.at(address))],
    }, stderr=write)
    os.close(write)
    text = b""
    while b"service ready" not in text:
        text += os.read(read, 65536)
    slowest = 0.0
    rounds = 9000  # two lines each: more than queue, batch and pipe hold
    witness = connect(address)
    for number in range(rounds):
        client = harness.LineClient(address)
        client.close()
        if number % 100 == 0:
            began = time.monotonic()
            assert witness.ask(b"PING") == b"PONG"
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1.0 * harness.SLOW
    chunks = []

    def drain():
        while chunk := os.read(read, 65536):
            chunks.append(chunk)

    thread = threading.Thread(target=drain)
    thread.start()
    # The next line finds room again, and the loss is told.
    harness.wait_until(
        lambda: b" lines lost: " in b"".join(chunks), "the loss told")
    end(process)
    thread.join(10)
    os.close(read)
    lines = (text + b"".join(chunks)).decode().splitlines()
    lost = sum(int(re.search(r"(\d+) lines lost", line)[1])
               for line in lines if "lines lost" in line)
    told = [line for line in lines if " client commands: " in line]
    assert lost > 0
    total = int(re.search(r"clients_opened=(\d+)", "".join(lines))[1])
    assert len(told) + lost == 2 * total
    assert "service stopped" in lines[-1]


def test_a_full_disk_is_survived_and_told(program, tmp_path):
    """/dev/full takes nothing; a rotation then leads to a file that does."""
    address = harness.free_port()
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    process = run(program, tmp_path, {
        **log(target=str(path)),
        "listeners": [harness.command_listener(listen=harness.at(address))],
    })
    harness.wait_until(lambda: can_connect(address), "it listens")
    client = harness.LineClient(address)
    assert client.ask(b"PING") == b"PONG"
    client.close()
    path.unlink()
    process.send_signal(signal.SIGUSR1)
    harness.wait_until(path.exists, "a new file")
    end(process)
    text = path.read_text()
    assert len(re.findall(r"\d+ lines? lost: no space left on device",
                          text)) == 1
    assert "service stopped" in text


def can_connect(address):
    try:
        harness.LineClient(address).close()
    except OSError:
        return False
    return True


def test_priorities_for_the_journal(program, tmp_path):
    """Standard error is the journal's where JOURNAL_STREAM names it."""
    path = tmp_path / "stream"
    for name, prefixed in (("right", True), ("wrong", False)):
        with path.open("wb") as stream:
            stat = os.fstat(stream.fileno())
            inode = stat.st_ino + (0 if prefixed else 1)
            environment = {
                **harness.environment(),
                "JOURNAL_STREAM": f"{stat.st_dev}:{inode}"}
            (tmp_path / "config.json").write_bytes(
                harness.config_bytes(command_config()))
            process = subprocess.Popen(
                [str(program), "run", "--config",
                 str(tmp_path / "config.json")],
                stdin=subprocess.DEVNULL, stderr=stream, env=environment)
            wait_in(path, "service ready")
            end(process)
        lines = path.read_text().splitlines()
        for line in lines:
            assert line.startswith("<6>") == prefixed, name
        assert ("<6>service stopped" in lines) == prefixed
