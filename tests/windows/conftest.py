"""Fixtures of the tests that have a Windows of their own, which Wine plays.

FAIRLEAD  the program under test (default: build/mingw/fairlead.exe); beside
          it stands fl-control.exe
"""

import shutil
import tempfile
from pathlib import Path

import pytest

import wine as w


@pytest.fixture(scope="session")
def wine():
    """Fresh, for all tests of the run."""
    folder = Path(tempfile.mkdtemp(prefix="fl-wine-"))
    machine = w.Wine(folder)
    try:
        machine.boot()
        yield machine
    finally:
        machine.halt()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def service(wine):
    """Not installed; removed after the test. Paths are short, for Wine cuts
    what it traces."""
    folder = Path(tempfile.mkdtemp(prefix="fl-"))
    it = w.Service(wine, folder)
    yield it
    it.command("uninstall")
    shutil.rmtree(folder, ignore_errors=True)
