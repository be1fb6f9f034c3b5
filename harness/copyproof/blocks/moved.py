"""Finding stamps that stand at the wrong byte of a block: shifted by any number of bytes, or in another's place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from copyproof.blocks import code
from copyproof.blocks.arrays import I64, U8, U64, WORD, Mask
from copyproof.blocks.code import UNIT, UNIT_WORDS, Origins
from copyproof.blocks.stamp import Stamper

# Looking at every byte offset costs 32 times the block; a batch whose first blocks hold nothing moved is left at that.
_SAMPLE = 32


@dataclass(frozen=True, slots=True)
class Moved:
    """For n blocks: whether a whole unit stands at a wrong byte, by how many bytes it is off, and what it tells."""

    found: Mask
    shift: I64
    origins: Origins


def look_for_moved(stamper: Stamper, data: U8) -> Moved:
    """Search blocks without a unit in its place, shape (n, block_size), for units elsewhere.

    The checks are linear, so the syndrome of a unit under its base is that of the base alone: one look-up at each byte
    offset finds which unit stands there.
    """
    sample = _look(stamper, data[:_SAMPLE])
    if len(data) <= _SAMPLE:
        return sample
    if sample.found.any():
        parts = [_look(stamper, data[at : at + _SAMPLE]) for at in range(_SAMPLE, len(data), _SAMPLE)]
    else:
        parts = [_nothing(len(data) - _SAMPLE)]
    return _joined([sample, *parts])


def _look(stamper: Stamper, data: U8) -> Moved:
    if not len(data):
        return _nothing(0)
    windows = np.lib.stride_tricks.sliding_window_view(data, UNIT, axis=1)
    units = np.ascontiguousarray(windows).view(WORD)
    base = stamper.base.reshape(-1, UNIT_WORDS)
    keys = code.syndromes(base)[:, 0]
    order = np.argsort(keys)
    syndromes = code.syndromes(units)[..., 0]
    nearest = order[np.minimum(np.searchsorted(keys[order], syndromes), len(keys) - 1)]
    block, offset = np.nonzero(keys[nearest] == syndromes)
    unit = nearest[block, offset]
    plain = units[block, offset] ^ base[unit]
    sound = code.intact(plain)
    hit, at = np.unique(block[sound], return_index=True)
    moved = _nothing(len(data))
    moved.found[hit] = True
    moved.shift[hit] = (offset - unit * UNIT)[sound][at]
    told = code.decode(plain[sound][at])
    for column, values in zip(_columns(moved.origins), _columns(told), strict=True):
        column[hit] = values
    return moved


def _columns(origins: Origins) -> tuple[U64, U64, U64]:
    return origins.volumes, origins.lbas, origins.generations


def _nothing(count: int) -> Moved:
    zeros = [np.zeros(count, np.uint64) for _ in range(3)]
    return Moved(np.zeros(count, np.bool_), np.zeros(count, np.int64), Origins(*zeros))


def _joined(parts: list[Moved]) -> Moved:
    return Moved(
        np.concatenate([part.found for part in parts]),
        np.concatenate([part.shift for part in parts]),
        Origins.joined([part.origins for part in parts]),
    )
