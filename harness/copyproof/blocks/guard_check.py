"""Whether guard tags go with their blocks, in bulk.

CRC-16/T10-DIF begins at 0 and inverts nothing, so it is linear: the CRC of a run of blocks is the sum (xor) of the
blocks' own CRCs, each times x for every bit that follows the block, modulo the polynomial. One pass over a run
therefore tells whether all its guard tags are right, but for one run in 65,536 whose errors cancel out; a single wrong
block is always found. Only where it says no are blocks looked at one by one.

Summing up is cheap since squaring is linear too, and sixteen squarings modulo 18BB7h change nothing. The bits of a
block are 2 to some power times the bits of a guard: so the sum is what the CRC of as many guards, one right after the
other, comes to when it is squared that often, if each of them was squared the other times beforehand, by a table.

>>> data = np.arange(4 * 512, dtype=np.uint32).astype(np.uint8).reshape(4, 512)
>>> right = guards(data)
>>> wrong_guards(data, right).tolist()
[False, False, False, False]
>>> wrong_guards(data, right ^ np.array([0, 0, 1, 0], np.uint16)).tolist()
[False, False, True, False]
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from fastcrc import crc16

from copyproof.blocks.arrays import U8, U16, Mask
from copyproof.blocks.label import guards

_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)

_GUARD = 16
"""Bits of a guard, and squarings that change nothing: x has the order 65,535."""


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
    return guards_sum(guard_tags, data.shape[1]) == payload_sum(data)


def payload_sum(data: U8) -> int:
    """Return the CRC of blocks, shape (n, size), one after the other."""
    run = data if data.flags.c_contiguous else np.ascontiguousarray(data)
    return int(crc16.t10_dif(run.reshape(-1).data))


def guards_sum(guard_tags: U16, size: int) -> int:
    """Return what `payload_sum` is for blocks of `size` bytes with these guard tags.

    >>> data = np.arange(1024, dtype=np.uint32).astype(np.uint8).reshape(2, 512)
    >>> guards_sum(guards(data), 512) == payload_sum(data)
    True
    """
    beforehand, afterwards = _squares(size)
    return int(afterwards[crc16.t10_dif(beforehand.take(guard_tags).data)])


@cache
def _squares(size: int) -> tuple[U16, U16]:
    """Return two tables by the value of a guard: squared beforehand, big-endian, and squared as often as is lacking.

    The CRC times x^16 that a CRC is, is undone by the second.
    """
    often = (8 * size // _GUARD).bit_length() - 1
    beforehand = _linear(_power(bit << _GUARD - often) for bit in range(_GUARD))
    return beforehand.astype(">u2"), _linear(_power(bit - _GUARD << often) for bit in range(_GUARD))


def _linear(images: Iterable[int]) -> U16:
    """Return the table, shape (65536,), of a linear function that takes each bit, the lowest first, to its image."""
    table = np.zeros(1, np.uint16)
    for image in images:
        table = np.concatenate((table, table ^ np.uint16(image)))
    return table


def _power(exponent: int) -> int:
    """Return x to an exponent, which may be negative, modulo the polynomial: a CRC is its message times x^16."""
    octets, bit = divmod((exponent - _GUARD) % ((1 << _GUARD) - 1), 8)
    return int(crc16.t10_dif(bytes([1 << bit]) + bytes(octets)))
