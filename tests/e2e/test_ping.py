"""fairlead ping: probes that connect, probes that ask, and what they say."""

import re
import signal
import socket
import subprocess

import pytest

import harness

ANSWERED, UNANSWERED, USAGE, SYSTEM = 0, 1, 2, 3

MS = r"\d+\.\d{3}"


def statistics(text):
    """(sent, answered, lost in per cent, time in ms) at the end of text."""
    found = re.search(
        r"\n\n--- \S+ ping statistics ---\n"
        r"(\d+) sent, (\d+) answered, (\S+)% lost, time (\d+) ms\n"
        rf"(?:rtt min/avg/max/mdev = {MS}/{MS}/{MS}/{MS} ms\n)?$", text)
    assert found, text
    assert ("rtt" in found[0]) == (found[2] != "0"), text
    return int(found[1]), int(found[2]), float(found[3]), int(found[4])


@pytest.fixture
def ping(run_program):
    """ping(server, *arguments) to its end, with a short interval."""
    def run(target, *arguments):
        if isinstance(target, harness.LineServer):
            target = harness.at(target.address)
        elif isinstance(target, tuple):
            target = harness.at(target)
        return run_program("ping", target, "--interval", "1ms", *arguments)

    return run


def test_connects_and_closes_at_once(ping, line_server):
    ended = []

    def watch(peer):
        ended.append(list(peer.lines()))

    server = line_server(watch)
    own = harness.at(server.address)
    done = ping(server, "--count", 3)
    assert done.returncode == ANSWERED and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == f"PING {own}"
    for number in (1, 2, 3):
        assert re.fullmatch(
            rf"{re.escape(own)}: seq={number} connected in {MS} ms",
            lines[number])
    assert lines[4:6] == ["", f"--- {own} ping statistics ---"]
    assert statistics(done.stdout)[:3] == (3, 3, 0)
    harness.wait_until(lambda: len(ended) == 3, "every connection ended")
    assert ended == [[], [], []]


def test_ipv6(ping):
    with socket.socket(socket.AF_INET6) as server:
        server.bind(("::1", 0))
        server.listen()
        own = f"[::1]:{server.getsockname()[1]}"
        done = ping(own, "--count", 1)
    assert f"\n{own}: seq=1 connected in " in done.stdout


def test_refused(ping):
    own = harness.at(harness.free_port())
    done = ping(own, "--count", 2)
    assert done.returncode == UNANSWERED and done.stderr == ""
    assert f"\n{own}: seq=1 refused\n{own}: seq=2 refused\n" in done.stdout
    assert statistics(done.stdout)[:3] == (2, 0, 100)


def test_unreachable(ping):
    """A broadcast address takes no connection, and is known not to at once."""
    done = ping("255.255.255.255:1", "--count", 1)
    assert done.returncode == UNANSWERED
    assert "\n255.255.255.255:1: seq=1 unreachable\n" in done.stdout


def test_a_full_backlog_times_out(ping):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        done = ping(server.getsockname(), "--count", 2, "--timeout", "50ms")
        for client in waiting:
            client.close()
    assert done.returncode == UNANSWERED
    assert done.stdout.count(" timed out\n") == 2
    assert statistics(done.stdout)[3] >= 100


def test_the_addresses_of_a_name_are_tried_in_order(program, line_server,
                                                    tmp_path):
    """In a mount namespace with names of its own."""
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"{address} many.test\n" for address in (
        "127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.6")))
    own_names = ["unshare", "--mount", "--map-root-user", "sh", "-c",
                 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
    if subprocess.run([*own_names, "true"], check=False).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    server = line_server(address=("127.0.0.6", 0))
    port = server.address[1]
    done = subprocess.run(
        [*own_names, program, "ping", f"many.test:{port}", "--count", "2",
         "--interval", "1ms"],
        capture_output=True, text=True, timeout=20 * harness.SLOW,
        env=harness.environment(), check=False,
    )
    assert done.returncode == ANSWERED and done.stderr == ""
    lines = done.stdout.splitlines()
    header = re.fullmatch(rf"PING many\.test:{port} \((.+)\)", lines[0])
    addresses = header[1].split(", ")
    used = harness.at(server.address)
    assert len(addresses) == 4
    before = addresses[:addresses.index(used)]
    assert before  # the resolver kept the order of the file, or near to it
    assert lines[1:1 + len(before)] == [
        f"{address}: refused; trying the next address" for address in before]
    first, second = lines[1 + len(before):3 + len(before)]
    assert first.startswith(f"{used}: seq=1 connected in ")
    assert second.startswith(f"{used}: seq=2 connected in ")
    assert statistics(done.stdout)[:3] == (2, 2, 0)


def test_a_name_without_an_address(ping):
    name = "x" * 64 + ".invalid"  # refused before any server is asked
    done = ping(f"{name}:1")
    assert done.returncode == UNANSWERED and done.stdout == ""
    assert re.fullmatch(rf"fairlead: {name} has no address \(.+\)\n",
                        done.stderr)


def test_asks_fairlead_itself(fairlead, ping):
    gateway = fairlead({"listeners": [harness.command_listener()]})
    own = gateway.address("commands")
    done = ping(own, "--send", "PING", "--expect", "PONG", "--count", 3)
    assert done.returncode == ANSWERED and done.stderr == ""
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"{re.escape(harness.at(own))}: connected in {MS} ms",
                        lines[1])
    for number in (1, 2, 3):
        assert re.fullmatch(rf"\S+: seq={number} reply in {MS} ms, 5 bytes",
                            lines[1 + number])
    assert statistics(done.stdout)[:3] == (3, 3, 0)
    assert gateway.stop()[1]["clients_opened"] == 1


@pytest.mark.parametrize("text", ["a", "hex:61", "hex:610a", "a\n"])
def test_sends_one_line(ping, line_server, text):
    server = line_server()
    done = ping(server, "--send", text, "--expect", "hex:72652061",
                "--count", 1)
    assert done.returncode == ANSWERED
    assert server.received() == [b"a"]


def test_half_of_the_replies(ping, line_server):
    """A late reply reaches no other probe: its connection is closed."""
    def half(peer):
        for line in peer.lines():
            if len(server.requests) % 2 == 0:
                peer.send(b"re " + line + b"\n")

    server = line_server(half)
    done = ping(server, "--send", "x", "--count", 4, "--timeout", "500ms")
    assert done.returncode == ANSWERED
    outcomes = re.findall(r"seq=\d (\w+)", done.stdout)
    assert outcomes == ["timed", "reply", "timed", "reply"]
    assert statistics(done.stdout)[:3] == (4, 2, 50)
    assert server.accepted == 3


def test_a_silent_server(ping, line_server):
    server = line_server(lambda peer: list(peer.lines()))
    done = ping(server, "--send", "x", "--count", 3, "--timeout", "30ms")
    assert done.returncode == UNANSWERED
    assert statistics(done.stdout)[:3] == (3, 0, 100)
    assert len(server.received()) == 3


def test_an_unexpected_reply_is_shown_and_not_counted(ping, line_server):
    def hostile(peer):
        for _ in peer.lines():
            peer.send(b"ERR\x1b[2J " + b"x" * 100 + b"\r\n")

    done = ping(line_server(hostile), "--send", "x", "--expect", "OK",
                "--count", 1)
    assert done.returncode == UNANSWERED
    assert re.search(
        rf' seq=1 unexpected reply in {MS} ms, 110 bytes: "ERR\?\[2J x{{24}}"',
        done.stdout)
    assert statistics(done.stdout)[:3] == (1, 0, 100)


def test_a_reply_in_pieces(ping, line_server):
    def pieces(peer):
        for line in peer.lines():
            for byte in b"re " + line + b"\n":
                peer.send(bytes([byte]))

    done = ping(line_server(pieces), "--send", "x", "--expect", "re x",
                "--count", 20)
    assert done.returncode == ANSWERED
    assert len(re.findall(f" reply in {MS} ms, 5 bytes\n", done.stdout)) == 20


def test_what_answers_nothing_is_no_reply(run_program, line_server):
    """Neither the rest of a reply nor what comes between two probes."""
    def talkative(peer):
        for line in peer.lines():
            size = len(server.requests)
            peer.send(b"re " + line + b"!" * size + b"\nmore\n")
            peer.wait(0.02)
            peer.send(b"news\n")

    server = line_server(talkative)
    done = run_program(
        "ping", harness.at(server.address), "--send", "x",
        "--expect", "re x", "--count", 3, "--interval", "300ms")
    assert done.returncode == ANSWERED
    assert len(done.stdout.splitlines()) == 9
    assert re.findall(r" (\d) bytes\n", done.stdout) == ["6", "7", "8"]
    assert statistics(done.stdout)[:3] == (3, 3, 0)


def test_a_reply_without_an_end(ping, line_server):
    def flood(peer):
        for _ in peer.lines():
            peer.send(b"x" * 70000)

    done = ping(line_server(flood), "--send", "x", "--count", 1)
    assert done.returncode == UNANSWERED
    assert " seq=1 a reply of more than 65536 bytes\n" in done.stdout


@pytest.mark.parametrize("end, words", [
    (harness.Peer.reset, "reset"),
    (lambda peer: None, "closed by the server"),
])
def test_a_connection_that_ends(ping, line_server, end, words):
    def once(peer):
        next(peer.lines())
        end(peer)

    server = line_server(once)
    done = ping(server, "--send", "x", "--count", 2)
    assert done.returncode == UNANSWERED
    assert re.findall(r"seq=\d (.+)", done.stdout) == [words, words]
    assert server.accepted == 2


def test_a_connection_closed_between_probes_is_opened_again(run_program,
                                                            line_server):
    def once(peer):
        peer.send(b"re " + next(peer.lines()) + b"\n")

    server = line_server(once)
    done = run_program("ping", harness.at(server.address), "--send", "x",
                       "--count", 2, "--interval", "500ms")
    assert statistics(done.stdout)[:3] == (2, 2, 0)
    assert done.stdout.count(": connected in ") == server.accepted == 2


def test_the_interval_is_kept(run_program, line_server):
    done = run_program("ping", harness.at(line_server().address), "--count=3",
                       "--interval=150ms")
    assert statistics(done.stdout)[3] >= 300


def test_quiet(ping, line_server):
    for more in ([], ["--send", "x"]):
        done = ping(line_server(), "--count", 2, "--quiet", *more)
        assert done.returncode == ANSWERED
        assert "seq=" not in done.stdout and "connected" not in done.stdout
        assert statistics(done.stdout)[:3] == (2, 2, 0)


@pytest.mark.parametrize("up", [True, False])
def test_an_interrupt_prints_the_statistics(program, line_server, up):
    """Each line comes as soon as it is printed, into a pipe too."""
    address = line_server().address if up else harness.free_port()
    with subprocess.Popen(
        [program, "ping", harness.at(address), "--interval", "10ms"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=harness.environment(),
    ) as process:
        seen = ""
        while "seq=3" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20 * harness.SLOW)
    assert errors == ""
    assert process.returncode == (ANSWERED if up else UNANSWERED)
    sent, answered, _, _ = statistics(seen + rest)
    assert sent >= 3
    assert answered >= 3 if up else answered == 0


def test_it_ends_with_its_terminal(program, line_server):
    with subprocess.Popen(
        [program, "ping", harness.at(line_server().address)],
        stdout=subprocess.PIPE, text=True, env=harness.environment(),
        # a test run under nohup ignores it, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        while "seq=1" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGHUP)
        assert process.wait(20 * harness.SLOW) == -signal.SIGHUP


def test_an_interrupted_probe_counts_as_lost(program, line_server):
    server = line_server(lambda peer: list(peer.lines()))
    with subprocess.Popen(
        [program, "ping", harness.at(server.address), "--send", "x",
         "--timeout", "1h"],
        stdout=subprocess.PIPE, text=True, env=harness.environment(),
    ) as process:
        harness.wait_until(lambda: server.received() == [b"x"], "a request")
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=20 * harness.SLOW)
    assert process.returncode == UNANSWERED
    assert statistics(text)[:3] == (1, 0, 100)


def test_output_that_does_not_arrive_ends_it(program, line_server):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program, "ping", harness.at(line_server().address)],
            stdout=full, stderr=subprocess.PIPE, timeout=20 * harness.SLOW,
            env=harness.environment(), check=False,
        )
    assert done.returncode == SYSTEM
    assert done.stderr.count(b"standard output") == 1


@pytest.mark.parametrize("arguments, message", [
    ([], "HOST:PORT is missing: fairlead ping HOST:PORT"),
    (["--count", "1"], "HOST:PORT is missing"),
    (["localhost"], 'found "localhost": '),
    (["127.0.0.1:0"], 'found "127.0.0.1:0": '),
    (["a:1", "b:2"], 'unexpected argument "b:2" (ping takes one HOST:PORT)'),
    (["a:1", "--cuont", "1"], 'did you mean "--count"?'),
    (["a:1", "--config", "x"], "--config is an option of: fairlead run"),
    (["a:1", "--count"],
     "--count needs a value: fairlead ping HOST:PORT --count N"),
    (["a:1", "--count", "0"], '--count: found "0"; allowed: a whole number'),
    (["a:1", "--count", "-1"], '--count: found "-1"'),
    (["a:1", "--count", "1", "--count=2"], "--count is given twice"),
    (["a:1", "--interval", "1"], '--interval: found "1"; allowed: a duration'),
    (["a:1", "--interval", "0s"], '--interval: found "0s"'),
    (["a:1", "--timeout", "2d"], "1ms to 1d"),
    (["a:1", "--quiet=1"], "--quiet takes no value"),
    (["a:1", "--send", "hex:6"], '--send: found "hex:6"; allowed: at most'),
    (["a:1", "--send", "hex:6g"], '--send: found "hex:6g"'),
    (["a:1", "--send", "x" * 1025], "--send: found "),
    (["a:1", "--send", "x" * 1024], "more than 1024 bytes"),
    (["a:1", "--send", "a\nb"], "allowed: one line"),
    (["a:1", "--expect", "x"], "--expect is about the reply to --send"),
])
def test_wrong_command_lines(run_program, arguments, message):
    done = run_program("ping", *arguments)
    assert done.returncode == USAGE and done.stdout == ""
    assert re.fullmatch(r"fairlead: [^\n]*\n", done.stderr)
    assert message in done.stderr


def test_options_out_of_place(run_program):
    done = run_program("--count", "1")
    assert done.returncode == USAGE
    assert "fairlead ping HOST:PORT --count N" in done.stderr
    done = run_program("run", "--config", "x", "--quiet")
    assert re.search("--quiet is an option of: fairlead .*, ping$",
                     done.stderr.strip())


def test_help(run_program):
    texts = {run_program(*arguments).stdout for arguments in
             (["help", "ping"], ["ping", "--help"], ["ping", "a:1", "--help"])}
    assert len(texts) == 1
    text = texts.pop()
    assert text.startswith("Usage: fairlead ping HOST:PORT [OPTION...]\n")
    for option in ("count", "interval", "timeout", "send", "expect", "quiet"):
        assert f"\n  --{option} " in text
    assert max(map(len, text.splitlines())) <= 80
    assert "fairlead ping " in run_program("--help").stdout
