"""Which logical units there are: NAA designator or serial number in, nodes and sizes out.

Units are found by what they are (designator, serial), never by their number; sysfs says what they are (`wwid` and
`vpd_pg80` are the kernel's copies of VPD pages 83h and 80h), and udev's events say when to look again.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from copyproof import inuse
from copyproof.device import Device
from copyproof.errors import DeviceError, UsageError

T = TypeVar("T")
SYSFS = Path("/sys")
DEV = Path("/dev")
_DIRECT_ACCESS = ("0", "14")  # SPC-4 table 141: SBC block device, RBC and ZBC


def devices(*, sysfs: Path = SYSFS) -> list[Device]:
    """Return every SCSI disk that the kernel shows, several paths to one unit as one device, by node.

    `holders` is left empty; `with_holders` fills it.
    """
    groups: dict[tuple[str, ...], list[Device]] = defaultdict(list)
    for path in _paths(sysfs):
        groups[_identity(path)].append(path)
    return sorted(map(_merged, groups.values()), key=lambda device: [(len(str(n)), n) for n in device.block])


def with_holders(device: Device) -> Device:
    """Return the device with `holders` filled: why safety would refuse it."""
    return replace(device, holders=inuse.holders(device.block))


def find(*, naa: str = "", serial: str = "", sysfs: Path = SYSFS) -> Device:
    """Return the unit with a designator or a serial number.

    Raises UsageError when none has it, or when several units have the serial number.
    """
    matches = [d for d in devices(sysfs=sysfs) if (naa and d.naa == naa) or (serial and d.serial == serial)]
    wanted = f"NAA {naa}" if naa else f"serial number {serial}"
    if not matches:
        raise UsageError(f"no device has the {wanted}")
    if len(matches) > 1:
        raise UsageError(f"{len(matches)} devices have the {wanted}; name them by NAA")
    return matches[0]


def ports(device: Device, *, sysfs: Path = SYSFS) -> frozenset[str]:
    """Return the SCSI host, channel and target of each path to a device, as `H:C:T`.

    They stand for a pair of initiator and target port; the LUN, which the kernel puts last, is left off.
    """
    names = {node.name for node in device.sg}
    units = ((entry.name, entry / "device/scsi_generic") for entry in _entries(sysfs / "class/scsi_device"))
    return frozenset(
        name.rpartition(":")[0] for name, generic in units if names & {child.name for child in _entries(generic)}
    )


def wait_for(naas: Iterable[str], timeout: float, *, nodes: int = 1, sysfs: Path = SYSFS) -> dict[str, Device]:
    """Wait at most `timeout` seconds until each designator has `nodes` paths; return designator → device.

    Raises DeviceError that names the designators that did not appear and where they were looked for.
    """
    wanted = list(naas)

    def look() -> dict[str, Device]:
        ready = {d.naa: d for d in devices(sysfs=sysfs) if len(d.sg) >= nodes and len(d.block) >= nodes and d.blocks}
        return {naa: ready[naa] for naa in wanted if naa in ready and _settled(ready[naa], sysfs)}

    found = on_events(look, lambda now: len(now) == len(set(wanted)), timeout)
    missing = [naa for naa in wanted if naa not in found]
    if missing:
        seen = ", ".join(d.naa or d.serial or "one without a name" for d in devices(sysfs=sysfs)) or "none"
        raise DeviceError(
            f"no unit with NAA {', '.join(missing)} and {nodes} sg and block node{'s' * (nodes > 1)} appeared within "
            f"{timeout:g} s in {sysfs}/class/scsi_device; there are: {seen}"
        )
    return found


def wait_gone(prefix: str, timeout: float, *, sysfs: Path = SYSFS) -> None:
    """Wait at most `timeout` seconds until no unit's NAA designator begins with `prefix`.

    Raises DeviceError when one stays.
    """

    def look() -> list[str]:
        return [device.naa for device in devices(sysfs=sysfs) if device.naa.startswith(prefix)]

    if left := on_events(look, lambda now: not now, timeout):
        raise DeviceError(f"the unit with NAA {', '.join(sorted(left))} did not go away within {timeout:g} s")


def abandon(prefix: str, *, sysfs: Path = SYSFS) -> None:
    """Have the kernel send no more to units whose NAA designator begins with `prefix`, as nobody answers for them.

    A disk with a write cache is flushed when it goes, even while it is offline (`sd_shutdown` marks that command as one
    of power management), which takes a minute where nobody answers: the kernel is told that it has none.
    """
    for entry in _entries(sysfs / "class/scsi_device"):
        unit = entry / "device"
        if _naa(unit).startswith(prefix):
            with contextlib.suppress(OSError):  # it may be going already
                for disk in _entries(unit / "scsi_disk"):
                    (disk / "cache_type").write_text("temporary write through\n")
                # The kernel takes a state with its newline only (store_state_field).
                (unit / "state").write_text("offline\n")


def on_events(look: Callable[[], T], enough: Callable[[T], bool], timeout: float) -> T:
    """Look now, and again at each event of udev, until it is enough or `timeout` seconds have passed."""
    deadline = time.monotonic() + timeout
    if enough(seen := look()):
        return seen
    monitor = _monitor()
    while not enough(seen := look()) and (left := deadline - time.monotonic()) > 0:
        monitor.poll(left)
    return seen


def _monitor() -> Any:
    """Return a listening monitor: of udev, whose events come after its rules, or of the kernel where no udevd runs."""
    import pyudev

    monitor = pyudev.Monitor.from_netlink(pyudev.Context(), "udev" if _udev_runs() else "kernel")
    for subsystem in ("block", "scsi_generic", "scsi"):
        monitor.filter_by(subsystem)
    monitor.start()
    return monitor


def _udev_runs() -> bool:
    return Path("/run/udev/control").exists()


def _settled(device: Device, sysfs: Path) -> bool:
    """Whether every node is there and udev has run its rules for it (after which nobody but us opens it)."""
    if sysfs != SYSFS or not _udev_runs():
        return sysfs != SYSFS or all(node.exists() for node in (*device.sg, *device.block))
    import pyudev

    context = pyudev.Context()
    nodes = [("block", node) for node in device.block] + [("scsi_generic", node) for node in device.sg]
    try:
        return all(pyudev.Devices.from_name(context, kind, node.name).is_initialized for kind, node in nodes)
    except pyudev.DeviceNotFoundError:
        return False


def _paths(sysfs: Path) -> Iterator[Device]:
    for entry in _entries(sysfs / "class/scsi_device"):
        if _text(entry / "device/type") in _DIRECT_ACCESS:
            yield _path(entry / "device")


def _path(unit: Path) -> Device:
    block = _child(unit / "block")
    size = _number(block / "size") * 512 if block else 0
    block_size = _number(block / "queue/logical_block_size") or 512 if block else 512
    sg = _child(unit / "scsi_generic")
    disk = _child(unit / "scsi_disk")
    return Device(
        naa=_naa(unit),
        serial=_serial(unit),
        vendor=_text(unit / "vendor"),
        product=_text(unit / "model"),
        revision=_text(unit / "rev"),
        blocks=size // block_size,
        block_size=block_size,
        protection=_number(disk / "protection_type") if disk else 0,
        sg=(DEV / sg.name,) if sg else (),
        block=(DEV / block.name,) if block else (),
    )


def _identity(path: Device) -> tuple[str, ...]:
    """What two paths to one unit have in common; a unit without a name is only itself."""
    if path.naa:
        return (path.naa,)
    nodes = [str(node) for node in (*path.sg, *path.block)]
    return (path.vendor, path.product, path.serial) if path.serial else ("?", *nodes)


def _merged(paths: list[Device]) -> Device:
    return replace(
        paths[0],
        sg=tuple(node for path in paths for node in path.sg),
        block=tuple(node for path in paths for node in path.block),
    )


def _naa(unit: Path) -> str:
    text = _text(unit / "wwid")
    return text.removeprefix("naa.").lower() if text.startswith("naa.") else ""


def _serial(unit: Path) -> str:
    """The PRODUCT SERIAL NUMBER of VPD page 80h (SPC-4 7.8.15), which a device may fill with anything."""
    try:
        page = (unit / "vpd_pg80").read_bytes()
    except OSError:
        return ""
    return page[4 : 4 + int.from_bytes(page[2:4], "big")].decode("ascii", errors="replace").strip(" \0")


def _child(folder: Path) -> Path | None:
    return next(iter(_entries(folder)), None)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0
