"""Installing and removing on a Windows that Wine plays."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msi as builder
import wine as w

ROOT = Path(__file__).resolve().parents[2]
RELEASED = ROOT / os.environ.get("FAIRLEAD_MSI", "build/msi/fairlead.msi")
PROGRAM = ROOT / os.environ.get("FAIRLEAD", "build/windows/fairlead.exe")

# winerror.h, as far as an exit status of Linux keeps it
FAILURE = 1603 & 0xff

UNINSTALL = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
OWN = r"HKLM\SOFTWARE\Fairlead"
EVENTS = (r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application"
          r"\Fairlead")


def build(target, version, *more, program=PROGRAM):
    """Runs the builder; returns target."""
    subprocess.run([sys.executable, ROOT / "packaging/windows/msi.py",
                    "--program", program, "--version", version,
                    "--output", target, *more], check=True)
    return target


def version_of(file):
    return builder.find(file, "Property", ("Property", "ProductVersion"))[0][
        "Value"]


class Windows:
    """A Windows, and what an administrator does on it."""

    def __init__(self, wine):
        self.wine = wine
        self.drive = wine.prefix / "drive_c"
        self.programs = self.drive / "Program Files/Fairlead"
        self.data = self.drive / "ProgramData/Fairlead"
        self.config = self.data / "config.json"
        self.log = wine.prefix / "msi.log"

    def path(self, name):
        """A name below drive_c as Windows says it."""
        return "C:\\" + str(name.relative_to(self.drive)).replace("/", "\\")

    def msiexec(self, how, what, *properties):
        """Returns the exit status; self.log has what was done."""
        what = w.windows_path(what) if isinstance(what, Path) else what
        status, _, _ = self.wine.run("msiexec", how, what, "/qn", "/l*v",
                                     w.windows_path(self.log), *properties)
        return status

    def install(self, file, *properties):
        status = self.msiexec("/i", file, *properties)
        assert status == 0, self.log.read_bytes()[-4000:]

    def registry(self, key, *more):
        """What reg says about it, None where it is not there."""
        status, out, _ = self.wine.run("reg", "query", key, *more)
        return out.replace("\r\n", "\n") if status == 0 else None

    def products(self):
        """Product codes and versions under Add/Remove programs."""
        found = []
        for block in (self.registry(UNINSTALL, "/s") or "").split("\n\n"):
            value = dict(re.findall(r"^ +(\w+) +REG_SZ +(.*)$", block,
                                    re.MULTILINE))
            code = re.search(r"\\(\{[^}]*\})$", block, re.MULTILINE)
            if code and value.get("DisplayName") == "Fairlead":
                found.append((code[1], value["DisplayVersion"]))
        return found

    def versions(self):
        return [version for _, version in self.products()]

    def service(self, verb, *more):
        """With the program as built, for that stays. Status and output."""
        status, out, error = self.wine.run(PROGRAM, "service", verb, *more)
        return status, out.replace("\r\n", "\n") + error

    def state(self):
        """As `fairlead service status` says it."""
        return self.service("status")[1]

    def stop(self):
        """Before what takes the program away: Wine's installer sends STOP, but
        unlike Windows does not wait for the end."""
        status, said = self.service("stop")
        assert status == 0, said

    def clean(self):
        if "not installed" not in self.state():
            self.stop()
        for code, _ in self.products():
            self.msiexec("/x", code)
        if "not installed" not in self.state():
            self.service("uninstall")
        for folder in self.data, self.programs:
            shutil.rmtree(folder, ignore_errors=True)
        self.wine.run("reg", "delete", OWN, "/f")

    def assert_removed(self, *left):
        """All of it but the folder with data, and files that are left."""
        assert "not installed" in self.state()
        assert self.products() == []
        assert [path.name for path in self.programs.rglob("*")] == list(left)
        assert left or not self.programs.exists()
        assert self.shortcuts() == []
        assert self.registry(OWN) is None and self.registry(EVENTS) is None

    def shortcuts(self):
        return sorted(path.name for path in self.drive.glob("**/*.lnk")
                      if path.parent.name == "Fairlead")
