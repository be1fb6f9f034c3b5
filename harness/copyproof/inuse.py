"""Why a block device must not be written to: what mounts, holds or marks it. Reads only.

Looks at mount tables, swap, sysfs holders (device mapper, md), partitions, signatures (`blkid --probe`), and asks
the kernel for exclusive use, which it refuses for whatever else has claimed the device: another mount name space, a
LIO backstore.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from copyproof import process
from copyproof.errors import DeviceError, ToolMissing

SYSFS = Path("/sys")
PROC = Path("/proc")
SECTOR = 512
"""Bytes of the unit in which the kernel counts a disk."""

_KINDS = {"LVM": "LVM", "mpath": "multipath", "CRYPT": "dm-crypt", "part": "kpartx"}


def holders(
    nodes: Iterable[Path], *, run: process.Runner = process.run, sysfs: Path = SYSFS, proc: Path = PROC
) -> tuple[str, ...]:
    """Return why the disk with these block nodes is in use or marked; empty when it is free.

    Every node is a path to the same disk, every reason names what was found. Reasons of use begin with `mounted`,
    `swap`, `held by` or `claimed`; of marks with `partition` or `signature`, or with `it cannot be read` where what
    marks it cannot be seen.
    """
    found: dict[str, None] = {}
    for node in nodes:
        found.update(dict.fromkeys(_reasons(node, run, sysfs, proc)))
    return tuple(found)


def users(nodes: Iterable[Path], *, sysfs: Path = SYSFS, proc: Path = PROC) -> tuple[str, ...]:
    """Return what mounts or holds the disk with these block nodes, or swaps on it, as `holders` says it; runs no
    program."""
    found = (reason for node in nodes for reason in _uses(node, sysfs, proc))
    return tuple(dict.fromkeys(found))


def in_use(reason: str) -> bool:
    """Whether a reason says that somebody uses the device now; a mark can be given up, a use cannot.

    >>> in_use("mounted on /home (sda1)"), in_use("signature: ext4")
    (True, False)
    """
    return reason.startswith(("mounted", "swap", "held by", "claimed"))


def _reasons(node: Path, run: process.Runner, sysfs: Path, proc: Path) -> Iterator[str]:
    yield from _uses(node, sysfs, proc)
    if parts := _parts(node, sysfs):
        yield f"partitioned: {', '.join(parts)}"
    yield from _signatures(node, run)
    yield from _claimed(node)


def _uses(node: Path, sysfs: Path, proc: Path) -> Iterator[str]:
    for name in (node.name, *_parts(node, sysfs)):
        yield from _mounts(name, sysfs, proc)
        yield from _swaps(name, proc)
        yield from _held(name, sysfs)


def _parts(node: Path, sysfs: Path) -> list[str]:
    disk = sysfs / "class/block" / node.name
    return sorted(entry.name for entry in disk.iterdir() if (entry / "partition").exists()) if disk.is_dir() else []


def _mounts(name: str, sysfs: Path, proc: Path) -> Iterator[str]:
    number = _read(sysfs / "class/block" / name / "dev")
    for line in _read(proc / "self/mountinfo").splitlines():
        fields = line.split(" ")
        source = line.partition(" - ")[2].split(" ")[1:2]
        if fields[2:3] == [number] or source == [f"/dev/{name}"]:
            yield f"mounted on {fields[4]} ({name})"


def _swaps(name: str, proc: Path) -> Iterator[str]:
    if any(line.split()[:1] == [f"/dev/{name}"] for line in _read(proc / "swaps").splitlines()):
        yield f"swap space in use ({name})"


def _held(name: str, sysfs: Path) -> Iterator[str]:
    folder = sysfs / "class/block" / name / "holders"
    for holder in sorted(folder.iterdir()) if folder.is_dir() else ():
        block = sysfs / "class/block" / holder.name
        kind = _KINDS.get(_read(block / "dm/uuid").partition("-")[0].rstrip("0123456789"), "device mapper")
        what = f"{kind} {_read(block / 'dm/name')}" if (block / "dm").is_dir() else "md"
        yield f"held by {what} ({holder.name} on {name})"


def _signatures(node: Path, run: process.Runner) -> Iterator[str]:
    try:
        done = run(["blkid", "--probe", "--output", "export", str(node)], timeout=30)
    except (ToolMissing, DeviceError) as error:
        yield f"signature: cannot be looked for: {error}"
        return
    tags = dict(line.partition("=")[::2] for line in done.text.splitlines())
    said = done.error_text.strip()
    if done.code == 2 and not tags:
        # blkid ends with 2 where it finds nothing, and where it cannot read.
        yield from [f"it cannot be read: {said}"] if said else _unreadable(node)
        return
    if done.code == 8:
        yield "signature: several that contradict one another"
    if "PTTYPE" in tags:
        yield f"partition table: {tags['PTTYPE']}"
    if "TYPE" in tags:
        yield f"signature: {tags['TYPE']}"
    if done.code not in (0, 8):
        yield f"signature: blkid failed with status {done.code}: {said}"
    elif done.code == 0 and not tags.keys() & {"PTTYPE", "TYPE"}:
        yield f"signature: of no kind that blkid names: {done.text.split()}"


def _unreadable(node: Path) -> Iterator[str]:
    """Read the first and the last sector: that nothing was found says nothing about what could not be read."""
    try:
        handle = os.open(node, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            last = os.lseek(handle, 0, os.SEEK_END) - SECTOR
            whole = last >= 0 and all(len(os.pread(handle, SECTOR, at)) == SECTOR for at in (0, last))
        finally:
            os.close(handle)
    except OSError as error:
        yield f"it cannot be read: {error.strerror}"
        return
    if not whole:
        yield f"it cannot be read: it ends after {last + SECTOR} bytes"


def _claimed(node: Path) -> Iterator[str]:
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC | os.O_NONBLOCK))
    except FileNotFoundError:
        yield "claimed: its node has gone"
    except PermissionError:
        yield "claimed: whether it is in use can only be seen as root"
    except OSError as error:
        yield f"claimed by the kernel for another use ({error.strerror})"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
