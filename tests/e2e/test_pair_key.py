"""Pairing by key: replies in any order, late, twice, and never another's."""

import random
import threading

from harness import gateway_config, request_listener, upstream
from test_framings import Stream, cut_mllp, example, mllp
from test_pair import scheduling

WORD = {"type": "field", "field": 0, "separator": " "}
BY_KEY = {"by": "key", "request": WORD, "reply": WORD}


def cut_line(data):
    return data.find(b"\n") + 1


def lines(plan):
    return scheduling(plan, cut_line)


def reply_to(line):
    """The key, and the rest behind a mark."""
    key, rest = line.split(b" ", 1)
    return key + b" re:" + rest


def test_the_mllp_by_key_example(fairlead, connect, line_server):
    """Senders have equal control IDs; of what is under way, the last is
    acknowledged first."""
    held = []

    def acknowledge(frame):
        fields = frame.split(b"\r")[0].split(b"|")
        return mllp(b"MSH|^~\\&|E|||||" + fields[2] + b"|ACK|77|P|2.5\r"
                    b"MSA|AA|" + fields[9] + b"\r")

    def plan(frame):
        held.append(acknowledge(frame))
        if len(held) < 4:
            return []
        acks = b"".join(reversed(held))
        held.clear()
        return [(0, acks)]

    server = line_server(scheduling(plan, cut_mllp))
    gateway = fairlead(
        example("mllp-by-key.json", "127.0.0.1:2575", "127.0.0.1:2576",
                server.address)
    )

    def message(sender, control):
        return mllp(b"MSH|^~\\&|%s||||20260101||ADT^A01|%s|P|2.5\r"
                    b"EVN|A01\rPID|1||%s\r" % (sender, control, b"7" * 3000))

    asked = [
        [message(b"lab", b"1"), message(b"lab", b"2")],
        [message(b"ward", b"2"), message(b"ward", b"3")],
        [message(b"door", b"4"), message(b"door", b"1")],
        [message(b"desk", b"5"), message(b"desk", b"6")],
    ]
    clients = [connect(gateway.address("senders")) for _ in asked]
    streams = [Stream(client.socket, cut_mllp) for client in clients]
    for client, frames in zip(clients, asked):
        client.send(b"".join(frames))
    for stream, frames in zip(streams, asked):
        for frame in frames:
            assert stream.frame() == acknowledge(frame)
    for client in clients:
        client.close()
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 8


def test_a_message_that_timed_out_may_be_sent_again(
    fairlead, connect, line_server
):
    """Over the one connection that there may be."""
    seen = []

    def plan(line):
        seen.append(line)
        return [] if len(seen) == 1 else [(0, reply_to(line))]

    server = line_server(lines(plan))
    gateway = fairlead(
        gateway_config(server, pair=BY_KEY, in_flight=4,
                       request_timeout="200ms", pool={"max_size": 1})
    )
    with connect(gateway.address("gateway")) as client:
        client.send(b"7 hello\n")
        assert client.line() == b"ERROR request_timeout"
        client.send(b"7 hello\n")
        assert client.line() == b"7 re:hello"
    assert server.peak == 1
    _, totals = gateway.stop()
    assert totals["upstream_closed{key_reused}"] == 1
    assert totals["upstream_connects"] == 2


def test_requests_without_a_key_cost_nobody_else_anything(
    fairlead, connect, line_server
):
    server = line_server(lines(lambda line: [(0, reply_to(line))]))
    gateway = fairlead(
        gateway_config(server, in_flight=4, pool={"max_size": 1},
                       pair={**BY_KEY, "on_collision": "refuse"})
    )
    with connect(gateway.address("gateway")) as bad, \
            connect(gateway.address("gateway")) as good:
        for _ in range(3):
            bad.send(b" no key\n" + b"k" * 65 + b" long\nok 1\n")
            good.send(b"a 1\nb 2\n")
            assert bad.line() == b"ERROR no_key"
            assert bad.line() == b"ERROR key_too_long"
            assert bad.line() == b"ok re:1"
            assert good.line() == b"a re:1"
            assert good.line() == b"b re:2"
    _, totals = gateway.stop()
    assert totals["upstream_connects"] == 1


def test_no_reply_of_a_hostile_server_reaches_another(
    fairlead, connect, line_server
):
    """Replies overtake each other, come late, twice, with keys that nobody
    has; keys of clients are often equal. Of those the server repeats none: a
    repeat cannot be told from the reply to the next request of that key."""
    chance = random.Random(1)
    lock = threading.Lock()

    def plan(line):
        with lock:
            delay = chance.uniform(0, 0.02)
            fate = chance.random()
            again = chance.uniform(0, 0.02)
        reply = reply_to(line)
        if fate < 0.03:
            return [(delay + 0.2, reply)]
        if fate > 0.98 and not line.startswith(b"shared"):
            return [(delay, reply), (delay + again, reply)]
        if fate > 0.97:
            return [(delay, b"nobody re:x\n"), (delay + again, reply)]
        return [(delay, reply)]

    server = line_server(lines(plan))
    gateway = fairlead(
        gateway_config(server, pair=BY_KEY, in_flight=8,
                       request_timeout="150ms", pool={"max_size": 3})
    )
    address = gateway.address("gateway")
    wrong = []
    right = [0] * 20
    refused = [0] * 20

    def request(number, i):
        if i % 3 == 0:
            return b"shared%d %d-%d\n" % (i % 4, number, i)
        return b"own%d-%d %d-%d\n" % (number, i, number, i)

    def run(number):
        try:
            with connect(address) as client:
                for begin in range(0, 100, 4):
                    asked = [request(number, begin + i) for i in range(4)]
                    client.send(b"".join(asked))
                    for line in asked:
                        reply = client.line()
                        if reply + b"\n" == reply_to(line):
                            right[number] += 1
                        elif reply.startswith(b"ERROR "):
                            refused[number] += 1
                        else:
                            wrong.append((line, reply))
        except BaseException as failure:  # shown below
            wrong.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
    assert sum(right) + sum(refused) == 2000
    assert server.peak <= 3
    _, totals = gateway.stop()
    assert totals["replies"] == sum(right) > 500
    assert totals["upstream_closed{unknown_key}"] > 0
    assert totals["requests_failed{request_timeout}"] > 0


def test_several_in_flight_by_key_are_no_reason_to_warn(run_program):
    done = run_program(
        "check", "--config", "config.json",
        config={"listeners": [request_listener()],
                "upstreams": [upstream("127.0.0.1:1", pair=BY_KEY,
                                       in_flight=8)]})
    assert done.returncode == 0
    assert "warning" not in done.stderr
