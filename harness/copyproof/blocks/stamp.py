"""The payload of a block: a stamp that says who it is, recoverable from any 32 bytes of it at a multiple of 32.

A block is a base, pseudo-random and made from the seed, xored with one unit (see `copyproof.blocks.code`) repeated. A
unit is whole only with the base of its own place: moved within the block, or read with another seed, it is not.

>>> stamper = Stamper(seed=7, block_size=512)
>>> stamper.read(stamper.make(1, 16, 4, generation=2)).origins.at(3)
Origin(volume=1, lba=19, generation=2)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import local

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks import code
from copyproof.blocks.arrays import U8, U16, U64, WORD, Mask, words
from copyproof.blocks.code import UNIT, UNIT_WORDS, Origins
from copyproof.blocks.format import SIZES
from copyproof.blocks.label import consecutive, guards
from copyproof.blocks.origin import LBAS, Origin
from copyproof.blocks.runs import run_starts

__all__ = ["UNIT", "Decoded", "Origin", "Origins", "Stamper"]

# What one step of a bulk operation touches stays in the second-level cache.
_CHUNK = 256 * 1024
# Words of an inner loop: one as short as a block of 512 bytes costs as much to start as to run.
_WIDE = 1024
# As many blocks as the low 16 bits of an LBA tell apart.
_GUARDED = 2**16
# Shorter runs of consecutive LBAs are cheaper made one by one than each by its own bulk operation.
_WORTHWHILE_RUN = 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """What n blocks say; every array has shape (n,).

    `intact` counts the whole units, `agreeing` those that tell the same as the first of them, which is at index
    `first` and tells `origins`. `torn`: a whole unit, the first at index `second`, tells otherwise, namely `others`.
    `valid`: all units are whole and agree. Without a whole unit the origins are meaningless.
    """

    valid: Mask
    torn: Mask
    zero: Mask
    intact: NDArray[np.int64]
    agreeing: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    origins: Origins
    others: Origins


class Stamper:
    """Makes, compares and reads the blocks of a seed (0 to 2^64 − 1) and a block size (512 or 4096 bytes).

    Raises ValueError for another seed or size. Blocks are uint8 arrays of shape (n, block_size); `base` is a block as
    words, and `units` how many units it has.
    """

    def __init__(self, seed: int, block_size: int) -> None:
        if block_size not in SIZES:
            raise ValueError(f"block size {block_size} is not one of {SIZES}")
        self.seed = seed
        self.block_size = block_size
        self.units = block_size // UNIT
        self._words = block_size // WORD.itemsize
        self._step = _CHUNK // block_size
        self.base = code.base(seed, block_size)
        self._scratch = _Scratch((self._step, self._words))

    @cached_property
    def _table(self) -> U64:
        """The blocks of volume 0, generation 0 at LBA 0 to `_step` − 1: the low bits of every other run."""
        return self._repeated(code.encode(Origins.run(Origin(0, 0, 0), self._step))) ^ self.base

    def make(self, volume: int, lba: int, count: int, generation: int) -> U8:
        """Return `count` blocks at consecutive LBAs; ValueError outside the ranges of `Origin`.

        >>> Stamper(0, 4096).make(1, 0, 2, generation=1).shape
        (2, 4096)
        """
        out = np.empty((count, self._words), WORD)
        with _short_loops():
            for at, end, table, constant in self._pieces(Origin(volume, lba, generation), count):
                _xored(table, constant, out[at:end])
        return out.view(np.uint8)

    def make_at(self, volumes: U64, lbas: U64, generations: U64) -> U8:
        """Return one block for each origin of three arrays of shape (n,)."""
        origins = _origins(volumes, lbas, generations)
        out = np.empty((len(origins), self._words), WORD)
        for at in range(0, len(origins), self._step):
            part = slice(at, at + self._step)
            np.bitwise_xor(self._repeated(code.encode(origins.take(part))), self.base, out=out[part])
        return out.view(np.uint8)

    def compare(self, data: U8, volume: int, lba: int, generation: int) -> Mask:
        """Return which blocks are exactly those at consecutive LBAs from `lba`: shape (n,).

        >>> stamper = Stamper(0, 512)
        >>> stamper.compare(stamper.make(1, 8, 2, generation=1), 1, 8, generation=1).tolist()
        [True, True]
        """
        found = words(data, self.block_size)
        right = np.empty(len(found), np.bool_)
        made, same = self._scratch.arrays
        with _short_loops():
            for at, end, table, constant in self._pieces(Origin(volume, lba, generation), len(found)):
                rows = slice(0, end - at)
                _xored(table, constant, made[rows])
                np.equal(made[rows], found[at:end], out=same[rows])
                right[at:end] = True if same[rows].all() else same[rows].all(axis=1)
        return right

    def compare_at(self, data: U8, volumes: U64, lbas: U64, generations: U64) -> Mask:
        """Return which blocks are exactly those of the given origins: shape (n,). Fast where LBAs are consecutive."""
        origins = _origins(volumes, lbas, generations)
        if len(origins) != len(data):
            raise ValueError(f"{len(origins)} origins for {len(data)} blocks")
        if not len(origins):
            return np.empty(0, np.bool_)
        starts = run_starts(origins.breaks())
        if len(starts) * _WORTHWHILE_RUN > len(origins):
            return self._compare_scattered(data, origins)
        ends = [*starts[1:].tolist(), len(origins)]
        return np.concatenate(
            [self._compare_run(data[at:end], origins.at(at)) for at, end in zip(starts, ends, strict=True)]
        )

    def read(self, data: U8) -> Decoded:
        """Return what each block says, whatever its bytes are. Needs about three times the memory of `data`."""
        found = words(data, self.block_size)
        units = (found ^ self.base).reshape(-1, self.units, UNIT_WORDS)
        rows = np.arange(len(units))
        whole = code.intact(units)
        first = whole.argmax(axis=1)
        identity = units[rows, first]
        agree = whole & (units[:, :, :2] == identity[:, None, :2]).all(axis=2)
        differ = whole & ~agree
        second = differ.argmax(axis=1)
        return Decoded(
            valid=agree.all(axis=1),
            torn=differ.any(axis=1),
            zero=np.asarray(~found.any(axis=1)),
            intact=whole.sum(axis=1),
            agreeing=agree.sum(axis=1),
            first=first,
            second=second,
            origins=code.decode(identity),
            others=code.decode(units[rows, second]),
        )

    def guards_at(self, volumes: U64, lbas: U64, generations: U64) -> U16:
        """Return the guard tags of the blocks of the given origins without making them: uint16, shape (n,).

        The guard is linear, so it is that of the base xor one table entry for each byte of the origin.

        >>> stamper = Stamper(3, 512)
        >>> origins = Origins.run(Origin(2, 2**40 + 1, 9), 2)
        >>> told = stamper.guards_at(origins.volumes, origins.lbas, origins.generations)
        >>> bool((told == guards(stamper.make(2, 2**40 + 1, 2, generation=9))).all())
        True
        """
        origins = _origins(volumes, lbas, generations)
        total = np.full(len(origins), guards(self.base.view(np.uint8).reshape(1, -1))[0], np.uint16)
        for column, tables in zip(
            (origins.volumes, origins.lbas, origins.generations), self._guard_tables, strict=True
        ):
            octets = np.ascontiguousarray(column, WORD).view(np.uint8).reshape(-1, WORD.itemsize)
            for position, table in enumerate(tables):
                total ^= table[octets[:, position]]
        return total

    def guards_run(self, volume: int, lba: int, count: int, generation: int) -> U16:
        """Return the guard tags of the blocks at consecutive LBAs: what `guards_at` does, by one xor a block.

        >>> stamper = Stamper(3, 512)
        >>> bool((stamper.guards_run(1, 2**16 - 2, 4, 9) == guards(stamper.make(1, 2**16 - 2, 4, 9))).all())
        True
        """
        out = np.empty(count, np.uint16)
        at, low = 0, lba % _GUARDED
        while at < count:
            many = min(_GUARDED - low, count - at)
            high = Origins.run(Origin(volume, lba + at - low, generation), 1)
            constant = self.guards_at(high.volumes, high.lbas, high.generations)
            np.bitwise_xor(self._low_guards[low : low + many], constant, out=out[at : at + many])
            at, low = at + many, 0
        return out

    @cached_property
    def _low_guards(self) -> U16:
        """Guard tags by the low 16 bits of the LBA, all else left out."""
        lowest, next_lowest = self._guard_tables[1][:2]
        return (next_lowest[:, None] ^ lowest).reshape(-1)

    @cached_property
    def _guard_tables(self) -> tuple[list[U16], list[U16], list[U16]]:
        """Guard tags by value of each byte of volume, LBA and generation, base left out."""
        octet, none = np.arange(256, dtype=np.uint64), np.zeros(256, np.uint64)

        def table(origins: Origins) -> U16:
            return guards(self._repeated(code.encode(origins)).view(np.uint8))

        shifted = [octet << np.uint64(8 * position) for position in range(8)]
        return (
            [table(Origins(value, none, none)) for value in shifted[:2]],
            [table(Origins(none, value, none)) for value in shifted],
            [table(Origins(none, none, value)) for value in shifted[:4]],
        )

    def _pieces(self, first: Origin, count: int) -> Iterator[tuple[int, int, U64, U64]]:
        """Yield (start, end, table rows, constant) of each piece of a run; the piece is their xor (see `_xored`).

        A piece ends where the low bits of the LBA, which the table covers, overflow.
        """
        if count < 0 or first.lba + count > LBAS:
            raise ValueError(f"{count} blocks from LBA {first.lba} are not within 0 to {LBAS - 1}")
        low = first.lba % self._step
        edges = consecutive(0, -(-(low + count) // self._step)) * np.uint64(self._step) + np.uint64(first.lba - low)
        highs = Origins(np.full_like(edges, first.volume), edges, np.full_like(edges, first.generation))
        at = 0
        for constant in _repeated(code.encode(highs), _WIDE):
            end = min(at + self._step - low, count)
            yield at, end, self._table[low : low + end - at], constant
            at, low = end, 0

    def _repeated(self, units: U64) -> U64:
        """Fill a block with each unit, shape (n, words)."""
        return _repeated(units, self._words)

    def _compare_run(self, data: U8, first: Origin) -> Mask:
        return self.compare(data, first.volume, first.lba, first.generation)

    def _compare_scattered(self, data: U8, origins: Origins) -> Mask:
        found = words(data, self.block_size)
        right = np.empty(len(found), np.bool_)
        for at in range(0, len(found), self._step):
            part = slice(at, at + self._step)
            made = self._repeated(code.encode(origins.take(part)))
            made ^= self.base
            right[part] = (made == found[part]).all(axis=1)
        return right


class _Scratch(local):
    """Two arrays for each thread, kept: fresh memory costs a page fault every 4 KiB, which is more than a compare."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.arrays = np.empty(shape, WORD), np.empty(shape, np.bool_)


@contextmanager
def _short_loops() -> Iterator[None]:
    """Keep numpy from copying an operand that is repeated through its buffer, which doubles the work: it does so where
    the operand is smaller than the buffer (the standard 8192 elements)."""
    before = np.setbufsize(_WIDE)
    try:
        yield
    finally:
        np.setbufsize(before)


def _repeated(units: U64, length: int) -> U64:
    """Fill rows of `length` words with each unit, shape (n, length); by doubling, since short inner loops are slow."""
    out = np.empty((len(units), length), WORD)
    out[:, :UNIT_WORDS] = units
    filled = UNIT_WORDS
    while filled < length:
        out[:, filled : 2 * filled] = out[:, :filled]
        filled *= 2
    return out


def _xored(rows: U64, constant: U64, out: U64) -> None:
    """Xor blocks, shape (n, words), with a unit that is repeated over more words than a block has."""
    blocks, wide = out.shape[0], constant.size // out.shape[1]
    body = blocks - blocks % wide
    np.bitwise_xor(rows[:body].reshape(-1, constant.size), constant, out=out[:body].reshape(-1, constant.size))
    np.bitwise_xor(rows[body:], constant[: out.shape[1]], out=out[body:])


def _origins(volumes: U64, lbas: U64, generations: U64) -> Origins:
    if not volumes.shape == lbas.shape == generations.shape or lbas.ndim != 1:
        raise ValueError("volumes, LBAs and generations must be arrays of one and the same length")
    if (lbas >> np.uint64(63)).any() or (volumes >> np.uint64(16)).any() or (generations >> np.uint64(32)).any():
        raise ValueError("volumes must fit in 16 bits, LBAs in 63, generations in 32")
    return Origins(volumes, lbas, generations)
