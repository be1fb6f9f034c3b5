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
from copyproof.targets.live import Device, Lun, Role

if TYPE_CHECKING:
    from tests.unit.targets.conftest import FakeSysfs

LAB_LUNS = {"source": {"naa": "6001405abcdef0123456789abcdef012"}, "destination": {"serial": "SER 2"}}
LAB = {"name": "t", "driver": "lab", "luns": LAB_LUNS}


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
    with pytest.raises(UsageError) as refusal:
        lab_driver(sysfs).__enter__()
    said = str(refusal.value)
    assert "luns.source: no device has the NAA 6001405abcdef0123456789abcdef012" in said
    assert "luns.destination: no device has the serial number SER 2" in said
    assert said.count("copyproof devices") == 1


@pytest.fixture
def lab(sysfs: FakeSysfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSysfs:
    """Two units that the lab target names, with locks in a folder of their own."""
    sysfs.unit("2:0:1:0")
    sysfs.unit("2:0:1:1", wwid="naa.6001405abcdef0123456789abcdef999", serial=b"SER 2", disk="sdb", sg="sg2")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(discovery, "with_holders", lambda device: device)
    monkeypatch.setattr(lease, "STATE", tmp_path / "state")
    return sysfs


def lab_driver(sysfs: FakeSysfs, **luns: object) -> LabDriver:
    """A driver of the lab target with further units."""
    return LabDriver(spec.parse({**LAB, "luns": {**LAB_LUNS, **luns}}, "t.toml"), sysfs.root)


def test_a_lab_device_is_driven_by_one_run_at_a_time(lab: FakeSysfs, tmp_path: Path) -> None:
    with lab_driver(lab), pytest.raises(UsageError, match=r"luns\.source: /dev/sda .* is being tested by another"):
        lab_driver(lab).__enter__()
    with lab_driver(lab) as live:
        assert [role.value for role in live.luns] == ["source", "destination"]
    assert list((tmp_path / "state").iterdir()) == []


def test_a_refused_lab_target_gives_back_the_locks_it_took(lab: FakeSysfs, tmp_path: Path) -> None:
    with lease.hold("device-6001405abcdef0123456789abcdef999"), pytest.raises(UsageError, match=r"luns\.destination"):
        lab_driver(lab).__enter__()
    assert list((tmp_path / "state").iterdir()) == []


def test_two_names_of_one_device_are_refused(lab: FakeSysfs) -> None:
    with pytest.raises(UsageError, match=r"luns\.destination names the same device as luns\.source"):
        lab_driver(lab, destination={"serial": "SER 1"}).__enter__()


def test_the_kernel_of_the_host_is_not_taken_for_the_lab_targets(lab: FakeSysfs) -> None:
    with lab_driver(lab) as live:
        assert dict(live.facts) == {"host_kernel": os.uname().release}


HIDDEN = "6001405abcdef0123456789abcdef777"


def test_a_hidden_unit_may_be_known_by_its_designator_alone(lab: FakeSysfs, tmp_path: Path) -> None:
    with lab_driver(lab, hidden={"naa": HIDDEN, "destroy": True}) as live:
        assert live.lun(Role.HIDDEN) == Lun(Role.HIDDEN, Device(naa=HIDDEN), visible=False)
        assert f"device-{HIDDEN}.lock" in {path.name for path in (tmp_path / "state").iterdir()}


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (
            {"naa": HIDDEN},
            f"luns.hidden: no device has the NAA {HIDDEN}, so it cannot be looked at; set destroy = true",
        ),
        (
            {"serial": "X", "destroy": True},
            "luns.hidden: no device has the serial number X; name a unit that this host",
        ),
    ],
    ids=["not-given-up", "by-serial"],
)
def test_a_hidden_unit_that_is_not_here_says_what_it_needs(lab: FakeSysfs, named: dict[str, object], told: str) -> None:
    (line,) = lab_driver(lab, hidden=named).obstacles()
    assert line.startswith(told)


def hide(lab: FakeSysfs, address: str, **nodes: str) -> list[str]:
    """Show a hidden unit to this host, and return what the driver says of it."""
    lab.unit(address, wwid=f"naa.{HIDDEN}", serial=b"SER 3", **{"disk": "sdc", "sg": "sg3", **nodes})  # type: ignore[arg-type]
    return lab_driver(lab, hidden={"naa": HIDDEN}).obstacles()


def test_a_hidden_unit_that_the_source_shares_its_way_with_is_refused(lab: FakeSysfs) -> None:
    (line,) = hide(lab, "2:0:1:7")
    assert line.startswith(
        f"luns.hidden: /dev/sdc (naa.{HIDDEN}) is reached by SCSI host and target 2:0:1 as /dev/sda "
    )
    assert "mapped to another initiator only" in line


@pytest.mark.parametrize("address", ["3:0:1:0", "2:0:2:0"], ids=["host", "target"])
def test_a_hidden_unit_with_a_way_of_its_own_serves(lab: FakeSysfs, address: str) -> None:
    assert hide(lab, address) == []


def test_a_hidden_unit_that_any_path_shares_is_refused(lab: FakeSysfs) -> None:
    assert hide(lab, "3:0:1:0") == []
    assert len(hide(lab, "2:0:1:7", disk="sdd", sg="sg4")) == 1


@pytest.mark.parametrize(("nodes", "kind"), [({"disk": ""}, "block"), ({"sg": ""}, "sg")], ids=["block", "sg"])
def test_a_hidden_unit_with_half_its_nodes_is_refused(lab: FakeSysfs, nodes: dict[str, str], kind: str) -> None:
    (line,) = hide(lab, "3:0:1:0", **nodes)
    assert f"has no {kind} node: modprobe sg sd_mod" in line


@pytest.mark.parametrize("role", ["bystander", "readonly"])
def test_any_other_unit_must_be_here(lab: FakeSysfs, role: str) -> None:
    (line,) = lab_driver(lab, **{role: {"naa": HIDDEN, "destroy": True}}).obstacles()
    assert line.startswith(f"luns.{role}: no device has the NAA {HIDDEN} (")


@pytest.mark.parametrize(("mebibytes", "lines"), [(256, 0), (257, 1)])
def test_a_bystander_must_be_small(lab: FakeSysfs, mebibytes: int, lines: int) -> None:
    lab.unit("2:0:1:2", wwid=f"naa.{HIDDEN}", serial=b"3", disk="sdc", sg="sg3", sectors=mebibytes << 11)
    said = lab_driver(lab, bystander={"naa": HIDDEN}).obstacles()
    told = f"luns.bystander: /dev/sdc (naa.{HIDDEN}) has 257 MiB, at most 256 MiB are allowed"
    assert [line.startswith(told) and "take a smaller unit, or leave it out" in line for line in said] == [True] * lines
