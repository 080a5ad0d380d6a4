#!/usr/bin/python3
"""Builds the installer for Windows from fairlead.wxs.

wixl leaves out what it does not know, so its warnings are errors here; what it
cannot say is then set with msibuild, and read back with msiinfo.
"""

import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "packaging/windows"
SERVICE = "fairlead"
SOURCES = ("config", "docs", "packaging", "CHANGELOG.md", "LICENSE",
           "README.md")

# msidbComponentAttributes: 64bit, Permanent, NeverOverwrite
C64, PERMANENT, NEVER_OVERWRITE = 256, 16, 128
# msidbServiceConfigEvent: Install, Reinstall
MADE = 1 | 4
# SERVICE_CONFIG_* of winsvc.h, which ChangeServiceConfig2 takes, too
DELAYED, ANY_FAILURE, SID, PRIVILEGES, PRESHUTDOWN = 3, 4, 5, 6, 7
# It ends before, once it has drained; a limit for one that hangs.
PRESHUTDOWN_MS = 180000


class Failure(Exception):
    pass


def call(*words, cwd=ROOT):
    """Runs a command; returns what it said."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Failure(f"{words[0]} ended with {done.returncode}: {done.stdout}")
    return done.stdout


def service_sid(name):
    """Of the account NT SERVICE\\name: the SHA-1 of the name in capitals."""
    digest = hashlib.sha1(name.upper().encode("utf-16le")).digest()
    return "S-1-5-80-" + "-".join(map(str, struct.unpack("<5I", digest)))


def file_version(program):
    """VS_FIXEDFILEINFO of its version resource."""
    data = program.read_bytes()
    at = data.find(struct.pack("<II", 0xfeef04bd, 0x10000))
    if at < 0:
        raise Failure(f"{program} has no version resource")
    high, low = struct.unpack_from("<II", data, at + 8)
    return f"{high >> 16}.{high & 0xffff}.{low >> 16}.{low & 0xffff}"


def is_signed(program):
    """Whether its directory of certificates has anything in it."""
    data = program.read_bytes()
    header = struct.unpack_from("<I", data, 0x3c)[0]
    return struct.unpack_from("<I", data, header + 24 + 112 + 4 * 8 + 4)[0] > 0


# ---- the source ----

def code(what, *, upgrade):
    return str(uuid.uuid5(uuid.UUID(upgrade), what)).upper()


def folder(path, name, upgrade, references, depth):
    """A Directory with the files in it, a component for each folder."""
    key = "".join(part.capitalize() for part in
                  re.findall(r"[a-z0-9]+", path.relative_to(ROOT).as_posix()))
    pad = "  " * depth
    lines = [f'{pad}<Directory Id="Folder{key}" Name="{name}">']
    entries = sorted(path.iterdir())
    files = [entry for entry in entries if entry.is_file()]
    if files:
        references.append(f'<ComponentRef Id="c{key}"/>')
        guid = code(f"component {key}", upgrade=upgrade)
        lines.append(f'{pad}  <Component Id="c{key}" Guid="{guid}" '
                     'Win64="yes">')
    for number, entry in enumerate(files):
        keypath = ' KeyPath="yes"' if number == 0 else ""
        lines.append(f'{pad}    <File Id="f{key}{number}" Name="{entry.name}" '
                     f'Source="{entry.relative_to(ROOT)}"{keypath}/>')
    if files:
        lines.append(f"{pad}  </Component>")
    for entry in entries:
        if entry.is_dir():
            lines += folder(entry, entry.name, upgrade, references, depth + 1)
    return lines + [f"{pad}</Directory>"]


def write_folders(where, upgrade):
    """What changes too often to be listed: examples and documents."""
    references, lines = [], []
    for path, name in (("config/examples", "examples"), ("docs", "docs")):
        lines += folder(ROOT / path, name, upgrade, references, 1)
    for file, body in ("folders.wxi", lines), ("references.wxi", references):
        (where / file).write_text("<Include>\n" + "\n".join(body) +
                                  "\n</Include>\n")


def run_wixl(where, version, target):
    """The program is where/fairlead.exe, for wixl takes paths below its current
    directory only."""
    source = HERE / "fairlead.wxs"
    for name in SOURCES:
        (where / name).symlink_to(ROOT / name)
    upgrade = re.search(r'UpgradeCode="(\S+)"', source.read_text())[1]
    write_folders(where, upgrade)
    said = call("wixl", "-a", "x64", "-I", where, "-D", f"Version={version}",
                "-D",
                "ProductCode=" + code(f"version {version}", upgrade=upgrade),
                "-o", target, source, cwd=where)
    if said.strip():
        raise Failure(f"wixl: {said}")


# ---- what wixl cannot say ----

TABLES = """
CREATE TABLE `MsiServiceConfig` (`MsiServiceConfig` CHAR(72) NOT NULL,
 `Name` CHAR(255) NOT NULL LOCALIZABLE, `Event` SHORT NOT NULL,
 `ConfigType` LONG NOT NULL, `Argument` CHAR(0), `Component_` CHAR(72) NOT NULL
 PRIMARY KEY `MsiServiceConfig`)

CREATE TABLE `MsiServiceConfigFailureActions`
 (`MsiServiceConfigFailureActions` CHAR(72) NOT NULL,
 `Name` CHAR(255) NOT NULL LOCALIZABLE, `Event` SHORT NOT NULL,
 `ResetPeriod` LONG, `RebootMessage` CHAR(255) LOCALIZABLE,
 `Command` CHAR(255) LOCALIZABLE, `Actions` CHAR(0), `DelayActions` CHAR(0),
 `Component_` CHAR(72) NOT NULL PRIMARY KEY `MsiServiceConfigFailureActions`)

CREATE TABLE `MsiLockPermissionsEx` (`MsiLockPermissionsEx` CHAR(72) NOT NULL,
 `LockObject` CHAR(72) NOT NULL, `Table` CHAR(32) NOT NULL,
 `SDDLText` CHAR(0) NOT NULL, `Condition` CHAR(255)
 PRIMARY KEY `MsiLockPermissionsEx`)
"""


def rights(service):
    """Full for the system and for administrators, those given for the service,
    none for anybody else and none from the folder above."""
    return ("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
            f"(A;OICI;{service};;;{service_sid(SERVICE)})")


READ, MODIFY = "0x1200a9", "0x1301bf"


def wanted_rows(version):
    """Table, key and values: rows that are made or changed."""
    yield "Component", ("Component", "cConfig"), {
        "Attributes": C64 | PERMANENT | NEVER_OVERWRITE}
    # A service that does not start is a failed installation.
    yield "ServiceInstall", ("ServiceInstall", "siFairlead"), {
        "ErrorControl": 1 | 0x8000}
    yield "File", ("File", "fProgram"), {"Version": version,
                                         "Language": "1033"}
    yield "Registry", ("Name", "EventMessageFile"), {
        "Value": "#%[#fProgram]"}
    yield "Property", ("Property", "SecureCustomProperties"), {
        "Value": "CONFIG;DATADIR;INSTALLDIR;KEPTCONFIG;KEPTINSTALLDIR;"
                 "STARTSERVICE;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED"}
    yield "InstallExecuteSequence", ("Action", "StartServices"), {
        "Condition": 'VersionNT AND NOT (STARTSERVICE = "0")'}
    yield "InstallExecuteSequence", ("Action", "MsiConfigureServices"), {
        "Condition": 'VersionMsi >= "5.00"', "Sequence": 5850}
    # 51 sets a property. The dialogs' sequence finds folders, too.
    for action, number in (("KeepInstallDir", 51), ("KeepConfig", 52),
                           ("DefaultConfig", 1001), ("SetLocation", 1002)):
        yield "CustomAction", ("Action", action), {"Type": 51}
        yield "InstallExecuteSequence", ("Action", action), {
            "Sequence": number}
    yield "InstallUISequence", ("Action", "AppSearch"), {"Sequence": 50}
    yield "InstallUISequence", ("Action", "KeepInstallDir"), {
        "Condition": "KEPTINSTALLDIR AND NOT INSTALLDIR", "Sequence": 51}
    for signature in "rsInstallDir", "rsConfig":
        yield "RegLocator", ("Signature_", signature), {"Type": 2 | 16}
    for kind, argument in ((DELAYED, "1"), (ANY_FAILURE, "1"), (SID, "1"),
                           (PRIVILEGES, "SeChangeNotifyPrivilege"),
                           (PRESHUTDOWN, str(PRESHUTDOWN_MS))):
        yield "MsiServiceConfig", ("MsiServiceConfig", f"sc{kind}"), {
            "Name": SERVICE, "Event": MADE, "ConfigType": kind,
            "Argument": argument, "Component_": "cProgram"}
    yield ("MsiServiceConfigFailureActions",
           ("MsiServiceConfigFailureActions", "sfFairlead"), {
               "Name": SERVICE, "Event": MADE, "ResetPeriod": 86400,
               "Actions": "1[~]1[~]1", "DelayActions": "5000[~]10000[~]60000",
               "Component_": "cProgram"})
    for directory, given in (("DATADIR", READ), ("ConfDir", READ),
                             ("LogDir", MODIFY)):
        yield "MsiLockPermissionsEx", ("MsiLockPermissionsEx",
                                       f"lp{directory}"), {
            "LockObject": directory, "Table": "CreateFolder",
            "SDDLText": rights(given)}


def rows(msi, table):
    """A table as msiinfo shows it: a dictionary a row. Files in it are left in
    the current directory."""
    with tempfile.TemporaryDirectory() as where:
        said = call("msiinfo", "export", msi, table, cwd=where)
    lines = [line.rstrip("\r").split("\t") for line in said.split("\n")
             if line]
    return [dict(zip(lines[0], line)) for line in lines[3:]]


def find(msi, table, key):
    return [row for row in rows(msi, table) if row[key[0]] == key[1]]


def literal(value):
    return str(value) if isinstance(value, int) else f"'{value}'"


def set_row(msi, table, key, values):
    if table in call("msiinfo", "tables", msi).split() and find(msi, table,
                                                                key):
        change = ", ".join(f"`{name}`={literal(value)}"
                           for name, value in values.items())
        return (f"UPDATE `{table}` SET {change} "
                f"WHERE `{key[0]}`={literal(key[1])}")
    values = {key[0]: key[1], **values}
    names = ", ".join(f"`{name}`" for name in values)
    return (f"INSERT INTO `{table}` ({names}) VALUES "
            f"({', '.join(map(literal, values.values()))})")


def patch(msi, version):
    for table in TABLES.strip().split("\n\n"):
        call("msibuild", msi, "-q", table.replace("\n", ""))
    # A file with a version has no hash.
    call("msibuild", msi, "-q",
         "DELETE FROM `MsiFileHash` WHERE `File_`='fProgram'")
    wanted = list(wanted_rows(version))
    for table, key, values in wanted:
        call("msibuild", msi, "-q", set_row(msi, table, key, values))
    for table, key, values in wanted:
        found = find(msi, table, key)
        if len(found) != 1 or any(found[0][name] != str(value)
                                  for name, value in values.items()):
            raise Failure(f"{table} has {found} instead of {key}, {values}")
    if find(msi, "MsiFileHash", ("File_", "fProgram")):
        raise Failure("the program still has a hash")


# ---- signing ----

def sign(file, options):
    """In place. The password is in a file, for others see a command line."""
    signed = file.with_name("signed-" + file.name)
    words = ["osslsigncode", "sign", "-h", "sha256", "-pkcs12", options.sign,
             "-n", "Fairlead", "-in", file, "-out", signed]
    if options.sign_password:
        words += ["-readpass", options.sign_password]
    if options.sign_timestamp:
        words += ["-ts", options.sign_timestamp]
    call(*words)
    os.replace(signed, file)


def build(options):
    target = options.output
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        program = where / "fairlead.exe"
        msi = where / target.name
        if is_signed(options.program):
            shutil.copy(options.program, program)
        else:
            call("x86_64-w64-mingw32-strip", "-o", program, options.program)
        if options.sign and not is_signed(program):
            sign(program, options)
        run_wixl(where, options.version, msi)
        patch(msi, file_version(program))
        if options.sign:
            sign(msi, options)
        shutil.copy(msi, target)


def path(text):
    return Path(text).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=path, required=True,
                        help="fairlead.exe; one that is signed stays as it is")
    parser.add_argument("--version", required=True,
                        help="of the product, N.N.N")
    parser.add_argument("--output", type=path, required=True)
    parser.add_argument("--sign", type=path, metavar="PKCS12",
                        help="signs the program and the installer")
    parser.add_argument("--sign-password", type=path, metavar="FILE")
    parser.add_argument("--sign-timestamp", metavar="URL",
                        help="of an RFC 3161 time stamp server")
    options = parser.parse_args()
    try:
        build(options)
    except Failure as failure:
        sys.exit(f"msi.py: {failure}")


if __name__ == "__main__":
    main()
