"""What stands in the installer, for Wine does not do all of it."""

import re
import subprocess

import installer as i
import msi as builder
import wine as w

ROOT = i.ROOT


def rows(table):
    return builder.rows(i.RELEASED, table)


def row(table, **key):
    found = [each for each in rows(table)
             if all(each[name] == value for name, value in key.items())]
    assert len(found) == 1, found
    return found[0]


def source(name):
    return (ROOT / "service/windows" / name).read_text()


def words(text):
    """What a C string of several lines says."""
    return "".join(re.findall(r'"([^"]*)"', text))


def test_product():
    version = re.search(r"project\(fairlead VERSION (\S+)",
                        (ROOT / "CMakeLists.txt").read_text())[1]
    value = {each["Property"]: each["Value"] for each in rows("Property")}
    assert value["ProductVersion"] == version
    assert value["ALLUSERS"] == "1"
    assert value["ARPPRODUCTICON"] == row("Icon")["Name"]
    # The public names that reach the part of it that runs elevated.
    assert {"CONFIG", "INSTALLDIR", "STARTSERVICE"} <= set(
        value["SecureCustomProperties"].split(";"))
    assert builder.file_version(w.ROOT / i.PROGRAM) == row(
        "File", File="fProgram")["Version"] == version + ".0"


def test_the_product_code_depends_on_the_version(newer):
    codes = [builder.find(file, "Property", ("Property", name))[0]["Value"]
             for name in ("UpgradeCode", "ProductCode")
             for file in (i.RELEASED, newer)]
    assert codes[0] == codes[1] and len(set(codes)) == 3


def test_the_service_is_that_of_the_command():
    service = row("ServiceInstall")
    c = source("installation.c")
    assert service["Name"] == "fairlead"
    assert f'#define FL_SERVICE_NAME "{service["Name"]}"' in source("names.h")
    assert f'DISPLAY_NAME L"{service["DisplayName"]}"' in source("names.h")
    assert service["StartName"] == r"NT SERVICE\fairlead"
    assert service["Description"] == words(
        c[c.index("#define DESCRIPTION"):c.index("/* What it may take")])
    assert service["Arguments"] == 'run --config "[CONFIG]"'
    assert service["ServiceType"] == "16" and service["StartType"] == "2"
    assert int(service["ErrorControl"]) & 0x8000  # vital
    control = row("ServiceControl")
    # Starts at installation, stops at both, is removed at removal; waits.
    assert int(control["Event"]) == 0x1 | 0x2 | 0x20 | 0x80
    assert control["Wait"] == "1"
    delays = re.findall(r"SC_ACTION_RESTART, (\d+)", c)
    recovery = row("MsiServiceConfigFailureActions")
    assert recovery["DelayActions"].split("[~]") == delays
    assert recovery["Actions"].split("[~]") == ["1"] * len(delays)
    assert f'FORGET_S = {recovery["ResetPeriod"]}' in c
    settings = {each["ConfigType"]: each["Argument"]
                for each in rows("MsiServiceConfig")}
    assert settings == {"3": "1", "4": "1", "5": "1", "7": "180000",
                        "6": re.search(r'privileges\[\] = L"(\w+)', c)[1]}
    for each in rows("MsiServiceConfig") + [recovery]:
        assert each["Event"] == "5" and each["Name"] == "fairlead"


def test_order_of_actions():
    order = sorted(rows("InstallExecuteSequence"),
                   key=lambda each: int(each["Sequence"]))
    names = [each["Action"] for each in order]
    at = names.index
    assert at("AppSearch") < at("KeepInstallDir") < at("CostInitialize")
    assert at("KeepConfig") < at("LaunchConditions")
    assert at("CostFinalize") < at("DefaultConfig") < at("InstallInitialize")
    assert at("RemoveExistingProducts") == at("InstallInitialize") + 1
    assert (at("InstallServices") < at("MsiConfigureServices") <
            at("StartServices"))
    assert row("InstallExecuteSequence", Action="StartServices")[
        "Condition"] == 'VersionNT AND NOT (STARTSERVICE = "0")'
    ui = {each["Action"]: int(each["Sequence"])
          for each in rows("InstallUISequence")}
    assert ui["AppSearch"] < ui["KeepInstallDir"] < ui["CostInitialize"]
    # None of them runs code of ours.
    assert {each["Type"] for each in rows("CustomAction")} == {"51"}


def test_a_downgrade_has_a_message():
    row("Upgrade", ActionProperty="WIX_UPGRADE_DETECTED")
    row("Upgrade", ActionProperty="WIX_DOWNGRADE_DETECTED")
    condition = row("LaunchCondition", Condition="NOT WIX_DOWNGRADE_DETECTED")
    assert "newer version" in condition["Description"]


def test_config_is_kept_and_the_folder_is_locked():
    config = row("File", FileName="config.json", Component_="cConfig")
    component = row("Component", Component=config["Component_"])
    assert component["Attributes"] == str(256 | 128 | 16)
    assert component["Directory_"] == "DATADIR"
    created = {each["Directory_"] for each in rows("CreateFolder")}
    locks = {each["LockObject"]: each["SDDLText"]
             for each in rows("MsiLockPermissionsEx")}
    assert set(locks) == created == {"DATADIR", "ConfDir", "LogDir"}
    sid = builder.service_sid("fairlead")
    for folder, given in (("DATADIR", "0x1200a9"), ("ConfDir", "0x1200a9"),
                          ("LogDir", "0x1301bf")):
        protected, *entries = re.split(r"\((.*?)\)(?=\(|$)", locks[folder])
        assert protected == "D:P"
        assert [entry for entry in entries if entry] == [
            "A;OICI;FA;;;SY", "A;OICI;FA;;;BA", f"A;OICI;{given};;;{sid}"]


def test_the_sid_of_a_service():
    """Windows' own service TrustedInstaller has a well-known one."""
    assert builder.service_sid("TrustedInstaller") == (
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464")


def test_every_example_and_document_is_there():
    listed = subprocess.run(["msiextract", "--list", i.RELEASED], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    for path in ("config/examples", "docs"):
        for file in (ROOT / path).rglob("*.*"):
            if file.is_file():
                name = file.relative_to(ROOT).as_posix()
                name = name.replace("config/examples", "examples")
                assert re.search(rf"Fairlead/{re.escape(name)}$", listed,
                                 re.MULTILINE), name


def test_event_source():
    key = (r"SYSTEM\CurrentControlSet\Services\EventLog\Application"
           r"\Fairlead")
    assert row("Registry", Name="EventMessageFile", Key=key)["Value"] == (
        "#%[#fProgram]")  # REG_EXPAND_SZ
    assert row("Registry", Name="TypesSupported", Key=key)["Value"] == "#7"
