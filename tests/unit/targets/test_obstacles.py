"""What a machine lacks is told at once, each with the way out, and before anything is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof.errors import ToolMissing, UsageError
from copyproof.process import Completed
from copyproof.targets import discovery, lease, spec
from copyproof.targets.drivers import open_target
from copyproof.targets.drivers.lab import LabDriver
from copyproof.targets.drivers.lio import ground
from copyproof.targets.drivers.lio.driver import LioDriver

if TYPE_CHECKING:
    from tests.unit.targets.conftest import FakeSysfs

LAB = {
    "name": "t",
    "driver": "lab",
    "luns": {"source": {"naa": "6001405abcdef0123456789abcdef012"}, "destination": {"serial": "SER 2"}},
}


class Modprobe:
    """A modprobe that lacks some modules."""

    def __init__(self, *lacking: str) -> None:
        self.lacking = lacking

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        assert argv[0] == "modprobe"
        return Completed(int(not set(self.lacking).isdisjoint(argv)), b"", b"", 0.0)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with every program, run by root, on which no module is loaded."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, path=None: f"/usr/bin/{name}")
    monkeypatch.setattr(ground, "_present", lambda name: False)


@pytest.mark.usefixtures("bare")
def test_a_machine_with_everything_has_no_obstacles() -> None:
    assert LioDriver(spec.load("lio-iscsi"), Modprobe()).obstacles() == []


@pytest.mark.usefixtures("bare")
def test_missing_modules_are_named_together_with_the_package() -> None:
    (line,) = LioDriver(spec.load("lio-loopback"), Modprobe("tcm_loop", "sg")).obstacles()
    assert "lacks the modules sg, tcm_loop: install and boot linux-image-amd64" in line


@pytest.mark.usefixtures("bare")
def test_a_module_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ground, "DBROOT", tmp_path)
    with pytest.raises(ToolMissing, match="lacks the module tcm_loop: install and boot"):
        ground.prepare(spec.load("lio-loopback"), Modprobe("tcm_loop"))


@pytest.mark.usefixtures("bare")
def test_not_being_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (line,) = LioDriver(spec.load("lio-loopback"), Modprobe()).obstacles()
    assert "needs root" in line


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("target", "program", "package"),
    [
        ("lio-loopback", "sg_raw", "sg3-utils"),
        ("lio-iscsi", "iscsiadm", "open-iscsi"),
        ("lio-iblock", "losetup", "mount"),
    ],
)
def test_a_missing_program_is_told_with_its_package(
    monkeypatch: pytest.MonkeyPatch, target: str, program: str, package: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None if name == program else name)
    assert LioDriver(spec.load(target), Modprobe()).obstacles() == [f"{program} is missing: apt install {package}"]


@pytest.mark.usefixtures("bare")
def test_entering_a_target_that_cannot_run_raises_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lease, "STATE", tmp_path / "state")
    with pytest.raises(UsageError, match=r"target lio-pi cannot run here: .*target_core_mod"):
        LioDriver(spec.load("lio-pi"), Modprobe("target_core_mod")).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_constructor_does_nothing() -> None:
    def never(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        raise AssertionError("a program was run")

    for name in spec.names():
        assert open_target(spec.load(name))
    LioDriver(spec.load("lio-iscsi"), never)


def test_all_missing_lab_devices_are_named_at_once(sysfs: FakeSysfs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(discovery, "devices", lambda **_: [])
    with pytest.raises(UsageError) as refusal:
        LabDriver(spec.parse(LAB, "t.toml")).__enter__()
    said = str(refusal.value)
    assert "luns.source: no device has the NAA 6001405abcdef0123456789abcdef012" in said
    assert "luns.destination: no device has the serial number SER 2" in said
    assert said.count("copyproof devices") == 1


@pytest.fixture
def lab(sysfs: FakeSysfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSysfs:
    """Two units that the lab target names, with locks in a folder of their own."""
    sysfs.unit("2:0:1:0")
    sysfs.unit("2:0:1:1", wwid="naa.6001405abcdef0123456789abcdef999", serial=b"SER 2", disk="sdb", sg="sg2")
    found = discovery.devices(sysfs=sysfs.root)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(discovery, "devices", lambda **_: found)
    monkeypatch.setattr(discovery, "with_holders", lambda device: device)
    monkeypatch.setattr(lease, "STATE", tmp_path / "state")
    return sysfs


@pytest.mark.usefixtures("lab")
def test_a_lab_device_is_driven_by_one_run_at_a_time(tmp_path: Path) -> None:
    target = spec.parse(LAB, "t.toml")
    with LabDriver(target), pytest.raises(UsageError, match=r"luns\.source: /dev/sda .* is being tested by another"):
        LabDriver(target).__enter__()
    with LabDriver(target) as live:
        assert [role.value for role in live.luns] == ["source", "destination"]
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.usefixtures("lab")
def test_a_refused_lab_target_gives_back_the_locks_it_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = spec.parse(LAB, "t.toml")
    with lease.hold("device-6001405abcdef0123456789abcdef999"), pytest.raises(UsageError, match=r"luns\.destination"):
        LabDriver(target).__enter__()
    assert list((tmp_path / "state").iterdir()) == []


def test_two_names_of_one_device_are_refused(lab: FakeSysfs) -> None:
    both = {"source": {"naa": "6001405abcdef0123456789abcdef012"}, "destination": {"serial": "SER 1"}}
    with pytest.raises(UsageError, match=r"luns\.destination names the same device as luns\.source"):
        LabDriver(spec.parse({**LAB, "luns": both}, "t.toml")).__enter__()
