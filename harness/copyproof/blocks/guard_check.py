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

RUN_BYTES = 1 << 18
"""Bytes whose guards are checked in one pass: they fit in a second-level cache, and so do the tables for them."""


def wrong_guards(data: U8, guard_tags: U16) -> Mask:
    """Return which blocks of `data`, shape (n, size), do not go with their guard tags, shape (n,).

    The sizes that tables are made for are those of blocks, a divisor of 256 KiB; ValueError otherwise.
    """
    if guards_match(data, guard_tags):
        return np.zeros(len(data), np.bool_)
    return np.asarray(guards(data) != guard_tags)


def guards_match(data: U8, guard_tags: U16) -> bool:
    """Return whether the guard tags, shape (n,), go with the blocks of `data`, shape (n, size)."""
    most = RUN_BYTES // data.shape[1]
    if len(data) <= most:
        return _run_matches(data, guard_tags)
    return all(_run_matches(data[at : at + most], guard_tags[at : at + most]) for at in range(0, len(data), most))


def _run_matches(data: U8, guard_tags: U16) -> bool:
    if not len(data):
        return True
    high, low, rows = _tables(data.shape[1])
    rows = rows[-len(data) :]
    carried = high[rows + (guard_tags >> 8)] ^ low[rows + (guard_tags & 0xFF)]
    run = data if data.flags.c_contiguous else np.ascontiguousarray(data)
    return bool(crc16.t10_dif(run.reshape(-1).data) == np.bitwise_xor.reduce(carried))


@lru_cache
def _tables(size: int) -> tuple[U16, U16, I64]:
    """Return what a guard's high and its low byte come to at the end of a run, and where the rows of both begin.

    A row has 256 places, one a byte; row i is for the block with RUN_BYTES / size − 1 − i blocks behind it.
    """
    if RUN_BYTES % size:
        raise ValueError(f"no blocks of {size} bytes: their size must divide {RUN_BYTES}")
    count = RUN_BYTES // size
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
