"""Whether guard tags go with their blocks, in bulk.

CRC-16/T10-DIF begins at 0 and inverts nothing, so it is linear: the CRC of a run of blocks is the sum (xor) of the
blocks' own CRCs, each carried on over as many bytes as follow it. One pass over a run therefore tells whether all its
guard tags are right, but for one run in 65,536 whose errors cancel out; a single wrong block never does. Only where it
says no are blocks looked at one by one.

>>> data = np.arange(4 * 512, dtype=np.uint32).astype(np.uint8).reshape(4, 512)
>>> right = guards(data)
>>> wrong_guards(data, right).tolist()
[False, False, False, False]
>>> wrong_guards(data, right ^ np.array([0, 0, 1, 0], np.uint16)).tolist()
[False, False, True, False]
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from fastcrc import crc16

from copyproof.blocks.arrays import I64, U8, U16, Mask
from copyproof.blocks.label import guards

RUN = 512
"""Blocks whose guards are checked in one pass."""

_GROUP = 16
"""Every so many blocks are summed up first: two small tables stay in the processor's cache, one for a run would not."""


def wrong_guards(data: U8, guard_tags: U16) -> Mask:
    """Return which blocks of `data`, shape (n, size), do not go with their guard tags, shape (n,)."""
    if guards_match(data, guard_tags):
        return np.zeros(len(data), np.bool_)
    return np.asarray(guards(data) != guard_tags)


def guards_match(data: U8, guard_tags: U16) -> bool:
    """Return whether the guard tags, shape (n,), go with the blocks of `data`, shape (n, size)."""
    return all(_run_matches(data[at : at + RUN], guard_tags[at : at + RUN]) for at in range(0, len(data), RUN))


def _run_matches(data: U8, guard_tags: U16) -> bool:
    # Blocks of nothing before the run change no sum that begins at 0.
    padded = np.zeros(-(-len(data) // _GROUP) * _GROUP, np.uint16)
    padded[-len(data) :] = guard_tags
    columns = _summed(padded.reshape(-1, _GROUP), *_tables(data.shape[1] * _GROUP))
    whole = _summed(columns.reshape(-1, 1), *_tables(data.shape[1]))
    run = data if data.flags.c_contiguous else np.ascontiguousarray(data)
    return bool(crc16.t10_dif(run.reshape(-1).data) == whole[0])


def _summed(guard_tags: U16, high: U16, low: U16, rows: I64) -> U16:
    """Return what guards, shape (blocks, columns), come to at the end of their column, summed up: shape (columns,)."""
    rows = rows[-len(guard_tags) :, None]
    carried = high.take(rows + (guard_tags >> 8))
    carried ^= low.take(rows + (guard_tags & 0xFF))
    return np.asarray(np.bitwise_xor.reduce(carried, axis=0))


@lru_cache
def _tables(size: int) -> tuple[U16, U16, I64]:
    """Return what a guard's high and its low byte come to over the blocks behind it, and where the rows of both begin.

    A row has 256 places, one a byte; the last row is for the last block, the one before for a block of `size` before
    that, and so on.
    """
    count = RUN // _GROUP
    step = _carried_over(size)
    tables = np.empty((2, count, 256), np.uint16)
    tables[0, -1], tables[1, -1] = np.arange(256) << 8, np.arange(256)
    for row in range(count - 2, -1, -1):
        tables[:, row] = step[tables[:, row + 1]]
    return tables[0].reshape(-1), tables[1].reshape(-1), np.arange(count, dtype=np.int64) * 256


def _carried_over(size: int) -> U16:
    """Return what each of the 65,536 CRCs comes to after `size` more bytes of zeros."""
    values = np.arange(1 << 16, dtype=np.uint32)
    zeros = bytes(size)
    result = np.zeros(1 << 16, np.uint16)
    for bit in range(16):
        result ^= ((values >> bit & 1) * crc16.t10_dif(zeros, 1 << bit)).astype(np.uint16)
    return result
