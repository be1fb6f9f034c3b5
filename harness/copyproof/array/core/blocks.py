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

from copyproof.blocks.arrays import U8
from copyproof.blocks.label import LABEL, make_labels

Labels = NDArray[np.void]
"""Labels of dtype `LABEL`, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """`data` is uint8 of shape (n, block size), `labels` of dtype `LABEL` and shape (n,); both can be written to."""

    data: U8
    labels: Labels

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, which: slice) -> Blocks:
        return Blocks(self.data[which], self.labels[which])

    def assign(self, other: Blocks) -> None:
        """Overwrite these blocks, payload and label, by as many others."""
        self.data[...] = other.data
        # As numbers: numpy copies structures field by field.
        self.labels.view(np.uint64)[...] = other.labels.view(np.uint64)

    def copy(self) -> Blocks:
        """Return blocks of their own memory."""
        return Blocks(self.data.copy(), self.labels.copy())


def empty(count: int, block_size: int) -> Blocks:
    """Return blocks of no determined contents."""
    return Blocks(np.empty((count, block_size), np.uint8), np.empty(count, LABEL))


def blank(count: int, block_size: int) -> Blocks:
    """Return blocks as a medium gives them that was never written: zeros, and labels of ones (SBC-4 4.7.3.5).

    >>> blank(1, 512).labels.tobytes().hex()
    'ffffffffffffffff'
    """
    return Blocks(np.zeros((count, block_size), np.uint8), np.frombuffer(b"\xff" * 8 * count, LABEL).copy())


def labelled(data: U8, volume: int, lba: int) -> Blocks:
    """Return payload, shape (n, block size), with the array's own labels: volume number and low 32 bits of the LBA."""
    return Blocks(data, make_labels(data, lba, volume))
