"""Blocks as the array carries them: payload and label, always together.

>>> one = labelled(np.ones((2, 512), np.uint8), volume=3, lba=2**32 + 7)
>>> one.labels["application"].tolist(), one.labels["reference"].tolist()
([3, 3], [7, 8])
>>> one[1:].labels["reference"].tolist(), len(one)
([8], 2)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8, U64
from copyproof.blocks.label import LABEL, make_labels

Labels = NDArray[np.void]
"""Labels of dtype `LABEL`, shape (n,)."""

NEVER_WRITTEN = np.uint64(0xFFFFFFFFFFFFFFFF)
"""The label of a block that was never written, in either byte order."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """`data` is uint8 of shape (n, block size); `words` are the labels as they lie in memory, 8 bytes a number, since
    numpy handles numbers faster than structures. Both can be written to."""

    data: U8
    words: U64

    @property
    def labels(self) -> Labels:
        """The labels, of dtype `LABEL` and shape (n,); they can be written to."""
        return self.words.view(LABEL)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, which: slice) -> Blocks:
        return Blocks(self.data[which], self.words[which])

    def assign(self, other: Blocks) -> None:
        """Overwrite these blocks, payload and label, by as many others."""
        self.data[...] = other.data
        self.words[...] = other.words

    def copy(self) -> Blocks:
        """Return blocks of their own memory."""
        return Blocks(self.data.copy(), self.words.copy())


def empty(count: int, block_size: int) -> Blocks:
    """Return blocks of no determined contents."""
    return Blocks(np.empty((count, block_size), np.uint8), np.empty(count, np.uint64))


def blank(count: int, block_size: int) -> Blocks:
    """Return blocks as a medium gives them that was never written: zeros, and labels of ones (SBC-4 4.7.3.5).

    >>> blank(1, 512).labels.tobytes().hex()
    'ffffffffffffffff'
    """
    return Blocks(np.zeros((count, block_size), np.uint8), np.full(count, NEVER_WRITTEN))


def labelled(data: U8, volume: int, lba: int) -> Blocks:
    """Return payload, shape (n, block size), with the array's own labels: volume number and low 32 bits of the LBA."""
    return joined(data, make_labels(data, lba, volume))


def joined(data: U8, labels: Labels) -> Blocks:
    """Return payload, shape (n, block size), with labels, shape (n,), both in the memory that they are in."""
    return Blocks(data, labels.view(np.uint64))
