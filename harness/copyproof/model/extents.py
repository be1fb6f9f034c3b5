"""An interval map from LBA ranges to where their blocks came from: splices whose cost follows the operations, not the
capacity.

Invariants, after every call: extents are in ascending order, do not overlap, are never empty, and cover exactly [0,
blocks).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sortedcontainers import SortedDict

from copyproof.blocks.origin import Origin


@dataclass(frozen=True, slots=True)
class Extent:
    """`count` blocks from `lba`; the i-th holds one of `origins`, advanced by i, likeliest first.

    Empty origins mean that nobody knows what is there.
    """

    lba: int
    count: int
    origins: tuple[Origin, ...]

    @property
    def end(self) -> int:
        """The first LBA behind the extent."""
        return self.lba + self.count

    def cut(self, lba: int, count: int) -> Extent:
        """Return the part of this extent within [lba, lba + count); the two must meet.

        >>> Extent(0, 8, (Origin(1, 100, 1),)).cut(6, 10)
        Extent(lba=6, count=2, origins=(Origin(volume=1, lba=106, generation=1),))
        """
        first, last = max(lba, self.lba), min(lba + count, self.end)
        return Extent(first, last - first, tuple(origin.advanced(first - self.lba) for origin in self.origins))


class ExtentMap:
    """The provenance of one volume of `blocks` logical blocks; at first nobody knows what it holds.

    >>> volume = ExtentMap(100)
    >>> volume.splice([Extent(10, 4, (Origin(1, 10, 7),))])
    >>> [extent.lba for extent in volume.slice(0, 100)]
    [0, 10, 14]
    """

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self._extents: SortedDict = SortedDict({0: Extent(0, blocks, ())})

    def slice(self, lba: int, count: int) -> list[Extent]:
        """Return the extents of [lba, lba + count), cut to it; raises ValueError when the range leaves the volume."""
        self._within(lba, count)
        return [extent.cut(lba, count) for extent in self._touching(lba, count)]

    def splice(self, extents: list[Extent]) -> None:
        """Replace what the given extents cover; they must not overlap one another. Raises ValueError when one leaves
        the volume."""
        for extent in extents:
            self._within(extent.lba, extent.count)
        for extent in extents:
            if extent.count:
                self._put(extent)

    def _put(self, new: Extent) -> None:
        old = self._touching(new.lba, new.count)
        for extent in old:
            del self._extents[extent.lba]
        first, last = old[0], old[-1]
        kept = [new]
        if first.lba < new.lba:
            kept.append(first.cut(first.lba, new.lba - first.lba))
        if last.end > new.end:
            kept.append(last.cut(new.end, last.end - new.end))
        self._extents.update({extent.lba: extent for extent in kept})

    def _touching(self, lba: int, count: int) -> list[Extent]:
        return list(self._iterate(lba, lba + count))

    def _iterate(self, lba: int, end: int) -> Iterator[Extent]:
        start = self._extents.keys()[self._extents.bisect_right(lba) - 1]
        for key in self._extents.irange(start, end, inclusive=(True, False)):
            if key < end:
                yield self._extents[key]

    def _within(self, lba: int, count: int) -> None:
        if lba < 0 or count < 0 or lba + count > self.blocks:
            raise ValueError(f"blocks {lba} to {lba + count} are not within a volume of {self.blocks} blocks")
