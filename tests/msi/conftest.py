"""Fixtures of the installer's tests.

FAIRLEAD      the program in it (default: build/windows/fairlead.exe)
FAIRLEAD_MSI  the installer under test

The configuration in it has fixed ports, so the tests want a network of their
own; ./dev msi --test gives them one.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/windows"))
sys.path.insert(0, str(ROOT / "packaging/windows"))

import installer  # noqa: E402  needs the paths above
import wine as w  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    path = Path(tempfile.mkdtemp(prefix="fl-msi-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def newer(folder):
    """The same program as version 99.0.0."""
    return installer.build(folder / "newer.msi", "99.0.0")


@pytest.fixture(scope="session")
def wine(folder):
    """Fresh, for all tests of the run."""
    machine = w.Wine(folder)
    try:
        machine.boot()
        # Wine says that it is Windows 7 otherwise.
        machine.run("winecfg", "-v", "win10")
        yield machine
    finally:
        machine.halt()


@pytest.fixture
def windows(wine):
    """Without Fairlead, before and after."""
    it = installer.Windows(wine)
    yield it
    it.clean()
