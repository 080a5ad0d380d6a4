"""Servers with names. The program runs in a mount namespace with a resolver of
its own: a hosts file that a test writes, and beyond it no server that answers.
"""

import os
import re
import socket
import subprocess
import time

import pytest

from harness import SLOW, gateway_config, relay_config, wait_until

ONE = {"min_size": 1, "max_size": 1}


class Resolver:
    """What `through` of harness.Fairlead needs, and what the names mean."""

    def __init__(self, folder, sources):
        self.hosts = folder / "hosts"
        self.switch = folder / "nsswitch.conf"
        self.servers = folder / "resolv.conf"
        self.switch.write_text(f"hosts: {sources}\n")
        # On loopback, where nobody listens: refused at once.
        self.servers.write_text("nameserver 127.254.254.254\n"
                                "options timeout:1 attempts:1\n")
        script = ('mount --bind "$0" /etc/hosts && '
                  'mount --bind "$1" /etc/nsswitch.conf && '
                  'mount --bind "$2" /etc/resolv.conf && '
                  'shift 2 && exec "$@"')
        self.through = ["unshare", "--mount", "--map-root-user", "sh", "-c",
                        script, self.hosts, self.switch, self.servers]

    def write(self, *addresses, name="plc.test"):
        """Rewrites the file that is mounted."""
        self.hosts.write_text("".join(
            f"{address} {name}\n" for address in addresses))


@pytest.fixture
def resolver(tmp_path):
    def make(sources="files"):
        made = Resolver(tmp_path, sources)
        made.write("127.0.0.1")
        done = subprocess.run([*made.through, "true"], check=False,
                              capture_output=True)
        if done.returncode != 0:
            pytest.skip("no mount namespace can be made here")
        return made

    return make


def two_servers(line_server):
    """One port at two addresses: replies from .1 begin with "one", those from
    .2 with "two", and the request "go" gets a reset."""
    def tag(name):
        def behave(peer):
            for line in peer.lines():
                if line == b"go":
                    peer.reset()
                    return
                peer.send(name + b" " + line + b"\n")

        return behave

    port = line_server(tag(b"one"), ("127.0.0.1", 0)).address[1]
    line_server(tag(b"two"), ("127.0.0.2", port))
    return port


def test_a_changed_address(fairlead, connect, resolver, line_server):
    """The connection to the old one ends after use; the next goes to the
    new one. An answer is used for ttl."""
    names = resolver()
    port = two_servers(line_server)
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", resolve={"ttl": "0s"},
                       pool={"min_size": 2, "max_size": 2}),
        through=names.through, level="debug")
    gateway.wait_log(rf"\(127\.0\.0\.1:{port}\) connected", 2)
    client = connect(gateway.address("gateway"))
    names.write("127.0.0.2")
    assert client.ask(b"a") == b"one a"  # no connect, no lookup
    assert client.ask(b"go") == b"ERROR upstream_reset"  # a connect
    gateway.wait_log(r"name of server plc\.test:\d+ has other addresses")
    gateway.wait_log(rf"\(127\.0\.0\.2:{port}\) connected", 2)
    assert client.ask(b"c") == b"two c"
    _, totals = gateway.stop()
    assert totals["upstream_closed{address_gone}"] == 1


def test_ttl(fairlead, connect, resolver, line_server):
    """Without a failure an answer is good for ttl."""
    names = resolver()
    port = two_servers(line_server)
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", resolve={"ttl": "1h"},
                       pool=ONE),
        through=names.through)
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"one a"
    names.write("127.0.0.2")
    assert client.ask(b"go") == b"ERROR upstream_reset"
    assert client.ask(b"b") == b"one b"
    _, totals = gateway.stop()
    assert totals["lookups"] == 1 and totals["upstream_connects"] == 2


def test_a_name_that_goes(fairlead, connect, resolver, line_server):
    """That there is no such name is an answer: no new connection is made."""
    names = resolver()
    port = two_servers(line_server)
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", resolve={"ttl": "0s"},
                       pool={**ONE, "acquire_timeout": "300ms"}),
        through=names.through)
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"one a"
    names.write("127.0.0.1", name="other.test")
    assert client.ask(b"b") == b"one b"  # what stands is kept
    assert client.ask(b"go") == b"ERROR upstream_reset"
    assert client.ask(b"c") == b"ERROR acquire_timeout"
    gateway.wait_log(r"plc\.test:\d+ is down: name_unknown")
    names.write("127.0.0.2")
    gateway.wait_log(r"plc\.test:\d+ is up again")
    assert client.ask(b"d") == b"two d"
    _, totals = gateway.stop()
    assert totals["lookups_failed{name_unknown}"] >= 1


@pytest.mark.parametrize("stale", ["1h", "0s"])
def test_a_resolver_that_fails(fairlead, connect, resolver, line_server,
                               stale):
    """The old answer is used as long as `stale` says."""
    names = resolver("files dns")
    port = two_servers(line_server)
    gateway = fairlead(
        gateway_config(f"plc.test:{port}",
                       resolve={"ttl": "0s", "stale": stale},
                       pool={**ONE, "acquire_timeout": "500ms"}),
        through=names.through)
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"one a"
    names.write("127.0.0.1", name="other.test")  # so the server is asked
    for _ in range(2):
        assert client.ask(b"go") == b"ERROR upstream_reset"
        reply = client.ask(b"b")
        if stale == "0s":
            assert reply == b"ERROR acquire_timeout"
            gateway.wait_log(r"is down: resolve_failed")
            break
        assert reply == b"one b"
        gateway.wait_log(r"resolve_failed.*; the addresses found .* ago are")
    names.write("127.0.0.2")
    if stale != "0s":
        assert client.ask(b"go") == b"ERROR upstream_reset"
    gateway.wait_log(r"is resolved again|is up again")
    assert client.ask(b"c") == b"two c"
    _, totals = gateway.stop()
    assert len(gateway.grep(r" ago are used")) == (stale == "1h")
    assert totals["lookups_failed{resolve_failed}"] >= 1


def test_hundreds_of_addresses(fairlead, connect, resolver, line_server):
    """Sixteen are used, and the log says so once."""
    names = resolver()
    server = line_server(address=("127.0.0.1", 0))
    port = server.address[1]
    names.write(*(f"127.0.{i // 200}.{i % 200 + 1}" for i in range(300)))
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", resolve={"ttl": "0s"},
                       pool={"acquire_timeout": "5s", "max_size": 2}),
        through=names.through)
    clients = [connect(gateway.address("gateway")) for _ in range(4)]
    for client in clients:
        client.send(b"x\n")
    answers = {client.line() for client in clients}
    gateway.wait_log(r"plc\.test:\d+ has 300 addresses, of which 16 are used")
    assert answers <= {b"re x", b"ERROR acquire_timeout"}
    _, totals = gateway.stop()
    assert totals["addresses_ignored"] % 284 == 0
    assert len(gateway.grep("of which 16 are used")) == 1


def test_a_resolver_that_never_answers(fairlead, connect, resolver,
                                       line_server):
    """The request fails in time, other servers work on, the lookup is not
    made again, and the stop does not wait for it."""
    names = resolver()
    server = line_server()
    names.hosts.unlink()
    os.mkfifo(names.hosts)  # to open it waits for a writer
    config = gateway_config(
        f"plc.test:{server.address[1]}", connect_timeout="100ms",
        pool={"acquire_timeout": "1s"})
    fine = relay_config(server, name="fine",
                        listener={"upstream": "fine"})
    config["listeners"] += fine["listeners"]
    config["upstreams"] += fine["upstreams"]
    gateway = fairlead(config, through=names.through)
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"ERROR acquire_timeout"
    gateway.wait_log(r"is down: resolve_timeout")
    assert client.ask(b"b") == b"ERROR acquire_timeout"
    relayed = connect(gateway.address("relay"))
    assert relayed.ask(b"c") == b"re c"
    relayed.close()
    began = time.monotonic()
    status, totals = gateway.stop()
    assert status == 0 and time.monotonic() - began < 10 * SLOW
    assert totals["lookups"] == 1
    assert totals["connects_failed{resolve_timeout}"] >= 2


# ---- several addresses at once ----

@pytest.fixture
def black_hole():
    """black_hole(address): its kernel drops SYNs, for the backlog is full.
    Returns the port, or None when it is in use."""
    opened = []

    def make(address):
        server = socket.socket()
        opened.append(server)
        try:
            server.bind(address)
        except OSError:  # another test has it
            return None
        server.listen(0)
        for _ in range(4):
            filler = socket.socket()
            opened.append(filler)
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        return server.getsockname()[1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def hole_and_server(black_hole, line_server, resolver):
    """A name whose first address is a black hole: its port, and what the
    program runs through."""
    for _ in range(20):
        port = line_server(address=("127.0.0.2", 0)).address[1]
        if black_hole(("127.0.0.1", port)) is not None:
            break
    names = resolver()
    names.write("127.0.0.1", "127.0.0.2")
    return port, names.through


def half_open(port, address="0100007F"):
    """Sockets of this network namespace in SYN_SENT to 127.0.0.1:port that
    are not the black hole's own: those are older than the program."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        return len(re.findall(
            rf"^ *\d+: [0-9A-F:]+ {address}:{port:04X} 02 ", table.read(),
            re.M))


def test_a_slow_address_is_overtaken(fairlead, connect, hole_and_server):
    port, through = hole_and_server
    before = half_open(port)
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", connect_timeout="1h",
                       pool={"max_size": 2}),
        through=through, level="debug")
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"re a"
    gateway.wait_log(rf"the connect to plc\.test:{port} \(127\.0\.0\.1:{port}\)"
                     " is given up, another address was faster")
    gateway.wait_log(rf"\(127\.0\.0\.2:{port}\) connected")
    wait_until(lambda: half_open(port) <= before, "its socket is closed")
    _, totals = gateway.stop()
    assert totals["connects_overtaken"] == 1
    assert totals["upstream_connects"] == 1
    assert not [name for name in totals if name.startswith("connects_failed")]


@pytest.mark.parametrize("pool, resolve", [
    ({"max_size": 1}, {}),
    ({"max_size": 2}, {"head_start": "0s"}),
], ids=["no room", "no head start"])
def test_one_after_the_other(fairlead, connect, hole_and_server, pool,
                             resolve):
    port, through = hole_and_server
    gateway = fairlead(
        gateway_config(f"plc.test:{port}", connect_timeout="600ms", pool=pool,
                       resolve=resolve),
        through=through)
    client = connect(gateway.address("gateway"))
    assert client.ask(b"a") == b"re a"
    _, totals = gateway.stop()
    assert totals["connects_failed{connect_timeout}"] == 1
    assert "connects_overtaken" not in totals


def test_relays_race(fairlead, connect, hole_and_server):
    port, through = hole_and_server
    gateway = fairlead(
        relay_config(f"plc.test:{port}", connect_timeout="1h"),
        through=through)
    clients = [connect(gateway.address("relay")) for _ in range(10)]
    for client in clients:
        client.send(b"x\n")
    assert [client.line() for client in clients] == [b"re x"] * 10
    for client in clients:
        client.close()
    _, totals = gateway.stop()
    assert totals["connects_overtaken"] == 10


def test_a_stop_during_a_race(fairlead, connect, resolver, black_hole):
    for _ in range(20):
        port = black_hole(("127.0.0.1", 0))
        if black_hole(("127.0.0.2", port)) is not None:
            break
    names = resolver()
    names.write("127.0.0.1", "127.0.0.2")
    gateway = fairlead(
        {"shutdown_timeout": "0s",
         **relay_config(f"plc.test:{port}", connect_timeout="1h")},
        through=names.through)
    before = half_open(port, "0200007F")
    connect(gateway.address("relay"))
    wait_until(lambda: half_open(port, "0200007F") > before, "they race")
    status, totals = gateway.stop()
    assert status == 0 and "connects_overtaken" not in totals
