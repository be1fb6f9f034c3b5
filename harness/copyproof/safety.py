"""Which devices may be written to, and the gate that every command passes.

A target file names devices; `permit` looks at each and refuses the ones that somebody uses. From then on a `Gate`
stands before each transport, because a copy command writes by designator, not by the node that it is sent to: sent to
a permitted unit, it can overwrite any unit of the array.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copyproof import inuse, process
from copyproof.device import Device
from copyproof.errors import DeviceError, PermissionDenied, SafetyRefusal, TargetLost
from copyproof.scsi.answers import parse_reservation, parse_reservation_keys
from copyproof.scsi.cdb import Opcode, ReserveIn, inquiry, opcode_name, persistent_reserve_in
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import DESIGNATOR_ROOM
from copyproof.scsi.sense import SenseKey
from copyproof.scsi.vetting import NAA_HEAD, Slot, designators_of, is_extended_copy, paired_units, writes
from copyproof.scsi.vpd import Page, designators, page_length
from copyproof.transport.base import Transport, drain
from copyproof.transport.sg3 import Sg3

NOBODY = "6ffffff0000000000000000000000001"
"""A designator that no unit can have: a NAA 6 whose company identifier is FFFFFFh.

The IEEE assigns none with the group bit of the first byte set. Tests that need an unknown unit name this one.
"""

NEUTRAL = NAA_HEAD + bytes.fromhex(NOBODY).ljust(DESIGNATOR_ROOM, b"\0")
"""Bytes 4 to 27 of the one CSCD descriptor that may have any type."""

TIMEOUT = 30.0
"""Seconds for each command by which a device is looked at."""

PAUSES = (0.05, 0.2, 0.5)
"""Seconds to wait after each refusal of exclusive use."""

WITHIN_UNIT = frozenset(
    {
        0x0A, 0xAA, 0x2A, 0x8A,  # WRITE(6), (12), (10), (16)
        0x2E, 0xAE, 0x8E,  # WRITE AND VERIFY(10), (12), (16)
        0x41, 0x93,  # WRITE SAME(10), (16)
        0x42, 0x89, 0x8B,  # UNMAP, COMPARE AND WRITE, ORWRITE(16)
        0x35, 0x91,  # SYNCHRONIZE CACHE(10), (16)
        0x16, 0x17, 0x56, 0x57, 0x5F,  # RESERVE(6), RELEASE(6), RESERVE(10), RELEASE(10), PERSISTENT RESERVE OUT
        0x15, 0x55,  # MODE SELECT(6), (10)
        Opcode.THIRD_PARTY_COPY_OUT,  # its parameter list is vetted too
    }
)  # fmt: skip
"""Commands that change the addressed unit and no other (SPC-4 table 118, SBC-3 table 13).

WRITE BUFFER, for one, can replace the array's firmware.
"""


@dataclass(frozen=True, slots=True)
class Named:
    """A unit as the target file names it: by `naa` (hex without prefix), by `serial`, or by both.

    `destroy` gives up the partitions and signatures on it.
    """

    naa: str = ""
    serial: str = ""
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class Permitted:
    """The units that may be written to, by NAA in lower-case hex.

    `opcodes` are further operation codes that may be sent to them, such as vendor-specific ones (C0h to FFh).
    """

    naas: frozenset[str]
    opcodes: frozenset[int] = frozenset()

    def reads(self, slot: Slot) -> str:
        """Return the permitted NAA that a designator field holds, as far as it goes; else an empty string.

        Where the end of the list cuts the field short, its bytes must begin a permitted NAA.
        """
        known = (naa for naa in (*self.naas, NOBODY) if bytes.fromhex(naa).startswith(slot.raw[: len(naa) // 2]))
        return next(known, "")


def permit(
    units: Iterable[tuple[Device, Named]],
    run: process.Runner = process.run,
    opcodes: Iterable[int] = (),
    paths: Mapping[str, Transport] | None = None,
) -> Permitted:
    """Vet some units and return the permission to write to them; raises what `vet` does for the first refused.

    `paths` lead, by NAA, to units that have no sg node.
    """
    vetted = []
    for device, named in units:
        vet(device, named, run, (paths or {}).get(device.naa))
        vetted.append(device.naa)
    return Permitted(frozenset(vetted), frozenset(opcodes))


def vet(device: Device, named: Named, run: process.Runner = process.run, path: Transport | None = None) -> None:
    """Raise SafetyRefusal unless the device may be written to.

    It must be named in the target file, be the one that is named, and be unused, unreserved, without partition table
    or signature. The message names all that is wrong, each with the way out. `destroy` lifts the objections to
    partitions and signatures, never those to use. Only reads; raises DeviceError when the device cannot be looked at.
    `path` leads to a device that has no sg node.
    """
    paths = [path] if path else [Sg3(node, run) for node in device.sg]
    misnamed = list(_misnamed(device, named))
    found = [*misnamed, *_used(device, named, run)]
    if not misnamed:
        # A device that is not meant is not even sent a command; one that cannot be read may be reserved.
        found += [*_strangers(device, paths), *_reserved(paths)]
    if found:
        raise SafetyRefusal(f"refuses to write to {device.label}: {'; '.join(found)}")


def _misnamed(device: Device, named: Named) -> Iterator[str]:
    if not named.naa and not named.serial:
        yield "the target file does not name it (give it a `naa` or `serial` there)"
    if not device.naa:
        yield "it has no NAA designator, without which a copy cannot name it (choose another unit)"
    if named.naa and named.naa.lower() != device.naa:
        yield f"its NAA is {device.naa or 'missing'}, the target file says {named.naa} (correct `naa` there)"
    if named.serial and named.serial != device.serial:
        yield f"its serial number is {device.serial!r}, the target file says {named.serial!r} (correct `serial` there)"


def _used(device: Device, named: Named, run: process.Runner) -> Iterator[str]:
    for reason in inuse.holders(device.block, run=run):
        if inuse.in_use(reason):
            yield f"{reason} (stop that use first)"
        elif not named.destroy:
            yield f"{reason} (wipe it, or set `destroy = true` for this unit in the target file)"


def _strangers(device: Device, paths: Sequence[Transport]) -> Iterator[str]:
    """Ask each path who is there: the kernel's own copy of the designator can be old."""
    for path in paths:
        drain(path, TIMEOUT)
        names = unit_naas(path, TIMEOUT)
        if device.naa not in names:
            found = ", ".join(sorted(names)) or "a unit without NAA"
            yield f"{path.name} leads to {found} (rescan the bus, then try again)"


def _reserved(paths: Sequence[Transport]) -> Iterator[str]:
    if not paths:
        yield "it has no sg node (modprobe sg)"
        return
    path = paths[0]
    keys = _reservation_data(path, ReserveIn.READ_KEYS)
    held = _reservation_data(path, ReserveIn.READ_RESERVATION)
    if keys is None or held is None:
        yield "another initiator has reserved it (release that first)"
        return
    if keys and (registered := parse_reservation_keys(keys)):
        first = f"the first {registered[0]:016x}h"
        yield f"{len(registered)} registered reservation keys, {first} (unregister them first, see sg_persist)"
    if held and (reservation := parse_reservation(held)):
        what = f"a persistent reservation of type {reservation.type} by key {reservation.key:016x}h"
        yield f"{what} (release it first, see sg_persist)"


def _reservation_data(path: Transport, action: ReserveIn) -> bytes | None:
    """Return what PERSISTENT RESERVE IN answers: empty where the command is unknown, None on a reservation conflict."""
    result = path.execute(persistent_reserve_in(action), TIMEOUT)
    if result.status is Status.RESERVATION_CONFLICT:
        return None
    if result.sense is not None and result.sense.key is SenseKey.ILLEGAL_REQUEST:
        return b""
    if not result.good:
        raise DeviceError(f"{path.name}: reservations cannot be read: {result.status.name} {result.sense or ''}")
    return result.data


def unit_naas(transport: Transport, timeout: float) -> frozenset[str]:
    """Read VPD page 83h and return every NAA of the logical unit, in lower-case hex without prefix.

    Raises DeviceError when the unit does not give the page, or gives one that cannot be read.
    """
    head = _page(transport, 255, timeout)
    whole = head if page_length(head) <= len(head) else _page(transport, page_length(head), timeout)
    return frozenset(named.naa for named in designators(whole)) - {""}


def _page(transport: Transport, length: int, timeout: float) -> bytes:
    result = transport.execute(inquiry(Page.DEVICE_IDENTIFICATION, min(length, 0xFFFF)), timeout)
    if not result.good:
        raise DeviceError(f"{transport.name}: no VPD page 83h: {result.status.name} {result.sense or ''}")
    return result.data


class Gate:
    """A transport that lets through what cannot do harm; refusals come before anything is sent.

    - What only reads passes.
    - A write passes when this unit is permitted and the command is one that stays within its unit, or is permitted by
      its operation code.
    - EXTENDED COPY passes when, besides, each CSCD descriptor that any target could read from its list is an
      identification descriptor (E4h) that names a permitted unit or `NOBODY`, or one of another type whose bytes are
      those of `NOBODY`. That includes the sources and the malformed lists: with an index out of place any of them can
      become the destination.
    - A pair command of the software array, once its operation code is permitted, passes when its list names permitted
      units or `NOBODY`.
    - Before each write the unit is asked for its NAA; TargetLost when it is another one. No answer is kept: the block
      layer takes unit attentions away unseen, and a node can be made anew under the same name.
    """

    def __init__(self, transport: Transport, naa: str, permitted: Permitted) -> None:
        self._transport = transport
        self._naa = naa
        self._permitted = permitted

    @property
    def name(self) -> str:
        """The name of the transport behind it."""
        return self._transport.name

    def repeat_by_hand(self, command: Command) -> str:
        """Return the line of the transport behind it."""
        return self._transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command if it may be sent; raises SafetyRefusal, TargetLost, and what the transport raises."""
        if writes(command):
            for reason in refusals(command, self._naa, self._permitted):
                what = f"{opcode_name(command.cdb)} to {self.name} ({self._naa})"
                raise SafetyRefusal(f"refuses to send {what}: {reason}")
            self.recognise(timeout)
        return self._transport.execute(command, timeout)

    def recognise(self, timeout: float = TIMEOUT) -> None:
        """Ask the unit itself for its NAA, within `timeout` seconds a command; raises TargetLost when it is another.

        INQUIRY neither reports a unit attention nor clears one (SAM-5 5.14), so none is hidden from the next command.
        """
        names = unit_naas(self._transport, timeout)
        if self._naa not in names:
            found = ", ".join(sorted(names)) or "a unit without NAA"
            raise TargetLost(f"{self.name} was {self._naa} and is now {found}; nothing more is written to it")


def refusals(command: Command, naa: str, permitted: Permitted) -> Iterator[str]:
    """Yield the reasons why a writing command must not go to the unit with this NAA.

    >>> unit = "6001405aabbccddeeff0011223344556"
    >>> list(refusals(Command(bytes.fromhex("3b05000000000000000000")), unit, Permitted(frozenset({unit}))))
    ['it may reach beyond its unit (permit operation code 3Bh, if that is meant)']
    """
    if naa not in permitted.naas:
        yield "the target file does not name that unit (name it there, if it may be overwritten)"
    if command.opcode not in WITHIN_UNIT | permitted.opcodes:
        yield f"it may reach beyond its unit (permit operation code {command.opcode:02X}h, if that is meant)"
    if is_extended_copy(command):
        for slot in designators_of(command.cdb, command.data_out):
            yield from _strange(slot, permitted)
    for offset, named in paired_units(command):
        if named not in permitted.naas | {NOBODY}:
            what = named or "a unit without NAA"
            yield f"the pair list at byte {offset} names {what}, which the target file does not"


def _strange(slot: Slot, permitted: Permitted) -> Iterator[str]:
    known = permitted.reads(slot)
    if not known:
        named = slot.naa or slot.raw.hex()
        yield f"the CSCD descriptor at byte {slot.offset} names {named}, which the target file does not"
    elif not slot.identified and not NEUTRAL.startswith(slot.head + slot.raw):
        # Other types address by LUN, port or vendor's rules in these bytes, and so could reach any unit.
        yield f"the CSCD descriptor at byte {slot.offset} is of type {slot.type:02X}h and does not name {NOBODY}"
    elif slot.complete and slot.length < len(known) // 2:
        # A target that compares only so many bytes could take another unit of the same array for it.
        yield f"the CSCD descriptor at byte {slot.offset} gives only {slot.length} bytes of its designator"


def guard(device: Device, permitted: Permitted, run: process.Runner = process.run) -> Gate:
    """Return the gate before a device's first sg node; raises SafetyRefusal when it has none."""
    if not device.sg:
        raise SafetyRefusal(f"{device.label} has no sg node (modprobe sg)")
    return Gate(Sg3(device.sg[0], run), device.naa, permitted)


def open_for_write(device: Device, permitted: Permitted, sysfs: Path = Path("/sys")) -> int:
    """Open a device's first block node for direct, exclusive writing; return the descriptor, which the caller closes.

    The only place that opens a block node for writing. The kernel refuses exclusive use of what is mounted or held,
    partitions included; the kernel's designator of what was really opened must be the permitted one. Raises
    SafetyRefusal, PermissionDenied or TargetLost.
    """
    if device.naa not in permitted.naas:
        raise SafetyRefusal(f"refuses to write to {device.label}: the target file does not name it (name it there)")
    if not device.block:
        raise SafetyRefusal(f"refuses to write to {device.label}: it has no block node")
    handle = _open_exclusively(device)
    try:
        _same_unit(handle, device, sysfs)
    except BaseException:
        os.close(handle)
        raise
    return handle


class Writer:
    """Holds one permitted unit open for writing, from the first use until `close`.

    A node that is closed after writing is probed by udev, which costs more than the write; and whoever holds a unit
    exclusively keeps others from mounting it. Before each use the unit is recognised again: by the kernel's designator
    of what is held, and by `recognise`, which asks the unit itself (such as `Gate.recognise`). The kernel's is a copy
    from the time when the unit appeared, and the unit attention that tells of a change never leaves the block layer.
    """

    def __init__(
        self, device: Device, permitted: Permitted, recognise: Callable[[], None], sysfs: Path = Path("/sys")
    ) -> None:
        self._device, self._permitted, self._sysfs = device, permitted, sysfs
        self._recognise = recognise
        self._held: int | None = None

    def __call__(self) -> int:
        """Return a descriptor of the caller's own, to be closed by it.

        Raises what `open_for_write` and `recognise` do, and TargetLost when the first sg node, which `recognise` is to
        ask, and the first block node are not of one path.
        """
        if self._held is None:
            self._held = open_for_write(self._device, self._permitted, self._sysfs)
        _same_unit(self._held, self._device, self._sysfs)
        _same_path(self._held, self._device, self._sysfs)
        self._recognise()
        return os.dup(self._held)

    def close(self) -> None:
        """Let go of the unit."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)


def _open_exclusively(device: Device) -> int:
    """Open, and try again for a moment: udev's rules and `copyproof devices` ask for exclusive use too, briefly."""
    for pause in PAUSES:
        try:
            return os.open(device.block[0], os.O_RDWR | os.O_DIRECT | os.O_EXCL | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise PermissionDenied(f"{device.label}: {error.strerror}; run as root") from None
            if error.errno != errno.EBUSY:
                raise TargetLost(f"{device.label}: {error.strerror}") from None
        time.sleep(pause)
    raise SafetyRefusal(f"refuses to write to {device.label}: it is in use by now (stop that use first)")


def _same_unit(handle: int, device: Device, sysfs: Path) -> None:
    try:
        found = (_path_of(handle, sysfs) / "wwid").read_text(errors="replace").strip()
    except OSError:
        found = "a unit without designator"
    if found.lower() != f"naa.{device.naa}":
        raise TargetLost(f"{device.block[0]} was naa.{device.naa} and is now {found}; nothing more is written to it")


def _same_path(handle: int, device: Device, sysfs: Path) -> None:
    folder = _path_of(handle, sysfs) / "scsi_generic"
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if not {node.name for node in device.sg[:1]} & found:
        asked = ", ".join(map(str, device.sg[:1])) or "no sg node"
        raise TargetLost(f"{device.block[0]} is not on the path of {asked}; nothing more is written to it")


def _path_of(handle: int, sysfs: Path) -> Path:
    """The kernel's SCSI device behind an open block node."""
    number = os.fstat(handle).st_rdev
    return sysfs / f"dev/block/{os.major(number)}:{os.minor(number)}/device"
