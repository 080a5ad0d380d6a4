"""The package as its user meets it: installed, changed, restarted, upgraded and
removed in a system that was booted for it. In order: each test goes on where
the one before has left the system."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import harness
from conftest import ask, wait_until

CONFIG = "/etc/fairlead/config.json"
PORT = 8080  # of the shipped configuration's commands
RATE = 1000  # clients a second
RESTARTS = 20
EXPOSURE = 1.5


class Load:
    """Clients that come all the time; see load.py."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("load.py"), "127.0.0.1",
             str(PORT), str(RATE)],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.found = json.loads(self.process.communicate(timeout=60)[0])
        print({key: self.found[key] for key in ("seconds", "counts",
                                                 "slowest")})

    def failures(self, but=lambda failure: False):
        """What went wrong, and that enough clients came to tell."""
        assert self.found["counts"]["answered"] > (
            0.5 * RATE * self.found["seconds"])
        return [it for it in self.found["failures"] if not but(it)]


def files(container):
    """Everything in the system but what every program writes."""
    found = container.run(
        "find", "/", "-xdev", "-not", "(", "-path", "/proc/*", "-o", "-path",
        "/sys/*", "-o", "-path", "/dev/*", "-o", "-path", "/run/*", "-o",
        "-path", "/tmp*", "-o", "-path", "/var/tmp*", "-o", "-path",
        "/var/log/journal*", "-o", "-path", "/var/lib/dpkg/*", "-o", "-path",
        "/var/lib/systemd/*", "-o", "-path", "/var/cache/*", ")").stdout
    return set(found.splitlines()) - {
        # lists of users as they were before the last change
        "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-",
        "/etc/.pwd.lock", "/var/log/dpkg.log"}


@pytest.fixture(scope="module")
def before(container):
    return files(container), container.run("getent", "passwd").stdout


def edit(container, change):
    """Changes its configuration file by change(text)."""
    path = container.path(CONFIG)
    path.write_text(change(path.read_text()))


def add_listener(name, listen):
    return lambda text: text.replace(
        '"listeners": [', '"listeners": [\n{"name": "%s", "listen": ["%s"], '
        '"mode": "command"},' % (name, listen), 1)


def set_in_unit(container, line):
    """As `systemctl edit` does."""
    folder = container.path("/etc/systemd/system/fairlead.service.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "override.conf").write_text(f"[Service]\n{line}\n")
    container.run("systemctl", "daemon-reload")


def refused(port):
    try:
        ask(port)
    except ConnectionRefusedError:
        return True
    return False


# ---- installed ----


def test_install(container, before):
    container.run("dpkg", "--install", "/mnt/fairlead.deb")
    assert container.property("ActiveState") == "active"
    assert container.property("UnitFileState") == "enabled"
    assert ask(PORT) == b"PONG"
    assert ask(8081, b"hello") == b"Echo: hello"


def test_the_status_line(container):
    line = wait_until(lambda: container.property("StatusText"), "a status")
    assert re.fullmatch(r"Serving 2 listeners, \d+ clients; generation 1",
                        line), line


def test_what_it_may_do(container):
    status = Path(f"/proc/{container.pid()}/status").read_text()

    def value(name):
        return re.search(rf"^{name}:\s+(.*)$", status, re.M)[1].split()

    user = container.run("id", "-u", "fairlead").stdout.strip()
    assert value("Uid") == [user] * 4 and user != "0"
    low_ports = 1 << 10  # CAP_NET_BIND_SERVICE, capabilities(7)
    assert int(value("CapEff")[0], 16) == low_ports
    assert int(value("CapBnd")[0], 16) == low_ports
    assert value("NoNewPrivs") == ["1"] and value("Seccomp") == ["2"]


def test_the_unit(container):
    unit = container.property("FragmentPath")
    said = container.run("systemd-analyze", "verify", "--man=no", unit)
    assert said.stdout == ""
    said = container.run(
        "systemd-analyze", "security", "--offline=true", "--no-pager",
        f"--threshold={EXPOSURE * 10:.0f}", unit)
    print(said.stdout.splitlines()[-1])


def test_commands_reach_it(container):
    status = container.run("fairlead", "status", "--config", CONFIG).stdout
    assert "commands" in status and "127.0.0.1:8080" in status
    # netlink works in the sandbox
    state = json.loads(container.run(
        "fairlead", "status", "--config", CONFIG, "--json").stdout)
    assert state["state"] == "serving"
    assert "does not tell the states" not in container.journal()


# ---- reload ----


def test_reload(container):
    edit(container, add_listener("web", "127.0.0.1:80"))
    (container.path("/etc/fairlead/conf.d") / "more.json").write_text(
        '{"listeners": [{"name": "more", "listen": ["127.0.0.1:8090"], '
        '"mode": "command"}]}')
    container.run("systemctl", "reload", "fairlead")
    assert ask(80) == ask(8090) == ask(PORT) == b"PONG"
    assert "web: listening on 127.0.0.1:80" in container.journal()
    assert container.property("NFileDescriptorStore") == "4"


def test_a_wrong_file_is_refused(container):
    path = container.path(CONFIG)
    good = path.read_text()
    pid = container.property("MainPID")
    edit(container, lambda text: text.replace('"workers"', '"workerz"', 1))
    failed = container.run("systemctl", "reload", "fairlead", check=False)
    assert failed.returncode != 0
    assert ask(PORT) == ask(80) == b"PONG"
    assert container.property("ActiveState") == "active"
    assert container.property("MainPID") == pid
    assert re.search(
        r"config\.json:\d+:\d+: workerz: found an unknown key",
        container.journal())
    path.write_text(good)
    container.run("systemctl", "reload", "fairlead")


def test_the_gateway_of_the_documents(container):
    """docs/linux.md, in front of something that answers."""
    text = (Path(__file__).parents[2] / "docs/linux.md").read_text()
    shown = re.search(r"```json\n(.*?)```", text, re.S)[1]
    path = container.path("/etc/fairlead/conf.d/postgresql.json")
    path.write_text(shown)
    container.run("fairlead", "check", "--config", CONFIG)
    container.run("systemctl", "reload", "fairlead")
    server = harness.LineServer(address=("127.0.0.1", 5432))
    try:
        assert ask(5433, b"select 1") == b"re select 1"
    finally:
        server.stop()
    path.unlink()
    container.run("systemctl", "reload", "fairlead")


# ---- nobody is refused ----


def test_restarts_under_load(container):
    with Load() as load:
        for _ in range(RESTARTS):
            container.run("systemctl", "restart", "fairlead")
            assert ask(PORT) == b"PONG"  # behind all who had to wait
    assert load.failures() == []
    assert load.found["slowest"] < 2
    assert container.property("NFileDescriptorStore") == "4"


def test_a_crash_under_load(container):
    """Nobody is refused; who had been let in at that moment has lost its
    connection, as after every crash."""
    pid = container.pid()
    restarts = int(container.property("NRestarts"))
    with Load() as load:
        time.sleep(1)
        moment = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: ask(PORT) == b"PONG", "an answer")
        again = time.monotonic() - moment
        time.sleep(0.5)
    print(f"after a crash it answered in {again:.3f} s")
    assert again < 1
    assert load.failures(
        but=lambda it: it["connected"] and it["connected"] < moment + 0.05
        and it["outcome"] in ("ECONNRESET", "closed")) == []
    assert len(load.found["failures"]) < 20
    assert int(container.property("NRestarts")) == restarts + 1


def test_an_upgrade_under_load(container):
    """Changes of the configuration stay."""
    edited = container.path(CONFIG).read_text()
    before = container.property("MainPID")
    with Load() as load:
        container.run("dpkg", "--install", "/mnt/upgraded.deb")
    assert load.failures() == []
    assert container.property("MainPID") != before
    assert container.path(CONFIG).read_text() == edited
    assert "later" in container.run(
        "dpkg-query", "--show", "fairlead").stdout
    assert ask(80) == ask(8090) == b"PONG"


# ---- what may go wrong ----


def test_a_restart_with_a_wrong_file(container):
    """It is tried again, without end; clients wait, and are served as soon as
    the file is right."""
    path = container.path(CONFIG)
    good = path.read_text()
    path.write_text("{")
    failed = container.run("systemctl", "restart", "fairlead", check=False)
    assert failed.returncode != 0
    client = socket.create_connection(("127.0.0.1", PORT), 10)
    client.sendall(b"PING\n")
    # more often than systemd's usual limit, 5 starts in 10 s
    wait_until(lambda: int(container.property("NRestarts")) > 6, "retries")
    path.write_text(good)
    with client:
        assert client.recv(100) == b"PONG\n"
    wait_until(lambda: container.property("ActiveState") == "active", "it")


def test_a_stuck_worker_is_restarted(container):
    set_in_unit(container, "WatchdogSec=1s")
    container.run("systemctl", "restart", "fairlead")
    pid = container.pid()
    time.sleep(2)
    assert container.pid() == pid, "a worker that turns is left alone"
    thread = harness.stick(pid)
    os.waitpid(thread, harness.WALL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "its end")
    wait_until(lambda: container.property("ActiveState") == "active", "it")
    assert ask(PORT) == b"PONG"
    assert "Watchdog timeout" in container.journal()


# ---- the end ----


def test_stop(container):
    container.run("systemctl", "stop", "fairlead")
    assert container.property("Result") == "success"
    assert refused(PORT) and refused(80)
    container.run("systemctl", "start", "fairlead")
    assert ask(PORT) == b"PONG"
    container.run("fairlead", "stop", "--config", CONFIG)
    wait_until(lambda: container.property("ActiveState") == "inactive",
               "its end")
    assert refused(PORT)
    container.run("systemctl", "start", "fairlead")


def test_a_long_stop_is_not_cut(container):
    """The process says how long it needs."""
    set_in_unit(container, "TimeoutStopSec=1s")
    edit(container, lambda text: text.replace(
        '"shutdown_timeout": "30s"', '"shutdown_timeout": "4s"'))
    (container.path("/etc/fairlead/conf.d") / "relay.json").write_text(
        '{"listeners": [{"name": "r", "listen": ["127.0.0.1:8091"], '
        '"mode": "relay", "upstream": "127.0.0.1:5432"}]}')
    container.run("systemctl", "restart", "fairlead")
    server = harness.LineServer(address=("127.0.0.1", 5432))
    try:
        with socket.create_connection(("127.0.0.1", 8091), 10) as client:
            client.sendall(b"x\n")
            assert client.recv(100) == b"re x\n"
            begin = time.monotonic()
            container.run("systemctl", "stop", "fairlead")
            assert time.monotonic() - begin > 3.9
    finally:
        server.stop()
    assert container.property("Result") == "success"


def test_socket_activation(container):
    """The service begins with its first client."""
    unit = container.path("/etc/systemd/system/fairlead.socket")
    unit.write_text(
        "[Socket]\nListenStream=127.0.0.1:8080\nBacklog=4096\n")
    container.run("systemctl", "daemon-reload")
    container.run("systemctl", "start", "fairlead.socket")
    assert container.property("ActiveState") == "inactive"
    with Load() as load:
        wait_until(lambda: container.property("ActiveState") == "active",
                   "its start")
        container.run("systemctl", "restart", "fairlead")
        assert ask(PORT) == b"PONG"
    assert load.failures() == []
    container.run("systemctl", "stop", "fairlead.socket", "fairlead")
    unit.unlink()
    container.run("systemctl", "daemon-reload")
    container.run("systemctl", "start", "fairlead")


def test_remove(container):
    """It keeps the configuration."""
    container.run("dpkg", "--remove", "fairlead")
    assert refused(PORT)
    assert container.path(CONFIG).exists()
    assert not container.path("/usr/bin/fairlead").exists()


def test_purge(container, before):
    """Nothing is left but what the administrator made elsewhere."""
    shutil.rmtree(
        container.path("/etc/systemd/system/fairlead.service.d"))
    container.run("dpkg", "--purge", "fairlead")
    assert files(container) - before[0] == set()
    assert container.run("getent", "passwd").stdout == before[1]
