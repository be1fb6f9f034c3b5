"""A map from ranges of LBAs to values: a splice costs what it replaces, whatever the capacity."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import chain
from typing import Generic, NamedTuple, Self, TypeVar

V = TypeVar("V")

# Where a list is cut in two: short enough to insert in, long enough that there are few lists.
_LONG = 1024


class Piece(NamedTuple, Generic[V]):
    """The blocks from `lba` up to, not including, `end`; all have `value`."""

    lba: int
    end: int
    value: V


class RangeMap(Generic[V]):
    """A value for each of `blocks` logical blocks, all `value` at first.

    Invariants, after every call: the pieces are in ascending order, never empty, cover exactly [0, blocks), and no two
    neighbours have equal values, so that there are as few of them as there can be.

    Where pieces begin, and their values, are kept in lists of lists, as sortedcontainers does; with its `SortedDict`
    the same splices took 1.7 times as long.

    >>> changed = RangeMap(100, False)
    >>> changed.put(10, 4, True)
    >>> changed.put(14, 2, True)
    >>> [tuple(piece) for piece in changed.pieces(0, 20)]
    [(0, 10, False), (10, 16, True), (16, 20, False)]
    """

    __slots__ = ("_firsts", "_starts", "_values", "blocks")

    def __init__(self, blocks: int, value: V) -> None:
        self.blocks = blocks
        self._firsts = [0]
        self._starts: list[list[int]] = [[0]]
        self._values: list[list[V]] = [[value]]

    def __len__(self) -> int:
        return sum(map(len, self._starts))

    def pieces(self, lba: int, count: int) -> list[Piece[V]]:
        """Return the pieces of [lba, lba + count), cut to it; raises ValueError when the range leaves the volume."""
        end = self._within(lba, count)
        if not count:
            return []
        first, last = bisect_right(self._firsts, lba) - 1, bisect_left(self._firsts, end) - 1
        begin, stop = bisect_right(self._starts[first], lba) - 1, bisect_left(self._starts[last], end)
        starts = _flat(self._starts, first, begin, last, stop)
        starts[0] = lba
        return list(map(Piece, starts, [*starts[1:], end], _flat(self._values, first, begin, last, stop)))

    def put(self, lba: int, count: int, value: V) -> None:
        """Give the blocks [lba, lba + count) a value; raises ValueError when they leave the volume."""
        end = self._within(lba, count)
        if count:
            self.splice((Piece(lba, end, value),))

    def splice(self, pieces: Sequence[Piece[V]]) -> None:
        """Replace what the pieces cover; each must begin where the one before it ends. Raises ValueError when they
        leave the volume."""
        if not pieces:
            return
        lba, end = pieces[0].lba, pieces[-1].end
        self._within(lba, end - lba)
        first, last = bisect_right(self._firsts, lba) - 1, bisect_right(self._firsts, end) - 1
        begin, stop = bisect_left(self._starts[first], lba), bisect_right(self._starts[last], end)
        after = self._values[last][stop - 1]
        starts, values = [], []
        before = self._before(first, begin) if lba else _NOTHING
        for piece in (*pieces, Piece(end, end, after)) if end < self.blocks else pieces:
            if piece.value != before:
                before = piece.value
                starts.append(piece.lba)
                values.append(before)
        self._exchange(first, begin, last, stop, starts, values)

    def copy(self) -> Self:
        """Return a map of its own that holds the same; costs as much as there are pieces."""
        twin = self.__new__(type(self))
        twin.blocks, twin._firsts = self.blocks, self._firsts.copy()
        twin._starts, twin._values = [list(each) for each in self._starts], [list(each) for each in self._values]
        return twin

    def _before(self, at: int, position: int) -> V:
        """Return the value of the piece before a position; there must be one."""
        return self._values[at][position - 1] if position else self._values[at - 1][-1]

    def _exchange(self, first: int, begin: int, last: int, stop: int, starts: list[int], values: list[V]) -> None:
        """Put what begins and its values into the place of what is there from one position up to another."""
        if first == last:
            self._starts[first][begin:stop], self._values[first][begin:stop] = starts, values
        else:
            self._starts[first][begin:] = starts + self._starts[last][stop:]
            self._values[first][begin:] = values + self._values[last][stop:]
            gone = slice(first + 1, last + 1)
            del self._starts[gone], self._values[gone], self._firsts[gone]
        self._balance(first)

    def _balance(self, at: int) -> None:
        """Cut a list that grew too long, and drop one that is empty; the first never is, for it holds LBA 0."""
        starts, values = self._starts[at], self._values[at]
        if not starts:
            del self._starts[at], self._values[at], self._firsts[at]
            return
        self._firsts[at] = starts[0]
        if len(starts) > _LONG:
            cuts = range(0, len(starts), _LONG // 2)
            self._starts[at : at + 1] = [starts[cut : cut + _LONG // 2] for cut in cuts]
            self._values[at : at + 1] = [values[cut : cut + _LONG // 2] for cut in cuts]
            self._firsts[at : at + 1] = [starts[cut] for cut in cuts]

    def _within(self, lba: int, count: int) -> int:
        end = lba + count
        if lba < 0 or count < 0 or end > self.blocks:
            raise ValueError(f"blocks {lba} to {end} are not within a volume of {self.blocks} blocks")
        return end


_NOTHING = object()
T = TypeVar("T")


def _flat(lists: list[list[T]], first: int, begin: int, last: int, stop: int) -> list[T]:
    """Return the items from one position up to another as one list."""
    if first == last:
        return lists[first][begin:stop]
    return [*lists[first][begin:], *chain.from_iterable(lists[first + 1 : last]), *lists[last][:stop]]
