"""Whether guard tags go with their blocks, in bulk.

CRC-16/T10-DIF begins at 0 and inverts nothing, so it is linear: the CRC of a run of blocks is the sum (xor) of the
blocks' own CRCs, each times x for every bit that follows the block, modulo the polynomial. One pass over a run
therefore tells whether all its guard tags are right, but for one run in 65,536 whose errors cancel out; a single wrong
block is always found. Only where it says no are blocks looked at one by one.

Summing up is cheap since x has the order 65,535 modulo 18BB7h: 65,536 bits further on, a guard is just one bit further.

>>> data = np.arange(4 * 512, dtype=np.uint32).astype(np.uint8).reshape(4, 512)
>>> right = guards(data)
>>> wrong_guards(data, right).tolist()
[False, False, False, False]
>>> wrong_guards(data, right ^ np.array([0, 0, 1, 0], np.uint16)).tolist()
[False, False, True, False]
"""

from __future__ import annotations

import numpy as np
from fastcrc import crc16

from copyproof.blocks.arrays import U8, U16, Mask
from copyproof.blocks.label import guards

RUN = 32768
"""Blocks whose guards are checked in one pass; those of more would not fit in 8 KiB."""

_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)

_ORDER_BYTES = 8192
"""After so many bytes a guard is one bit further."""


def wrong_guards(data: U8, guard_tags: U16) -> Mask:
    """Return which blocks of `data`, shape (n, size), do not go with their guard tags, shape (n,).

    Raises ValueError for blocks whose size is not from 32 to 8192 and a power of two.
    """
    if guards_match(data, guard_tags):
        return np.zeros(len(data), np.bool_)
    return np.asarray(guards(data) != guard_tags)


def guards_match(data: U8, guard_tags: U16) -> bool:
    """Return whether the guard tags, shape (n,), go with the blocks of `data`, shape (n, size)."""
    if data.shape[1] not in _SIZES:
        raise ValueError(f"blocks of {data.shape[1]} bytes: their size must be one of {_SIZES}")
    return all(_run_matches(data[at : at + RUN], guard_tags[at : at + RUN]) for at in range(0, len(data), RUN))


def _run_matches(data: U8, guard_tags: U16) -> bool:
    return guards_sum(guard_tags, data.shape[1]) == payload_sum(data)


def payload_sum(data: U8) -> int:
    """Return the CRC of blocks, shape (n, size), one after the other, with two octets of zeros behind them."""
    run = data if data.flags.c_contiguous else np.ascontiguousarray(data)
    return int(crc16.t10_dif(b"\0\0", crc16.t10_dif(run.reshape(-1).data)))


def guards_sum(guard_tags: U16, size: int) -> int:
    """Return what `payload_sum` is for blocks of `size` bytes with these guard tags, at most `RUN` of them.

    >>> data = np.arange(1024, dtype=np.uint32).astype(np.uint8).reshape(2, 512)
    >>> guards_sum(guards(data), 512) == payload_sum(data)
    True
    """
    return int(crc16.t10_dif(_message(guard_tags, size).data))


def _message(guard_tags: U16, size: int) -> U8:
    """Return 8 KiB that come to what the guards of a run, each carried on to the end of the run, sum up to.

    Of blocks of `size` bytes that are a whole number of 8 KiB apart, the guards overlap: each is so many bits further.
    """
    step = _ORDER_BYTES // size
    # Blocks of nothing before the run change no sum that begins at 0.
    padding = -len(guard_tags) % (8 * step)
    tags = np.concatenate((np.zeros(padding, np.uint16), guard_tags)) if padding else guard_tags
    sums = np.bitwise_xor.reduce(tags.reshape(-1, 8, step).astype("<u4") << _SHIFTS, axis=1)
    octets = sums.view(np.uint8).reshape(-1, step, 4)
    message = np.zeros((step, size), np.uint8)
    end = message[:, -len(octets) - 2 :].T
    for place in range(3):
        end[place : place + len(octets)] ^= octets[:, :, 2 - place]
    return message.reshape(-1)


_SHIFTS = np.arange(7, -1, -1, dtype=np.uint32).reshape(8, 1)
