"""PostgreSQL through a relay: pgbench, and a large result into a pager that
does not read."""

import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import SLOW, at, free_port, sanitizer, wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "config/examples"
MB = 1 << 20
ROWS = 400_000
COPY = (
    "COPY (SELECT i, repeat(md5(i::text), 3)"
    f" FROM generate_series(1, {ROWS}) i) TO STDOUT"
)


def program(name):
    """The newest version installed, or None."""
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    return max(found, default=None)


pytestmark = pytest.mark.skipif(
    not program("initdb"), reason="PostgreSQL is not installed"
)


def unprivileged():
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def postgresql():
    """The (host, port) of a server of our own."""
    folder = tempfile.mkdtemp(prefix="fairlead-postgresql-")
    who = unprivileged()
    if who:
        os.chown(folder, who["user"], who["group"])
    data = f"{folder}/data"
    options = {
        "cwd": folder, "stdin": subprocess.DEVNULL, **who,
        "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"},
    }
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "test", "-A", "trust",
         "--no-sync", "--no-locale", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, timeout=60 * SLOW, **options,
    )
    host, port = free_port()
    with open(f"{folder}/log", "wb") as log:
        server = subprocess.Popen(
            [program("postgres"), "-D", data, "-h", host, "-p", str(port),
             "-k", folder, "-c", "fsync=off", "-c", "shared_buffers=16MB"],
            stdout=log, stderr=log, **options,
        )
    try:
        wait_until(
            lambda: psql((host, port), "SELECT 1", check=False).returncode == 0,
            "the server", 30,
        )
        yield host, port
    finally:
        server.send_signal(signal.SIGINT)  # fast: closes what is open
        try:
            server.wait(30 * SLOW)
        finally:
            server.kill()
            shutil.rmtree(folder, ignore_errors=True)


def connection(address):
    return ["-h", address[0], "-p", str(address[1]), "-U", "test"]


def psql(address, command, check=True):
    return subprocess.run(
        [program("psql"), "-X", "-A", "-t", *connection(address), "-d",
         "postgres", "-c", command],
        check=check, capture_output=True, text=True, timeout=60 * SLOW,
    )


def example(server):
    text = (EXAMPLES / "postgresql.json").read_text()
    config = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    config["listeners"][0]["listen"] = ["127.0.0.1:0"]
    config["upstreams"][0]["servers"] = [at(server)]
    return config


def test_the_example_is_right_as_it_stands(run_program):
    done = run_program("check", "--config", EXAMPLES / "postgresql.json")
    assert done.returncode == 0, done.stderr


def test_pgbench(fairlead, postgresql):
    service = fairlead(example(postgresql))
    relay = service.address("postgresql")

    def pgbench(*arguments):
        return subprocess.run(
            [program("pgbench"), *connection(relay), *arguments, "postgres"],
            check=True, capture_output=True, text=True, timeout=60 * SLOW,
        ).stdout

    pgbench("-i", "-q", "-s", "1")
    report = pgbench("-n", "-c", "6", "-j", "2", "-t", "50")
    assert "actually processed: 300/300" in report
    assert "number of failed transactions: 0" in report
    balance = "SELECT sum(abalance) FROM pgbench_accounts"
    assert psql(relay, balance).stdout == psql(postgresql, balance).stdout
    status, totals = service.stop()
    assert status == 0
    assert totals["clients_opened"] == totals["clients_closed{peer_closed}"]


PAGER = """
import hashlib, sys
digest = hashlib.sha256()
while data := sys.stdin.buffer.read(1 << 16):
    digest.update(data)
print(digest.hexdigest())
"""


def page(address):
    """psql that copies the large result into a pager, and the pager."""
    query = subprocess.Popen(
        [program("psql"), "-X", "-q", *connection(address), "-d", "postgres",
         "-c", COPY],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )
    pager = subprocess.Popen(
        [sys.executable, "-c", PAGER], stdin=query.stdout,
        stdout=subprocess.PIPE, text=True,
    )
    query.stdout.close()
    return query, pager


def digest(query, pager):
    shown, _ = pager.communicate(timeout=120 * SLOW)
    assert query.wait(60 * SLOW) == 0
    return shown.strip()


def test_a_large_result_into_a_stopped_pager(fairlead, postgresql):
    expected = digest(*page(postgresql))
    service = fairlead(example(postgresql))
    relay = service.address("postgresql")
    assert psql(relay, "SELECT 1").stdout == "1\n"
    before = service.rss()
    query, pager = page(relay)
    try:
        pager.send_signal(signal.SIGSTOP)
        # The server itself tells when it can send no more.
        waits = ("SELECT count(*) FROM pg_stat_activity WHERE"
                 " wait_event = 'ClientWrite' AND query LIKE 'COPY%'")
        wait_until(
            lambda: all(
                psql(postgresql, waits).stdout == "1\n" for _ in range(3)
            ),
            "the server to be held back", 30,
        )
        grown = service.rss() - before
        pager.send_signal(signal.SIGCONT)
        assert digest(query, pager) == expected
    finally:
        query.kill()
        pager.kill()
    if not sanitizer():
        assert grown < 2 * MB
    _, totals = service.stop()
    assert totals["client_bytes_out"] > 100 * ROWS
