"""What ranges of blocks hold: where it came from, and what label it must carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from copyproof.blocks.origin import ZEROS, Content, Origin, Zeros
from copyproof.model.rangemap import Piece, RangeMap


class Label(Enum):
    """What the label (T10 tuple) of a block must be."""

    OWN = "own"
    """Exchanged for the block's own place: its reference tag, and the guard of its data."""
    ESCAPE = "escape"
    """All FFh, as of an unmapped block (SBC-4 4.21): it checks nothing."""
    UNKNOWN = "unknown"


class Shifted(NamedTuple):
    """An origin told by its distance, so that it is the same for all consecutive blocks: the block at an LBA comes from
    `volume`, LBA + `shift`, of `generation`."""

    volume: int
    shift: int
    generation: int


class Held(NamedTuple):
    """What each block of a range holds: one of `allowed`, likeliest first and newest last; empty when nobody knows.

    >>> Held.of(50, Origin(1, 0, 3)).contents(52)
    (Origin(volume=1, lba=2, generation=3),)
    """

    allowed: tuple[Shifted | Zeros, ...]
    label: Label

    @classmethod
    def of(cls, lba: int, content: Content, label: Label = Label.OWN) -> Held:
        """Return that the block at `lba` holds `content`, and the next ones what follows it."""
        return cls((_shifted(lba, content),), label)

    def contents(self, lba: int) -> tuple[Content, ...]:
        """Return what the block at `lba` may hold."""
        return tuple(
            ZEROS if one is ZEROS else Origin(one.volume, lba + one.shift, one.generation) for one in self.allowed
        )

    def moved(self, blocks: int) -> Held:
        """Return what a copy makes of it, `blocks` higher up: the same contents under a label of the new place."""
        moved = tuple(
            [one if one is ZEROS else Shifted(one.volume, one.shift - blocks, one.generation) for one in self.allowed]
        )
        return Held(moved, Label.OWN)

    def or_else(self, newer: Held) -> Held:
        """Return what allows either; nobody knows as soon as one of them is not known."""
        label = self.label if self.label is newer.label else Label.UNKNOWN
        if not self.allowed or not newer.allowed:
            return Held((), label)
        return Held((*[one for one in self.allowed if one not in newer.allowed], *newer.allowed), label)

    def seen(self, lba: int, content: Content) -> Held:
        """Return what is left once the block at `lba` was seen to hold `content`; raises ValueError when that is not
        allowed."""
        one = _shifted(lba, content)
        if self.allowed and one not in self.allowed:
            told = " or ".join(allowed.told({}) for allowed in self.contents(lba))
            raise ValueError(f"LBA {lba} was seen to hold {content.told({})}, which is not {told}")
        return Held((one,), self.label)


UNKNOWN = Held((), Label.UNKNOWN)


def _shifted(lba: int, content: Content) -> Shifted | Zeros:
    if isinstance(content, Zeros):
        return content
    return Shifted(content.volume, content.lba - lba, content.generation)


@dataclass(frozen=True, slots=True)
class Extent:
    """`count` blocks from `lba`; the i-th holds one of `origins`, advanced by i, likeliest first.

    Empty origins mean that nobody knows what is there. `label` is what the label of each block must be.
    """

    lba: int
    count: int
    origins: tuple[Content, ...]
    label: Label = Label.UNKNOWN

    @property
    def end(self) -> int:
        """The first LBA behind the extent."""
        return self.lba + self.count


class ExtentMap(RangeMap[Held]):
    """The provenance of one volume of `blocks` logical blocks; at first nobody knows what it holds.

    >>> volume = ExtentMap(100)
    >>> volume.put(10, 4, Held.of(10, Origin(1, 10, 7)))
    >>> [extent.lba for extent in volume.slice(0, 100)]
    [0, 10, 14]
    """

    __slots__ = ()

    def __init__(self, blocks: int) -> None:
        super().__init__(blocks, UNKNOWN)

    def slice(self, lba: int, count: int) -> list[Extent]:
        """Return the extents of [lba, lba + count), cut to it; raises ValueError when the range leaves the volume."""
        return [
            Extent(start, end - start, held.contents(start), held.label) for start, end, held in self.pieces(lba, count)
        ]


def either(old: Sequence[Piece[Held]], new: Sequence[Piece[Held]]) -> list[Piece[Held]]:
    """Join two coverings of one range into one that allows what either holds."""
    joined: list[Piece[Held]] = []
    at = 0
    for lba, end, held in old:
        while lba < end:
            stop = min(end, new[at].end)
            joined.append(Piece(lba, stop, held.or_else(new[at].value)))
            at += new[at].end == stop
            lba = stop
    return joined
