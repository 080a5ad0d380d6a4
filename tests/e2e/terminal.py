"""A terminal for tests, with a screen that can be read: tmux."""

import itertools
import os
import re
import subprocess

import harness

NUMBERS = itertools.count()


class Terminal:
    """A terminal of tmux's that runs the program; 100 columns, 40 rows."""

    def __init__(self, program, *arguments, columns=100, rows=40):
        # A server of its own: one that was told to end may still do so.
        self.name = f"fairlead-{os.getpid()}-{next(NUMBERS)}"
        command = " ".join([str(program), *map(str, arguments)])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y",
                  str(rows), f"trap : INT; {command}; echo status $?; sleep 300")

    def tmux(self, *arguments):
        return subprocess.run(
            ["tmux", "-L", self.name, *arguments], check=True,
            capture_output=True, text=True, env=harness.environment()).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self):
        return self.tmux("capture-pane", "-p").rstrip("\n")

    def wait(self, pattern):
        """Waits until the screen's end is as the pattern says."""
        try:
            return harness.wait_until(
                lambda: re.search(pattern + r"\s*$", self.screen()),
                f"{pattern!r} on the screen", 15)
        except AssertionError as failure:
            raise AssertionError(f"{failure}:\n{self.screen()}") from None

    def end(self):
        self.tmux("kill-server")
