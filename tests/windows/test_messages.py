"""Resources of the program: the texts of its events, which docs/windows.md
lists, and its version."""

import re
from pathlib import Path

import wine as w

ROOT = Path(__file__).resolve().parents[2]


def messages():
    """Number, severity and text of each message."""
    text = (ROOT / "service/windows/messages.mc").read_text()
    return [(int(number), severity.lower().replace("informational",
                                                   "information"), body)
            for number, severity, body in re.findall(
                r"MessageId=(\d+)\nSeverity=(\w+)\n.*?Language=English\n"
                r"(.*?)\n\.\n", text, re.DOTALL)]


def test_every_event_is_documented():
    text = (ROOT / "docs/windows.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+) \| \S.* \|$", text, re.MULTILINE)
    assert [(int(number), severity) for number, severity in rows] == [
        (number, severity) for number, severity, _ in messages()]


def test_numbers_are_in_order_and_texts_are_for_people():
    found = messages()
    numbers = [number for number, _, _ in found]
    assert numbers == sorted(set(numbers)) and len(numbers) > 10
    for number, _, body in found:
        assert body.endswith("%n"), number
        assert set(re.findall(r"%(\d+)", body)) <= {"1"}, number


SEVERITIES = {"success": 0, "information": 1, "warning": 2, "error": 3}


def test_the_program_has_them_and_its_version(wine):
    program = w.program_path()
    given = "".join(f"{SEVERITIES[severity] << 30 | number}\n"
                    for number, severity, _ in messages())
    status, out, error = wine.run(program.with_name("fl-control.exe"), "show",
                                  program, given=given)
    assert status == 0, error
    version = re.search(r"project\(fairlead VERSION (\S+)",
                        (ROOT / "CMakeLists.txt").read_text())[1]
    assert f"version feef04bd {version}.0\n" in out.replace("\r\n", "\n")
    said = re.split(r"^event (\d+): ", out.replace("\r\n", "\n"),
                    flags=re.MULTILINE)
    for at, (number, _, body) in enumerate(messages()):
        assert said[1 + 2 * at] == str(number)
        text = body.replace("\n", " ").replace("%n", "\n")
        words = text.replace("%1", "INSERT").split()
        assert said[2 + 2 * at].split() == words


def test_manifest_and_icon():
    program = w.program_path().read_bytes()
    icon = (ROOT / "packaging/windows/fairlead.ico").read_bytes()
    assert (ROOT / "service/windows/fairlead.manifest").read_bytes() in program
    assert icon[-1000:] in program
