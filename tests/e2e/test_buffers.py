"""max_buffered: what all buffers may hold together."""

import selectors
import socket
import struct
import time

import pytest

from harness import (SLOW, LineClient, command_listener, gateway_config,
                     sanitizer, wait_until)

MB = 1 << 20


class Glutton:
    """Sends as much as is taken, and reads nothing."""

    def __init__(self, address, data):
        self.data = memoryview(data)
        self.sent = 0
        self.over = False
        self.socket = socket.create_connection(address, 10 * SLOW)
        self.socket.setblocking(False)

    def push(self):
        try:
            while self.sent < len(self.data):
                self.sent += self.socket.send(self.data[self.sent:])
        except BlockingIOError:
            return
        except OSError:
            self.over = True


def feed(gluttons, seconds):
    """Lets them send until they neither can nor could for a while."""
    with selectors.DefaultSelector() as selector:
        for glutton in gluttons:
            selector.register(glutton.socket, selectors.EVENT_WRITE, glutton)
        quiet = time.monotonic() + seconds * SLOW
        while time.monotonic() < quiet and selector.get_map():
            for key, _ in selector.select(0.05):
                glutton = key.data
                before = glutton.sent
                glutton.push()
                if glutton.sent > before:
                    quiet = time.monotonic() + seconds * SLOW
                if glutton.over or glutton.sent == len(glutton.data):
                    selector.unregister(glutton.socket)


def besiege(program, address, gluttons, small, seconds):
    """Who is closed comes again, and a small client is served all the time.
    Returns the most memory seen."""
    most = 0
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        for i, glutton in enumerate(gluttons):
            glutton.push()
            if glutton.over:
                glutton.socket.close()
                gluttons[i] = Glutton(address, glutton.data)
        assert small.ask(b"PING") == b"PONG"
        small.send(b"PI")  # in two halves
        small.send(b"NG\n")
        assert small.line() == b"PONG"
        most = max(most, program.rss())
    return most


@pytest.mark.parametrize("kind", ["half frames", "stopped readers"])
def test_memory_is_bounded_and_small_clients_are_served(fairlead, connect,
                                                        kind):
    """Together they would need 60 MB and more; 4 MiB are allowed."""
    program = fairlead({
        "max_buffered": "4MiB",
        "listeners": [command_listener(max_frame="1MiB", write_timeout="1h",
                                       frame_timeout="1h",
                                       socket={"send_buffer": "16KiB"})],
    })
    address = program.address("commands")
    small = connect(address)
    assert small.ask(b"PING") == b"PONG"
    before = program.rss()
    half = b"x" * 1000000
    many = (b"y" * 30000 + b"\n") * 50
    gluttons = [Glutton(address, half if kind == "half frames" else many)
                for _ in range(60)]
    feed(gluttons, 0.3)
    program.wait_log(r"three quarters of max_buffered")
    most = besiege(program, address, gluttons, small, 1.5)
    newcomer = connect(address)
    assert newcomer.ask(b"PING") == b"PONG"
    if not sanitizer():
        assert most - before < 8 * MB
    # Those that are not read and gone hold up nobody until frame_timeout.
    for glutton in gluttons:
        glutton.socket.close()
    wait_until(lambda: small.ask(b"STATUS") == b"Connected clients: 2",
               "all seen to be gone")
    big = b"z" * 500000
    assert small.ask(big) == b"Echo: " + big
    program.wait_log(r"buffers hold \d+ KiB again")
    _, totals = program.stop()
    assert kind != "half frames" or any(
        "clients_closed" in name and "buffers_full" in name
        for name in totals), totals


def test_long_frames_go_on_when_there_is_room_again(fairlead):
    """Those whose frames began first make room. Who was not read for a while
    loses nothing."""
    program = fairlead({
        "max_buffered": "4MiB",
        "listeners": [command_listener(max_frame="1MiB", frame_timeout="1h")],
    })
    address = program.address("commands")
    frame = b"a" * 400000
    older = []
    while not program.grep(r"three quarters of max_buffered"):
        older.append(Glutton(address, frame))  # no more than it takes
        feed(older[-1:], 0.1)
    last = Glutton(address, frame)
    last.push()
    for glutton in older:  # what the kernel still has of them goes, too
        glutton.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        glutton.socket.close()
    last.socket.setblocking(True)
    last.socket.settimeout(10 * SLOW)
    last.socket.sendall(bytes(last.data[last.sent:]) + b"\n")
    with last.socket.makefile("rb") as stream:
        assert stream.readline() == b"Echo: " + frame + b"\n"
    last.socket.close()
    program.wait_log(r"buffers hold \d+ KiB again")
    program.stop()


def test_requests_beyond_the_limit_get_a_reason(fairlead, connect,
                                                line_server):
    """A server whose replies take all buffers: others go on."""
    reply = b"r" * 200000 + b"\n"

    def behave(peer):
        for line in peer.lines():
            peer.send(reply if line == b"much" else b"re " + line + b"\n")

    config = gateway_config(
        line_server(behave), max_frame="256KiB", pool={"max_size": 60},
        listener={"write_timeout": "1h", "socket": {"send_buffer": "16KiB"}})
    config["max_buffered"] = "1MiB"
    program = fairlead(config)
    address = program.address("gateway")
    stopped = []
    for _ in range(40):
        client = LineClient(address, receive_buffer=4096)
        client.send(b"much\n")
        stopped.append(client)
    wait_until(lambda: program.grep("three quarters|buffers_full"), "pressure")
    small = connect(address)
    assert small.ask(b"a") == b"re a"
    for client in stopped:
        client.close()
    assert small.ask(b"b") == b"re b"
    _, totals = program.stop()
    assert any("buffers_full" in name for name in totals), totals
