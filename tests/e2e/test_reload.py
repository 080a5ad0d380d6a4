"""SIGHUP: the configuration file is put into effect again, or not at all."""

import contextlib
import copy
import hashlib
import json
import random
import re
import signal
import socket
import threading

import pytest

from harness import (
    SLOW,
    LineClient,
    at,
    command_listener,
    free_port,
    gateway_config,
    on_windows,
    plain_names,
    read_all,
    relay_listener,
    request_listener,
    sanitizer,
    upstream,
    wait_until,
)

END = re.compile(
    r" reload (generation \d+ is in effect|nothing was changed|"
    r".* says what is in effect already)"
)


class Reloads:
    """Reloads of one program, each waited for."""

    def __init__(self, program):
        self.program = program
        self.seen = 0

    def __call__(self, config, good=True):
        """Writes the configuration and reloads; returns its log lines."""
        self.program.write(config)
        self.program.kill(signal.SIGHUP)
        lines = self.wait()
        assert ("nothing was changed" not in lines[-1]) == good, lines
        return lines

    def wait(self):
        def ended():
            log = self.program.log
            for i in range(self.seen, len(log)):
                if END.search(log[i]):
                    return i + 1
            return 0

        end = wait_until(ended, "the end of a reload", 20)
        lines = self.program.log[self.seen:end]
        self.seen = end
        return [line for line in lines if " reload " in line]


def start(fairlead, config, **more):
    program = fairlead(config, **more)
    return program, Reloads(program)


def changed(config, **more):
    """A copy whose first upstream has these keys, too."""
    config = copy.deepcopy(config)
    config["upstreams"][0].update(more)
    return config


def ended(client):
    """Whether the program has ended the connection, and nothing came."""
    return client.rest() == b""


def refused(address):
    """Whether a client is closed without a word."""
    try:
        with LineClient(address) as client:
            return client.rest() == b""
    except ConnectionError:
        return True


def slow(peer):
    for line in peer.lines():
        peer.wait(0.3)
        peer.send(b"re " + line + b"\n")


def test_same_file_changes_nothing(fairlead, line_server, connect):
    config = gateway_config(line_server())
    program, reload = start(fairlead, config)
    client = connect(program.address("gateway"))
    assert client.ask(b"a") == b"re a"
    lines = reload(config)
    assert "already (generation 1)" in lines[-1]
    assert client.ask(b"b") == b"re b"


def test_untouched_clients_and_connections_stay(
    fairlead, line_server, connect
):
    server = line_server()
    config = gateway_config(server, pool={"max_size": 1})
    config["listeners"].append(command_listener())
    program, reload = start(fairlead, config)
    clients = [connect(program.address("gateway")) for _ in range(5)]
    command = connect(program.address("commands"))
    for client in clients:
        assert client.ask(b"a") == b"re a"
    for index in range(5):
        more = changed(config)
        more["listeners"].append(command_listener(name=f"new{index}"))
        lines = reload(more)
        assert re.search(r"listeners: 1 added, 0 changed, [01] removed",
                         lines[-1])
    for client in clients:
        assert client.ask(b"b") == b"re b"
    assert command.ask(b"PING") == b"PONG"
    assert len(server.peers) == 1


def test_limits_change_in_place(fairlead, line_server, connect):
    config = gateway_config(
        line_server(), listener={"max_connections": 1, "idle_timeout": "1h"}
    )
    program, reload = start(fairlead, config)
    address = program.address("gateway")
    first = connect(address)
    assert first.ask(b"a") == b"re a"
    second = connect(address)
    second.send(b"b\n")
    program.wait_log("gateway: accepting pauses: max_connections")
    config["listeners"][0]["max_connections"] = 2
    reload(config)
    assert second.line() == b"re b"
    config["listeners"][0]["idle_timeout"] = "50ms"
    reload(config)
    assert ended(first) and ended(second)


def test_max_buffered_changes_for_what_is_held(fairlead, connect):
    config = {"max_buffered": "64MiB", "listeners": [
        command_listener(max_frame="256KiB", frame_timeout="1h")]}
    program, reload = start(fairlead, config)
    address = program.address("commands")
    clients = [connect(address) for _ in range(4)]
    for client in clients:
        client.send(b"x" * 250000)
    reload(config | {"max_buffered": "1MiB"})
    program.wait_log("three quarters of max_buffered")
    program.wait_log("buffers_full")
    program.wait_log("buffers hold .* again")
    small = connect(address)
    assert small.ask(b"PING") == b"PONG"


def test_access_and_limits_of_addresses(fairlead, connect):
    config = {"listeners": [command_listener()]}
    program, reload = start(fairlead, config)
    address = program.address("commands")
    before = [connect(address) for _ in range(3)]
    listener = config["listeners"][0]
    listener["max_connections_per_address"] = 2
    reload(config)
    after = [connect(address) for _ in range(2)]
    assert refused(address)
    for client in before + after:
        assert client.ask(b"PING") == b"PONG"
    program.wait_log("address_connections|max_connections_per_address")
    listener["max_connections_per_address"] = 3
    listener["max_connections"] = 20000
    reload(config)
    assert connect(address).ask(b"PING") == b"PONG"
    listener["access"] = {"deny": ["127.0.0.0/8"]}
    reload(config)
    assert refused(address)
    for client in before + after:
        assert client.ask(b"PING") == b"PONG"


def test_a_bad_file_changes_nothing(fairlead, line_server, connect):
    config = gateway_config(line_server())
    program, reload = start(fairlead, config)
    client = connect(program.address("gateway"))
    assert client.ask(b"a") == b"re a"
    lines = reload(changed(config, requst_timeout="1s"), good=False)
    text = "\n".join(lines)
    place = rf"{re.escape(str(program.path))}:\d+:\d+: upstreams\[0\]"
    assert re.search(place, plain_names(text)), text
    assert "request_timeout" in text  # what was meant
    assert "stays (generation 1)" in lines[-1]
    reload('{"listeners": [', good=False)
    program.path.unlink()
    program.kill(signal.SIGHUP)
    assert "cannot be opened" in reload.wait()[0]
    assert client.ask(b"b") == b"re b"


def test_what_needs_a_restart_is_said(fairlead, line_server):
    config = gateway_config(line_server())
    program, reload = start(fairlead, {"workers": 2, **config})
    lines = reload({"workers": 1, **config}, good=False)
    assert ": workers: a change of it needs a restart" in lines[0]
    config["listeners"][0]["socket"] = {"reuse_port": True}
    lines = reload({"workers": 2, **config}, good=False)
    assert re.search(r'json:\d+:\d+: listener "gateway": socket.reuse_port: '
                     r"a change of it needs a restart", lines[0])


def place_of(path, key):
    """As in a message: the line and column of its name."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if f'"{key}"' in line:
            return f"{path}:{number}:{line.index(key)}"
    raise AssertionError(key)


def test_all_that_needs_a_restart_is_said(fairlead, line_server):
    """Each with its line, also keys of objects of which none can change; the
    last line says that nothing was changed."""
    config = gateway_config(line_server())
    program, reload = start(fairlead, {"workers": 2, **config})
    config["listeners"][0]["socket"] = {"reuse_port": True}
    config["upstreams"][0]["workers"] = 2
    lines = reload({
        "workers": 1, "control": {"path": "/tmp/other.sock"},
        "admin": {"health_listen": "127.0.0.1:0"}, **config}, good=False)
    lines = [line.split(" reload ", 1)[1] for line in lines]
    ends = ": a change of it needs a restart"
    path = program.path
    assert lines[:-1] == [
        f"{place_of(path, 'workers')}: workers{ends}",
        f"{place_of(path, 'path')}: control.path{ends}",
        f"{place_of(path, 'health_listen')}: admin.health_listen{ends}",
        lines[3],
        f'{place_of(path, "reuse_port")}: listener "gateway": '
        f"socket.reuse_port{ends}",
    ]
    assert re.search(r'json:\d+:\d+: upstream "\S+": workers' + ends, lines[3])
    assert "nothing was changed" in lines[-1]


def test_what_needs_a_restart_is_bounded(fairlead, line_server):
    config = {"listeners": [
        command_listener(name=f"c{number}") for number in range(20)]}
    program, reload = start(fairlead, config)
    lines = reload(
        {**config, "socket": {"reuse_port": True}}, good=False)
    assert len(lines) == 2  # the listeners start from it
    for listener in config["listeners"]:
        listener["socket"] = {"reuse_port": True}
    lines = reload(config, good=False)
    assert len(lines) == 18
    assert lines[16].endswith(" reload and 4 more")


def test_a_port_in_use_changes_nothing(fairlead, line_server, connect):
    config = gateway_config(line_server())
    program, reload = start(fairlead, config)
    client = connect(program.address("gateway"))
    assert client.ask(b"a") == b"re a"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = changed(config, request_timeout="9s")
        more["listeners"][0]["listen"].append(at(free_port()))
        more["listeners"].append(
            command_listener(listen=at(taken.getsockname()))
        )
        free = tuple(more["listeners"][0]["listen"][1].split(":"))
        lines = reload(more, good=False)
        assert re.search(r"json:\d+:\d+: listeners\[1\]\.listen\[0\]: .* is in "
                         r"use by another program", lines[0])
    assert refused((free[0], int(free[1]))), "a new address is open"
    assert client.ask(b"b") == b"re b"
    reload(more)
    assert connect((free[0], int(free[1]))).ask(b"c") == b"re c"


def test_a_listener_that_goes_drains(fairlead, line_server, connect):
    config = gateway_config(line_server(slow))
    config["listeners"].append(command_listener())
    program, reload = start(fairlead, config)
    busy = connect(program.address("gateway"))
    idle = connect(program.address("gateway"))
    busy.send(b"a\n")
    reload({"listeners": [command_listener()]})
    assert idle.rest() == b""
    assert busy.rest() == b"re a\n"
    assert refused(program.address("gateway"))


def test_an_address_keeps_its_socket(fairlead, line_server, connect):
    """Whatever listener has it: nobody who connects meanwhile is refused. (Who
    has not sent his request yet when his listener goes gets no reply.)"""
    address = free_port()
    server = line_server()
    config = gateway_config(server, listener={"listen": at(address)})
    program, reload = start(fairlead, {"workers": 3, **config})
    failed = []
    stop = threading.Event()

    def connects():
        while not stop.is_set():
            try:
                with LineClient(address) as client:
                    reply = client.ask(b"PING")
                    if reply not in (b"re PING", b"PONG", None):
                        failed.append(reply)
            except OSError as error:
                failed.append(error)

    thread = threading.Thread(target=connects)
    thread.start()
    try:
        for index in range(20):
            if index % 2:
                listener = request_listener(name="b", listen=at(address))
                more = {"listeners": [listener],
                        "upstreams": [upstream(server)]}
            else:
                more = {"listeners": [
                    command_listener(name="a", listen=at(address))]}
            reload({"workers": 3, **more})
    finally:
        stop.set()
        thread.join()
    assert not failed


def test_new_clients_get_the_new_upstream(fairlead, line_server, connect):
    def other(peer):
        for line in peer.lines():
            peer.send(b"other " + line + b"\n")

    config = gateway_config(line_server())
    config["upstreams"].append(upstream(line_server(other), name="v"))
    program, reload = start(fairlead, {"workers": 2, **config})
    old = connect(program.address("gateway"))
    assert old.ask(b"a") == b"re a"
    config["listeners"][0]["upstream"] = "v"
    reload({"workers": 2, **config})
    new = connect(program.address("gateway"))
    assert new.ask(b"b") == b"other b"
    assert old.ask(b"c") == b"re c"


def test_servers_come_and_go(fairlead, line_server, connect):
    a, b, c = line_server(), line_server(slow), line_server()
    config = gateway_config(a, b, pool={"min_size": 4, "max_size": 4})
    program, reload = start(fairlead, config)
    wait_until(lambda: a.open() + b.open() == 4, "the pool is full")
    clients = [connect(program.address("gateway")) for _ in range(4)]
    for client in clients:
        client.send(b"x\n")
    wait_until(lambda: b.received(), "a request at the slow server")
    config["upstreams"] = [upstream(a, c, pool={"min_size": 4, "max_size": 4})]
    kept = a.open()
    reload(config)
    for client in clients:
        assert client.line() == b"re x"
    wait_until(lambda: b.open() == 0 and c.open() > 0, "the servers changed")
    assert a.open() >= kept and len(a.peers) <= 4


def test_other_framing_at_a_device_with_one_place(fairlead, connect):
    """A device that takes one connection never sees two."""
    device = socket.create_server(("127.0.0.1", 0))
    seen = {"total": 0, "two": 0}

    def serve(link):
        with link:
            while True:
                data = link.recv(100)
                if not data:
                    break
                link.sendall(data)

    def accept():
        before = None
        while True:
            try:
                link, _ = device.accept()
            except OSError:
                return
            seen["total"] += 1
            if before is not None:
                before.join(5 * SLOW)  # its end had come before this one
                seen["two"] += before.is_alive()
            before = threading.Thread(target=serve, args=(link,), daemon=True)
            before.start()

    threading.Thread(target=accept, daemon=True).start()
    framings = [
        ({"type": "line"}, b"line\n"),
        ({"type": "fixed", "size": "6B"}, b"fixed!"),
        ({"type": "delimited", "end": ";"}, b"semicolon;"),
    ]
    config = gateway_config(device.getsockname()[:2], pool={"max_size": 1})
    program, reload = start(fairlead, config)
    try:
        for round_ in range(1, 12):
            framing, frame = framings[round_ % 3]
            before = connect(program.address("gateway"))
            reload(changed(config, framing=framing, max_frame="64KiB"))
            client = connect(program.address("gateway"))
            client.send(frame)
            got = b""
            while len(got) < len(frame):
                got += client.socket.recv(100)
            assert got == frame
            before.close()
        assert seen == {"total": 11, "two": 0}
    finally:
        device.close()


def test_a_storm_of_signals(fairlead, line_server, connect):
    config = gateway_config(line_server())
    program, reload = start(fairlead, config)
    client = connect(program.address("gateway"))
    for index in range(200):
        program.write(changed(config, request_timeout=f"{index + 1}s"))
        program.kill(signal.SIGHUP)
        if index % 10 == 0:
            assert client.ask(b"a") == b"re a"
    reload(changed(config, request_timeout="300s"))
    wait_until(lambda: client.ask(b"b") == b"re b", "it serves")


def test_a_signal_during_the_stop_is_refused(fairlead, line_server, connect):
    program, _ = start(fairlead, gateway_config(line_server(slow)))
    client = connect(program.address("gateway"))
    client.send(b"a\n")
    program.kill()
    program.wait_log("stopping")
    program.kill(signal.SIGHUP)
    program.wait_log("SIGHUP: not while stopping")
    assert client.rest() == b"re a\n"
    assert program.join() == 0


# ---- the command ----


@pytest.fixture
def command(run_program):
    """Runs `fairlead reload` for a program; returns status, output, errors."""

    def reload(program, config=None, place=None):
        if config is not None:
            program.write(config)
        done = run_program(
            "reload", *(place or ("--config", str(program.path))))
        return done.returncode, done.stdout, done.stderr

    return reload


def logged(program):
    """What the log says of reloads, without time, level and area."""
    found = [re.split(r" reload ", line, maxsplit=1) for line in program.log]
    return [parts[1].rstrip("\n") for parts in found if len(parts) == 2]


def test_the_command_says_what_changed(fairlead, line_server, command):
    config = gateway_config(line_server())
    config["listeners"].append(command_listener())
    program = fairlead(config)
    config["listeners"][0]["max_connections"] = 77
    config["listeners"][0]["idle_timeout"] = "77s"
    config["listeners"][1] = command_listener(name="other")
    config["upstreams"][0]["pool"] = {"max_size": 7}
    config["upstreams"][0]["health"] = {"interval": "1h"}
    config["shutdown_timeout"] = "7s"
    status, out, err = command(program, config)
    assert (status, err) == (0, "")
    digest = hashlib.sha256(program.path.read_bytes()).hexdigest()
    assert out.splitlines() == [
        "shutdown_timeout changed",
        'listener "gateway" max_connections, idle_timeout changed',
        'listener "other" is new',
        'listener "commands" is gone',
        'upstream "u" pool.max_size, health.interval changed',
        "generation 2 is in effect: listeners: 1 added, 1 changed, 1 removed; "
        f"upstreams: 0 added, 1 changed, 0 removed; SHA-256 {digest}",
    ]
    wait_until(lambda: logged(program) == out.splitlines(), "the same log")
    status, out, err = command(program, place=("--control", program.control()))
    assert (status, err) == (0, "")
    assert "what is in effect already (generation 2)" in out


def test_the_command_says_what_is_wrong(fairlead, line_server, command):
    config = gateway_config(line_server())
    program = fairlead(config)
    status, out, err = command(program, changed(config, requst_timeout="1s"))
    assert (status, out) == (1, "")
    assert re.search(
        rf"^{re.escape(str(program.path))}:\d+:\d+: "
        r"upstreams\[0\]\.requst_timeout: found an unknown key",
        plain_names(err))
    assert "(generation 1)" in err.splitlines()[-1]
    wait_until(lambda: logged(program) == err.splitlines(), "the same log")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config["listeners"].append(
            command_listener(listen=at(taken.getsockname())))
        status, out, err = command(program, config)
        assert (status, out) == (1, "")
        assert re.search(r"json:\d+:\d+: listeners\[1\]\.listen\[0\]: .* in "
                         r"use by another program", err)
    status, out, err = command(program)
    assert (status, err) == (0, "")
    program.stop()
    status, out, err = command(program)
    assert status == 1 and "no fairlead that runs" in err


def test_commands_at_the_same_time_all_get_an_answer(fairlead, line_server):
    """Each that asks during a reload gets the answer of one that began after
    it asked."""
    config = gateway_config(line_server())
    program = fairlead(config)
    hashes = []
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(program.peer()) for _ in range(15)]
        for index, peer in enumerate(peers):
            path = program.path.with_suffix(".next")
            path.write_text(json.dumps(
                changed(config, request_timeout=f"{index + 1}s")))
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
            path.rename(program.path)
            peer.sendall(b"reload\n")
        answers = [json.loads(read_all(peer)) for peer in peers]
    for index, answer in enumerate(answers):
        assert answer["status"] == 0
        assert hashes.index(answer["sha256"]) >= index, "an earlier file"
    assert answers[-1]["sha256"] == program.state()["config_sha256"]


def test_the_command_during_a_stop(fairlead, line_server, connect, command):
    program = fairlead(gateway_config(line_server(slow)))
    client = connect(program.address("gateway"))
    client.send(b"a\n")
    wait_until(lambda: program.state()["listeners"][0]["requests"] == 1, "it")
    program.kill()
    program.wait_log("stopping")
    answer = program.ask("reload")
    assert answer["status"] == 3 and "stopping" in answer["error"]
    assert client.rest() == b"re a\n"
    assert program.join() == 0


def test_generation_and_hash_are_shown(fairlead, line_server, run_program):
    config = gateway_config(line_server())
    program = fairlead(config)
    digest = hashlib.sha256(program.path.read_bytes()).hexdigest()
    program.wait_log(f"generation 1, SHA-256 {digest}")
    before = program.state()
    assert (before["generation"], before["config_sha256"]) == (1, digest)
    assert before["reloads"] == {"changed": 0, "unchanged": 0, "failed": 0}
    program.write("// only a comment\n" + program.path.read_text())
    assert program.ask("reload")["result"] == "unchanged"
    program.write(changed(config, request_timeout="9s"))
    assert program.ask("reload")["result"] == "changed"
    digest = hashlib.sha256(program.path.read_bytes()).hexdigest()
    program.write("{")
    assert program.ask("reload")["result"] == "failed"
    after = program.state()
    assert (after["generation"], after["config_sha256"]) == (2, digest)
    assert after["reloads"] == {"changed": 1, "unchanged": 1, "failed": 1}
    assert after["config_loaded_at"] >= before["config_loaded_at"] > 1.7e9
    shown = run_program("status", "--config", str(program.path)).stdout
    assert f"configuration: generation 2, SHA-256 {digest}\n" in shown


def test_a_comment_changes_the_hash_only(fairlead, line_server):
    program = fairlead(gateway_config(line_server()))
    program.write("// only a comment\n" + program.path.read_text())
    digest = hashlib.sha256(program.path.read_bytes()).hexdigest()
    assert program.ask("reload")["sha256"] == digest
    state = program.state()
    assert (state["generation"], state["config_sha256"]) == (1, digest)


# ---- a thousand reloads ----


class Load(threading.Thread):
    """A client that never leaves, and checks each reply."""

    def __init__(self, address, prefix, stop):
        super().__init__(daemon=True)
        self.client = LineClient(address)
        self.prefix = prefix
        self.stop = stop
        self.served = 0
        self.failed = None

    def run(self):
        try:
            while not self.stop.is_set():
                count = self.served % 3 + 1
                sent = [b"%s %d %d" % (self.name.encode(), self.served, i)
                        for i in range(count)]
                self.client.send(b"\n".join(sent) + b"\n")
                for line in sent:
                    got = self.client.line()
                    assert got == self.prefix + line, (got, line)
                    self.served += 1
        except Exception as error:  # shown by the test
            self.failed = error


def draw(rng, a, b, spare, taken):
    """A configuration; "gateway" and "commands" are always there."""
    servers = rng.choice([[a], [b], [a, b], [b, a]])
    pool = {"max_size": rng.randint(2, 6), "min_size": rng.randint(0, 2),
            "idle_timeout": rng.choice(["4m", "20ms"])}
    config = gateway_config(
        *servers, pool=pool, balance=rng.choice(
            ["round_robin", "least_in_flight"]),
        in_flight=rng.choice([1, 1, 1, 4]),
        request_timeout=f"{rng.randint(20, 40)}s",
        max_frame=rng.choice(["64KiB", "1MiB"]))
    config["listeners"][0]["max_connections"] = rng.randint(50, 100)
    config["listeners"].insert(
        rng.randint(0, 1),
        command_listener(idle_timeout=f"{rng.randint(60, 300)}s"))
    config["upstreams"].append(upstream(a, name="v"))
    for name, address in spare:
        kind = rng.randrange(5)
        if kind == 0:
            config["listeners"].append(
                command_listener(name=name, listen=at(address)))
        elif kind == 1:
            config["listeners"].append(request_listener(
                name=name, upstream=rng.choice("uv"), listen=at(address)))
        elif kind == 2:
            config["listeners"].append(relay_listener(
                name=name, upstream="r", listen=at(address)))
    if any(item["mode"] == "relay" for item in config["listeners"]):
        config["upstreams"].append(upstream(a, name="r"))
    return config


def spoil(rng, config, taken):
    kind = rng.randrange(4)
    if kind == 0:
        config["upstreams"][0]["no_such_key"] = 1
    elif kind == 1:
        config["listeners"].append(
            command_listener(name="taken", listen=at(taken.getsockname())))
    elif kind == 2:
        config["workers"] = 1
    else:
        return b'{"listeners": [ {'
    return config


def test_a_thousand_reloads_under_load(fairlead, line_server):
    count = 50 if on_windows() else 100 if sanitizer() else 1000
    rng = random.Random(1)
    a, b = line_server(), line_server()
    spare = [(f"spare{i}", free_port()) for i in range(3)]
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = draw(rng, a, b, [], taken)
        first["workers"] = 2
        program, reload = start(fairlead, first)
        loads = [Load(program.address("gateway"), b"re ", stop)
                 for _ in range(4)]
        loads += [Load(program.address("commands"), b"Echo: ", stop)
                  for _ in range(2)]
        for load in loads:
            load.start()
        bad = 0
        for index in range(count):
            config = draw(rng, a, b, spare, taken)
            config["workers"] = 2
            good = index % 10 != 9
            if not good:
                config = spoil(rng, config, taken)
                bad += 1
            reload(config, good)
            failed = [load.failed for load in loads if load.failed]
            assert not failed, failed
        stop.set()
        for load in loads:
            load.join(20 * SLOW)
            assert load.failed is None and load.served > 0
            load.client.close()
    assert bad == count // 10
    status, totals = program.stop()
    assert status == 0
    assert not any(key.startswith("requests_failed") for key in totals), totals


# ---- counters ----


def counters(program):
    """Of each listener and upstream: all that may only grow."""
    state = program.state()
    names = ("opened", "requests", "replies", "bytes_in", "bytes_out",
             "connects")
    return {
        (kind, item["name"], name): item[name]
        for kind in ("listeners", "upstreams")
        for item in state[kind] for name in names if name in item
    } | {
        (kind, item["name"], "closed"): sum(item["closed"].values())
        for kind in ("listeners", "upstreams") for item in state[kind]
    }


def test_counters_never_go_back(fairlead, line_server, connect):
    """Whatever replaces a listener or an upstream, on whatever worker."""
    server = line_server()
    config = {"workers": 3, **gateway_config(server)}
    config["upstreams"].append(upstream(line_server(), name="v"))
    program, reload = start(fairlead, config)
    last = counters(program)
    for index in range(12):
        with LineClient(program.address("gateway")) as client:
            assert client.ask(b"a") == b"re a"
        framing = [{"type": "line"}, {"type": "delimited", "end": "\n"}]
        config["upstreams"][0]["framing"] = framing[index // 2 % 2]
        config["listeners"][0]["upstream"] = "uv"[index % 2]
        reload(config)
        now = counters(program)
        assert set(now) == set(last)
        back = {key: (last[key], now[key]) for key in last
                if now[key] < last[key]}
        assert not back, index
        last = now
    assert last["listeners", "gateway", "requests"] == 12
    assert [item["max_size"] for item in program.state()["upstreams"]] == [
        10, 10]
