"""Full files of the log (log.max_size): renamed by the program itself."""

import re
import threading

import harness
from test_log import command_config, end, run, wait_in

KIB = 1024
# A batch is written as a whole: a file may be so much larger.
QUEUE = 512 * KIB


def talk(port, stop, opened):
    while not stop.is_set():
        client = harness.LineClient(("127.0.0.1", port))
        opened.append(client.socket.getsockname()[1])
        assert client.ask(b"PING") == b"PONG"
        client.close()


def ports(path, **keys):
    return [int(port) for port in re.findall(
        r"client commands: 127.0.0.1:(\d+) opened", path.read_text())]


class Talkers:
    """Clients that come and go, one after another, while this is in use."""

    def __init__(self, port):
        self.port = port
        self.opened = []
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=talk, args=(port, self.stop, self.opened))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def test_full_files_are_renamed_and_nothing_is_lost(program, tmp_path):
    path = tmp_path / "fairlead.log"
    files = [path.with_name(f"fairlead.log.{n}") for n in range(1, 21)]
    process = run(program, tmp_path, command_config(
        target=str(path), level="debug", max_size="64KiB", keep=20))
    port = int(wait_in(path, r"listening on 127.0.0.1:(\d+)")[0])
    with Talkers(port) as talkers:
        harness.wait_until(files[2].exists, "three full files", 60)
    end(process)
    full = [file for file in files if file.exists()]
    assert len(full) >= 3
    for file in full:
        assert 64 * KIB <= file.stat().st_size <= 64 * KIB + QUEUE
        assert file.read_bytes().endswith(b"\n")
    told = [port for file in [*reversed(full), path] for port in ports(file)]
    assert told == talkers.opened
    assert "cannot be renamed" not in path.read_text()


def test_only_so_many_files_are_kept(program, tmp_path):
    path = tmp_path / "fairlead.log"
    process = run(program, tmp_path, command_config(
        target=str(path), level="debug", max_size="64KiB", keep=2))
    port = int(wait_in(path, r"listening on 127.0.0.1:(\d+)")[0])
    with Talkers(port) as talkers:
        first = path.with_name("fairlead.log.2")
        harness.wait_until(first.exists, "two full files", 60)
        begin = ports(first)[0]
        harness.wait_until(
            lambda: first.exists() and begin not in ports(first)[:1],
            "a third one", 60)
    end(process)
    assert sorted(file.name for file in tmp_path.glob("fairlead.log*")) == [
        "fairlead.log", "fairlead.log.1", "fairlead.log.2"]
    told = [port for name in ("fairlead.log.2", "fairlead.log.1",
                              "fairlead.log")
            for port in ports(tmp_path / name)]
    assert told == talkers.opened[-len(told):]


def test_a_file_that_cannot_be_renamed_is_written_on(program, tmp_path):
    path = tmp_path / "fairlead.log"
    (tmp_path / "fairlead.log.1" / "in the way").mkdir(parents=True)
    (tmp_path / "fairlead.log.2").write_text("kept")
    process = run(program, tmp_path, command_config(
        target=str(path), level="debug", max_size="64KiB", keep=1))
    port = int(wait_in(path, r"listening on 127.0.0.1:(\d+)")[0])
    with Talkers(port) as talkers:
        wait_in(path, r"error service log .*fairlead\.log: is full "
                      r"\(log\.max_size\) and cannot be renamed: .*; it is "
                      r"written on")
        # Tried anew after as much again, and not for every line.
        harness.wait_until(
            lambda: path.stat().st_size > 160 * KIB, "more lines", 60)
    end(process)
    assert ports(path) == talkers.opened
    told = len(re.findall("cannot be renamed", path.read_text()))
    assert 1 <= told <= path.stat().st_size // (64 * KIB)
    assert (tmp_path / "fairlead.log.2").read_text() == "kept"


def test_access_logs_are_files_too_and_a_reload_changes_it(fairlead, tmp_path):
    path = tmp_path / "access.log"
    config = {"listeners": [harness.command_listener(
        access_log={"target": str(path)})]}
    gateway = fairlead(config)
    with Talkers(gateway.address("commands")[1]):
        harness.wait_until(
            lambda: path.exists() and path.stat().st_size > 80 * KIB,
            "a file beyond 64 KiB", 60)
        assert not (tmp_path / "access.log.1").exists()
        gateway.write({"log": {"max_size": "64KiB"}, **config})
        gateway.kill(harness.signal.SIGHUP)
        harness.wait_until((tmp_path / "access.log.1").exists, "a full file")
