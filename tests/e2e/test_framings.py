"""Binary protocols through a request listener: the shipped examples, and what
happens where a protocol has no error reply."""

import json
import struct
import threading
from pathlib import Path

import pytest

from harness import at, gateway_config

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"


class Stream:
    """Frames of one side of a connection. `cut` says how many bytes the frame
    at the start of what has come has, 0 for not known yet."""

    def __init__(self, sock, cut):
        self.socket = sock
        self.cut = cut
        self._input = bytearray()

    def frame(self):
        """The next one, None at the end of the stream."""
        while True:
            size = self.cut(self._input)
            if 0 < size <= len(self._input):
                frame = bytes(self._input[:size])
                del self._input[:size]
                return frame
            data = self.socket.recv(1 << 16)
            if not data:
                assert not self._input, f"cut off: {self._input!r}"
                return None
            self._input += data

    def frames(self):
        return iter(self.frame, None)


def mllp(body):
    return b"\x0b" + body + b"\x1c\r"


def cut_mllp(data):
    assert not data or data[0] == 0x0b, data
    return data.find(b"\x1c\r") + 2 if b"\x1c\r" in data else 0


def counted(body):
    return struct.pack(">H", len(body)) + body


def cut_counted(data):
    return 2 + struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 0


def answering(cut, reply):
    """A behaviour that answers each frame with reply(frame); with nothing, and
    the end of the connection, where that is None."""

    def behaviour(peer):
        for frame in Stream(peer.socket, cut).frames():
            peer.server.count(peer, frame)
            answer = reply(frame)
            if answer is None:
                return
            peer.send(answer)

    return behaviour


def example(name, listen, server, place):
    """The text of an example with a free port and the test's own server."""
    text = (EXAMPLES / name).read_text()
    for old, new in ((listen, "127.0.0.1:0"), (server, at(place))):
        assert text.count(f'"{old}"') == 1
        text = text.replace(f'"{old}"', f'"{new}"')
    return text


def converse(address, connect, cut, requests, reply):
    """One client after the other and all at once, each in its own order."""
    failures = []

    def run(number):
        try:
            with connect(address) as client:
                stream = Stream(client.socket, cut)
                mine = [request(number) for request in requests]
                client.send(mine[0])
                assert stream.frame() == reply(mine[0])
                client.send(b"".join(mine))
                for sent in mine:
                    assert stream.frame() == reply(sent)
                client.shutdown()
                assert stream.frame() is None
        except BaseException as failure:  # shown below
            failures.append(failure)

    run(0)
    threads = [
        threading.Thread(target=run, args=(n,)) for n in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_the_mllp_example(fairlead, connect, line_server):
    def acknowledge(frame):
        control = frame[1:-2].split(b"\r")[0].split(b"|")[9]
        return mllp(b"MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|" + control + b"\r")

    server = line_server(answering(cut_mllp, acknowledge))
    gateway = fairlead(
        example("mllp.json", "127.0.0.1:2575", "127.0.0.1:2576",
                server.address)
    )

    def message(size):
        return lambda number: mllp(
            b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|%d-%d|P|2.5\rPID|\x1c\n%s\r"
            % (number, size, b"x" * size)
        )

    converse(gateway.address("senders"), connect, cut_mllp,
             [message(size) for size in (0, 10, 3000, 200000, 1)],
             acknowledge)
    assert server.peak <= 2
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 9 * 6


def test_the_iso8583_example(fairlead, connect, line_server):
    def respond(frame):
        # The message type with its third digit one more, and the rest.
        return counted(b"0210" + frame[6:])

    server = line_server(answering(cut_counted, respond))
    gateway = fairlead(
        example("iso8583.json", "127.0.0.1:8583", "127.0.0.1:8584",
                server.address)
    )

    def purchase(size):
        # Fields 3, 11 and, for the terminal, 63; trace numbers of different
        # terminals may be equal.
        return lambda number: counted(
            b"0200" + bytes.fromhex("2020000000000002")
            + b"003000" + b"%06d" % (number % 3 * 100 + size)
            + struct.pack(">I", number) + bytes(range(256)) * size
        )

    converse(gateway.address("terminals"), connect, cut_counted,
             [purchase(size) for size in (0, 1, 15, 2)], respond)
    assert server.peak <= 4
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 9 * 5


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")),
                         ids=lambda path: path.name)
def test_an_example_is_right_and_prints_what_it_says(run_program, path):
    done = run_program("check", "--config", path, "--print")
    assert done.returncode == 0, done.stderr
    effective = json.loads(done.stdout)
    again = run_program("check", "--config", "config.json", "--print",
                        config=effective)
    assert again.stdout == done.stdout


COUNTED = {"type": "length", "length_width": 2}


def test_one_byte_at_a_time(fairlead, connect, line_server):
    server = line_server(answering(cut_counted, lambda frame: frame))
    gateway = fairlead(gateway_config(server, framing=COUNTED))
    client = connect(gateway.address("gateway"))
    stream = Stream(client.socket, cut_counted)
    sent = [counted(b"hello"), counted(b""), counted(b"\x00\x01")]
    for byte in b"".join(sent):
        client.send(bytes([byte]))
    for frame in sent:
        assert stream.frame() == frame


def test_replies_framed_in_another_way(fairlead, connect, line_server):
    def status(frame):
        return b"%08d" % len(frame)

    server = line_server(answering(cut_counted, status))
    gateway = fairlead(
        gateway_config(server, framing=COUNTED,
                       reply_framing={"type": "fixed", "size": "8B"})
    )
    client = connect(gateway.address("gateway"))
    client.send(counted(b"12345") + counted(b"1"))
    client.shutdown()
    assert client.rest() == b"0000000700000003"


def test_a_request_that_fails_closes_its_client_in_its_turn(
    fairlead, connect, line_server
):
    def reply(frame):
        return None if frame == counted(b"die") else frame

    server = line_server(answering(cut_counted, reply))
    gateway = fairlead(
        gateway_config(server, framing=COUNTED, pool={"max_size": 1})
    )
    client = connect(gateway.address("gateway"))
    other = connect(gateway.address("gateway"))
    client.send(b"".join(map(counted, (b"a", b"b", b"die", b"c", b"d"))))
    # What precedes, then the end: no reset, and no reply to what follows.
    assert client.rest() == counted(b"a") + counted(b"b")
    gateway.wait_log(r"client .*upstream_closed")
    other.send(counted(b"e"))
    assert Stream(other.socket, cut_counted).frame() == counted(b"e")
    client.close()
    _, totals = gateway.stop()
    assert totals["requests_failed{upstream_closed}"] == 1
    assert totals["clients_closed{upstream_closed}"] == 1
    assert counted(b"d") not in server.received()


def test_bytes_that_are_no_frame(fairlead, connect, line_server):
    framing = {"type": "delimited", "start": "hex:0b", "end": "hex:1c0d"}
    server = line_server(answering(cut_mllp, lambda frame: frame))
    gateway = fairlead(gateway_config(server, framing=framing))
    client = connect(gateway.address("gateway"))
    client.send(mllp(b"one") + b"GET / HTTP/1.0\r\n\r\n")
    assert client.rest() == mllp(b"one")
    gateway.wait_log(r"client .*bad_frame")
    assert server.received() == [mllp(b"one")]
    client.close()
    _, totals = gateway.stop()
    assert totals["clients_closed{bad_frame}"] == 1


@pytest.mark.parametrize(
    "reply, reason",
    [
        (b"\x00\x00\x00\x03abc", "bad_reply"),  # less than the field itself
        (b"\xff\xff\xff\xffabc", "reply_too_long"),
    ],
)
def test_lengths_that_lie_cost_nobody_else_anything(
    fairlead, connect, line_server, reply, reason
):
    lies = iter([reply])

    def behaviour(frame):
        return next(lies, frame) if frame.endswith(b"lie") else frame

    def cut(data):  # the field counts the whole frame
        return struct.unpack(">I", data[:4])[0] if len(data) >= 4 else 0

    def whole(body):
        return struct.pack(">I", 4 + len(body)) + body

    server = line_server(answering(cut, behaviour))
    gateway = fairlead(
        gateway_config(
            server, max_frame="1KiB", pool={"max_size": 1},
            framing={"type": "length", "length_width": 4,
                     "length_adjustment": -4},
        )
    )
    client = connect(gateway.address("gateway"))
    other = connect(gateway.address("gateway"))
    client.send(whole(b"lie"))
    assert client.rest() == b""
    other.send(whole(b"fine"))
    assert Stream(other.socket, cut).frame() == whole(b"fine")
    # A client that lies is closed, and nothing of it is passed on.
    liar = connect(gateway.address("gateway"))
    liar.send(struct.pack(">I", 0) + b"x")
    assert liar.rest() == b""
    assert len(server.received()) == 2
    client.close()
    liar.close()
    _, totals = gateway.stop()
    assert totals[f"upstream_closed{{{reason}}}"] == 1
    assert totals[f"requests_failed{{{reason}}}"] == 1
    assert totals["clients_closed{bad_frame}"] == 1
