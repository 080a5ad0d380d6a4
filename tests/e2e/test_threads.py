"""Several workers under load; also run with ThreadSanitizer."""

import random
import threading
import time
from pathlib import Path

import pytest

from harness import (
    SLOW,
    LineClient,
    command_listener,
    request_listener,
    upstream,
)

pytestmark = pytest.mark.threads


def gallery(program, seconds):
    """Clients that connect, ask and leave for a while. Returns how many
    requests were answered; every reply was right."""
    end = time.monotonic() + seconds
    counts, wrong = [], []
    kinds = [("commands", b"Echo: "), ("gateway", b"re ")]

    def visit(number):
        generator = random.Random(number)
        name, lead = kinds[number % 2]
        address = program.address(name)
        count = 0
        while time.monotonic() < end:
            with LineClient(address) as client:
                for turn in range(generator.randrange(8)):
                    lines = [
                        b"%d %d %d" % (number, turn, i)
                        for i in range(generator.randrange(1, 30))
                    ]
                    client.send(b"".join(line + b"\n" for line in lines))
                    replies = client.lines(len(lines))
                    if replies != [lead + line for line in lines]:
                        wrong.append((lines, replies))
                    count += len(replies)
                how = generator.randrange(4)
                if how == 0:
                    client.send(b"nobody waits for this\nnor this")
                    client.reset()
                elif how == 1:
                    client.send(b"PING\n" * 50)  # leaves with replies due
                elif how == 2:
                    client.shutdown()
                    client.rest()
        counts.append(count)

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOW)
    assert wrong == []
    assert len(counts) == 12 and min(counts) > 0
    return sum(counts)


@pytest.fixture
def sharded(fairlead, line_server):
    server = line_server()
    return server, fairlead(
        {
            "workers": 4,
            "listeners": [command_listener(), request_listener()],
            "upstreams": [
                upstream(
                    server, workers=4,
                    pool={"min_size": 4, "max_size": 8},
                )
            ],
        }
    )


def test_come_and_go(sharded):
    server, program = sharded
    answered = gallery(program, 2)
    status, totals = program.stop()
    assert status == 0
    assert totals["replies"] >= answered
    assert totals["requests"] >= totals["replies"]
    assert 4 <= server.peak <= 8


def test_all_workers_serve_commands(fairlead, connect):
    """New clients go to the workers in turn."""
    program = fairlead({"workers": 4, "listeners": [command_listener()]})
    clients = [connect(program.address("commands")) for _ in range(40)]
    for client in clients:
        assert client.ask(b"PING") == b"PONG"
    before = run_times(program)
    for client in clients:
        client.send(b"PING\n" * 2000)
    for client in clients:
        assert client.lines(2000) == [b"PONG"] * 2000
    after = run_times(program)
    used = sorted(after[task] - before.get(task, 0) for task in after)
    assert len(used) >= 4
    assert used[-4] * 5 > used[-1] > 0, used


def run_times(program):
    """Nanoseconds each thread has run so far."""
    return {
        task.name: int((task / "schedstat").read_text().split()[0])
        for task in Path(f"/proc/{program.pid}/task").iterdir()
    }


def test_stop_under_load(sharded):
    """Clients come and go over all workers while it stops."""
    _, program = sharded
    stopping = threading.Event()
    wrong = []

    def visit(number):
        name, lead = [("commands", b"Echo: "), ("gateway", b"re ")][number % 2]
        address = program.address(name)
        for turn in range(100000):
            try:
                with LineClient(address) as client:
                    lines = [b"%d %d %d" % (number, turn, i)
                             for i in range(20)]
                    client.send(b"".join(line + b"\n" for line in lines))
                    replies = client.lines(20)
                    wanted = [lead + line for line in lines]
                    if replies != wanted[:len(replies)] or (
                        len(replies) < 20 and not stopping.is_set()
                    ):
                        wrong.append((lines, replies))
            except OSError as failure:
                if not stopping.is_set():
                    wrong.append(failure)
                return

    threads = [threading.Thread(target=visit, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    stopping.set()
    status, _ = program.stop()
    for thread in threads:
        thread.join(30 * SLOW)
    assert status == 0
    assert wrong == []
