"""Modbus TCP: the profile against scripted servers, and against programs that
others wrote (python3-pymodbus as the server, mbpoll as a client)."""

import json
import socket
import struct
import subprocess
import threading

import pytest

from harness import SLOW, free_port, gateway_config
from test_framings import Stream, answering, example

READ, WRITE = 3, 6
ILLEGAL_FUNCTION, BUSY, NO_PATH, NO_ANSWER = 1, 6, 10, 11

# Registers hold their own numbers.
SERVER = """
import asyncio
from pymodbus.datastore import (ModbusSequentialDataBlock, ModbusServerContext,
                                ModbusSlaveContext)
from pymodbus.server.async_io import ModbusTcpServer

async def main():
    registers = ModbusSequentialDataBlock(0, list(range(1000)))
    store = ModbusSlaveContext(hr=registers, zero_mode=True)
    server = ModbusTcpServer(ModbusServerContext(slaves=store, single=True),
                             address=("127.0.0.1", 0))
    serving = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await serving

asyncio.run(main())
"""


@pytest.fixture
def pymodbus():
    """The address of a real server."""
    process = subprocess.Popen(["/usr/bin/python3", "-c", SERVER],
                               stdout=subprocess.PIPE)
    try:
        yield "127.0.0.1", int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def frame(transaction, function, body, unit=17, protocol=0):
    return struct.pack(">HHHBB", transaction, protocol, 2 + len(body), unit,
                       function) + body


def read(transaction, register, count=1, **more):
    return frame(transaction, READ, struct.pack(">HH", register, count),
                 **more)


def write(transaction, register, value):
    return frame(transaction, WRITE, struct.pack(">HH", register, value))


def exception(transaction, function, code):
    return frame(transaction, function | 0x80, bytes([code]))


def cut(data):
    return 6 + struct.unpack(">H", data[4:6])[0] if len(data) >= 6 else 0


def ask(client, request):
    client.send(request)
    return Stream(client.socket, cut).frame()


def answer(request):
    """What a server says: a register holds its own number."""
    transaction, _, _, unit, function = struct.unpack(">HHHBB", request[:8])
    register, count = struct.unpack(">HH", request[8:12])
    if function == WRITE:
        return request
    values = struct.pack(f">{count}H", *range(register, register + count))
    return frame(transaction, function, bytes([len(values)]) + values, unit)


def profile(*servers, **more):
    return gateway_config(*servers, profile="modbus-tcp", **more)


def test_a_missing_reply_is_an_exception(fairlead, connect, line_server):
    """And the client stays; the late reply goes to nobody."""
    held = []

    def late(request):
        if not held:
            held.append(answer(request))
            return b""
        return held[0] + answer(request)

    server = line_server(answering(cut, late))
    gateway = fairlead(profile(server, pool={"max_size": 1},
                               request_timeout="100ms"))
    client = connect(gateway.address("gateway"))
    assert ask(client, read(0x1234, 5)) == exception(0x1234, READ, NO_ANSWER)
    assert ask(client, read(0x1234, 6)) == frame(0x1234, READ, b"\2\0\6")
    assert server.accepted == 1
    _, totals = gateway.stop()
    assert totals["replies_dropped"] == 1


def test_reads_are_sent_again_and_writes_are_not(fairlead, connect,
                                                 line_server):
    seen = []

    def once(request):
        seen.append(request[2:])
        return None if seen.count(request[2:]) == 1 else answer(request)

    server = line_server(answering(cut, once))
    gateway = fairlead(profile(server, pool={"max_size": 1}))
    client = connect(gateway.address("gateway"))
    assert ask(client, read(1, 5)) == frame(1, READ, b"\2\0\5")
    assert ask(client, write(2, 5, 9)) == exception(2, WRITE, NO_ANSWER)
    assert seen.count(read(1, 5)[2:]) == 2
    assert seen.count(write(2, 5, 9)[2:]) == 1


def test_no_path_and_busy_are_told_apart(fairlead, connect, line_server):
    silent = line_server(answering(cut, lambda request: b""))
    gateway = fairlead(profile(silent, pool={
        "max_size": 1, "acquire_timeout": "100ms"}))
    first = connect(gateway.address("gateway"))
    first.send(read(1, 5))
    second = connect(gateway.address("gateway"))
    assert ask(second, read(2, 5)) == exception(2, READ, BUSY)
    nowhere = fairlead(profile(free_port(), pool={
        "acquire_timeout": "100ms"}))
    client = connect(nowhere.address("gateway"))
    assert ask(client, write(3, 5, 1)) == exception(3, WRITE, NO_PATH)
    assert ask(client, read(4, 5)) == exception(4, READ, NO_PATH)


def test_another_protocol_ends_the_connection(fairlead, connect, line_server):
    server = line_server(answering(
        cut, lambda request: read(1, 5, protocol=1)))
    gateway = fairlead(profile(server, requests=[]))
    client = connect(gateway.address("gateway"))
    assert ask(client, read(1, 5)) == exception(1, READ, NO_ANSWER)
    other = connect(gateway.address("gateway"))
    other.send(read(1, 5, protocol=1))
    assert other.rest() == b""
    _, totals = gateway.stop()
    assert totals["upstream_closed{bad_reply}"] == 1
    assert totals["requests_failed{bad_reply}"] == 1
    assert totals["requests_failed{bad_frame}"] == 1


def modbus_example(server):
    return example("modbus.json", "127.0.0.1:1502", "127.0.0.1:5020",
                   server).replace("127.0.0.1:1503", "127.0.0.1:0")


def mbpoll(address, *arguments):
    done = subprocess.run(
        ["mbpoll", "-m", "tcp", "-0", "-o", "5", "-p", str(address[1]),
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, timeout=60 * SLOW, text=True, check=False)
    return done.stdout


def test_real_programs_read_and_write(fairlead, pymodbus):
    gateway = fairlead(modbus_example(pymodbus))
    control, readers = (gateway.address(n) for n in ("control", "readers"))

    def poll(address):
        return mbpoll(address, "-r", "5", "-c", "2", "-1", "127.0.0.1")

    assert "[5]: \t5\n[6]: \t6\n" in poll(readers)
    denied = mbpoll(readers, "-r", "5", "127.0.0.1", "77")
    assert "Illegal function" in denied and "Written" not in denied
    assert "[5]: \t5\n" in poll(control)
    assert "Written 1" in mbpoll(control, "-r", "5", "127.0.0.1", "78")
    assert "[5]: \t78\n[6]: \t6\n" in poll(readers)


class Unreliable:
    """Stands between a gateway and a server: some replies come late, some
    twice."""

    def __init__(self, server):
        self.server = server
        self.late = self.twice = 0

    def __call__(self, peer):
        lock = threading.Lock()
        with socket.create_connection(self.server) as server:
            def back():
                try:
                    pass_replies()
                except OSError:
                    pass  # the gateway has closed its connection

            def pass_replies():
                for number, reply in enumerate(Stream(server, cut).frames()):
                    if number % 12 == 5:
                        self.late += 1
                        timer = threading.Timer(0.5 * SLOW, send, [reply])
                        timer.daemon = True
                        timer.start()
                        continue
                    send(reply)
                    if number % 7 == 3:
                        self.twice += 1
                        send(reply)

            def send(reply):
                try:
                    with lock:
                        peer.send(reply)
                except OSError:
                    pass  # the test has ended

            thread = threading.Thread(target=back, daemon=True)
            thread.start()
            for request in Stream(peer.socket, cut).frames():
                server.sendall(request)
            server.shutdown(socket.SHUT_WR)
            thread.join()


@pytest.mark.parametrize("unsolicited", ["drop", "retire"])
def test_three_readers_over_one_connection(fairlead, connect, line_server,
                                           pymodbus, unsolicited):
    """Each gets its own registers or an exception, never another's, though
    replies overtake each other, come late and come twice."""
    proxy = Unreliable(pymodbus)
    server = line_server(proxy)
    text = modbus_example(server.address)
    for old, new in (
            ('"profile": "modbus-tcp",', '"profile": "modbus-tcp", '
             f'"in_flight": 3, "unsolicited": {json.dumps(unsolicited)},'),
            ('"request_timeout": "2s"',
             f'"request_timeout": "{int(250 * SLOW)}ms"')):
        assert text.count(old) == 1
        text = text.replace(old, new)
    gateway = fairlead(text)
    failures = []
    outcomes = []

    def run(number):
        try:
            client = connect(gateway.address("readers"))
            for i in range(60):
                # All use the same transaction ids.
                request = read(i, 300 * number + i, count=3)
                reply = ask(client, request)
                outcomes.append(reply == answer(request))
                assert reply in (answer(request),
                                 exception(i, READ, NO_ANSWER)), reply
        except BaseException as failure:  # shown below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert len(outcomes) == 180 and outcomes.count(True) > 90
    assert proxy.twice > 5 and server.peak == 1
    _, totals = gateway.stop()
    if unsolicited == "drop":
        assert "upstream_closed{unknown_id}" not in totals
        assert outcomes.count(False) > 3  # what was late
        assert totals["replies_dropped"] > 3
        assert totals["frames_dropped{unknown_id}"] > 5
    else:
        assert totals["upstream_closed{unknown_id}"] > 1
