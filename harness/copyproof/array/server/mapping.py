"""Which initiator sees which volume as a logical unit, and whether it may write to it (SAM-5 4.6.4)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from copyproof.array.server.sense_data import CheckCondition
from copyproof.array.settings import ArraySettings
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer


class Mapping(Enum):
    """How an initiator sees a volume."""

    HIDDEN = "no such logical unit"
    READ_ONLY = "read only"
    READ_WRITE = "read and write"


def mapping(server: DeviceServer, initiator: str, volume: int) -> Mapping:
    """Return how an initiator sees a volume; one that does not exist is hidden from everyone."""
    if server.mappings is None:
        return Mapping.READ_WRITE if volume in server.unit.volumes() else Mapping.HIDDEN
    return server.mappings.get((initiator, volume), Mapping.HIDDEN)


def mappings(settings: ArraySettings) -> dict[tuple[str, int], Mapping] | None:
    """Return how each initiator sees each volume that is mapped to it; None where every volume is, to everyone.

    Every command asks for it.

    >>> from copyproof.array.settings import Mapped, VolumeSettings
    >>> settings = ArraySettings((VolumeSettings(1, 8),), mapped=(Mapped("host", 1, read_only=True), Mapped("host", 2)))
    >>> mappings(settings)
    {('host', 1): <Mapping.READ_ONLY: 'read only'>}
    """
    if settings.mapped is None:
        return None
    numbers = {volume.number for volume in settings.volumes}
    found: dict[tuple[str, int], Mapping] = {}
    for item in settings.mapped:
        if item.volume in numbers:
            how = Mapping.READ_ONLY if item.read_only else Mapping.READ_WRITE
            found.setdefault((item.initiator, item.volume), how)
    return found


def seen_by(server: DeviceServer, initiator: str) -> tuple[int, ...]:
    """Return the numbers of the volumes that an initiator sees, in ascending order."""
    return tuple(
        number for number in sorted(server.unit.volumes()) if mapping(server, initiator, number) is not Mapping.HIDDEN
    )


def unit_not_supported() -> CheckCondition:
    """05/25/00 LOGICAL UNIT NOT SUPPORTED: nothing is seen there."""
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x25, 0x00)


def write_protected() -> CheckCondition:
    """07/27/00 WRITE PROTECTED: the mapping is read only."""
    return CheckCondition(SenseKey.DATA_PROTECT, 0x27, 0x00)


def software_write_protected() -> CheckCondition:
    """07/27/02 LOGICAL UNIT SOFTWARE WRITE PROTECTED: SWP is set in the control mode page (SPC-4 7.5.8)."""
    return CheckCondition(SenseKey.DATA_PROTECT, 0x27, 0x02)
