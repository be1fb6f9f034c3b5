"""Whether guard tags go with their blocks, in bulk.

CRC-16/T10-DIF begins at 0 and inverts nothing, so it is linear: the CRC of a run of blocks is the sum (xor) of the
blocks' own CRCs, each times x for every bit that follows the block, modulo the polynomial. One pass over a run
therefore tells whether all its guard tags are right, but for one run in 65,536 whose errors cancel out; a single wrong
block is always found. Only where it says no are blocks looked at one by one.

Summing up is cheap since squaring is linear too, and sixteen squarings modulo 18BB7h change nothing. A block has 2 to
some power as many bits as an octet has: so the sum is what the CRC of octets, one for each block, comes to when it is
squared that often, if each octet was squared the other times beforehand. Guards are sums of two octets each; tables
square these.

>>> data = np.arange(4 * 512, dtype=np.uint32).astype(np.uint8).reshape(4, 512)
>>> right = guards(data)
>>> wrong_guards(data, right).tolist()
[False, False, False, False]
>>> wrong_guards(data, right ^ np.array([0, 0, 1, 0], np.uint16)).tolist()
[False, False, True, False]
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from fastcrc import crc16

from copyproof.blocks.arrays import U8, U16, Mask
from copyproof.blocks.label import guards

_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)

_BITS = 16
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
    octets = guard_tags.astype(">u2").tobytes()
    return guards_sum(octets[::2], octets[1::2], data.shape[1]) == payload_sum(data)


def payload_sum(data: U8 | bytes) -> int:
    """Return the CRC of blocks one after the other: bytes, or an array of shape (n, size)."""
    run = data if isinstance(data, bytes) else np.ascontiguousarray(data).data
    return int(crc16.t10_dif(run))


def guards_sum(high: bytes, low: bytes, size: int) -> int:
    """Return what `payload_sum` is for blocks of `size` bytes whose guard tags have these high and low octets.

    Raises ValueError for a size that is not from 32 to 8192 and a power of two.

    >>> data = np.arange(1024, dtype=np.uint32).astype(np.uint8).reshape(2, 512)
    >>> octets = guards(data).astype(">u2").tobytes()
    >>> guards_sum(octets[::2], octets[1::2], 512) == payload_sum(data)
    True
    """
    of_high, of_low, back = _squares(size)
    crc = crc16.t10_dif
    upper = crc(high.translate(of_high.upper)) ^ crc(low.translate(of_low.upper))
    lower = crc(high.translate(of_high.lower)) ^ crc(low.translate(of_low.lower))
    return back[0][upper >> 8] ^ back[1][upper & 0xFF] ^ back[2][lower >> 8] ^ back[3][lower & 0xFF]


class _Squared(NamedTuple):
    """What each value of an octet comes to when it is squared, 16 bits: the upper and the lower octet of that."""

    upper: bytes
    lower: bytes


@cache
def _squares(size: int) -> tuple[_Squared, _Squared, tuple[tuple[int, ...], ...]]:
    """Return how the high and the low octet of a guard are squared beforehand, and four tables, by the octets of two
    CRCs, that square them as often as is lacking. A CRC is its message times x^16, and these undo that."""
    if size not in _SIZES:
        raise ValueError(f"blocks of {size} bytes: their size must be one of {_SIZES}")
    often = size.bit_length() - 1
    beforehand = [_halves(_by_octet(up, _BITS - often)) for up in (8, 0)]
    back = tuple(_by_octet(up - _BITS, often) for up in (16, 8, 8, 0))
    return beforehand[0], beforehand[1], back


def _halves(squared: tuple[int, ...]) -> _Squared:
    return _Squared(bytes(value >> 8 for value in squared), bytes(value & 0xFF for value in squared))


def _by_octet(up: int, often: int) -> tuple[int, ...]:
    """Return what each value of an octet, times x^up, comes to when it is squared so often."""
    table = [0]
    for bit in range(8):
        image = _power(bit + up << often)
        table += [value ^ image for value in table]
    return tuple(table)


def _power(exponent: int) -> int:
    """Return x to an exponent, which may be negative, modulo the polynomial: a CRC is its message times x^16."""
    octets, bit = divmod((exponent - _BITS) % ((1 << _BITS) - 1), 8)
    return int(crc16.t10_dif(bytes([1 << bit]) + bytes(octets)))
