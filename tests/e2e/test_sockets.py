"""Socket options, read back from the program's own descriptors."""

import ctypes
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from harness import (
    command_listener,
    request_listener,
    upstream,
    wait_until,
)

PIDFD_GETFD = 438  # pidfd_getfd(2) on every Linux architecture, since 5.6
TCP_USER_TIMEOUT = 18


def program_sockets(pid):
    """Duplicates of all TCP sockets of a process (ptrace rights needed)."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue
            if not link.startswith("socket:"):
                continue
            fd = libc.syscall(PIDFD_GETFD, process, int(name), 0)
            if fd < 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error))
            sock = socket.socket(fileno=fd)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                yield sock
            else:
                sock.close()
    finally:
        os.close(process)


def listening(sock):
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def find(pid, local=None, peer=None):
    """The program's one socket with this local address or this peer."""
    def look():
        for sock in program_sockets(pid):
            if listening(sock) == (peer is None):
                if peer is not None and sock.getpeername() == peer:
                    return sock
                if peer is None and sock.getsockname() == local:
                    return sock
            sock.close()
        return None

    return wait_until(look, f"a socket of {local or peer}")


def options(sock):
    def tcp(option):
        return sock.getsockopt(socket.IPPROTO_TCP, option)

    values = {
        "nodelay": bool(tcp(socket.TCP_NODELAY)),
        "keepalive": bool(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        ),
        "idle": tcp(socket.TCP_KEEPIDLE),
        "interval": tcp(socket.TCP_KEEPINTVL),
        "count": tcp(socket.TCP_KEEPCNT),
        "user_timeout": tcp(TCP_USER_TIMEOUT),
        "receive": sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
        "send": sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
    }
    sock.close()
    return values


def without(values, *names):
    return {name: v for name, v in values.items() if name not in names}


DEFAULTS = {
    "nodelay": True, "keepalive": True, "idle": 60, "interval": 30,
    "count": 5, "user_timeout": 210000,
}

OUTER = {
    "keepalive": {"idle": "20s", "interval": "7s", "count": 3},
    "receive_buffer": "32KiB",
    "backlog": 77,
}

OVERRIDE = {
    "nodelay": False,
    "keepalive": {"idle": "11s"},
    "user_timeout": "9s",
    "send_buffer": "48KiB",
}


@pytest.fixture
def places(fairlead, line_server, connect):
    """places(socket, override): sockets of each kind, once all exist."""
    def start(outer, override):
        server = line_server()
        seen = []

        def note(peer):
            seen.append(peer.socket.getpeername())
            for line in peer.lines():
                peer.send(b"re " + line + b"\n")

        server.behaviour = note
        more = {} if override is None else {"socket": override}
        lower = without(more.get("socket", {}), "backlog")
        config = {
            "workers": 2,
            "listeners": [
                command_listener("commands", **more),
                request_listener("gateway", **more),
            ],
            "upstreams": [
                upstream(server, **({"socket": lower} if more else {}))
            ],
        }
        if outer is not None:
            config["socket"] = outer
        program = fairlead(config)
        found = {"program": program}
        for name in ("commands", "gateway"):
            address = program.address(name)
            client = connect(address)
            assert client.ask(b"PING") in (b"PONG", b"re PING")
            found[name + " listener"] = find(program.pid, local=address)
            found[name + " client"] = find(
                program.pid, peer=client.socket.getsockname()
            )
        found["upstream"] = find(program.pid, peer=server.address)
        return found

    return start


KINDS = [
    "commands listener", "commands client", "gateway listener",
    "gateway client", "upstream",
]


def test_defaults(places):
    found = places(None, None)
    for kind in KINDS:
        values = options(found[kind])
        assert without(values, "receive", "send") == DEFAULTS, kind


def test_outer_socket_options(places):
    found = places(OUTER, None)
    for kind in KINDS:
        values = options(found[kind])
        assert without(values, "send") == {
            "nodelay": True, "keepalive": True, "idle": 20, "interval": 7,
            "count": 3, "user_timeout": (20 + 7 * 3) * 1000,
            "receive": 2 * 32768,  # Linux doubles it, socket(7)
        }, kind


def test_overridden_socket_options(places):
    found = places(OUTER, OVERRIDE)
    for kind in KINDS:
        assert options(found[kind]) == {
            "nodelay": False, "keepalive": True, "idle": 11, "interval": 7,
            "count": 3, "user_timeout": 9000,
            "receive": 2 * 32768, "send": 2 * 49152,
        }, kind


def test_keepalive_off(places):
    found = places({"keepalive": {"enabled": False}}, None)
    for kind in KINDS:
        values = options(found[kind])
        assert not values["keepalive"], kind
        assert values["user_timeout"] == 0, kind


@pytest.mark.parametrize("backlog", [None, 77])
def test_backlog(fairlead, backlog):
    more = {} if backlog is None else {"socket": {"backlog": backlog}}
    program = fairlead({"listeners": [command_listener(**more)]})
    host, port = program.address("commands")
    shown = subprocess.run(
        ["ss", "-Hltn", "src", f"{host}:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout.split()
    most = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert int(shown[2]) == min(backlog or 4096, most), shown


def test_close_on_exec_and_no_extra_sockets(places):
    found = places(None, None)
    program = found["program"]
    folder = Path(f"/proc/{program.pid}/fdinfo")
    for info in folder.iterdir():
        if int(info.name) > 2:
            flags = int(re.search(r"flags:\s+(\d+)", info.read_text())[1], 8)
            assert flags & os.O_CLOEXEC, info.name
    mine = list(program_sockets(program.pid))
    assert len(mine) == 2 + 2 + 1  # listeners, clients, upstream
    for sock in [*mine, *(found[kind] for kind in KINDS)]:
        sock.close()
