"""The names of the array types of this room, and the checks that every entry point makes on its arguments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

WORD = np.dtype("<u8")


def words(data: U8, block_size: int) -> U64:
    """View blocks, shape (n, block_size), as little-endian words, shape (n, block_size / 8).

    Raises ValueError unless `data` is uint8 of that shape; copies only where the blocks themselves are not contiguous.

    >>> words(np.zeros((2, 512), np.uint8), 512).shape
    (2, 64)
    """
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != block_size:
        raise ValueError(f"blocks must be uint8 of shape (n, {block_size}), not {data.dtype} of shape {data.shape}")
    return (data if data.strides[1] == 1 else np.ascontiguousarray(data)).view(WORD)
