#!/usr/bin/python3
"""Connects to a command listener RATE times a second, each time for one PING,
until it is told to end (SIGTERM). Then prints what became of the clients, as
JSON: moments are seconds of the monotonic clock.

load.py HOST PORT RATE
"""

import errno
import json
import random
import select
import signal
import socket
import sys
import time

PATIENCE = 20.0  # for an answer

ended = False


def end(_number, _frame):
    global ended
    ended = True


class Client:
    """One connection; every one comes from another address, so that ports in
    TIME_WAIT never run out."""

    def __init__(self, target):
        self.begin = time.monotonic()
        self.connected = None
        self.data = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((f"127.9.{random.randrange(256)}."
                          f"{random.randrange(1, 255)}", 0))
        self.fault = self.socket.connect_ex(target)
        if self.fault == errno.EINPROGRESS:
            self.fault = 0

    def step(self):
        """Returns what became of it, or None while it goes on."""
        try:
            if self.connected is None:
                fault = self.socket.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ERROR)
                if fault:
                    return errno.errorcode[fault]
                self.connected = time.monotonic()
                self.socket.send(b"PING\n")
                return None
            more = self.socket.recv(100)
        except BlockingIOError:
            return None
        except OSError as error:
            return errno.errorcode[error.errno]
        self.data += more
        if self.data == b"PONG\n":
            return "answered"
        return None if more else "closed"


class Load:
    def __init__(self, target, rate):
        self.target = target
        self.rate = rate
        self.poll = select.epoll()
        self.clients = {}
        self.counts = {}
        self.failures = []
        self.slowest = 0.0  # from the first attempt to the answer

    def note(self, client, outcome):
        now = time.monotonic()
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if outcome == "answered":
            self.slowest = max(self.slowest, now - client.begin)
        else:
            self.failures.append({
                "outcome": outcome, "begin": client.begin,
                "connected": client.connected, "end": now})
        client.socket.close()

    def open(self):
        client = Client(self.target)
        if client.fault:
            self.note(client, errno.errorcode[client.fault])
            return
        self.clients[client.socket.fileno()] = client
        self.poll.register(client.socket, select.EPOLLOUT)

    def turn(self, timeout):
        for fd, _ in self.poll.poll(timeout):
            client = self.clients[fd]
            before = client.connected
            outcome = client.step()
            if outcome is not None:
                self.poll.unregister(fd)
                del self.clients[fd]
                self.note(client, outcome)
            elif before is None and client.connected is not None:
                self.poll.modify(fd, select.EPOLLIN)

    def give_up(self, now):
        for fd, client in list(self.clients.items()):
            if now - client.begin > PATIENCE:
                self.poll.unregister(fd)
                del self.clients[fd]
                self.note(client, "silence")

    def run(self):
        begin = time.monotonic()
        opened = 0
        while not ended or self.clients:
            now = time.monotonic()
            due = int((now - begin) * self.rate)
            # After a moment without a processor it does not catch up at once.
            for _ in range(min(due - opened, 20)):
                if not ended:
                    self.open()
            opened = due
            self.turn(0.5 / self.rate)
            self.give_up(now)
        return {"seconds": time.monotonic() - begin, "counts": self.counts,
                "failures": self.failures, "slowest": self.slowest}


def main():
    signal.signal(signal.SIGTERM, end)
    host, port, rate = sys.argv[1:]
    load = Load((host, int(port)), float(rate))
    print("begun", flush=True)
    print(json.dumps(load.run()))


main()
