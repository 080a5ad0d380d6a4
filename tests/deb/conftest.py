"""A booted system in a container, into which the tests install the package.

DEB   the package
ROOT  a directory with the system, which stays as it is
"""

import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter_network(namespace):
    """This thread's sockets, and programs that it starts, are in that network
    from now on."""
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {namespace.name}")


def wait_until(condition, what, timeout=20.0):
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


class Container:
    """systemd-nspawn(1) with a system of its own, that is thrown away: changes
    are made in memory. It has a network of its own, of lo alone, and the tests
    are in that, too."""

    def __init__(self, root, folder, bind):
        self.log = folder / "console"
        self.home = open("/proc/thread-self/ns/net")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--boot", "--directory", root,
                 "--machine", f"fairlead-{os.getpid()}", "--register=no",
                 "--keep-unit", "--link-journal=no", "--console=pipe",
                 "--volatile=overlay", "--private-network",
                 f"--bind-ro={bind}:/mnt"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.init = wait_until(self._find_init, "systemd in the container")
            with open(f"/proc/{self.init}/ns/net") as network:
                enter_network(network)
            wait_until(self._is_up, "the container's start", 60)
        except BaseException:
            print(self.log.read_text(errors="replace"))
            self.stop()
            raise

    def _find_init(self):
        assert self.process.poll() is None, (
            "no container can be booted here:\n"
            + self.log.read_text(errors="replace"))
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        for pid in Path(path).read_text().split():
            try:
                name = Path(f"/proc/{pid}/comm").read_text()
            except OSError:
                continue  # a helper of nspawn's, gone again
            if name == "systemd\n":
                return int(pid)
        return None

    def _is_up(self):
        state = self.run("systemctl", "is-system-running", check=False)
        return state.stdout.strip() in ("running", "degraded")

    def run(self, *command, check=True, timeout=60):
        """Runs a command in it; returns it with its output, errors among
        it."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.init), "--all", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                 "DEBIAN_FRONTEND": "noninteractive"})
        assert not check or done.returncode == 0, (
            f"{command} ended with {done.returncode}:\n{done.stdout}")
        return done

    def property(self, name, unit="fairlead"):
        return self.run("systemctl", "show", "--property", name, "--value",
                        unit).stdout.strip()

    def journal(self, *options):
        return self.run("journalctl", "--unit", "fairlead", "--output", "cat",
                        "--no-pager", *options).stdout

    def path(self, name):
        """Of one of its files, as seen from here."""
        return Path(f"/proc/{self.init}/root{name}")

    def pid(self):
        """The main process of the service, as seen from here."""
        inside = self.property("MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            numbers = re.search(r"^NSpid:(.*)$", text, re.M)[1].split()
            if len(numbers) == 2 and numbers[1] == inside and re.search(
                    r"^Name:\s+fairlead$", text, re.M):
                return int(status.parent.name)
        raise AssertionError(f"no process {inside}")

    def stop(self):
        enter_network(self.home)
        self.home.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def package():
    return Path(os.environ["DEB"])


@pytest.fixture(scope="session")
def upgraded(package, tmp_path_factory):
    """The same package with a higher version."""
    folder = tmp_path_factory.mktemp("upgraded")
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder / "tree"],
                   check=True)
    control = folder / "tree/DEBIAN/control"
    text = re.sub(r"^(Version: .*)$", r"\1+later", control.read_text(),
                  flags=re.M)
    control.write_text(text)
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build",
                    folder / "tree", folder / "upgraded.deb"], check=True)
    return folder / "upgraded.deb"


@pytest.fixture(scope="session")
def container(package, upgraded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("container")
    packages = folder / "packages"
    packages.mkdir()
    shutil.copy(package, packages / "fairlead.deb")
    shutil.copy(upgraded, packages / "upgraded.deb")
    container = Container(os.environ["ROOT"], folder, packages)
    yield container
    container.stop()


def ask(port, line=b"PING", host="127.0.0.1", timeout=10):
    """The answer to one line, on a connection of its own."""
    with socket.create_connection((host, port), timeout) as client:
        client.sendall(line + b"\n")
        return client.makefile("rb").readline().rstrip(b"\n")
