"""Rules for some requests, and frames that are none."""

import threading

from harness import gateway_config, wait_until
from test_framings import Stream, answering, counted, cut_counted, example


class Instrument:
    """Answers queries, counts commands."""

    def __init__(self):
        self.commands = []

    def __call__(self, peer):
        for line in peer.lines():
            line = line.rstrip(b"\r")
            if line.endswith(b"?"):
                peer.send(b"re:" + line + b"\n")
            else:
                self.commands.append(line)


def test_the_scpi_example(fairlead, connect, line_server):
    """Commands without a reply, queries with one, from several clients at
    once."""
    instrument = Instrument()
    server = line_server(instrument)
    gateway = fairlead(example("scpi.json", "127.0.0.1:5025",
                               "127.0.0.1:5026", server.address))
    failures = []

    def run(number):
        try:
            with connect(gateway.address("bench")) as client:
                for i in range(50):
                    client.send(b"CONF %d %d\r\nREAD %d %d?\r\n"
                                % (number, i, number, i))
                    reply = client.line()
                    assert reply == b"re:READ %d %d?" % (number, i), reply
        except BaseException as failure:  # shown below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    client = connect(gateway.address("bench"))
    assert client.ask(b"*IDN?") == b"re:*IDN?"
    client.send(b"*RST\n")
    assert client.line() == b"ERROR denied"
    assert client.ask(b"READ?") == b"re:READ?"
    assert len(instrument.commands) == 200
    for number in range(4):
        mine = [b"CONF %d %d" % (number, i) for i in range(50)]
        assert [c for c in instrument.commands if c in mine] == mine
    assert server.peak == 1
    gateway.wait_log(r"bench.*denied")
    _, totals = gateway.stop()
    assert totals["requests_sent"] == 200
    assert totals["replies"] == 202
    assert totals["requests_failed{denied}"] == 1


def test_an_idempotent_request_survives_its_connection(
        fairlead, connect, line_server):
    """The first connection is reset with both requests on it."""
    def behaviour(peer):
        for line in peer.lines():
            if peer.number == 0 and line.startswith(b"w"):
                peer.reset()
                return
            if peer.number > 0:
                peer.send(b"re:" + line + b"\n")

    server = line_server(behaviour)
    gateway = fairlead(gateway_config(
        server, in_flight=2, pool={"max_size": 1},
        requests=[{"match": {"prefix": "r"}, "idempotent": True}],
    ))
    reader = connect(gateway.address("gateway"))
    reader.send(b"r1\n")
    wait_until(server.received, "the first request")
    writer = connect(gateway.address("gateway"))
    writer.send(b"w1\n")
    assert writer.line() == b"ERROR upstream_reset"
    assert reader.line() == b"re:r1"
    _, totals = gateway.stop()
    assert totals["requests_repeated"] == 1
    assert sorted(server.received()) == [b"r1", b"r1", b"w1"]


def test_a_rule_has_its_own_timeout(fairlead, connect, line_server):
    server = line_server(lambda peer: [None for _ in peer.lines()])
    gateway = fairlead(gateway_config(
        server, request_timeout="1h",
        requests=[{"match": {"prefix": "quick"}, "request_timeout": "200ms"}],
    ))
    client = connect(gateway.address("gateway"))
    assert client.ask(b"quick") == b"ERROR request_timeout"


def test_events_are_dropped_where_the_file_says_so(
        fairlead, connect, line_server):
    def behaviour(peer):
        peer.send(b"220 welcome\n")
        for line in peer.lines():
            peer.send(b"re:" + line + b"\nevent\n")

    server = line_server(behaviour)
    gateway = fairlead(gateway_config(
        server, unsolicited="drop", connect_settle="100ms",
        pool={"max_size": 1},
    ))
    client = connect(gateway.address("gateway"))
    for i in range(20):
        assert client.ask(b"%d" % i) == b"re:%d" % i
    assert server.peak == 1 and server.accepted == 1
    _, totals = gateway.stop()
    assert totals["frames_dropped{unexpected_data}"] >= 20


def test_empty_messages_keep_alive_and_pass_nowhere(
        fairlead, connect, line_server):
    """Both sides of ISO 8583 send empty messages when they please."""
    empty = b"\0\0"
    server = line_server(answering(
        cut_counted,
        lambda frame: empty + counted(b"re:" + frame[2:]) + empty,
    ))
    gateway = fairlead(gateway_config(
        server, framing={"type": "length", "length_width": 2},
        ignore=["hex:0000"], pool={"max_size": 1},
    ))
    client = connect(gateway.address("gateway"))
    stream = Stream(client.socket, cut_counted)
    for i in range(10):
        client.send(empty + counted(b"%d" % i) + empty)
        assert stream.frame() == counted(b"re:%d" % i)
    assert server.accepted == 1
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 10
    assert totals["frames_dropped{ignored}"] == 20
    assert totals["frames_ignored"] == 20
