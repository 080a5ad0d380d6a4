"""run --daemon, --pidfile and --user: a daemon without a supervisor."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import harness

ROOT = os.geteuid() == 0
NOBODY = "nobody"


def alive(pid):
    """Whether the process runs; a zombie does not, unless others of its
    threads, and so its files, are still there."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    return len(threads) > 1 or text.rpartition(")")[2].split()[0] != "Z"


class Daemon:
    """Starts the program with --daemon in a folder, by a relative path."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.log = folder / "log"
        self.pidfile = folder / "pid"
        self.pids = []

    def start(self, config=None, arguments=(), log=None, runtime=None):
        """runtime: the directory of its control socket."""
        environment = harness.environment()
        if runtime is not None:
            environment["RUNTIME_DIRECTORY"] = str(runtime)
        self.address = harness.free_port()
        if config is None:
            config = {
                "log": {"target": str(log or self.log)},
                "listeners": [harness.command_listener(
                    listen=harness.at(self.address))]}
        (self.folder / "config.json").write_bytes(
            harness.config_bytes(config))
        done = subprocess.run(
            [str(self.program), "run", "--config", "config.json", "--daemon",
             "--pidfile", "pid", *arguments],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=20 * harness.SLOW, env=environment)
        if done.returncode == 0:
            self.pids.append(int(self.pidfile.read_text()))
        return done

    def stop(self, number=signal.SIGTERM):
        pid = self.pids.pop()
        os.kill(pid, number)
        harness.wait_until(lambda: not alive(pid), "the daemon's end", 20)


@pytest.fixture
def daemon(program, tmp_path):
    one = Daemon(program, tmp_path)
    yield one
    for pid in one.pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
            assert False, "the daemon was left running"
    text = one.log.read_text() if one.log.exists() else ""
    harness.assert_no_report(text)


def test_it_listens_when_the_command_ends(daemon):
    done = daemon.start()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    client = harness.LineClient(daemon.address)
    assert client.ask(b"PING") == b"PONG"
    client.close()
    pid = daemon.pids[0]
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    _state, parent, _group, session, terminal = map(str, stat[:5])
    assert parent != str(os.getpid())
    assert session not in (str(pid), str(os.getsid(0)))
    assert terminal == "0"
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    for number in range(3):
        assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"
    daemon.stop()
    assert not daemon.pidfile.exists()
    assert "service stopped" in daemon.log.read_text()


def test_errors_of_the_start_reach_the_terminal(daemon, tmp_path):
    with socket.create_server(harness.free_port()) as taken:
        done = daemon.start({
            "log": {"target": str(daemon.log)},
            "listeners": [harness.command_listener(
                listen=harness.at(taken.getsockname()))]})
    assert done.returncode == 1
    assert re.search(r"config.json:\d+:\d+: listeners\[0\].listen\[0\]: "
                     r".* is in use", done.stderr)
    assert not daemon.pidfile.exists()
    done = daemon.start("{")
    assert done.returncode == 1
    assert "config.json:1:" in done.stderr
    done = daemon.start(log=tmp_path / "missing" / "log")
    assert done.returncode == 1
    assert "log.target" in done.stderr
    assert not daemon.pidfile.exists()


def test_standard_error_would_lead_nowhere(daemon):
    listener = harness.command_listener(
        listen=harness.at(harness.free_port()))
    done = daemon.start({
        "log": {"target": "stderr"}, "listeners": [listener]})
    assert done.returncode == 1
    assert "leads nowhere after --daemon" in done.stderr
    listener["access_log"] = {"target": "stderr"}
    done = daemon.start({
        "log": {"target": str(daemon.log)}, "listeners": [listener]})
    assert done.returncode == 1
    assert "listeners[0].access_log.target" in done.stderr


def test_a_second_start_is_refused(daemon):
    assert daemon.start().returncode == 0
    first = daemon.pids[0]
    done = daemon.start()
    assert done.returncode == 1
    assert f"already running as process {first}" in done.stderr
    assert int(daemon.pidfile.read_text()) == first
    assert alive(first)
    daemon.stop()


def test_a_stale_pidfile_is_taken_over(daemon):
    assert daemon.start().returncode == 0
    daemon.stop(signal.SIGKILL)
    assert daemon.pidfile.exists()
    assert daemon.start().returncode == 0
    assert harness.LineClient(daemon.address).ask(b"PING") == b"PONG"
    daemon.stop()


def test_many_starts_at_once_make_one(program, tmp_path):
    """Each with a port of its own, so that only the pidfile decides."""
    starts = []
    for number in range(8):
        path = tmp_path / f"{number}.json"
        path.write_bytes(harness.config_bytes({
            "log": {"target": str(tmp_path / "log")},
            "listeners": [harness.command_listener()]}))
        starts.append(subprocess.Popen(
            [str(program), "run", "--config", str(path), "--daemon",
             "--pidfile", str(tmp_path / "pid")],
            stderr=subprocess.PIPE, env=harness.environment()))
    statuses = [start.wait(20 * harness.SLOW) for start in starts]
    for start in starts:
        start.stderr.close()
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGTERM)
    harness.wait_until(lambda: not alive(pid), "its end", 20)
    assert sorted(statuses) == [0] + [1] * 7


def test_rotation_of_a_daemon(daemon):
    assert daemon.start().returncode == 0
    old = daemon.folder / "log.1"
    daemon.log.rename(old)
    os.kill(daemon.pids[0], signal.SIGUSR1)
    harness.wait_until(daemon.log.exists, "a new file")
    daemon.stop()
    assert "service ready" in old.read_text()
    assert "service stopped" in daemon.log.read_text()


def test_a_pidfile_in_the_foreground(program, tmp_path, fairlead):
    """--pidfile is of use alone, under any supervisor."""
    path = tmp_path / "config.json"
    path.write_bytes(harness.config_bytes(
        {"listeners": [harness.command_listener()]}))
    process = subprocess.Popen(
        [str(program), "run", "--config", str(path), "--pidfile",
         str(tmp_path / "pid")],
        stderr=subprocess.PIPE, text=True, env=harness.environment())
    for line in process.stderr:
        if "service ready" in line:
            break
    assert int((tmp_path / "pid").read_text()) == process.pid
    process.terminate()
    process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0
    assert not (tmp_path / "pid").exists()


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: value.split() for name, value in
            re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE)}


@pytest.fixture
def common():
    """A directory that every user may pass through, with one of root's and one
    of the user's in it."""
    entry = pwd.getpwnam(NOBODY)
    folder = Path(f"/tmp/fairlead-common-{os.getpid()}")
    for path in (folder, folder / "roots", folder / "own"):
        path.mkdir()
        path.chmod(0o755)
    os.chown(folder / "own", entry.pw_uid, entry.pw_gid)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_root_is_left_behind(daemon, common):
    """With a log of the user's own."""
    entry = pwd.getpwnam(NOBODY)
    folder = common / "own"
    daemon.folder, daemon.pidfile = common, common / "pid"
    done = daemon.start(arguments=["--user", NOBODY], log=folder / "log",
                        runtime=folder)
    assert (done.returncode, done.stderr) == (0, "")
    pid = daemon.pids[0]
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = status_of(f"{pid}/task/{task.name}")
        assert status["Uid"] == [str(entry.pw_uid)] * 4
        assert status["Gid"] == [str(entry.pw_gid)] * 4
        assert str(entry.pw_gid) in status["Groups"]
        assert "0" not in status["Groups"]
        assert int(status["CapEff"][0], 16) == 0
        assert int(status["CapPrm"][0], 16) == 0
    assert (folder / "log").stat().st_uid == entry.pw_uid
    (folder / "log").rename(folder / "log.1")
    os.kill(pid, signal.SIGUSR1)
    harness.wait_until((folder / "log").exists, "a new file")
    daemon.stop()
    # It may not remove root's file, which is no longer locked.
    assert daemon.start(arguments=["--user", NOBODY], log=folder / "log",
                        runtime=folder).returncode == 0
    daemon.stop()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
@pytest.mark.parametrize("place, advice", [
    ("roots", r"{0} belongs to root, and this runs as nobody: give it to the "
              r"user that serves \(as root: chown nobody {0}\)"),
    ("roots/new", r"\(as root: install -d -o nobody {0}\)"),
])
def test_a_control_socket_that_cannot_be_made(daemon, common, place, advice):
    """Its directory is root's: the start goes well, and the terminal has the
    warning that the log has, with what to do."""
    path = common / place
    daemon.folder, daemon.pidfile = common, common / "pid"
    done = daemon.start(arguments=["--user", NOBODY], runtime=path,
                        log=common / "own" / "log")
    assert done.returncode == 0
    warning, = done.stderr.splitlines()
    assert " warning service control: status, stop and the other" in warning
    assert f"{path}/" in warning and "permission denied" in warning
    assert re.search(advice.format(re.escape(str(path))), warning), warning
    assert "or set control.path to a path that nobody may write" in warning
    log = common / "own" / "log"
    harness.wait_until(lambda: warning in log.read_text().splitlines(),
                       "the log has it too")
    client = harness.LineClient(daemon.address)
    assert client.ask(b"PING") == b"PONG"
    client.close()
    daemon.stop()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
@pytest.mark.parametrize("detached", [True, False])
def test_a_control_path_that_cannot_be_made(daemon, common, detached):
    """The file names it: the start fails, in the foreground likewise."""
    path = common / "roots" / "control.sock"
    config = {
        "log": {"target": str(common / "own" / "log")},
        "control": {"path": str(path)},
        "listeners": [harness.command_listener(
            listen=harness.at(harness.free_port()))]}
    if detached:
        done = daemon.start(config, arguments=["--user", NOBODY])
    else:
        (common / "config.json").write_bytes(harness.config_bytes(config))
        done = subprocess.run(
            [str(daemon.program), "run", "--user", NOBODY, "--config",
             str(common / "config.json")], capture_output=True, text=True,
            timeout=20 * harness.SLOW, env=harness.environment())
    assert done.returncode == 1
    assert re.search(
        rf"config.json: control.path: {path}.lock cannot be opened: permission "
        rf"denied; {path.parent} belongs to root, and this runs as nobody: ",
        done.stderr), done.stderr


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_a_configuration_that_the_user_cannot_look_up(daemon, common):
    """No place for the control socket follows from it, and it could not be
    read again."""
    common.chmod(0o700)
    daemon.folder, daemon.pidfile = common, common / "pid"
    done = daemon.start(arguments=["--user", NOBODY], log="/dev/null")
    assert done.returncode == 0
    assert re.search(r"no place for a control socket follows from \S+config.json"
                     r".* let them enter its directory and read it",
                     done.stderr), done.stderr
    daemon.stop()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_a_log_that_the_user_may_not_open(daemon, tmp_path):
    tmp_path.chmod(0o700)
    done = daemon.start(arguments=["--user", NOBODY])
    assert done.returncode == 1
    assert "log.target" in done.stderr
    assert "permission denied" in done.stderr


def test_a_user_that_does_not_exist(daemon):
    done = daemon.start(arguments=["--user", "nobody-has-this-name"])
    assert done.returncode == 2
    assert "there is no such user" in done.stderr
