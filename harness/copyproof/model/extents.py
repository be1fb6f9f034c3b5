"""The provenance of one volume: which ranges of blocks came from where, and what label they must carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copyproof.blocks.origin import Content
from copyproof.model.held import UNKNOWN, Held, Label, contents, label_of, older_or
from copyproof.model.rangemap import Piece, RangeMap


@dataclass(frozen=True, slots=True)
class Extent:
    """`count` blocks from `lba`; the i-th holds one of `origins`, advanced by i, likeliest first and newest last.

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
    """What the `blocks` logical blocks of a volume hold; at first nobody knows.

    >>> from copyproof.blocks.origin import Origin
    >>> from copyproof.model.held import held_of
    >>> volume = ExtentMap(100)
    >>> volume.put(10, 4, held_of(10, Origin(1, 10, 7)))
    >>> [extent.lba for extent in volume.slice(0, 100)]
    [0, 10, 14]
    """

    __slots__ = ()

    def __init__(self, blocks: int) -> None:
        super().__init__(blocks, UNKNOWN)

    def slice(self, lba: int, count: int) -> list[Extent]:
        """Return the extents of [lba, lba + count), cut to it; raises ValueError when the range leaves the volume."""
        return [
            Extent(start, end - start, contents(held, start), label_of(held))
            for start, end, held in self.pieces(lba, count)
        ]


def overlaid(one: Sequence[Piece[Held]], other: Sequence[Piece[Held]]) -> Iterator[Piece[tuple[Held, Held]]]:
    """Give two coverings of one range as one, with what both hold."""
    at = 0
    for lba, end, held in one:
        while lba < end:
            stop = min(end, other[at].end)
            yield Piece(lba, stop, (held, other[at].value))
            at += other[at].end == stop
            lba = stop


def either(old: Sequence[Piece[Held]], new: Sequence[Piece[Held]]) -> list[Piece[Held]]:
    """Join two coverings of one range into one that allows what either holds."""
    return [Piece(lba, end, older_or(*both)) for lba, end, both in overlaid(old, new)]
