"""The command line: lazy, one line for what the user can mend, and honest tables."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from copyproof import cli
from copyproof.cli import devices as listing
from copyproof.device import Device
from copyproof.errors import DeviceError
from copyproof.targets import discovery, spec

FREE = Device(
    naa="6001405abcdef0123456789abcdef012", serial="S1", vendor="ACME", product="Array", revision="1", blocks=2048,
    sg=(Path("/dev/sg1"),), block=(Path("/dev/sda"),),
)  # fmt: skip
BUSY = Device(naa="6001405abcdef0123456789abcdef999", block=(Path("/dev/sdb"),), holders=("mounted on / (sdb1)",))
NAMELESS = Device(naa="", vendor='\x1b[31m"\n', product="x", block=(Path("/dev/sdc"),))
BY_SERIAL = Device(naa="", serial='A "quoted" \\ one', block=(Path("/dev/sdd"),))


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return int(end.value.code or 0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "devices", lambda **_: [FREE, BUSY, NAMELESS, BY_SERIAL])
    monkeypatch.setattr(discovery, "with_holders", lambda device: device)


def test_every_command_can_be_imported_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        assert status(name, "--help") == 0
        assert f"copyproof {name}" in capsys.readouterr().out


def test_help_lists_the_commands_without_importing_them() -> None:
    ask = (
        "import sys; sys.argv=['copyproof', '--help']\nfrom copyproof.cli import main\n"
        "try: main()\nfinally: "
        "print(sorted(name for name in sys.modules if name.startswith('copyproof.cli.')), 'numpy' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    assert all(name in out for name in cli.COMMANDS)
    assert out.endswith("[] False\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--bogus cci pairvolchk", 253),
        ("ccii pairvolchk -g oradb", 253),
        ("pairvolchk -g oradb", 253),
        ("--bogus run lio-loopback", 2),
    ],
)
def test_what_is_wrong_before_a_command_of_ccis_is_never_taken_for_a_state(words: str, code: int) -> None:
    assert status(*words.split()) == code


def test_a_command_of_ccis_that_cannot_be_imported_tells_no_state(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "cci", ("copyproof.cli.nowhere:cci", ""))
    assert status("cci", "pairvolchk") == 237
    assert "No module named 'copyproof.cli.nowhere'" in capsys.readouterr().err


def test_a_wrong_target_name_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("targets", "lio-lopback") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("copyproof: there is no target 'lio-lopback'. Did you mean lio-loopback")
    assert said.err.count("\n") == 1


def test_what_a_device_did_is_status_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> list[Device]:
        raise DeviceError("the array is on fire")

    monkeypatch.setattr(discovery, "devices", fail)
    assert status("devices") == 3
    assert capsys.readouterr().err == "copyproof: the array is on fire\n"


@pytest.mark.usefixtures("machine")
def test_devices_are_listed_with_what_safety_would_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("devices") == 0
    lines = capsys.readouterr().out.splitlines()
    free, busy = (next(line for line in lines if node in line) for node in ("/dev/sda", "/dev/sdb"))
    assert "/dev/sg1" in free
    assert "6001405abcdef0123456789abcdef012" in free
    assert "1 MiB" in free
    assert free.endswith("free")
    assert busy.endswith("mounted on / (sdb1)")


@pytest.mark.usefixtures("machine")
def test_what_a_device_says_cannot_reach_the_terminal_as_control(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["devices"], ["devices", "--toml", "/dev/sdc"]):
        assert status(*arguments) == 0
        assert "\x1b" not in capsys.readouterr().out


@pytest.mark.usefixtures("machine")
def test_one_node_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("devices", "/dev/sdb") == 0
    out = capsys.readouterr().out
    assert "/dev/sdb" in out
    assert "/dev/sda" not in out


def test_a_machine_without_disks_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(discovery, "devices", lambda **_: [])
    assert status("devices") == 0
    assert capsys.readouterr().out == "No SCSI disk is to be seen here.\n"


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("options", [[], ["--toml"]], ids=["table", "toml"])
@pytest.mark.parametrize("node", ["/dev/sdz", "/dev/sda1", "sda", "6001405abcdef0123456789abcdef012"])
def test_what_is_no_node_of_a_disk_is_refused(
    node: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("devices", *options, "/dev/sda", node) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"copyproof: {node}")
    assert "is no SCSI disk of this machine; there are: /dev/sda, /dev/sdb, /dev/sdc, /dev/sdd" in said.err


@pytest.mark.usefixtures("machine")
def test_a_link_to_a_node_will_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "by-id").symlink_to("/dev/sda")
    assert status("devices", "--toml", str(tmp_path / "by-id"), "/dev/sda", "/dev/sg1") == 0
    out = capsys.readouterr().out
    assert tomllib.loads(out)["luns"] == {"source": {"naa": FREE.naa}}


@pytest.mark.usefixtures("machine")
def test_a_link_that_leads_astray_says_where_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "by-id").symlink_to("/dev/sdz")
    assert status("devices", str(tmp_path / "by-id")) == 2
    assert f"copyproof: {tmp_path}/by-id, which leads to /dev/sdz, is no SCSI disk" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_a_target_file_is_made_of_named_devices_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("devices", "--toml") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "--toml needs the nodes of the devices to put in" in said.err


@pytest.mark.usefixtures("machine")
def test_the_starter_file_is_a_target_of_the_free_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("devices", "--toml", "/dev/sdb", "/dev/sda", "/dev/sdc", "/dev/sdd") == 0
    target = spec.parse(tomllib.loads(capsys.readouterr().out), "starter")
    assert target.luns["source"].naa == FREE.naa
    assert target.luns["destination"].serial == BY_SERIAL.serial
    assert set(target.luns) == {"source", "destination"}


@pytest.mark.usefixtures("machine")
def test_the_roles_follow_the_order_of_the_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("devices", "--toml", "/dev/sdd", "/dev/sda") == 0
    luns = tomllib.loads(capsys.readouterr().out)["luns"]
    assert luns == {"source": {"serial": BY_SERIAL.serial}, "destination": {"naa": FREE.naa}}


@pytest.mark.parametrize(("mebibytes", "roles"), [(256, 3), (257, 2)])
def test_a_large_device_is_no_bystander_in_the_starter_file(mebibytes: int, roles: int) -> None:
    third = Device(naa="6001405abcdef0123456789abcdef777", blocks=mebibytes << 11, block=(Path("/dev/sde"),))
    text = listing.starter([FREE, BY_SERIAL, third])
    assert len(tomllib.loads(text)["luns"]) == roles
    assert ("free, but a bystander has at most 256 MiB" in text) is (roles == 2)


def test_a_device_that_safety_refuses_is_only_a_comment_in_the_starter_file() -> None:
    text = listing.starter([BUSY, NAMELESS])
    assert tomllib.loads(text)["luns"] == {}
    assert "mounted on /" in text
    assert "neither NAA nor serial number" in text


def test_targets_are_listed_with_why_they_cannot_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Driver:
        def __init__(self, lacking: Sequence[str]) -> None:
            self.lacking = list(lacking)

        def obstacles(self) -> list[str]:
            return self.lacking

    monkeypatch.setattr(
        "copyproof.targets.drivers.open_target",
        lambda target: Driver(["needs a moon"] if target.name == "lio-pi" else []),
    )
    assert status("targets") == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("lio-pi")).endswith("needs a moon")
    assert next(line for line in lines if line.startswith("lio-loopback")).endswith("yes")


def test_targetcli_commands_are_printed_for_lio_targets_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("targets", "--targetcli", "lio-loopback") == 0
    assert "/backstores/fileio create source" in capsys.readouterr().out
    assert status("targets", "--targetcli", "lab-example") == 2
    assert "targetcli builds lio targets only" in capsys.readouterr().err
