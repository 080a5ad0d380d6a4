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
    free_port,
    request_listener,
    upstream,
    wait_until,
)

PIDFD_GETFD = 438  # pidfd_getfd(2) on every Linux architecture, since 5.6
TCP_USER_TIMEOUT = 18
IPV6_FREEBIND = 78  # linux/in6.h
IP_FREEBIND = 15  # linux/in.h

LISTENERS_ONLY = ("backlog", "reuse_port", "ipv6_only")
UPSTREAMS_ONLY = ("bind", "syn_retries")


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
        lower = without(more.get("socket", {}), *LISTENERS_ONLY)
        if more:
            more["socket"] = without(more["socket"], *UPSTREAMS_ONLY)
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


def option(sock, level, name):
    with sock:
        return sock.getsockopt(level, name)


def test_dscp(places):
    found = places({"dscp": 46}, None)
    for kind in KINDS:
        tos = option(found[kind], socket.IPPROTO_IP, socket.IP_TOS)
        assert tos == 46 << 2, kind
    found = places({"dscp": 46}, {"dscp": 8})
    for kind in KINDS:
        tos = option(found[kind], socket.IPPROTO_IP, socket.IP_TOS)
        assert tos == 8 << 2, kind


def test_syn_retries_are_for_upstreams(places):
    """On a listening socket the option would mean its SYN-ACKs."""
    system = int(Path("/proc/sys/net/ipv4/tcp_syn_retries").read_text())
    found = places({"syn_retries": 3}, None)
    for kind in KINDS:
        count = option(found[kind], socket.IPPROTO_TCP, socket.TCP_SYNCNT)
        assert count == (3 if kind == "upstream" else system), kind


def test_bind_is_the_source_address(fairlead, line_server, connect):
    seen = []

    def note(peer):
        seen.append(peer.socket.getpeername()[0])
        for line in peer.lines():
            peer.send(b"re " + line + b"\n")

    program = fairlead({
        "socket": {"bind": "127.4.0.1"},
        "listeners": [request_listener(), request_listener("other", "v")],
        "upstreams": [
            upstream(line_server(note)),
            upstream(line_server(note), name="v",
                     socket={"bind": "127.4.0.2"}),
        ],
    })
    for name in ("gateway", "other"):
        client = connect(program.address(name))
        assert client.ask(b"hello") == b"re hello"
        assert client.socket.getsockname()[0] == "127.0.0.1"
    assert seen == ["127.4.0.1", "127.4.0.2"]


def test_bind_to_a_foreign_address(fairlead, line_server, connect):
    """It fails with its own reason. With free_bind it can be bound, and it
    is the connection that finds no way."""
    for more, reason in (
        ({}, "bind_failed"),
        ({"free_bind": True}, "(unreachable|connect_timeout)"),
    ):
        program = fairlead({
            "listeners": [request_listener()],
            "upstreams": [upstream(
                line_server(), connect_timeout="300ms",
                pool={"acquire_timeout": "3s"},
                socket={"bind": "192.0.2.77", **more},
            )],
        })
        connect(program.address("gateway")).send(b"hello\n")
        program.wait_log(f"is down: {reason}")


def test_free_bind_of_a_listener(fairlead, run_program):
    config = {"listeners": [command_listener(listen="192.0.2.77:0")]}
    done = run_program("run", "--config", "config.json", config=config)
    assert done.returncode == 1
    assert "is not an address of this machine" in done.stderr
    program = fairlead({**config, "socket": {"free_bind": True}})
    sock = find(program.pid, local=program.address("commands"))
    assert option(sock, socket.IPPROTO_IP, IP_FREEBIND) == 1


def test_ip6_options(fairlead, connect):
    program = fairlead({
        "socket": {"dscp": 10, "free_bind": True},
        "listeners": [command_listener(listen="[::1]:0")],
    })
    address = program.address("commands")
    client = connect(address)
    assert client.ask(b"PING") == b"PONG"
    for sock in program_sockets(program.pid):
        with sock:
            assert sock.getsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_TCLASS
            ) == 10 << 2
            assert sock.getsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
            ) == 1
            if listening(sock):
                assert sock.getsockopt(
                    socket.IPPROTO_IPV6, IPV6_FREEBIND
                ) == 1


def test_ip4_clients_of_an_ip6_socket(fairlead, connect):
    """They are IPv4 clients to access lists and limits. (Such an address
    can only be bound with ipv6_only off.)"""
    program = fairlead({
        "socket": {"ipv6_only": False, "dscp": 10},
        "listeners": [command_listener(
            listen="[::ffff:127.0.0.1]:0",
            access={"deny": ["127.9.0.0/16"], "allow": ["127.0.0.0/8"]},
            max_connections_per_address=1,
        )],
    })
    address = ("127.0.0.1", program.address("commands")[1])
    client = connect(address)
    assert client.ask(b"PING") == b"PONG"
    for sock in program_sockets(program.pid):
        assert option(sock, socket.IPPROTO_IP, socket.IP_TOS) == 10 << 2
    for source in ("127.9.0.1", "127.0.0.1"):
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connect(address, source=source).ask(b"PING")
    _, totals = program.stop()
    assert totals["clients_refused{denied_address}"] == 1
    assert totals["clients_refused{address_connections}"] == 1


def test_reuse_port(fairlead, connect):
    """Two programs share a port, and each says so when it is the second."""
    host, port = free_port()
    config = {
        "listeners": [command_listener(
            listen=f"{host}:{port}", socket={"reuse_port": True}
        )],
    }
    first = fairlead(config)
    assert not first.grep("is shared")
    sock = find(first.pid, local=(host, port))
    assert option(sock, socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1
    second = fairlead(config)
    assert len(second.grep("is shared with another program")) == 1
    for number in range(64):  # which of them is the system's choice
        assert connect((host, port)).ask(b"PING") == b"PONG"
    served = [
        program.stop()[1]["clients_opened"] for program in (first, second)
    ]
    assert sum(served) == 64 and min(served) > 0, served


@pytest.mark.parametrize("other, mine", [
    (False, True), (True, False), (False, False),
])
def test_a_port_that_one_side_does_not_share(run_program, other, mine):
    with socket.socket() as holder:
        if other:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        host, port = holder.getsockname()
        done = run_program("run", "--config", "config.json", config={
            "listeners": [command_listener(
                listen=f"{host}:{port}", socket={"reuse_port": mine}
            )],
        })
    assert done.returncode == 1
    assert "is in use by another program" in done.stderr
