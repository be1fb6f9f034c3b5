"""The leak check sees each kind of thing that a run can leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof.targets import leaks

TARGET = "sys/kernel/config/target"
LEAVINGS = {
    "configfs": f"{TARGET}/core/fileio_16/unit/",
    "loop devices": "sys/block/loop0/loop/backing_file",
    "mapped devices": "sys/block/dm-0/dm/name",
    "iSCSI sessions": "sys/class/iscsi_session/session1/targetname",
    "iSCSI records": "etc/iscsi/nodes/iqn.x",
    "TCMU rings": "sys/class/uio/uio0/name",
    "SCSI units": "sys/class/scsi_device/2:0:1:0/",
    "sg nodes": "dev/sg3",
    "LVM's notes": "run/lvm/vgs_online/vg",
    "private folders": "dev/shm/copyproof-1234567-main/",
    "LIO's database": "etc/target/pr/aptpl_1234",
    "locks and notes": "run/copyproof/copyproof-1234567-main.lock",
}


def leave(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("/"):
        (root / path).mkdir()
    else:
        (root / path).write_text("something\n")


@pytest.mark.parametrize("kind", LEAVINGS)
def test_each_kind_of_leaving_is_seen_and_named(tmp_path: Path, kind: str) -> None:
    before = leaks.snapshot(tmp_path)
    leave(tmp_path, LEAVINGS[kind])
    left = leaks.compare(before, leaks.snapshot(tmp_path))
    assert left
    assert all(line.startswith(f"{kind}: ") for line in left)


def test_what_was_there_before_is_no_leak(tmp_path: Path) -> None:
    for path in LEAVINGS.values():
        leave(tmp_path, path)
    assert leaks.compare(leaks.snapshot(tmp_path), leaks.snapshot(tmp_path)) == []


def test_every_kind_of_the_snapshot_is_tested_here(tmp_path: Path) -> None:
    assert set(leaks.snapshot(tmp_path).found) == set(LEAVINGS)


def test_the_targets_and_fabrics_of_configfs_are_seen(tmp_path: Path) -> None:
    leave(tmp_path, f"{TARGET}/loopback/naa.5001405/")
    assert leaks.snapshot(tmp_path).found["configfs"] == {"loopback", "loopback/naa.5001405"}
