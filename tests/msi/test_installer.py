"""Installation, upgrade, repair and removal, silent as in a roll-out."""

import json
import re
import subprocess

import pytest

import installer as i
import wine as w

ROOT = i.ROOT
COMMANDS, GATEWAY = ("127.0.0.1", 8080), ("127.0.0.1", 8081)


def ping(address):
    client = w.Client(address)
    reply = client.ask("PING")
    client.close()
    return reply


def write_config(path, port):
    """One listener for commands; what an administrator would write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"listeners": [{
        "name": "mine", "listen": [f"127.0.0.1:{port}"], "mode": "command"}]}))
    return path.read_bytes()


def test_install_serves(windows):
    mark = windows.wine.mark()
    windows.install(i.RELEASED)

    assert ping(COMMANDS) == "PONG" and ping(GATEWAY) == "PONG"
    state = windows.state()
    assert "fairlead: running (process " in state
    assert re.search(r"account +NT SERVICE\\fairlead\n", state)
    program = windows.path(windows.programs / "fairlead.exe")
    # The program in quotation marks, which Windows adds and Wine does not.
    assert re.search(rf'^command +"?{re.escape(program)}"? run --config '
                     r'"C:\\ProgramData\\Fairlead\\config\.json"$', state,
                     re.MULTILINE)
    started = windows.wine.await_event(1, mark)
    assert r"C:\ProgramData\Fairlead\config.json" in started.text

    for name in ("config.schema.json", "README.md", "LICENSE.txt",
                 "examples/mllp.json", "examples/include/conf.d",
                 "docs/windows.md"):
        assert (windows.programs / name).exists(), name
    assert windows.config.read_bytes() == (
        ROOT / "config/config.json").read_bytes()
    assert (windows.data / "config.schema.json").exists()
    assert (windows.data / "conf.d").is_dir()
    assert (windows.data / "logs").is_dir()
    for path in (windows.programs / "examples").rglob("*.json"):
        status, out, error = windows.wine.run(
            windows.programs / "fairlead.exe", "check", "--config", path)
        if "include/conf.d" not in str(path):
            assert status == 0, (path, out, error)

    assert windows.versions() == [i.version_of(i.RELEASED)]
    out = windows.registry(i.EVENTS)
    assert re.search(r"EventMessageFile +REG_EXPAND_SZ +" + re.escape(program),
                     out)
    assert re.search(r"TypesSupported +REG_DWORD +0x7\n", out)
    assert windows.shortcuts() == ["Fairlead configuration.lnk",
                                   "Fairlead documentation.lnk"]


def test_uninstall_keeps_config(windows):
    windows.install(i.RELEASED)
    edited = windows.config.read_bytes() + b"// mine\n"
    windows.config.write_bytes(edited)
    windows.stop()
    assert windows.msiexec("/x", i.RELEASED) == 0
    windows.assert_removed()
    assert [path.name for path in windows.data.iterdir()] == ["config.json"]
    assert windows.config.read_bytes() == edited

    windows.install(i.RELEASED)
    assert windows.config.read_bytes() == edited
    assert ping(GATEWAY) == "PONG"


def test_uninstall_while_clients_are_connected(windows):
    windows.install(i.RELEASED)
    mark = windows.wine.mark()
    clients = [w.Client(address) for address in (COMMANDS, GATEWAY) * 20]
    assert {client.ask("PING") for client in clients} == {"PONG"}

    assert windows.msiexec("/x", i.RELEASED) == 0
    for client in clients:
        assert client.line() == ""  # not reset
        client.close()
    windows.wine.await_event(3, mark)
    assert not [e for e in windows.wine.events(mark) if e.severity == "error"]
    w.wait_until(lambda: "not installed" in windows.state(), "removal")
    # Wine did not wait for the end of the drain, so the program was in use.
    left = windows.programs / "fairlead.exe"
    windows.assert_removed(*[left.name for _ in range(left.exists())])
    assert windows.config.exists()


def test_upgrade_keeps_an_edited_config(windows, newer):
    windows.install(i.RELEASED)
    edited = write_config(windows.config, 8090)
    client = w.Client(COMMANDS)
    assert client.ask("PING") == "PONG"

    windows.stop()
    assert client.line() == ""
    client.close()
    windows.install(newer)
    assert windows.versions() == ["99.0.0"]
    assert windows.config.read_bytes() == edited
    assert (windows.programs / "fairlead.exe").exists()
    assert "running" in windows.state()
    assert ping(("127.0.0.1", 8090)) == "PONG"


def test_downgrade_is_refused(windows, newer):
    windows.install(newer)
    assert windows.msiexec("/i", i.RELEASED) == i.FAILURE
    assert windows.versions() == ["99.0.0"]
    assert ping(GATEWAY) == "PONG"


def test_repair(windows):
    windows.install(i.RELEASED)
    edited = write_config(windows.config, 8091)
    lost = windows.programs / "config.schema.json"
    lost.unlink()
    windows.stop()
    # As /fa, which Wine's msiexec lacks.
    windows.install(i.RELEASED, "REINSTALL=ALL", "REINSTALLMODE=amus")
    assert lost.read_bytes() == (ROOT / "config/config.schema.json"
                                 ).read_bytes()
    assert windows.config.read_bytes() == edited
    assert "running" in windows.state()
    assert ping(("127.0.0.1", 8091)) == "PONG"


def test_a_configuration_that_is_there_is_used(windows):
    given = write_config(windows.config, 8092)
    windows.install(i.RELEASED)
    assert windows.config.read_bytes() == given
    assert ping(("127.0.0.1", 8092)) == "PONG"


def test_a_start_that_fails_rolls_back(windows):
    windows.data.mkdir()
    windows.config.write_text('{ "listeners": 7 }')
    mark = windows.wine.mark()
    assert windows.msiexec("/i", i.RELEASED) != 0
    assert windows.wine.await_event(20, mark).severity == "error"
    assert windows.wine.await_event(4, mark).text == "1"
    windows.assert_removed()
    assert windows.config.read_text() == '{ "listeners": 7 }'


def test_installed_without_a_start(windows):
    windows.install(i.RELEASED, "STARTSERVICE=0")
    assert "fairlead: stopped" in windows.state()
    assert windows.versions() == [i.version_of(i.RELEASED)]
    status, said = windows.service("start")
    assert status == 0, said
    assert ping(COMMANDS) == "PONG"


def test_other_places_hold_for_an_upgrade(windows, newer):
    place = windows.drive / "Gateway place"
    config = windows.drive / "Our files/gateway.json"
    write_config(config, 8093)
    windows.install(i.RELEASED, f"INSTALLDIR={windows.path(place)}",
                    f"CONFIG={windows.path(config)}")

    def is_there():
        return re.search(
            rf'command +"?{re.escape(windows.path(place))}\\fairlead.exe"? '
            rf'run --config "{re.escape(windows.path(config))}"\n',
            windows.state()) and (place / "fairlead.exe").exists()
    assert is_there()
    assert ping(("127.0.0.1", 8093)) == "PONG"

    windows.stop()
    windows.install(newer)
    assert is_there()
    assert not windows.programs.exists()
    assert ping(("127.0.0.1", 8093)) == "PONG"

    windows.stop()
    assert windows.msiexec("/x", newer) == 0
    windows.assert_removed()
    assert not place.exists() and config.exists()


def test_config_must_be_a_full_path(windows):
    assert windows.msiexec("/i", i.RELEASED, "CONFIG=gateway.json") == i.FAILURE
    windows.assert_removed()


@pytest.fixture(scope="module")
def certificate(folder):
    """A key of our own, its certificate, and both with a password."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, cwd=folder,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=Test of Fairlead", "-keyout", "key.pem",
            "-addext", "extendedKeyUsage=codeSigning", "-out", "cert.pem")
    (folder / "password").write_text("a word")
    openssl("pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem",
            "-passout", "file:password", "-out", "cert.p12")
    return folder


def test_a_signed_installer(windows, certificate):
    file = i.build(certificate / "signed.msi", "98.0.0",
                   "--sign", certificate / "cert.p12",
                   "--sign-password", certificate / "password")

    def verify(name):
        return subprocess.run(
            ["osslsigncode", "verify", "-CAfile", certificate / "cert.pem",
             "-in", name], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False).returncode
    assert verify(file) == 0
    windows.install(file)
    assert verify(windows.programs / "fairlead.exe") == 0
    assert ping(COMMANDS) == "PONG"
    changed = certificate / "changed.exe"
    data = bytearray((windows.programs / "fairlead.exe").read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    assert verify(changed) != 0
    assert verify(i.RELEASED) != 0


def test_a_program_that_is_signed_stays_so(certificate):
    program = certificate / "by-hand.exe"
    subprocess.run(["osslsigncode", "sign", "-pkcs12",
                    certificate / "cert.p12", "-readpass",
                    certificate / "password", "-in", i.PROGRAM,
                    "-out", program], check=True, stdout=subprocess.DEVNULL)
    file = i.build(certificate / "by-hand.msi", "97.0.0", program=program)
    out = certificate / "extracted"
    subprocess.run(["msiextract", "-C", out, file], check=True,
                   stdout=subprocess.DEVNULL)
    found = [path for path in out.rglob("fairlead.exe")]
    assert found[0].read_bytes() == program.read_bytes()
