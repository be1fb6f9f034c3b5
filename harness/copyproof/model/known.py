"""What the model knows of a target's units and of its copy manager when it predicts a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from copyproof.scsi.answers import OperatingParameters
from copyproof.scsi.designator import Designator


class Access(Enum):
    """What the initiator that sends the commands, and with it the copy manager, may do with a unit.

    RESERVED is reserved for another initiator, UNREACHABLE mapped to others only.
    """

    WRITABLE = "writable"
    READ_ONLY = "read-only"
    RESERVED = "reserved"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """A logical unit: its volume number, its NAA as 16 or 32 hex digits, its size in blocks of `block_size` bytes.

    `protection` is the T10 PI type (0 for none), `device_type` the peripheral device type, `zeroed` whether unmapped
    blocks read as zeros (LBPRZ). Only whole granules are surely unmapped: of `granule` blocks each (0: not known), the
    first of them at `granules_from` (VPD page B0h).
    """

    volume: int
    naa: str
    blocks: int
    block_size: int = 512
    protection: int = 0
    device_type: int = 0
    access: Access = Access.WRITABLE
    zeroed: bool = False
    granule: int = 0
    granules_from: int = 0

    @property
    def designator(self) -> Designator:
        """The designator that the unit answers to."""
        return Designator.of_naa(self.naa)

    def room(self, lba: int, blocks: int) -> int:
        """Return how many of `blocks` blocks from `lba` on lie within the unit.

        >>> KnownUnit(1, "5001405aabbccdde", 100).room(96, 8)
        4
        """
        return max(0, min(blocks, self.blocks - lba))

    def granules(self, lba: int, blocks: int) -> tuple[int, int]:
        """Return the first block and the count of the whole granules within `blocks` blocks from `lba` on.

        >>> KnownUnit(1, "5001405aabbccdde", 100, granule=8, granules_from=1).granules(4, 20)
        (9, 8)
        """
        if not self.granule:
            return lba, 0
        first = lba + (self.granules_from - lba) % self.granule
        return first, max(0, lba + blocks - first) // self.granule * self.granule


@dataclass(frozen=True, slots=True)
class Fault:
    """`blocks` blocks of a volume from `lba` on that cannot be read: a read ends in CHECK CONDITION with `sense`,
    key/ASC/ASCQ in hex."""

    volume: int
    lba: int
    blocks: int
    sense: str

    def reached(self, volume: int, lba: int, blocks: int) -> int | None:
        """Return how many blocks a read from `lba` on gets before it meets the fault, None where it meets none.

        >>> Fault(1, 10, 2, "03/11/00").reached(1, 8, 4)
        2
        """
        meets = volume == self.volume and lba < self.lba + self.blocks and self.lba < lba + blocks
        return max(0, self.lba - lba) if meets else None


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """All that is known. `parameters` are the copy manager's limits, None where it does not tell; `identifiers` are
    the list identifiers of copies that it may still know, `active` those of copies in progress.

    Of what is optional: `copies` says whether EXTENDED COPY(LID1) is there, `lists_opcodes` REPORT SUPPORTED OPERATION
    CODES, `pages` which VPD pages are; None, and a page not named, where nobody asked.
    """

    units: tuple[KnownUnit, ...]
    parameters: OperatingParameters | None = None
    faults: tuple[Fault, ...] = ()
    identifiers: frozenset[int] = frozenset()
    active: frozenset[int] = frozenset()
    copies: bool | None = None
    lists_opcodes: bool | None = None
    pages: Mapping[int, bool | None] = field(default_factory=dict)

    def unit(self, volume: int) -> KnownUnit:
        """Return a unit by its volume number; raises KeyError when the target has none such."""
        found = next((unit for unit in self.units if unit.volume == volume), None)
        if found is None:
            raise KeyError(f"the model knows no volume {volume}")
        return found

    def named(self, designator: Designator) -> KnownUnit | None:
        """Return the unit that answers to a designator, which is its NAA."""
        wanted = designator.naa
        return next((unit for unit in self.units if wanted and unit.naa.lower() == wanted), None)
