"""The difference bitmap of a volume: one bit for each grain of it, the last grain as short as the volume leaves it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class Grains:
    """A set of grains of `grain` blocks on a volume of `blocks` blocks, at least one; empty at first.

    >>> marked = Grains(blocks=10, grain=4)
    >>> marked.mark(3, 2)
    >>> marked.blocks, list(marked.runs(9))
    (8, [(0, 8)])
    >>> marked.mark(9, 1)
    >>> marked.blocks, list(marked.runs(9))
    (10, [(0, 10)])
    """

    def __init__(self, blocks: int, grain: int) -> None:
        self.total = blocks
        self.grain = grain
        self.bits: NDArray[np.bool_] = np.zeros(-(-blocks // grain), np.bool_)

    def span(self, lba: int, count: int) -> slice:
        """Return which grains `count` blocks from `lba` lie in."""
        return slice(lba // self.grain, -(-(lba + count) // self.grain)) if count else slice(0, 0)

    def mark(self, lba: int, count: int) -> None:
        """Put the grains of these blocks in."""
        self.bits[self.span(lba, count)] = True

    def clear(self, lba: int, count: int) -> None:
        """Take the grains of these blocks out."""
        self.bits[self.span(lba, count)] = False

    def fill(self) -> None:
        """Put every grain in."""
        self.bits[:] = True

    def empty(self) -> None:
        """Take every grain out."""
        self.bits[:] = False

    def join(self, *others: Grains) -> None:
        """Put in what is in any of the others."""
        for other in others:
            self.bits |= other.bits

    def __bool__(self) -> bool:
        return bool(self.bits.any())

    @property
    def blocks(self) -> int:
        """How many blocks the grains of the set have."""
        missing = self.bits.size * self.grain - self.total
        return int(np.count_nonzero(self.bits)) * self.grain - (missing if self.bits[-1] else 0)

    def runs(self, limit: int, lba: int = 0, count: int | None = None) -> Iterator[tuple[int, int]]:
        """Give the first `limit` grains of the set as runs of blocks (LBA, count), of those that `count` blocks from
        `lba` lie in, or of all."""
        window = self.span(lba, self.total - lba if count is None else count)
        found = np.flatnonzero(self.bits[window])[:limit] + window.start
        ends = np.flatnonzero(found[1:] - found[:-1] > 1).tolist()
        for first, last in zip([0, *(end + 1 for end in ends)], [*ends, -1], strict=True) if found.size else []:
            start = int(found[first]) * self.grain
            yield start, min((int(found[last]) + 1) * self.grain, self.total) - start
