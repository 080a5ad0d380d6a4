"""Manual pages and completion: what the build makes of the command line's
table and of docs/, held against what --help and the schema say."""

import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("fairlead.1", "fairlead.json.5", "fairlead.8")


@pytest.fixture(scope="module")
def manual():
    """The directory that the build has put them in."""
    path = harness.program_path()
    if path.suffix == ".exe":
        pytest.skip("Windows has neither")
    return path.parent / "manual"


def output(*arguments, **options):
    return subprocess.run(arguments, check=True, text=True,
                          stdout=subprocess.PIPE, **options).stdout


def plain(page, width=80):
    """The page as a reader sees it, in lines."""
    shown = output("man", "-l", str(page), env={
        **os.environ, "MANWIDTH": str(width), "LC_ALL": "C.UTF-8",
        "MANPAGER": "cat", "MANROFFOPT": "-c"})
    return re.sub(".\b", "", shown)


def helps(program):
    """{command: its help}, as --help lists them."""
    overview = output(program, "--help")
    names = re.findall(r"^  fairlead ([a-z][a-z-]*)", overview, re.M)
    assert len(names) >= 13 and len(set(names)) == len(names)
    return {name: output(program, "help", name) for name in names}


def options_of(text):
    return re.findall(r"^  (--[a-z-]+)", text, re.M)


# ---- pages ----

@pytest.mark.parametrize("name", PAGES)
def test_pages_render_without_a_warning(manual, name):
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
         str(manual / name)],
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "",
             "MANWIDTH": "80"},
        capture_output=True, check=True)
    assert done.stderr == b""
    assert len(done.stdout) > 10000
    done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", str(manual / name)],
                          capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.parametrize("name", PAGES)
def test_pages_read_well(manual, name):
    """Nothing is left of Markdown, and no name is cut in two."""
    text = plain(manual / name)
    assert "`" not in text and "**" not in text and "](" not in text
    assert "\u2010\n" not in text
    # Examples cannot be broken; text is indented by 7, 9 or 14.
    indents = [len(line) - len(line.lstrip())
               for line in text.splitlines() if len(line) > 80]
    assert not {7, 9, 14} & set(indents)


def test_every_command_and_option_is_in_the_page(manual, program):
    text = plain(manual / "fairlead.1", width=200)
    sections = re.split(r"^   (\S+)$", text, flags=re.M)
    sections = dict(zip(sections[1::2], sections[2::2]))
    described = helps(program)
    assert list(sections) == list(described)
    for name, help_text in described.items():
        if name == "help":  # shows the overview
            continue
        usage = help_text.splitlines()[0].removeprefix("Usage: ")
        assert usage in sections[name]
        assert re.findall(r"^       (--[a-z-]+)", sections[name],
                          re.M) == options_of(help_text)
        # Word for word, but for quotation marks of names.
        words = help_text.split("\n\n")[1].replace('"', "").split()
        assert " ".join(words) in " ".join(
            sections[name].replace('"', "").split())


def keys_of(schema, node):
    """Every key that an object of the schema may have, at any depth."""
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        node = schema["definitions" if "definitions" in schema else "$defs"][
            node["$ref"].rsplit("/", 1)[1]]
    for key, below in node.get("properties", {}).items():
        yield key
        yield from keys_of(schema, below)
    for part in ("items", "then", "else"):
        if isinstance(node.get(part), dict):
            yield from keys_of(schema, node[part])
    for part in ("allOf", "anyOf", "oneOf"):
        for below in node.get(part, []):
            yield from keys_of(schema, below)


def test_every_key_is_in_the_page(manual):
    schema = json.loads((ROOT / "config/config.schema.json").read_text())
    keys = set(keys_of(schema, schema))
    assert {"listeners", "max_size", "length_width", "expect"} <= keys
    text = plain(manual / "fairlead.json.5", width=120)
    described = set(re.findall(r"^       (\S+) \([a-z ]+(?:, .*)?\)$", text,
                               re.M))
    assert described == keys


def test_what_is_installed(manual, tmp_path):
    output("cmake", "--install", str(manual.parent), "--prefix", str(tmp_path))
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")
             if path.is_file()}
    assert found >= {
        "bin/fairlead",
        "share/man/man1/fairlead.1",
        "share/man/man5/fairlead.json.5",
        "share/man/man8/fairlead.8",
        "share/bash-completion/completions/fairlead",
        "share/zsh/site-functions/_fairlead",
        "share/fish/vendor_completions.d/fairlead.fish",
    }


# ---- completion ----

class Terminal:
    """A shell at a terminal, with the program of this name on its path."""

    def __init__(self, arguments, program, folder):
        (folder / "bin").mkdir()
        (folder / "bin/fairlead").symlink_to(program)
        (folder / "config.json").write_text(json.dumps({
            "listeners": [{"name": "a", "listen": ["127.0.0.1:0"],
                           "mode": "request", "upstream": "u"}],
            "upstreams": [{"name": "u", "servers": [
                "192.0.2.7:502", "192.0.2.7:503", "plc.example:502"]}]}))
        self.seen = ""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, {
                "PATH": f"{folder}/bin:/usr/bin:/bin", "TERM": "dumb",
                "HOME": str(folder), "LC_ALL": "C.UTF-8", "PS1": "$ "})

    def send(self, text):
        os.write(self.terminal, text.encode())

    def until(self, pattern):
        """Reads until what was seen since the last call matches."""
        end = time.monotonic() + 20 * harness.SLOW
        while not (match := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.terminal], [], [], left)[0]
            assert ready, f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self.terminal, 4096).decode(errors="replace")
        self.seen = self.seen[match.end():]
        return match

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


@pytest.fixture
def terminal(program, tmp_path):
    opened = []

    def start(*arguments):
        opened.append(Terminal(arguments, Path(program).resolve(), tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


TYPED = [  # what is typed, and the line that a tabulator makes of it
    ("fairlead log-l", "fairlead log-level "),
    ("fairlead run --daem", "fairlead run --daemon "),
    ("fairlead help conn", "fairlead help connect "),
    ("fairlead log-level warn", "fairlead log-level warning "),
    ("fairlead log-level debug up", "fairlead log-level debug upstream "),
    ("fairlead ping a:1 --byte-order lit",
     "fairlead ping a:1 --byte-order little "),
    ("fairlead check --config conf", "fairlead check --config config.json "),
    ("fairlead drain --config config.json pl",
     "fairlead drain --config config.json plc.example:502 "),
    ("fairlead drain --config=config.json 192.0.2.7:503",
     "fairlead drain --config=config.json 192.0.2.7:503 "),
]
EQUALS = [  # where a value may stand behind an equals sign
    ("fairlead check --config=conf", "fairlead check --config=config.json "),
    ("fairlead ping a:1 --byte-order=lit",
     "fairlead ping a:1 --byte-order=little "),
]


@pytest.mark.parametrize("typed, line", TYPED + EQUALS)
def test_bash_completes(manual, terminal, typed, line):
    shell = terminal("bash", "--norc", "-i")
    shell.send(f"bind 'set bell-style none'; . {manual}/fairlead; echo r''eady"
               "\n")
    shell.until(r"ready\r?\n")
    shell.send(f"{typed}\t|\x01echo '\x05'\n")
    shell.until(rf"\n{re.escape(line)}\|\r?\n")


def test_bash_knows_every_command_and_option(manual, program):
    for name, text in helps(program).items():
        script = (
            f". {manual}/fairlead; COMP_LINE='fairlead {name} --'; "
            "COMP_POINT=${#COMP_LINE}; _fairlead; echo ${COMPREPLY[*]}; "
            "COMP_LINE='fairlead '; COMP_POINT=9; _fairlead; "
            "echo ${COMPREPLY[*]}")
        options, commands = output("bash", "--norc", "-c",
                                   script).splitlines()
        assert name in commands.split()
        assert options.split() == ([] if name == "help" else options_of(text))


def test_zsh_completes(manual, terminal):
    shell = terminal("zsh", "-f", "-i")
    shell.send(f"fpath=({manual} $fpath); autoload -Uz compinit; compinit -u "
               "-D; unsetopt beep; PS1=; echo r''eady\n")
    shell.until(r"ready\r?\n")
    for typed, line in TYPED + EQUALS:
        # The line as the editor has it, on a key.
        shell.send("shown() { print -r -- \"=$BUFFER|\"; BUFFER= }; "
                   "zle -N shown; bindkey '^]' shown; echo b''ound\n")
        shell.until(r"bound\r?\n")
        shell.send(f"{typed}\t\x1d\n")
        shell.until(rf"={re.escape(line)}\|")


def test_zsh_knows_every_command_and_option(manual, program):
    text = (manual / "_fairlead").read_text()
    output("zsh", "-n", str(manual / "_fairlead"))
    known = dict(re.findall(r"^  ([a-z-]+)\)\n    reply=\((.*?)\n    \)", text,
                            re.M | re.S))
    described = helps(program)
    assert set(known) == set(described)
    assert set(re.findall(r"^  '([a-z-]+):", text, re.M)) == set(described)
    for name, help_text in described.items():
        if name != "help":
            assert re.findall(r"^ +'(?:\(- \*\))?(--[a-z-]+)", known[name],
                              re.M) == options_of(help_text)


def fish(manual, program, folder, typed):
    """What fish offers for the last word of the line."""
    offered = output("fish", "--no-config", "-c",
                     f"set PATH {folder}/bin $PATH; "
                     f"source {manual}/fairlead.fish; complete -C '{typed}'",
                     cwd=folder, env={"PATH": "/usr/bin:/bin",
                                      "HOME": str(folder)})
    return [line.split("\t")[0] for line in offered.splitlines()]


@pytest.mark.parametrize("typed, line", TYPED + EQUALS)
def test_fish_completes(manual, program, terminal, tmp_path, typed, line):
    terminal("true")  # for its files
    word = line.split()[-1]
    assert fish(manual, program, tmp_path, typed) == [word]


def test_fish_knows_every_command_and_option(manual, program, tmp_path):
    described = helps(program)
    output("fish", "-n", str(manual / "fairlead.fish"))
    assert set(fish(manual, program, tmp_path, "fairlead ")) == set(described)
    for name, text in described.items():
        if name != "help":
            offered = fish(manual, program, tmp_path, f"fairlead {name} --")
            assert [word for word in offered if word.startswith("--")] == \
                sorted(options_of(text))
