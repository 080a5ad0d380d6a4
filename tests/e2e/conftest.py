"""Fixtures of the end-to-end tests.

FAIRLEAD       the program under test (default: build/native/fairlead)
FAIRLEAD_SLOW  factor on every time limit, for sanitizers and slow machines
"""

import faulthandler
import itertools
import signal
import subprocess
import threading
from pathlib import Path

import pytest

import harness
import windows


TEST_LIMIT = 60 * harness.SLOW  # seconds; ten times what the longest takes


def pytest_sessionstart():
    path = harness.program_path()
    if not path.exists():
        raise pytest.UsageError(
            f"{path} does not exist: build it, or set FAIRLEAD"
        )


def pytest_collection_modifyitems(items):
    if not harness.on_windows():
        return
    for item in items:
        reason = windows.left_out(item.nodeid)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def limit():
    """Ends a test that hangs, wherever it does.

    pytest-xdist may run tests in a thread, where no signal handler can be
    set: there the whole worker ends, with every thread's trace.
    """
    if threading.current_thread() is not threading.main_thread():
        faulthandler.dump_traceback_later(TEST_LIMIT, exit=True)
        yield
        faulthandler.cancel_dump_traceback_later()
        return

    def expired(_number, _frame):
        raise AssertionError(f"not done after {TEST_LIMIT:.0f} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, TEST_LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def program():
    """Path of the program under test."""
    return harness.program_path()


@pytest.fixture
def fairlead(program, tmp_path):
    """fairlead(config, **options) starts the program; see harness.Fairlead.

    Whatever still runs when the test ends is stopped by SIGTERM and must
    then exit with 0 and without a sanitizer's report.
    """
    started = []
    number = itertools.count()

    def start(config, **options):
        folder = tmp_path / f"fairlead{next(number)}"
        folder.mkdir()
        instance = harness.Fairlead(program, config, folder, **options)
        started.append(instance)
        return instance.start()

    yield start
    failures = []
    for instance in reversed(started):
        try:
            instance.finish()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def run_program(program, tmp_path):
    """run_program(*arguments) runs the program to its end.

    Returns subprocess.CompletedProcess with text output. `config` (text,
    bytes or a dict) is written to config.json in `cwd`, the directory the
    program is run in.
    """

    def run(*arguments, config=None, timeout=20, **options):
        if config is not None:
            (Path(tmp_path) / "config.json").write_bytes(
                harness.config_bytes(config)
            )
        done = subprocess.run(
            [str(program), *map(str, arguments)],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout * harness.SLOW,
            env=harness.environment(),
            **options,
        )
        harness.assert_no_report(done.stderr)
        return done

    return run


@pytest.fixture
def line_server():
    """line_server(behaviour, ...) starts a harness.LineServer."""
    started = []

    def start(*arguments, **options):
        server = harness.LineServer(*arguments, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def connect():
    """connect(address, ...) gives a harness.LineClient, closed at the end."""
    opened = []

    def open_client(address, **options):
        client = harness.LineClient(address, **options)
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.close()
