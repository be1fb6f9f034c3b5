"""What a random sequence is made of: each operation says what it touches and how it is carried out.

An operation is a frozen value, so that a sequence can be shrunk, printed and played again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from copyproof.blocks.origin import lba_range
from copyproof.fuzz.ground import Ground
from copyproof.model.controller import Transfer
from copyproof.plugin.arrange import Arrangement
from copyproof.plugin.bench import NAMES, ROLES, Bench
from copyproof.plugin.pairing import Couple
from copyproof.scsi.cdb import write16
from copyproof.scsi.command import Command, Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.provisioning import unmap, write_same16
from copyproof.scsi.spoil import Spoiler, cut, spoil, together

if TYPE_CHECKING:
    from copyproof.fuzz.pair_operations import Order

GOOD = Outcome(Status.GOOD)


class Range(NamedTuple):
    """`blocks` blocks of a volume from `lba` on.

    >>> str(Range(1, 8, 4))
    'source LBA 8 to 11'
    """

    volume: int
    lba: int
    blocks: int

    def __str__(self) -> str:
        return f"{NAMES[self.volume]} {lba_range(self.lba, self.blocks)}"


def merged(ranges: list[Range]) -> Iterator[Range]:
    """Yield the same blocks, each once, in order.

    >>> [tuple(part) for part in merged([Range(1, 8, 8), Range(1, 0, 9), Range(2, 0, 1)])]
    [(1, 0, 16), (2, 0, 1)]
    """
    last: Range | None = None
    for part in sorted(ranges):
        if last and last.volume == part.volume and part.lba <= last.lba + last.blocks:
            end = max(last.lba + last.blocks, part.lba + part.blocks)
            last = Range(last.volume, last.lba, end - last.lba)
            continue
        if last:
            yield last
        last = part
    if last:
        yield last


class Hands(Protocol):
    """What an operation acts with: the player."""

    bench: Bench
    ground: Ground

    def stamp(self, at: Range) -> None:
        """Let the host write stamped blocks through the block node, and tell the model."""
        ...

    def send(self, volume: int, command: Command, excuse: str = "") -> Outcome:
        """Send a command to a volume's unit, and tell the model how it ended.

        `excuse` names the requirement of which the profile may know a deviation. Raises what the player's does.
        """
        ...

    def read(self, at: Range) -> Outcome:
        """Read blocks by a command, and judge its outcome and the blocks."""
        ...

    def reset(self, volume: int) -> None:
        """Reset a volume's unit, and drain the unit attentions that follow."""
        ...

    def order(self, order: Order) -> None:
        """Order something of a pair, and judge answer and state."""
        ...

    def idle(self, ticks: int) -> None:
        """Let time pass."""
        ...

    def await_end(self, couple: Couple) -> None:
        """Wait until nothing is under way of a pair."""
        ...


class Operation(Protocol):
    """One step of a sequence."""

    def ranges(self, ground: Ground) -> Iterator[Range]:
        """Yield the blocks that it reads or may write, within the volumes."""
        ...

    def act(self, hands: Hands) -> Outcome:
        """Carry it out and return how it ended; what is no command ends in GOOD."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """The host writes stamped blocks, through the block node or by a WRITE command."""

    at: Range
    by_command: bool = False

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield the blocks that are written."""
        yield self.at

    def act(self, hands: Hands) -> Outcome:
        """Write, with the generation that the model will know next."""
        if not self.by_command:
            hands.stamp(self.at)
            return GOOD
        volume, lba, blocks = self.at
        stamper, generation = hands.bench.stamper, hands.bench.generation + 1
        data = stamper.make(volume, lba, blocks, generation)
        return hands.send(volume, write16(lba, data.tobytes(), stamper.block_size))

    def __str__(self) -> str:
        return f"write {self.at}{' by command' if self.by_command else ''}"


@dataclass(frozen=True, slots=True)
class Zero:
    """WRITE SAME with a block of zeros."""

    at: Range

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield the blocks that are zeroed."""
        yield self.at

    def act(self, hands: Hands) -> Outcome:
        """Send the WRITE SAME(16)."""
        zeros = bytes(hands.bench.stamper.block_size)
        return hands.send(self.at.volume, write_same16(self.at.lba, self.at.blocks, zeros))

    def __str__(self) -> str:
        return f"write zeros to {self.at}"


@dataclass(frozen=True, slots=True)
class Unmap:
    """UNMAP of one range."""

    at: Range

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield the blocks that are unmapped."""
        yield self.at

    def act(self, hands: Hands) -> Outcome:
        """Send the UNMAP."""
        return hands.send(self.at.volume, unmap(self.at.lba, self.at.blocks))

    def __str__(self) -> str:
        return f"unmap {self.at}"


@dataclass(frozen=True, slots=True)
class Verify:
    """Read back and compare."""

    at: Range

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield the blocks that are read."""
        yield self.at

    def act(self, hands: Hands) -> Outcome:  # noqa: ARG002
        """Do nothing: the comparison that follows every operation reads them."""
        return GOOD

    def __str__(self) -> str:
        return f"verify {self.at}"


@dataclass(frozen=True, slots=True)
class Reset:
    """LOGICAL UNIT RESET of one volume; the unit attentions that follow are drained."""

    volume: int

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield nothing: it moves no data."""
        yield from ()

    def act(self, hands: Hands) -> Outcome:
        """Reset it."""
        hands.reset(self.volume)
        return GOOD

    def __str__(self) -> str:
        return f"reset {NAMES[self.volume]}"


class Flaw(Enum):
    """What is wrong with a copy's parameter list, and the requirement that says how it must end; nothing is written."""

    NONE = ""
    LIST_CUT = "XC1-LIST-SHORT"
    CSCD_CUT = "XC1-CSCD-CUT"
    CSCD_TYPE = "XC1-CSCD-TYPE"
    UNKNOWN_SOURCE = "XC1-UNKNOWN-NAA"
    SEGMENT_TYPE = "XC1-SEG-TYPE"
    SEGMENT_LENGTH = "XC1-SEG-LENGTH"
    SEGMENT_INDEX = "XC1-SEG-INDEX"

    @property
    def spoils(self) -> bool:
        """Whether there is one at all."""
        return self is not Flaw.NONE

    def spoiler(self, ground: Ground) -> Spoiler:
        """Return the edit of the parameter list; ValueError for NONE, which needs none."""
        nobody = Arrangement.nobody(0)
        segment, cscd = ground.strange or (0, 0)
        found = {
            Flaw.LIST_CUT: cut(15),
            Flaw.CSCD_CUT: cut(16 + 32 + 31),
            Flaw.CSCD_TYPE: together(spoil("cscd[0].type", cscd), nobody),
            Flaw.UNKNOWN_SOURCE: nobody,
            Flaw.SEGMENT_TYPE: spoil("segment[0].type", segment),
            Flaw.SEGMENT_LENGTH: spoil("segment[0].length", 0x17),
            Flaw.SEGMENT_INDEX: spoil("segment[0].source_index", 7),
        }
        if self not in found:
            raise ValueError("a copy without flaw is not spoilt")
        return found[self]


@dataclass(frozen=True, slots=True)
class Copy:
    """EXTENDED COPY, sent to the unit of the first source or, `by_destination`, to that of the first destination.

    >>> copy = Copy((Transfer(1, 0, 1, 4, 8),))
    >>> str(copy), copy.overlapping
    ('copy source LBA 0 to 7 to source 4', True)
    """

    segments: tuple[Transfer, ...]
    by_destination: bool = False
    flaw: Flaw = Flaw.NONE

    def ranges(self, ground: Ground) -> Iterator[Range]:
        """Yield source and destination of each segment, cut to their volumes."""
        for part in self.segments:
            for volume, lba in ((part.source, part.source_lba), (part.destination, part.destination_lba)):
                yield Range(volume, lba, min(part.blocks, ground.blocks(volume) - lba))

    def act(self, hands: Hands) -> Outcome:
        """Send the EXTENDED COPY, spoilt where it has a flaw."""
        first = self.segments[0]
        via = first.destination if self.by_destination else first.source
        order = Arrangement(hands.bench).order(list(self.segments), ROLES[via])
        spoilt = order.spoilt(self.flaw.spoiler(hands.ground)) if self.flaw.spoils else order
        excuse = "XC1-PAST-END" if self.beyond(hands.ground) else self.flaw.value
        return hands.send(via, spoilt.command, excuse)

    def beyond(self, ground: Ground) -> bool:
        """Whether a segment reaches past the end of a volume."""
        return any(_over(part, ground) > 0 for part in self.segments)

    def at_end(self, ground: Ground) -> bool:
        """Whether a segment ends at the last LBA of a volume."""
        return any(_over(part, ground) == 0 for part in self.segments)

    @property
    def overlapping(self) -> bool:
        """Whether the source and the destination of a segment have blocks in common."""
        return any(
            part.source == part.destination and abs(part.source_lba - part.destination_lba) < part.blocks
            for part in self.segments
        )

    def __str__(self) -> str:
        parts = (
            f"{Range(part.source, part.source_lba, part.blocks)} to {NAMES[part.destination]} {part.destination_lba}"
            for part in self.segments
        )
        sent = ", sent to the destination" if self.by_destination else ""
        spoilt = f", spoilt for {self.flaw.value}" if self.flaw.spoils else ""
        return f"copy {' and '.join(parts)}{sent}{spoilt}"


def _over(part: Transfer, ground: Ground) -> int:
    """How many blocks a segment reaches past the end of either volume; 0 when it ends there, below when before."""
    ends = ((part.source, part.source_lba), (part.destination, part.destination_lba))
    return max(lba + part.blocks - ground.blocks(volume) for volume, lba in ends)
