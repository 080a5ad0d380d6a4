"""Pairing by id: replies in any order, late, twice, and never another's."""

import heapq
import random
import struct
import threading
import time

from harness import gateway_config, request_listener, upstream
from test_framings import Stream, counted, cut_counted, example

COUNTED = {"type": "length", "length_width": 2}
BY_ID = {"by": "id", "offset": 2, "width": 2}


def message(number, body):
    """A length, an id, and the rest."""
    return counted(struct.pack(">H", number) + body)


def reply_to(frame):
    return counted(frame[2:4] + b"re:" + frame[4:])


class Later:
    """Sends a peer's replies when they are due, whatever came first."""

    def __init__(self, peer):
        self._peer = peer
        self._due = []
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, delay, data):
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay, data))
            self._changed.notify()

    def close(self):
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join()

    def _run(self):
        while True:
            with self._changed:
                now = time.monotonic()
                while self._open and (not self._due or self._due[0][0] > now):
                    self._changed.wait(
                        self._due[0][0] - now if self._due else None
                    )
                    now = time.monotonic()
                if not self._open:
                    return
                data = heapq.heappop(self._due)[1]
            try:
                self._peer.send(data)
            except OSError:  # the gateway gave the connection up
                return


def scheduling(plan, cut=cut_counted):
    """A behaviour that sends for each frame the replies of plan(frame), pairs
    of a delay and bytes."""

    def behaviour(peer):
        later = Later(peer)
        try:
            for frame in Stream(peer.socket, cut).frames():
                peer.server.count(peer, frame)
                for delay, data in plan(frame):
                    later.send(delay, data)
        except OSError:
            pass
        finally:
            later.close()

    return behaviour


def test_the_dns_example(fairlead, connect, line_server):
    """Of five requests, the last is answered first."""
    batch = []

    def plan(frame):
        batch.append(frame)
        if len(batch) < 5:
            return []
        replies = b"".join(reply_to(asked) for asked in reversed(batch))
        batch.clear()
        return [(0, replies)]

    server = line_server(scheduling(plan))
    gateway = fairlead(
        example("dns.json", "127.0.0.1:5353", "127.0.0.1:5354",
                server.address)
    )
    clients = [connect(gateway.address("stub")) for _ in range(2)]
    streams = [Stream(client.socket, cut_counted) for client in clients]
    for turn in range(3):
        asked = [
            [message(0x1234, b"a%d" % turn), message(0, b"b"),
             message(0xFFFF, b"c" * 60000)],
            [message(0x1234, b"d%d" % turn), message(0, b"e")],
        ]
        for client, frames in zip(clients, asked):
            client.send(b"".join(frames))
        for stream, frames in zip(streams, asked):
            for frame in frames:
                assert stream.frame() == reply_to(frame)
    for client in clients:
        client.close()
    _, totals = gateway.stop()
    assert totals["requests"] == totals["replies"] == 15


def test_a_late_reply_costs_nobody_else_anything(
    fairlead, connect, line_server
):
    release = threading.Event()
    held = []

    def behaviour(peer):
        for frame in Stream(peer.socket, cut_counted).frames():
            peer.server.count(peer, frame)
            if frame.endswith(b"slow"):
                held.append(frame)
                continue
            if frame.endswith(b"release"):
                peer.send(reply_to(held.pop()))
                release.set()
            peer.send(reply_to(frame))

    server = line_server(behaviour)
    gateway = fairlead(
        gateway_config(server, framing=COUNTED, pair=BY_ID, in_flight=8,
                       request_timeout="300ms", pool={"max_size": 1})
    )
    slow = connect(gateway.address("gateway"))
    other = connect(gateway.address("gateway"))
    stream = Stream(other.socket, cut_counted)
    slow.send(message(7, b"slow"))
    assert slow.rest() == b""  # its request timed out
    for body in (b"one", b"release", b"two"):
        other.send(message(7, body))
        assert stream.frame() == reply_to(message(7, body))
    assert release.is_set()
    other.close()
    slow.close()
    _, totals = gateway.stop()
    assert totals["requests_failed{request_timeout}"] == 1
    assert totals["replies_dropped"] == 1
    assert totals["upstream_connects"] == 1


def test_no_reply_of_a_hostile_server_reaches_another(
    fairlead, connect, line_server
):
    chance = random.Random(1)
    lock = threading.Lock()

    def plan(frame):
        with lock:
            delay = chance.uniform(0, 0.02)
            fate = chance.random()
            again = chance.uniform(0, 0.02)
        if fate < 0.02:
            delay += 0.2
        reply = reply_to(frame)
        if fate > 0.97:
            return [(delay, reply), (delay + again, reply)]
        return [(delay, reply)]

    server = line_server(scheduling(plan))
    gateway = fairlead(
        gateway_config(server, framing=COUNTED, pair=BY_ID, in_flight=8,
                       request_timeout="150ms", pool={"max_size": 3})
    )
    address = gateway.address("gateway")
    wrong = []
    right = [0] * 20

    def ask(client, number, begin, end):
        """Returns how many were answered before the client was closed."""
        stream = Stream(client.socket, cut_counted)
        frames = [
            message(i % 4, b"%d-%d" % (number, i)) for i in range(begin, end)
        ]
        client.send(b"".join(frames))
        for i, frame in enumerate(frames):
            reply = stream.frame()
            if reply is None:
                return i
            if reply != reply_to(frame):
                wrong.append((frame, reply))
            right[number] += 1
        return len(frames)

    def run(number):
        done = 0
        try:
            while done < 100:
                with connect(address) as client:
                    while done < 100:
                        answered = ask(client, number, done, done + 4)
                        done += 4
                        if answered < 4:
                            break
        except BaseException as failure:  # shown below
            wrong.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
    _, totals = gateway.stop()
    assert totals["replies"] >= sum(right) > 500
    assert totals["upstream_closed{unknown_id}"] > 0
    assert totals["requests_failed{unknown_id}"] > 0


def test_several_in_flight_by_id_are_no_reason_to_warn(run_program):
    listener = request_listener()
    more = {"framing": COUNTED, "in_flight": 8}
    by_order = upstream("127.0.0.1:1", **more)
    done = run_program("check", "--config", "config.json",
                       config={"listeners": [listener],
                               "upstreams": [by_order]})
    assert "never skip or repeat" in done.stderr
    by_id = upstream("127.0.0.1:1", pair=BY_ID, **more)
    done = run_program("check", "--config", "config.json",
                       config={"listeners": [listener], "upstreams": [by_id]})
    assert done.returncode == 0
    assert "warning" not in done.stderr
