"""Each use and each mark of a disk is a reason of its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof import inuse
from copyproof.errors import ToolMissing
from copyproof.process import Completed

if TYPE_CHECKING:
    from tests.unit.targets.conftest import FakeSysfs


class Blkid:
    """A blkid that says what it is told to."""

    def __init__(self, code: int = 2, out: str = "", err: str = "") -> None:
        self.done = Completed(code, out.encode(), err.encode(), 0.0)

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        assert argv[:2] == ["blkid", "--probe"]
        return self.done


class Machine:
    """A disk `sda` in a made-up sysfs, whose node is an ordinary file that anyone may open."""

    def __init__(self, sysfs: FakeSysfs, root: Path) -> None:
        self.sysfs, self.proc, self.node = sysfs, root / "proc", root / "sda"
        self.node.write_bytes(bytes(8192))
        (self.proc / "self").mkdir(parents=True)
        self.block("sda", "8:0")

    def block(self, name: str, number: str) -> None:
        self.sysfs.write(self.sysfs.root / "class/block" / name, {"dev": number})

    def partition(self, name: str, number: str) -> None:
        self.block(name, number)
        self.sysfs.write(self.sysfs.root / "class/block/sda" / name, {"partition": "1"})

    def held(self, by: str, texts: dict[str, str], disk: str = "sda") -> None:
        (self.sysfs.root / "class/block" / disk / "holders" / by).mkdir(parents=True)
        self.sysfs.write(self.sysfs.root / "class/block" / by, texts)

    def reasons(self, run: Blkid | None = None) -> tuple[str, ...]:
        return inuse.holders([self.node], run=run or Blkid(), sysfs=self.sysfs.root, proc=self.proc)


@pytest.fixture
def machine(sysfs: FakeSysfs, tmp_path: Path) -> Machine:
    return Machine(sysfs, tmp_path)


def test_a_blank_unused_disk_is_free(machine: Machine) -> None:
    assert machine.reasons() == ()


def test_a_mounted_disk_is_told_with_its_mount_point(machine: Machine) -> None:
    (machine.proc / "self/mountinfo").write_text("22 1 8:0 / /data rw - ext4 /dev/sda rw\n")
    assert machine.reasons() == ("mounted on /data (sda)",)


def test_a_mounted_partition_counts(machine: Machine) -> None:
    machine.partition("sda1", "8:1")
    (machine.proc / "self/mountinfo").write_text("22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n")
    assert machine.reasons() == ("mounted on / (sda1)", "partitioned: sda1")


def test_a_file_system_with_a_number_of_its_own_is_known_by_its_source(machine: Machine) -> None:
    (machine.proc / "self/mountinfo").write_text("22 1 0:44 / /pool rw - btrfs /dev/sda rw\n")
    assert machine.reasons() == ("mounted on /pool (sda)",)


def test_another_disks_mount_does_not_count(machine: Machine) -> None:
    (machine.proc / "self/mountinfo").write_text("22 1 8:16 / /data rw - ext4 /dev/sdb rw\n22 1 0:1 / /p - x\n")
    assert machine.reasons() == ()


def test_swap_is_told(machine: Machine) -> None:
    (machine.proc / "swaps").write_text("Filename Type\n/dev/sda partition 1 0 -2\n")
    assert machine.reasons() == ("swap space in use (sda)",)


@pytest.mark.parametrize(
    ("by", "texts", "said"),
    [
        ("dm-0", {"dm/uuid": "LVM-abcdef", "dm/name": "vg-root"}, "held by LVM vg-root (dm-0 on sda)"),
        ("dm-1", {"dm/uuid": "mpath-36001405", "dm/name": "mpatha"}, "held by multipath mpatha (dm-1 on sda)"),
        ("dm-2", {"dm/uuid": "CRYPT-LUKS2-1", "dm/name": "secret"}, "held by dm-crypt secret (dm-2 on sda)"),
        ("dm-3", {"dm/uuid": "part1-mpath-3", "dm/name": "mpatha1"}, "held by kpartx mpatha1 (dm-3 on sda)"),
        ("dm-4", {"dm/uuid": "", "dm/name": "snap"}, "held by device mapper snap (dm-4 on sda)"),
        ("md127", {"md/level": "raid1"}, "held by md (md127 on sda)"),
    ],
)
def test_each_kind_of_holder_is_named(machine: Machine, by: str, texts: dict[str, str], said: str) -> None:
    machine.held(by, texts)
    assert machine.reasons() == (said,)


@pytest.mark.parametrize(
    ("code", "out", "said"),
    [
        (0, "DEVNAME=/dev/sda\nTYPE=ext4\nUSAGE=filesystem\n", ("signature: ext4",)),
        (0, "DEVNAME=/dev/sda\nPTTYPE=gpt\n", ("partition table: gpt",)),
        (8, "", ("signature: several that contradict one another",)),
        (4, "", ("signature: blkid failed with status 4: ",)),
        (2, "", ()),
        (2, "DEVNAME=/dev/sda\n", ("signature: blkid failed with status 2: ",)),
        (0, "DEVNAME=/dev/sda\n", ("signature: of no kind that blkid names: ['DEVNAME=/dev/sda']",)),
        (0, "", ("signature: of no kind that blkid names: []",)),
    ],
)
def test_signatures_are_what_blkid_finds(machine: Machine, code: int, out: str, said: tuple[str, ...]) -> None:
    assert machine.reasons(Blkid(code, out)) == said


def test_a_disk_that_blkid_cannot_read_is_not_free(machine: Machine) -> None:
    said = "error: /dev/sda: Input/output error"
    assert machine.reasons(Blkid(2, err=f"{said}\n")) == (f"it cannot be read: {said}",)


@pytest.mark.parametrize("broken", ["first", "last"])
def test_a_disk_of_which_an_end_cannot_be_read_is_not_free(
    machine: Machine, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"first": 0, "last": 8192 - inuse.SECTOR}[broken]

    def pread(handle: int, count: int, offset: int) -> bytes:
        if offset == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return bytes(count)

    monkeypatch.setattr(os, "pread", pread)
    assert machine.reasons() == ("it cannot be read: Input/output error",)


@pytest.mark.parametrize("length", [0, 511])
def test_a_disk_without_a_block_to_read_is_not_free(machine: Machine, length: int) -> None:
    machine.node.write_bytes(bytes(length))
    assert machine.reasons() == (f"it cannot be read: it ends after {length} bytes",)


def test_without_blkid_a_disk_is_not_called_free(machine: Machine) -> None:
    class Missing(Blkid):
        def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
            raise ToolMissing("blkid is not installed")

    assert machine.reasons(Missing()) == ("signature: cannot be looked for: blkid is not installed",)


def test_a_node_that_has_gone_is_not_free(machine: Machine) -> None:
    machine.node.unlink()
    assert machine.reasons() == ("it cannot be read: No such file or directory", "claimed: its node has gone")


def test_uses_and_marks_are_told_apart(machine: Machine) -> None:
    machine.held("md0", {"md/level": "raid1"})
    reasons = machine.reasons(Blkid(0, "TYPE=linux_raid_member\n"))
    assert [inuse.in_use(reason) for reason in reasons] == [True, False]
