"""The service manager: what it is told (sd_notify), listening sockets that it
keeps or gives, and the stop of a restart. The manager is a socket here."""

import array
import os
import random
import re
import select
import signal
import socket
import sys
import time

import pytest

import harness
from harness import (
    at, command_listener, free_port, gateway_config, request_listener, upstream,
    wait_until
)

# Becomes the program, with the descriptors named in its arguments as 3, 4, ...
HAND_OVER = """
import fcntl, os, sys
count = int(sys.argv[1])
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in
        sys.argv[2:2 + count]]
os.closerange(3, 100)
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(count)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class Manager:
    """Takes what the program says, and keeps what it wants kept."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []  # each a dict of its assignments
        self.store = {}  # name: descriptor

    def take(self, timeout):
        """Takes one message; returns whether one came."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return False
        room = socket.CMSG_SPACE(4 * 8)
        data, control, _, _ = self.socket.recvmsg(4096, room)
        fds = array.array("i")
        for _, _, payload in control:
            fds.frombytes(payload[:len(payload) - len(payload) % 4])
        message = dict(
            line.split("=", 1) for line in data.decode().splitlines()
        )
        self.messages.append(message)
        if "FDSTORE" in message:
            self.store[message["FDNAME"]] = fds.pop()
        if "FDSTOREREMOVE" in message:
            os.close(self.store.pop(message["FDNAME"]))
        for fd in fds:  # BARRIER
            os.close(fd)
        return True

    def listen(self, seconds):
        """Takes what comes in that time."""
        end = time.monotonic() + seconds * harness.SLOW
        while time.monotonic() < end:
            self.take(max(0, end - time.monotonic()))

    def wait(self, name, value=r".*", timeout=20.0):
        """Takes messages until one says name=value; returns that one."""
        end = time.monotonic() + timeout * harness.SLOW
        for message in self._coming(end):
            if name in message and re.fullmatch(value, message[name]):
                return message
        raise AssertionError(f"no {name}={value} among {self.messages}")

    def _coming(self, end):
        while self.take(max(0, end - time.monotonic())):
            yield self.messages[-1]

    def all(self, name):
        return [it[name] for it in self.messages if name in it]

    def options(self, *descriptors, names=(), **environ):
        """Of harness.Fairlead: with these descriptors, by default the
        store's."""
        descriptors = descriptors or tuple(self.store.values())
        names = names or tuple(self.store)
        environ["NOTIFY_SOCKET"] = self.path
        options = {"environ": environ}
        if descriptors:
            environ["LISTEN_FDNAMES"] = ":".join(names)
            options["inherits"] = descriptors
            options["through"] = (
                sys.executable, "-c", HAND_OVER, len(descriptors), *descriptors
            )
        return options

    def close(self):
        self.socket.close()
        for fd in self.store.values():
            os.close(fd)


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def end(program, manager, number=signal.SIGTERM):
    """Stops the program, whose manager must answer it meanwhile."""
    program.kill(number)
    manager.wait("STOPPING")
    while program.process.poll() is None:
        manager.take(0.05)
    assert program.join() == 0


def config(*places, **more):
    return {
        "listeners": [
            command_listener(name=f"c{number}", listen=place)
            for number, place in enumerate(places)
        ],
        **more,
    }


def free_everywhere():
    """As free_port, of a port that no address of this machine has, and that
    other tests do not look for."""
    while True:
        port = random.randrange(7000, 9900)
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("::", port))
            except OSError:
                continue
        return free_port()[0], port


def inode(fd):
    return os.fstat(fd).st_ino


# ---- what it is told ----


def test_ready_when_every_listener_listens(fairlead, connect, manager):
    places = [free_port() for _ in range(3)]
    program = fairlead(
        config(*map(at, places)), wait=False, **manager.options()
    )
    manager.wait("READY", "1")
    for place in places:
        connect(place)
    assert manager.all("READY") == ["1"]
    assert "STOPPING" not in manager.messages[-1]
    end(program, manager)
    stop = manager.messages[[
        "STOPPING" in it for it in manager.messages].index(True)]
    # shutdown_timeout, and some
    assert int(stop["EXTEND_TIMEOUT_USEC"]) > 30_000_000


def test_a_start_that_fails_is_not_ready(fairlead, manager):
    place = free_port()
    with socket.socket() as other:
        other.bind(place)
        other.listen()
        program = fairlead(
            config("127.0.0.1:0", at(place)), wait=False, **manager.options()
        )
        assert program.join() == 1
    while manager.take(0):
        pass
    assert not manager.all("READY") and not manager.all("FDSTORE")


def test_reloads_are_told(fairlead, manager):
    program = fairlead(config("127.0.0.1:0"), **manager.options())
    manager.wait("READY")
    before = time.monotonic()
    program.write("{")
    assert program.ask("reload")["result"] == "failed"
    reloading = manager.wait("RELOADING", "1")
    begun = int(reloading["MONOTONIC_USEC"]) / 1e6
    assert before <= begun <= time.monotonic()
    manager.wait("READY")
    program.write(config("127.0.0.1:0", shutdown_timeout="7s"))
    assert program.ask("reload")["result"] == "changed"
    manager.wait("RELOADING")
    manager.wait("READY")
    end(program, manager)


@pytest.mark.threads
def test_the_status_says_how_things_stand(fairlead, connect, manager):
    place = free_port()
    program = fairlead(
        gateway_config(place, backoff={"initial": "10ms", "max": "10ms"},
                       request_timeout="1h"),
        **manager.options(),
    )
    manager.wait("STATUS", r"Serving 1 listener, 0 clients; generation 1")
    client = connect(program.address("gateway"))
    client.send(b"hello\n")
    manager.wait(
        "STATUS",
        rf"Serving 1 listener, 1 client; u/{at(place)} down; generation 1",
    )
    server = harness.LineServer(address=place)
    try:
        assert client.line() == b"re hello"
        manager.wait(
            "STATUS", r"Serving 1 listener, 1 client; generation 1"
        )
        manager.listen(2.5)  # it looks every two seconds
        end(program, manager)
    finally:
        server.stop()
    said = manager.all("STATUS")
    assert len(set(said)) >= 3
    assert all(one != other for one, other in zip(said, said[1:]))


def test_the_stop_is_told_of(fairlead, line_server, connect, manager):
    server = line_server(lambda peer: next(peer.lines()) and peer.wait(60))
    program = fairlead(
        gateway_config(server, request_timeout="1h"), **manager.options()
    )
    client = connect(program.address("gateway"))
    client.send(b"hello\n")
    wait_until(lambda: server.requests, "it is in flight")
    program.kill()
    manager.wait("STATUS", r"Stopping \(SIGTERM\), 1 client left.*")
    server.stopping.set()
    assert program.join() == 0


def test_workers_keep_the_watchdog_quiet(fairlead, manager):
    program = fairlead(
        config("127.0.0.1:0", workers=4),
        **manager.options(WATCHDOG_USEC="400000"),
    )
    begin = time.monotonic()
    for _ in range(10):
        manager.wait("WATCHDOG", "1")
    # at most half of its patience between two
    assert time.monotonic() - begin < 10 * 0.2 * harness.SLOW
    end(program, manager)


def test_a_stuck_worker_stops_the_beats(fairlead, manager):
    program = fairlead(
        config("127.0.0.1:0", workers=2),
        **manager.options(WATCHDOG_USEC="400000"),
    )
    manager.wait("WATCHDOG")
    thread = harness.stick(program.pid)
    manager.listen(0.4)  # what was on its way
    beats = len(manager.all("WATCHDOG"))
    manager.listen(2)  # five times its patience
    program.kill(signal.SIGKILL)
    os.waitpid(thread, harness.WALL)
    assert program.join() == 128 + signal.SIGKILL
    assert len(manager.all("WATCHDOG")) == beats


def test_another_process_is_not_watched(fairlead, manager):
    program = fairlead(
        config("127.0.0.1:0"),
        **manager.options(WATCHDOG_USEC="400000", WATCHDOG_PID="1"),
    )
    manager.wait("STATUS")
    manager.listen(0.8)
    assert not manager.all("WATCHDOG")
    end(program, manager)


def test_nobody_there(fairlead, tmp_path):
    """An address at which nobody listens, and none at all."""
    for path in (str(tmp_path / "nobody"), "", "relative"):
        program = fairlead(
            config("127.0.0.1:0"), environ={"NOTIFY_SOCKET": path}
        )
        assert program.stop()[0] == 0


# ---- sockets that are kept ----


def test_sockets_outlive_a_crash(fairlead, connect, manager):
    place = free_port()
    program = fairlead(config(at(place), "127.0.0.1:0"), **manager.options())
    manager.wait("READY")
    name = f"tcp_{place[0]}_{place[1]}"
    assert list(manager.store) == [name], "one on any free port is not kept"
    first = inode(manager.store[name])
    program.kill(signal.SIGKILL)
    assert program.join() == 128 + signal.SIGKILL
    client = connect(place)  # waits in the queue
    client.send(b"PING\n")
    program = fairlead(config(at(place)), **manager.options())
    assert client.line() == b"PONG"
    manager.wait("READY")
    assert manager.all("FDSTORE") == ["1"], "it is kept already"
    assert inode(manager.store[name]) == first
    end(program, manager)


@pytest.mark.threads
def test_a_restart_leaves_the_queue_to_the_next(
    fairlead, line_server, connect, manager
):
    place = free_port()
    server = line_server(lambda peer: [peer.wait(60) for _ in peer.lines()])
    shape = {
        **gateway_config(server, listener={"listen": at(place)},
                         request_timeout="1h"),
        "restart_timeout": "500ms", "drain_delay": "1h",
        "shutdown_timeout": "1h",
    }
    program = fairlead(shape, **manager.options())
    manager.wait("READY")
    busy = connect(place)
    busy.send(b"one\n")
    wait_until(lambda: server.requests, "it is in flight")
    program.kill(signal.SIGUSR2)
    stopping = manager.wait("STOPPING")
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) < 60_000_000
    program.wait_log(r" service stopping: SIGUSR2")
    later = connect(place)
    while program.state()["listeners"][0]["clients"] > 1:  # still let in
        later = connect(place)
    later.send(b"two\n")
    assert program.join() == 0
    assert program.grep(r"restart_timeout is over")
    assert busy.rest() == b"ERROR shutdown\n"
    assert "FDSTOREREMOVE" not in {key for it in manager.messages
                                   for key in it}
    end_of_first = len(server.requests)
    program = fairlead(shape, **manager.options())
    wait_until(lambda: len(server.requests) > end_of_first, "it is served")
    assert server.received()[-1] == b"two"
    later.close()
    busy.close()
    program.kill(signal.SIGUSR2)
    assert program.join() == 0


def test_a_restart_does_not_empty_the_queue(fairlead, connect, manager):
    """Who waits there when it begins has nothing to do with this process."""
    place = free_port()
    program = fairlead(config(at(place), workers=1), **manager.options())
    manager.wait("READY")
    thread = harness.stick(program.pid)
    clients = [connect(place) for _ in range(200)]
    for client in clients:
        client.send(b"PING\n")
    program.kill(signal.SIGUSR2)
    program.wait_log(r" service stopping: SIGUSR2")
    wait_until(lambda: harness.main_waits(program.pid), "the worker is asked")
    harness.unstick(thread)
    assert program.join() == 0
    # one turn accepts 64, and may come first
    assert program.totals()["clients_opened"] <= 64
    program = fairlead(config(at(place)), **manager.options())
    for client in clients:
        assert client.line() == b"PONG"
    end(program, manager)


def test_a_restart_without_a_keeper_empties_the_queue(fairlead, connect):
    program = fairlead({"listeners": [command_listener()]})
    clients = [connect(program.address("commands")) for _ in range(20)]
    for client in clients:
        client.send(b"PING\n")
    assert program.stop(signal.SIGUSR2)[0] == 0
    for client in clients:
        assert client.rest() == b"PONG\n"


@pytest.mark.threads
def test_a_stop_closes_what_was_kept(fairlead, connect, manager):
    """Before its queue is emptied, so that nobody waits there in vain."""
    place = free_port()
    program = fairlead(config(at(place)), **manager.options())
    manager.wait("READY")
    assert manager.store
    clients = [connect(place) for _ in range(20)]
    for client in clients:
        client.send(b"PING\n")
    end(program, manager)
    assert not manager.store
    for client in clients:
        assert client.rest() == b"PONG\n"
    with pytest.raises(ConnectionRefusedError):
        connect(place)


@pytest.mark.threads
def test_a_reload_changes_what_is_kept(fairlead, connect, manager):
    old, new, stays = free_port(), free_port(), free_port()
    program = fairlead(config(at(old), at(stays)), **manager.options())
    manager.wait("READY")
    kept = inode(manager.store[f"tcp_{stays[0]}_{stays[1]}"])
    program.write(config(at(new), at(stays)))
    program.kill(signal.SIGHUP)
    manager.wait("FDSTOREREMOVE")
    manager.wait("BARRIER")
    manager.wait("READY")
    assert set(manager.store) == {
        f"tcp_{host}_{port}" for host, port in (new, stays)
    }
    assert inode(manager.store[f"tcp_{stays[0]}_{stays[1]}"]) == kept
    with pytest.raises(ConnectionRefusedError):
        connect(old)
    connect(new)
    end(program, manager)


def test_a_failed_reload_changes_nothing_kept(fairlead, manager):
    place, taken = free_port(), free_port()
    program = fairlead(config(at(place)), **manager.options())
    manager.wait("READY")
    with socket.socket() as other:
        other.bind(taken)
        other.listen()
        program.write(config(at(taken)))
        program.kill(signal.SIGHUP)
        manager.wait("READY")
    assert list(manager.store) == [f"tcp_{place[0]}_{place[1]}"]
    assert not manager.all("FDSTOREREMOVE")
    end(program, manager)


def test_sockets_nobody_wants_are_dropped(fairlead, connect, manager):
    """Also one that stands in the way of another."""
    place, gone = free_everywhere(), free_port()
    program = fairlead(
        config(f"0.0.0.0:{place[1]}", at(gone)), **manager.options()
    )
    manager.wait("READY")
    program.kill(signal.SIGKILL)
    program.join()
    program = fairlead(config(at(place)), wait=False, **manager.options())
    manager.wait("READY")
    assert list(manager.store) == [f"tcp_{place[0]}_{place[1]}"]
    program.wait_log(r"no listener takes that socket any more", count=2)
    connect(place)
    with pytest.raises(ConnectionRefusedError):
        connect(gone)
    end(program, manager)


def test_one_that_closes_for_a_while_is_not_kept(
    fairlead, line_server, connect, manager
):
    place, other = free_port(), free_port()
    server = line_server()

    def shape(down):
        return {
            "listeners": [
                request_listener(listen=at(place), on_upstream_down=down),
                command_listener(listen=at(other)),
            ],
            "upstreams": [upstream(server, health={"interval": "100ms"})],
        }

    names = [f"tcp_{host}_{port}" for host, port in (place, other)]
    program = fairlead(shape("close_listener"), **manager.options())
    manager.wait("READY")
    assert list(manager.store) == names[1:]
    program.write(shape("keep"))
    assert program.ask("reload")["result"] == "changed"
    manager.wait("FDNAME", re.escape(names[0]))
    assert set(manager.store) == set(names)
    program.write(shape("close_listener"))
    assert program.ask("reload")["result"] == "changed"
    manager.wait("FDSTOREREMOVE")
    assert list(manager.store) == names[1:]
    wait_until(lambda: connect(place).ask(b"x") == b"re x", "it is served")
    end(program, manager)


def test_a_socket_of_another_kind_is_not_taken(fairlead, connect, manager):
    """[::] for IPv6 alone cannot become one for both."""
    place = free_everywhere()

    def shape(alone):
        return config(f"[::]:{place[1]}", socket={"ipv6_only": alone})

    program = fairlead(shape(True), **manager.options())
    manager.wait("READY")
    program.kill(signal.SIGKILL)
    program.join()
    program = fairlead(shape(False), wait=False, **manager.options())
    manager.wait("READY")
    assert connect(place).ask(b"PING") == b"PONG"
    end(program, manager)


def test_ipv6_sockets_are_kept(fairlead, connect, manager):
    port = free_port()[1]
    program = fairlead(config(f"[::1]:{port}"), **manager.options())
    manager.wait("READY")
    assert list(manager.store) == [f"tcp_[__1]_{port}"]
    program.kill(signal.SIGKILL)
    program.join()
    client = connect(("::1", port))
    program = fairlead(config(f"[::1]:{port}"), **manager.options())
    assert client.ask(b"PING") == b"PONG"
    end(program, manager)


# ---- socket activation ----


def test_sockets_of_the_manager_are_used(fairlead, connect, manager):
    places = [free_port(), free_port()]
    sockets = []
    for place in places:
        one = socket.socket()
        one.bind(place)
        one.listen()
        sockets.append(one)
    client = connect(places[0])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    program = fairlead(
        config(at(places[0])),
        **manager.options(*(s.fileno() for s in (*sockets, datagrams)),
                          names=["fairlead.socket"] * 3),
    )
    assert client.ask(b"PING") == b"PONG"
    assert program.grep(r"that is no TCP socket that listens")
    assert program.grep(
        rf"{at(places[1])}: the service manager listens there, but no"
    )
    manager.wait("READY")
    assert not manager.store, "the manager has it already"
    end(program, manager)
    connect(places[0])  # the manager still listens
    for one in (*sockets, datagrams):
        one.close()


def test_sockets_of_another_process_are_not_taken(fairlead, connect):
    place = free_port()
    program = fairlead(
        config(at(place)),
        environ={"LISTEN_PID": "1", "LISTEN_FDS": "5"},
    )
    connect(place)
    assert program.stop()[0] == 0
