"""What a LIO run could leave behind: take a snapshot before and after, and compare.

>>> compare(Snapshot({"loop devices": {"a"}}), Snapshot({"loop devices": {"a", "b"}}))
['loop devices: b']
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from copyproof.targets.drivers.lio import initiator


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there was, by kind."""

    found: Mapping[str, Set[str]]


def compare(before: Snapshot, after: Snapshot) -> list[str]:
    """Return what was left behind: `kind: thing` for each thing that is there after and was not before, sorted."""
    return [
        f"{kind}: {thing}"
        for kind, things in after.found.items()
        for thing in sorted(things - before.found.get(kind, set()))
    ]


def snapshot(root: Path = Path("/")) -> Snapshot:
    """Return what there is now; `root` is where sysfs, dev and run hang."""
    target = root / "sys/kernel/config/target"
    return Snapshot(
        {
            "configfs": _folders(target),
            "loop devices": _texts(root, "sys/block/loop*/loop/backing_file"),
            "mapped devices": _texts(root, "sys/block/dm-*/dm/name"),
            "iSCSI sessions": _texts(root, "sys/class/iscsi_session/session*/targetname"),
            "iSCSI records": {f"{k} {n}" for k in ("nodes", "ifaces") for n in initiator.records(k, root)},
            "TCMU rings": _texts(root, "sys/class/uio/uio*/name"),
            "SCSI units": _names(root, "sys/class/scsi_device/*"),
            "sg nodes": _names(root, "dev/sg*"),
            "LVM's notes": _names(root, "run/lvm/*/*"),
            "private folders": _names(root, "dev/shm/copyproof-*", "var/tmp/copyproof-*"),
            "LIO's database": _names(root, "etc/target/*/*_*"),
            "locks and notes": _names(root, "run/copyproof/*"),
        }
    )


def _folders(target: Path) -> set[str]:
    """Return the folders of LIO's configfs that are made by hand: fabrics, targets, HBAs and storage objects."""
    found = {path for pattern in ("*", "*/*", "core/*/*") for path in target.glob(pattern) if path.is_dir()}
    return {str(path.relative_to(target)) for path in found}


def _names(root: Path, *patterns: str) -> set[str]:
    return {path.name for pattern in patterns for path in root.glob(pattern)}


def _texts(root: Path, pattern: str) -> set[str]:
    found = set()
    for path in root.glob(pattern):
        with contextlib.suppress(OSError):  # it may go while we look
            found.add(path.read_text(errors="replace").strip())
    return found
