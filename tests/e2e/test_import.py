"""fairlead import portproxy."""

import json

import pytest

TABLE = """
Listen on ipv4:             Connect to ipv4:

Address         Port        Address         Port
--------------- ----------  --------------- ----------
0.0.0.0         8080        192.168.1.10    80
*               3389        rdp.example     3389

Listen on ipv6:             Connect to ipv4:

Address         Port        Address         Port
--------------- ----------  --------------- ----------
*               8080        192.168.1.10    80
"""


def test_what_it_prints_passes_check(run_program, tmp_path):
    (tmp_path / "table.txt").write_text(TABLE)
    made = run_program("import", "portproxy", "table.txt")
    assert made.returncode == 0 and made.stderr == ""
    config = json.loads(made.stdout)
    assert [listener["listen"] for listener in config["listeners"]] == [
        ["0.0.0.0:8080"], ["0.0.0.0:3389"], ["[::]:8080"]]
    assert [upstream["servers"] for upstream in config["upstreams"]] == [
        ["192.168.1.10:80"], ["rdp.example:3389"]]
    done = run_program("check", "--config", "config.json", config=made.stdout)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words, status, fault", [
    (["portproxy", "none.txt"], 1, "none.txt: cannot be opened"),
    (["portproxy", "-"], 1, "<stdin>: there is no forwarding"),
    (["portproxy"], 1, "<stdin>: there is no forwarding"),
    ([], 2, "portproxy is missing"),
    (["haproxy"], 2, '"haproxy" cannot be imported'),
    (["portproxy", "a", "b"], 2, 'unexpected argument "b"'),
])
def test_what_cannot_be_imported(run_program, words, status, fault):
    done = run_program("import", *words)
    assert done.returncode == status
    assert fault in done.stderr and done.stdout == ""
