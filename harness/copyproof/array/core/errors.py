"""What can go wrong inside the array. The device server turns each into sense data; none reaches a caller outside.

>>> str(LabelFault(LabelKind.GUARD, 2, 0x40))
'volume 2, LBA 64: the guard tag is wrong'
"""

from __future__ import annotations

from enum import Enum

from copyproof.errors import DeviceError


class ArrayFault(DeviceError):
    """The root of all faults inside the array."""


class LabelKind(Enum):
    """The field of a label that is wrong, in the order of their checks (SBC-4 4.21)."""

    GUARD = "guard"
    APPLICATION = "application"
    REFERENCE = "reference"


class LabelFault(ArrayFault):
    """The label of a block does not go with its payload, its volume or its LBA."""

    def __init__(self, kind: LabelKind, volume: int, lba: int) -> None:
        super().__init__(f"volume {volume}, LBA {lba}: the {kind.value} tag is wrong")
        self.kind, self.volume, self.lba = kind, volume, lba


class MediumFault(ArrayFault):
    """A block is lost: more members are missing than the RAID level makes up for."""

    def __init__(self, volume: int, lba: int) -> None:
        super().__init__(f"volume {volume}, LBA {lba}: too few members left to read or write")
        self.volume, self.lba = volume, lba


class AccessFault(ArrayFault):
    """The state of a pair does not allow this access."""

    def __init__(self, volume: int, reason: str) -> None:
        super().__init__(f"volume {volume}: {reason}")
        self.volume, self.reason = volume, reason


class BusyFault(AccessFault):
    """The state of a pair allows no access at all for a while: the volume is being restored or set free."""


class OutOfRange(ArrayFault):
    """The blocks asked for are not all on the volume; `lba` is the first that is not."""

    def __init__(self, volume: int, lba: int) -> None:
        super().__init__(f"volume {volume}: no LBA {lba}")
        self.volume, self.lba = volume, lba


class NoVolume(ArrayFault):
    """There is no volume of this number."""

    def __init__(self, volume: int) -> None:
        super().__init__(f"there is no volume {volume}")
        self.volume = volume
