"""`include`: further files with listeners and upstreams."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import harness
from harness import (
    at, command_listener, no_such_file, plain_names, request_listener, upstream,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "config/examples/include"
PATTERN = {"include": ["conf.d/*.json"]}


def write(folder, files):
    (folder / "conf.d").mkdir(exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(
            value if isinstance(value, str) else json.dumps(value, indent=1))


def only(name, **more):
    return {"listeners": [command_listener(name=name, **more)]}


@pytest.fixture
def check(run_program, tmp_path):
    """check(main, {name: file}, option...): status, output, errors without
    the directory."""

    def run(main, files=None, *options):
        write(tmp_path, {"config.json": main, **(files or {})})
        done = run_program("check", "--config", str(tmp_path / "config.json"),
                           *options)
        return (done.returncode, done.stdout.replace(f"{tmp_path}/", ""),
                done.stderr.replace(f"{tmp_path}/", ""))

    return run


def new_address(program, name):
    """Of a listener that came by a reload: the log may be behind its answer."""
    program.wait_log(rf" listener {name}: listening on ")
    return program.address(name)


# ---- check ----


def test_files_join_in_order(check):
    status, out, err = check(
        {**PATTERN, "listeners": [command_listener(name="main")]},
        {"conf.d/b.json": {"listeners": [request_listener(name="b")]},
         "conf.d/a.json": only("a"),
         "conf.d/c.json": {"upstreams": [upstream(("127.0.0.1", 9))]},
         "conf.d/.hidden.json": "{", "conf.d/d.txt": "{"},
        "--print")
    assert (status, err) == (0, "")
    shown = json.loads(out)
    assert [item["name"] for item in shown["listeners"]] == ["main", "a", "b"]
    assert [item["name"] for item in shown["upstreams"]] == ["u"]
    assert "include" not in shown


def test_patterns_are_followed_in_their_order_each_file_once(check, tmp_path):
    write(tmp_path, {"extra.json": only("extra"), "conf.d/a.json": only("a")})
    status, out, err = check(
        {"include": ["extra.json", "conf.d/*.json", "*.json", "conf.d/?.json",
                     f"{tmp_path}/conf.d/a.json"]}, None, "--print")
    assert (status, err) == (0, "")
    assert [item["name"] for item in json.loads(out)["listeners"]] == [
        "extra", "a"]


def test_what_is_not_there(check):
    main = {**only("main"), "include": ["none.d/*.json", "conf.d/x*.json"]}
    assert check(main, {})[0] == 0
    main["include"].append("conf.d/one.json")
    status, out, err = check(main, {})
    assert (status, out) == (1, "")
    assert re.match(
        r'config\.json:\d+:\d+: include\[2\]: found "conf\.d/one\.json" '
        r"\(a string\): conf\.d/one\.json cannot be opened: "
        + no_such_file(), err)


@pytest.mark.parametrize("value, what", [
    ("conf.d/*.json", "an array"),
    ([1], r"include\[0\]: found 1 \(a number\)"),
    ([""], r"include\[0\]: found \"\""),
    (["*/a.json"], "last part of a path"),
])
def test_what_include_may_say(check, value, what):
    status, _, err = check({**only("main"), "include": value}, {})
    assert status == 1 and re.search(what, err), err


@pytest.mark.parametrize("text, where, what", [
    ('{"listeners": [\n  {"name": }]}', "2:12", "'}'"),
    ("", "1:1", "the end of the file"),
    ("[]", "1:1", "an array of 0; allowed: an object"),
    ('{"include": []}', "1:2", "include: found this key in an included file"),
    ('{\n "workers": 2}', "2:2", "workers: found this key in an included"),
    ('{"listeners": {}}', "1:15", "listeners: found an object"),
    ('{"listeners": [], "listeners": []}', "1:19", "for the second time"),
    ('{"upstreams": [{"name": "v", "servers": ["a:1"]},\n'
     ' {"name": "w", "servers": ["a:1"], "ppol": {}}]}', "2:36",
     r"upstreams[1].ppol: found an unknown key"),
    ('{"listeners": [{"name": "l", "listen": ["127.0.0.1:0"],\n'
     '  "mode": "request", "upstream": "nobody"}]}', "2:34",
     'listeners[0].upstream: found "nobody"'),
    ('{"listeners": [{"name": "other", "listen": ["127.0.0.1:0"],\n'
     '  "mode": "command"},\n {"name":"main", "listen": ["127.0.0.1:0"],\n'
     '  "mode": "command"}]}', "3:10",
     'listeners[1].name: found "main" (a string); allowed: a name that no '
     "other listener has (listeners[0] in the file that includes this one, "
     "line 6 has it)"),
    ('{"listeners": [{"name": "a", "listen": ["127.0.0.1:0"],\n'
     '  "mode": "command"}]}', "1:25",
     "(listeners[0] in conf.d/a.json, line 3 has it)"),
    ('{"upstreams": [{"name": "u",\n "servers": ["a:1", "a:1"]}]}', "2:21",
     "upstreams[0].servers[1]: found"),
])
def test_faults_are_shown_in_their_file(check, text, where, what):
    status, out, err = check({**PATTERN, **only("main")},
                             {"conf.d/a.json": only("a"),
                              "conf.d/b.json": text})
    assert (status, out) == (1, "")
    first = err.splitlines()[0]
    assert first.startswith(f"conf.d/b.json:{where}: "), err
    assert what in first, err
    assert err.splitlines()[-1] == "config.json: 1 error"


def test_warnings_are_shown_in_their_file(check):
    status, _, err = check(
        {**PATTERN, **only("main")},
        {"conf.d/a.json": {"upstreams": [upstream(("127.0.0.1", 9))]}})
    assert status == 0
    assert err.startswith("conf.d/a.json:") and "no listener uses it" in err


def test_too_many_bytes(check):
    space = " " * (3 << 20)
    files = {f"conf.d/{i}.json": json.dumps(only(f"l{i}")) + space
             for i in range(6)}
    status, _, err = check(PATTERN, files)
    assert status == 1 and "conf.d/5.json is too large" in err


def test_a_thousand_files(check, tmp_path):
    files = {f"conf.d/{i:04}.json": only(f"l{i}") for i in range(999)}
    assert check({**PATTERN, **only("main")}, files)[:2] == (
        0, "config.json: ok (1000 listeners, 0 upstreams)\n")
    write(tmp_path, {f"conf.d/{i:04}.json": "{}" for i in range(999, 1001)})
    status, _, err = check({**PATTERN, **only("main")})
    assert status == 1 and "0999" not in err and "1000.json is one too" in err


# ---- serving ----


def test_a_port_in_use_is_shown_in_its_file(run_program, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write(tmp_path, {
            "config.json": {**PATTERN, **only("main")},
            "conf.d/a.json": only("a"),
            "conf.d/b.json": only("b", listen=at(taken.getsockname()))})
        done = run_program("run", "--config", str(tmp_path / "config.json"))
    assert done.returncode == 1
    assert re.search(r"/conf\.d/b\.json:\d+:\d+: listeners\[0\]\.listen\[0\]: "
                     r".* is in use by another program", done.stderr)


def test_a_reload_reads_them_again(fairlead, line_server, connect):
    program = fairlead(only("main"))
    folder = program.path.parent
    main = connect(program.address("main"))
    server = line_server()
    write(folder, {"conf.d/a.json": {
        "listeners": [request_listener(name="a")],
        "upstreams": [upstream(server)]}})
    program.write({**PATTERN, **only("main")})
    answer = program.ask("reload")
    assert answer["status"] == 0, answer
    assert 'listener "a" is new' in [line["text"] for line in answer["lines"]]
    every = program.path.read_bytes() + (folder / "conf.d/a.json").read_bytes()
    digest = hashlib.sha256(every).hexdigest()
    assert answer["sha256"] == program.state()["config_sha256"] == digest
    a = connect(new_address(program, "a"))
    assert a.ask(b"x") == b"re x"
    write(folder, {"conf.d/b.json": "{"})
    answer = program.ask("reload")
    assert answer["status"] == 1
    assert plain_names(answer["lines"][0]["text"]).startswith(
        f"{folder}/conf.d/b.json:1:2: ")
    assert a.ask(b"y") == b"re y"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write(folder, {"conf.d/b.json":
                       only("b", listen=at(taken.getsockname()))})
        answer = program.ask("reload")
    assert answer["status"] == 1
    assert re.match(rf"{folder}/conf\.d/b\.json:\d+:\d+: listeners\[0\]",
                    plain_names(answer["lines"][0]["text"]))
    write(folder, {"conf.d/b.json": only("b")})
    assert program.ask("reload")["result"] == "changed"
    assert connect(new_address(program, "b")).ask(b"PING") == b"PONG"
    os.remove(folder / "conf.d/a.json")
    assert program.ask("reload")["result"] == "changed"
    assert a.rest() == b""
    assert main.ask(b"PING") == b"PONG"


def test_one_name_for_a_file(program, tmp_path, run_program):
    """As it was given, whatever is wrong, at the start and in a reload."""
    folder = tmp_path / "etc"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = only("b", listen=at(taken.getsockname()))
        beside = f"{folder}/beside.json"
        main = {"include": ["conf.d/*.json", "missing/*.json", beside],
                **only("main")}
        both = {"listeners": only("a")["listeners"] + port["listeners"]}
        write(folder, {"config.json": main, "beside.json": "{}"})
        fairlead = subprocess.Popen(
            [str(program), "run", "--config", "etc/config.json"],
            cwd=tmp_path, stderr=subprocess.PIPE, env=harness.environment())
        while b"service ready" not in fairlead.stderr.readline():
            assert fairlead.poll() is None
        faults = [
            ({"config.json": "{"}, "etc/config.json:1:2: "),
            ({"config.json": both}, "etc/config.json:"),
            ({"config.json": main, "conf.d/b.json": "{"},
             "etc/conf.d/b.json:1:2: "),
            ({"conf.d/b.json": port}, "etc/conf.d/b.json:"),
            ({"conf.d/b.json": "{}", "beside.json": "{"}, f"{beside}:1:2: "),
        ]
        try:
            for files, begins in faults:
                write(folder, files)
                for verb in "reload", "check", "run":
                    if verb == "check" and "1:2" not in begins:
                        continue  # it opens no port
                    done = run_program(verb, "--config", "etc/config.json")
                    assert done.returncode == 1
                    assert done.stderr.startswith(begins), done.stderr
        finally:
            fairlead.terminate()
            fairlead.communicate(timeout=20 * harness.SLOW)
        assert fairlead.returncode == 0


def test_the_example(run_program, fairlead, connect):
    done = run_program("check", "--config", str(EXAMPLE / "config.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok (3 listeners, 2 upstreams)" in done.stdout
    program = fairlead(only("main"))
    shutil.copytree(EXAMPLE / "conf.d", program.path.parent / "conf.d")
    for path in (program.path.parent / "conf.d").iterdir():
        path.write_text(re.sub(r'("listen": )\["[^"]+"\]',
                               r'\1["127.0.0.1:0"]', path.read_text()))
    program.write(re.sub(r'("listen": )\["[^"]+"\]', r'\1["127.0.0.1:0"]',
                         (EXAMPLE / "config.json").read_text()))
    assert program.ask("reload")["status"] == 0
    assert connect(new_address(program, "commands")).ask(b"PING") == b"PONG"
    names = [item["name"] for item in program.state()["listeners"]]
    assert names == ["commands", "results", "database"]
