"""LIO's backstores: what holds a unit's blocks."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copyproof import process
from copyproof.errors import DeviceError, UsageError
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role
from copyproof.targets.spec import LioSpec

COMPANY = "001405"
"""The IEEE company identifier that LIO puts into its designators."""


@dataclass(frozen=True)
class Backstore:
    """One storage object: rtslib's `so`, its NAA designator, and the file of its protection tuples where it has one."""

    role: Role
    so: Any
    naa: str
    sidecar: Path | None


@dataclass(frozen=True)
class Wanted:
    """A storage object to be made: its role, its size in bytes, its unit serial number, and whose it is."""

    role: Role
    size: int
    serial: str
    mark: Mark
    folder: Path

    @property
    def name(self) -> str:
        """Its name in LIO."""
        return f"{self.mark}-{self.role.value}"

    @property
    def file(self) -> Path:
        """The file that holds its blocks."""
        return self.folder / f"{self.role.value}.img"

    @property
    def index(self) -> int:
        """The number of its HBA, below 2**32, the run in the upper 28 bits.

        So two runs never choose the same, and what a dead run left is told by its number.
        """
        return self.mark.number << 4 | list(Role).index(self.role)


def fresh_serial(mark: Mark) -> str:
    """Return a unit serial number: a UUID that begins with the run.

    LIO makes the designator from its hex digits, so they must be all there is, and unlike.
    """
    return str(uuid.UUID(mark.run + uuid.uuid4().hex[7:]))


def naa(unit_serial: str) -> str:
    """Return the designator that LIO makes of a serial number (`spc_gen_naa_6h_vendor_specific`).

    >>> naa("12345678-9abc-def0-1234-56789abcdef0")
    '6001405123456789abcdef0123456789'
    """
    return ("6" + COMPANY + unit_serial.replace("-", ""))[:32]


def make(spec: LioSpec, wanted: Wanted, run: process.Runner) -> Backstore:
    """Make a storage object, formatted as the target wants it; raises DeviceError when LIO refuses."""
    from rtslib_fb import RTSLibError

    try:
        so = _MAKERS[spec.backstore](wanted, run)
        if spec.block_size != 512:
            so.set_attribute("block_size", spec.block_size)
        if spec.protection:
            # The format writes an escape tuple for each block, and both must be set before the unit is mapped.
            so.set_attribute("pi_prot_type", spec.protection)
            so.set_attribute("pi_prot_format", 1)
    except (RTSLibError, OSError) as error:
        raise DeviceError(f"LIO refuses the {spec.backstore} backstore for {wanted.role.value}: {error}") from error
    tuples = wanted.file.with_suffix(".img.protection")
    return Backstore(wanted.role, so, naa(wanted.serial), tuples if spec.protection and tuples.exists() else None)


def attach(file: Path, size: int, run: process.Runner) -> str:
    """Make a file of so many bytes and return the node of a loop device on it; raises UsageError when there is none."""
    done = run(["losetup", "--find", "--show", _truncated(file, size)], timeout=30)
    if done.code:
        raise UsageError(f"no loop device for {file}: {done.error_text.strip()}")
    return done.text.strip()


def block(wanted: Wanted, node: str) -> Backstore:
    """Make a storage object of a block device; raises DeviceError when LIO refuses."""
    from rtslib_fb import RTSLibError

    try:
        return Backstore(wanted.role, _block(wanted, node), naa(wanted.serial), None)
    except (RTSLibError, OSError) as error:
        raise DeviceError(f"LIO refuses {node} for {wanted.role.value}: {error}") from error


def _truncated(file: Path, size: int) -> str:
    handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.truncate(handle, size)
    finally:
        os.close(handle)
    return str(file)


def _fileio(wanted: Wanted, run: process.Runner) -> Any:  # noqa: ARG001
    from rtslib_fb import FileIOStorageObject

    dev = _truncated(wanted.file, wanted.size)
    return FileIOStorageObject(wanted.name, dev=dev, size=wanted.size, wwn=wanted.serial, index=wanted.index)


def _ramdisk(wanted: Wanted, run: process.Runner) -> Any:  # noqa: ARG001
    from rtslib_fb import RDMCPStorageObject

    return RDMCPStorageObject(wanted.name, size=wanted.size, wwn=wanted.serial, index=wanted.index)


def _iblock(wanted: Wanted, run: process.Runner) -> Any:
    return _block(wanted, attach(wanted.file, wanted.size, run))


def _block(wanted: Wanted, node: str) -> Any:
    from rtslib_fb import BlockStorageObject

    return BlockStorageObject(wanted.name, dev=node, wwn=wanted.serial, index=wanted.index)


_MAKERS = {"fileio": _fileio, "ramdisk": _ramdisk, "iblock": _iblock}
