"""The log in syslog: a /dev of the test's own, in which it is syslogd."""

import os
import re
import socket
import subprocess
import tempfile

import pytest

import harness
from harness import LineClient, SLOW

DEVICES = 'for n in null zero random urandom; do touch "$0/$n" && ' \
          'mount --bind "/dev/$n" "$0/$n" || exit 125; done; '
OWN_DEV = ["unshare", "--mount", "--map-root-user", "sh", "-c",
           DEVICES + 'mount --rbind "$0" /dev && exec "$@"']
LINE = re.compile(r"<(\d+)>([A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d) "
                  r"fairlead\[(\d+)\]: (.*)")
INFO, WARNING, DEBUG = 30, 28, 31  # daemon, 3 * 8, and the level


class Syslogd:
    """What syslog(3) speaks to: datagrams at /dev/log."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(dir=harness.RUNTIME)
        self.path = f"{self.folder}/log"
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20 * SLOW)
        self.socket.bind(self.path)

    def close(self):
        self.socket.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def message(self):
        """Priority, ident's number and text of the next message."""
        found = LINE.fullmatch(self.socket.recv(65536).decode())
        assert found
        return int(found[1]), int(found[3]), found[4]

    def until(self, pattern):
        """All up to the first that matches."""
        messages = [self.message()]
        while not re.search(pattern, messages[-1][2]):
            messages.append(self.message())
        return messages


@pytest.fixture
def syslogd():
    one = Syslogd()
    if subprocess.run([*OWN_DEV, one.folder, "true"], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("no namespaces for mounts here")
    yield one
    one.close()


@pytest.fixture
def logging(fairlead, syslogd):
    """Starts the program with a command listener; its address."""

    def start(level="info", access_log=None, **more):
        address = harness.free_port()
        instance = fairlead({
            "workers": 1, "log": {"target": "syslog", "level": level},
            "listeners": [harness.command_listener(
                listen=harness.at(address),
                access_log=access_log or {"target": "off"}),
                *more.pop("listeners", [])],
            **more}, wait=False, through=[*OWN_DEV, syslogd.folder])
        messages = syslogd.until("^service ready")
        assert {number for _, number, _ in messages} == {instance.pid}
        return instance, address, messages

    return start


def visit(address, count):
    """So many clients, one after another, each of which is answered."""
    for _ in range(count):
        with LineClient(address) as client:
            assert client.ask(b"PING") == b"PONG"


def opened(messages):
    """The clients' ports, in the order of the messages."""
    found = [re.match(r"client commands: 127\S*:(\d+) opened$", text)
             for _, _, text in messages]
    return [int(match[1]) for match in found if match]


def end(instance, syslogd):
    instance.kill()
    messages = syslogd.until("^service stopped$")
    assert instance.join() == 0
    return messages


def test_priority_ident_and_one_line_each(logging, syslogd):
    nobody = harness.free_port()
    instance, address, messages = logging(
        level="debug",
        listeners=[harness.request_listener()],
        upstreams=[harness.upstream(nobody, pool={"min_size": 1})])
    visit(address, 3)
    messages += end(instance, syslogd)
    assert {(priority, text.split()[0]) for priority, _, text in messages} == {
        (INFO, "service"), (INFO, "listener"), (WARNING, "upstream"),
        (DEBUG, "client")}
    down = [p for p, _, text in messages if "is down: connect_refused" in text]
    assert down == [WARNING]
    assert len(opened(messages)) == 3
    syslogd.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        syslogd.message()


def test_nothing_is_lost_while_it_is_full(logging, syslogd, tmp_path):
    """Nobody reads; some messages fit, and the others wait in the program,
    which serves on; so does its access log, of the same thread."""
    file = tmp_path / "access.log"
    instance, address, _ = logging(
        level="debug", access_log={"target": str(file)})
    visit(address, 1000)
    harness.wait_until(
        lambda: file.exists() and len(file.read_text().splitlines()) == 1000,
        "the access log has them all")
    messages = []
    while len(opened(messages)) < 1000:
        messages.append(syslogd.message())
    assert len(set(opened(messages))) > 900  # ports may come again
    end(instance, syslogd)


def test_it_ends_while_it_is_full(logging, syslogd):
    instance, address, _ = logging(level="debug")
    visit(address, 1000)
    instance.kill()
    assert instance.join() == 0


def test_nothing_is_lost_while_it_is_gone(logging, syslogd):
    """As during a restart of syslogd."""
    instance, address, _ = logging(level="debug")
    visit(address, 5)
    messages = [syslogd.message()]
    while len(opened(messages)) < 5:
        messages.append(syslogd.message())
    syslogd.close()
    visit(address, 50)
    syslogd.listen()
    messages = []
    while len(opened(messages)) < 50:
        messages.append(syslogd.message())
    visit(address, 1)
    assert end(instance, syslogd)[-1][0] == INFO


def test_it_ends_without_one(logging, syslogd):
    instance, address, _ = logging(level="debug")
    syslogd.close()
    visit(address, 5)
    instance.kill()
    assert instance.join() == 0


def test_none_at_the_start(program, syslogd, tmp_path):
    syslogd.close()
    config = tmp_path / "config.json"
    config.write_bytes(harness.config_bytes({
        "log": {"target": "syslog"},
        "listeners": [harness.command_listener()]}))
    done = subprocess.run(
        [*OWN_DEV, syslogd.folder, program, "run", "--config", config],
        capture_output=True, text=True, check=False, timeout=20 * SLOW,
        env=harness.environment())
    assert done.returncode == 1
    assert 'log.target: "syslog" cannot be opened: no such file' in done.stderr
