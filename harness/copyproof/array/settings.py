"""What an array is made of, and how it works: frozen values.

>>> array = ArraySettings(volumes=(VolumeSettings(1, 2048), VolumeSettings(2, 2048)))
>>> array.raid.name, array.members, array.slot_blocks, array.unit_blocks
('RAID5', 5, 1024, 128)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path

from copyproof.array.core.pair_rules import PairRules
from copyproof.array.defects import Defect
from copyproof.errors import UsageError

CACHE_BYTES = 10_000_000_000
"""The size of the cache of the reference (10 gigabytes, CTL-16)."""


class Exchange(Enum):
    """Where the address change unit exchanges the label of a block on its way from slot A to slot B."""

    IN_BUFFER = "in the unit's buffer, between A and B"
    AFTER_MOVE = "in B, after the move and before the destage"
    SINGLE_BUFFER = "in the one slot that the block passes through"


class RaidLevel(IntEnum):
    """How the members of the group protect each other."""

    RAID1 = 1
    RAID5 = 5


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """A volume: its number (0 to FFFEh, also the application tag of its blocks), blocks, NAA designator and serial.

    `naa` is hexadecimal without 0x, 16 or 32 digits; empty, and the array makes one from the volume's number.
    """

    number: int
    blocks: int
    naa: str = ""
    serial: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.number < 0xFFFF:
            raise UsageError(f"volume number {self.number}: must be from 0 to {0xFFFE}")
        if self.blocks < 1:
            raise UsageError(f"volume {self.number}: a volume has at least one block, not {self.blocks}")


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """What the copy manager takes in one list and at one time (operating parameters of RECEIVE COPY RESULTS).

    `inline_bytes` is 0, since no segment type takes inline data; `held_bytes` are kept of the data that a segment asks
    to hold. A copy in the background moves `chunk_blocks` in a tick, and looks that often whether it is aborted.
    A token represents at most `token_bytes`, all tokens together `tokens_bytes`, and a list names at most `ranges`.
    Inactivity timeouts are in seconds; the array's clock makes `ticks_per_second`.
    """

    cscds: int = 16
    segments: int = 16
    list_bytes: int = 4096
    segment_bytes: int = 16 << 20
    inline_bytes: int = 0
    concurrent: int = 8
    held_bytes: int = 1 << 20
    chunk_blocks: int = 4096
    ranges: int = 16
    token_bytes: int = 64 << 20
    tokens_bytes: int = 256 << 20
    default_timeout: int = 60
    maximum_timeout: int = 600
    ticks_per_second: int = 10


@dataclass(frozen=True, slots=True)
class Mapped:
    """A volume that an initiator sees as a logical unit, perhaps only to read."""

    initiator: str
    volume: int
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ArraySettings:
    """The whole array. Raises UsageError for values that do not go together.

    `protection` is the T10 protection type of all volumes (0: none on the wire; labels are kept inside all the same).
    `folder` holds sparse files, one pair a member; None keeps the members in memory. `cache_bytes` and `slot_bytes` are
    bytes of payload, `unit_bytes` those of a stripe unit; a slot is a whole number of units. `pace` is the number of
    slots that each kind of background work may do a tick. `mapped` is what each initiator sees; None shows every volume
    to everyone.
    """

    volumes: tuple[VolumeSettings, ...]
    block_size: int = 512
    protection: int = 1
    raid: RaidLevel = RaidLevel.RAID5
    members: int = 5
    folder: Path | None = None
    cache_bytes: int = CACHE_BYTES
    slot_bytes: int = 512 << 10
    unit_bytes: int = 64 << 10
    exchange: Exchange = Exchange.IN_BUFFER
    pace: int = 16
    copy: CopyLimits = field(default_factory=CopyLimits)
    pairs: PairRules = field(default_factory=PairRules)
    seed: int = 0
    defects: frozenset[Defect] = frozenset()
    mapped: tuple[Mapped, ...] | None = None

    def __post_init__(self) -> None:
        for wrong, said in self._complaints():
            if wrong:
                raise UsageError(said)

    def _complaints(self) -> tuple[tuple[bool, str], ...]:
        numbers = [volume.number for volume in self.volumes]
        least = 3 if self.raid is RaidLevel.RAID5 else 2
        return (
            (not numbers, "an array has at least one volume"),
            (len(set(numbers)) < len(numbers), f"volume numbers must differ, not {numbers}"),
            (self.block_size not in (512, 4096), f"block_size {self.block_size}: must be 512 or 4096"),
            (self.protection not in range(4), f"protection {self.protection}: must be 0, 1, 2 or 3"),
            (self.members < least, f"members {self.members}: {self.raid.name} has at least {least}"),
            (
                self.unit_bytes < self.block_size or self.unit_bytes % self.block_size != 0,
                f"unit_bytes {self.unit_bytes}: must be a whole number of blocks of {self.block_size} bytes",
            ),
            (
                self.slot_bytes < self.unit_bytes or self.slot_bytes % self.unit_bytes != 0,
                f"slot_bytes {self.slot_bytes}: must be a whole number of stripe units of {self.unit_bytes} bytes",
            ),
            (
                self.cache_bytes < 4 * self.slot_bytes,
                f"cache_bytes {self.cache_bytes}: must be at least four slots of {self.slot_bytes} bytes",
            ),
            (self.pace < 1, f"pace {self.pace}: must be at least 1"),
            (
                self.pairs.grain < self.block_size or self.pairs.grain % self.block_size != 0,
                f"pairs.grain {self.pairs.grain}: must be a whole number of blocks of {self.block_size} bytes",
            ),
        )

    @property
    def slot_blocks(self) -> int:
        """Blocks of a cache slot."""
        return self.slot_bytes // self.block_size

    @property
    def unit_blocks(self) -> int:
        """Blocks of a stripe unit."""
        return self.unit_bytes // self.block_size
