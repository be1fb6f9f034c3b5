"""A map from ranges of LBAs to values: a splice costs what it replaces, whatever the capacity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, NamedTuple, Self, TypeVar

from sortedcontainers import SortedDict

V = TypeVar("V")


class Piece(NamedTuple, Generic[V]):
    """The blocks from `lba` up to, not including, `end`; all have `value`."""

    lba: int
    end: int
    value: V


class RangeMap(Generic[V]):
    """A value for each of `blocks` logical blocks, all `value` at first.

    Invariants, after every call: the pieces are in ascending order, never empty, cover exactly [0, blocks), and no two
    neighbours have equal values, so that there are as few of them as there can be.

    >>> changed = RangeMap(100, False)
    >>> changed.put(10, 4, True)
    >>> changed.put(14, 2, True)
    >>> [tuple(piece) for piece in changed.pieces(0, 20)]
    [(0, 10, False), (10, 16, True), (16, 20, False)]
    """

    __slots__ = ("_values", "blocks")

    def __init__(self, blocks: int, value: V) -> None:
        self.blocks = blocks
        self._values: SortedDict = SortedDict({0: value})

    def __len__(self) -> int:
        return len(self._values)

    def pieces(self, lba: int, count: int) -> list[Piece[V]]:
        """Return the pieces of [lba, lba + count), cut to it; raises ValueError when the range leaves the volume."""
        end = self._within(lba, count)
        if not count:
            return []
        values = self._values
        held = [values.peekitem(values.bisect_right(lba) - 1)[1]]
        starts = [lba, *values.irange(lba, end, (False, False))]
        held += [values[start] for start in starts[1:]]
        return [Piece(start, stop, value) for (start, stop), value in zip(pairwise([*starts, end]), held, strict=True)]

    def put(self, lba: int, count: int, value: V) -> None:
        """Give the blocks [lba, lba + count) a value; raises ValueError when they leave the volume."""
        end = self._within(lba, count)
        if count:
            self.splice([Piece(lba, end, value)])

    def splice(self, pieces: Sequence[Piece[V]]) -> None:
        """Replace what the pieces cover; each must begin where the one before it ends. Raises ValueError when they
        leave the volume."""
        if not pieces:
            return
        lba, end = pieces[0].lba, pieces[-1].end
        self._within(lba, end - lba)
        values = self._values
        before = values.peekitem(values.bisect_left(lba) - 1)[1] if lba else _NONE
        doomed = list(values.irange(lba, end))
        after = values[doomed[-1]] if doomed else before
        for start in doomed:
            del values[start]
        for start, _, value in pieces:
            if value != before:
                values[start] = before = value
        if end < self.blocks and after != before:
            values[end] = after

    def copy(self) -> Self:
        """Return a map of its own that holds the same; costs as much as there are pieces."""
        twin = self.__new__(type(self))
        twin.blocks, twin._values = self.blocks, self._values.copy()
        return twin

    def _within(self, lba: int, count: int) -> int:
        end = lba + count
        if lba < 0 or count < 0 or end > self.blocks:
            raise ValueError(f"blocks {lba} to {end} are not within a volume of {self.blocks} blocks")
        return end


_NONE = object()
