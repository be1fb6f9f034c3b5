"""What blocks should hold, block by block.

>>> expected = Expected.run(Origin(1, 16, 1), 2).then(Expected.zeros(1)).then(Expected.unknown(1))
>>> expected.known.tolist(), expected.zero.tolist()
([True, True, True, False], [False, False, True, False])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from copyproof.blocks.arrays import I64, U8, Mask, words
from copyproof.blocks.code import Origins
from copyproof.blocks.origin import Origin
from copyproof.blocks.stamp import Stamper


@dataclass(frozen=True, slots=True)
class Expected:
    """What n blocks should hold: the stamp of `origins`, or zeros where `zero`; where not `known`, anything is right.

    `alternatives`, each of the same length, are allowed as well: a block that matches any of them is right; where an
    alternative is not known, it allows nothing. Masks have shape (n,). Raises ValueError where lengths differ.
    """

    origins: Origins
    known: Mask
    zero: Mask
    alternatives: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        if {len(self.known), len(self.zero), *map(len, self.alternatives)} - {len(self.origins)}:
            raise ValueError("what is expected must be told for the same number of blocks throughout")

    def __len__(self) -> int:
        return len(self.origins)

    @staticmethod
    def run(first: Origin, count: int) -> Expected:
        """Expect consecutive blocks from `first` on."""
        return Expected.of(Origins.run(first, count))

    @staticmethod
    def of(origins: Origins) -> Expected:
        """Expect one origin for each block."""
        return Expected(origins, np.ones(len(origins), np.bool_), np.zeros(len(origins), np.bool_))

    @staticmethod
    def zeros(count: int) -> Expected:
        """Expect blocks of zeros."""
        return Expected(Origins.run(Origin(0, 0, 0), count), np.ones(count, np.bool_), np.ones(count, np.bool_))

    @staticmethod
    def unknown(count: int) -> Expected:
        """Expect nothing: whatever is there is right."""
        return Expected(Origins.run(Origin(0, 0, 0), count), np.zeros(count, np.bool_), np.zeros(count, np.bool_))

    def or_else(self, *others: Expected) -> Expected:
        """Return this with more alternatives."""
        return Expected(self.origins, self.known, self.zero, (*self.alternatives, *others))

    def then(self, other: Expected) -> Expected:
        """Return this followed by `other`."""
        return Expected.joined((self, other))

    @staticmethod
    def joined(parts: Sequence[Expected]) -> Expected:
        """Return one or more parts, one behind the other; where a part has fewer alternatives, the missing ones allow
        nothing."""
        depth = max(len(part.alternatives) for part in parts)
        padded = [part._padded(depth) for part in parts]
        return Expected(
            Origins.joined([part.origins for part in parts]),
            np.concatenate([part.known for part in parts]),
            np.concatenate([part.zero for part in parts]),
            tuple(Expected.joined([each[level] for each in padded]) for level in range(depth)),
        )

    def take(self, which: I64 | Mask | slice) -> Expected:
        """Return what is expected of some of the blocks, chosen as numpy does."""
        alternatives = tuple(one.take(which) for one in self.alternatives)
        return Expected(self.origins.take(which), self.known[which], self.zero[which], alternatives)

    def right(self, stamper: Stamper, data: U8) -> Mask:
        """Return which blocks are right: shape (n,)."""
        right = ~self.known | self.holds(stamper, data)
        for other in self.alternatives:
            if right.all():
                break
            rest = np.flatnonzero(~right)
            right[rest] = other.take(rest).holds(stamper, data[rest])
        return right

    def holds(self, stamper: Stamper, data: U8) -> Mask:
        """Return which blocks are known and exactly as told here, alternatives left aside."""
        same = stamper.compare_at(data, self.origins.volumes, self.origins.lbas, self.origins.generations)
        if self.zero.any():
            same = np.where(self.zero, ~words(data, stamper.block_size).any(axis=1), same)
        return np.asarray(same & self.known)

    def _padded(self, depth: int) -> tuple[Expected, ...]:
        return (*self.alternatives, *[Expected.unknown(len(self))] * (depth - len(self.alternatives)))
