"""The code of one stamp unit: 32 bytes that say who a block is, and that a flipped bit, a tear or a shift spoils.

A unit is four little-endian 64-bit words. The first two are the identity (LBA; generation in bits 0 to 31 and volume
in bits 32 to 47, the rest zero), the last two are its checks. The checks are linear over GF(2) and an invertible
function of the identity, so that

- a block is a table entry xor a constant, and so is its guard tag;
- two units torn together at any byte never make a third one: what a partial unit changes is an identity whose checks
  stay, or some of the checks that belong to a changed identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from copyproof.blocks.arrays import I64, U64, WORD, Mask
from copyproof.blocks.label import consecutive
from copyproof.blocks.origin import SEEDS, Origin

UNIT = 32
UNIT_WORDS = UNIT // WORD.itemsize
_LBA_BITS, _VOLUME_SHIFT, _IDENTITY_BITS = np.uint64(63), np.uint64(32), np.uint64(48)


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of n blocks: three uint64 arrays of shape (n,), in the ranges of `Origin`.

    >>> Origins.run(Origin(1, 16, 2), 4).at(3)
    Origin(volume=1, lba=19, generation=2)
    """

    volumes: U64
    lbas: U64
    generations: U64

    @staticmethod
    def run(first: Origin, count: int) -> Origins:
        """Return the origins of `count` consecutive blocks."""
        return Origins(
            np.full(count, first.volume, np.uint64),
            consecutive(first.lba, count),
            np.full(count, first.generation, np.uint64),
        )

    def __len__(self) -> int:
        return len(self.lbas)

    def at(self, index: int) -> Origin:
        """Return one of them."""
        return Origin(int(self.volumes[index]), int(self.lbas[index]), int(self.generations[index]))

    def take(self, which: I64 | Mask | slice) -> Origins:
        """Return some of them, chosen as numpy does."""
        return Origins(self.volumes[which], self.lbas[which], self.generations[which])

    @staticmethod
    def joined(parts: Sequence[Origins]) -> Origins:
        """Return one or more parts, one behind the other."""
        return Origins(
            np.concatenate([part.volumes for part in parts]),
            np.concatenate([part.lbas for part in parts]),
            np.concatenate([part.generations for part in parts]),
        )

    def same_place(self, other: Origins) -> Mask:
        """Return where volume and LBA are equal, whatever the generation."""
        return np.asarray((self.volumes == other.volumes) & (self.lbas == other.lbas))

    def equal(self, other: Origins) -> Mask:
        """Return where all three are equal."""
        return np.asarray(self.same_place(other) & (self.generations == other.generations))

    def breaks(self) -> Mask:
        """Return for each but the first whether it is not the one before it, one block on; shape (n − 1,)."""
        one = np.uint64(1)
        follows = (self.lbas[1:] == self.lbas[:-1] + one) & (self.volumes[1:] == self.volumes[:-1])
        return np.asarray(~follows | (self.generations[1:] != self.generations[:-1]))


def encode(origins: Origins) -> U64:
    """Return the unit of each origin, before the base is applied: shape (n, 4)."""
    units = np.empty((len(origins), UNIT_WORDS), WORD)
    units[:, 0] = origins.lbas
    units[:, 1] = origins.generations | origins.volumes << _VOLUME_SHIFT
    units[:, 2:] = checks(units)
    return units


def decode(units: U64) -> Origins:
    """Return the origins that units, shape (n, 4) without their base, tell; sense only where `intact`."""
    rest = units[:, 1]
    volumes, generations = rest >> _VOLUME_SHIFT & np.uint64(0xFFFF), rest & np.uint64(0xFFFFFFFF)
    return Origins(volumes, units[:, 0] & ~(np.uint64(1) << _LBA_BITS), generations)


def intact(units: U64) -> Mask:
    """Return which units, shape (…, 4) without their base, are whole: checks right and unused bits zero."""
    unused = units[..., 0] >> _LBA_BITS | units[..., 1] >> _IDENTITY_BITS
    return np.asarray((unused == 0) & ~syndromes(units).any(axis=-1))


def syndromes(units: U64) -> U64:
    """Return the checks that are there xor the checks that belong there, shape (…, 2); zeros for a right unit."""
    return np.asarray(units[..., 2:] ^ checks(units))


def checks(units: U64) -> U64:
    """Return the checks of the identities in units of shape (…, 4): shape (…, 2).

    Three rounds of a Feistel network, its round function a xor of rotations: linear, and invertible by construction.
    """
    left, right = units[..., 0], units[..., 1]
    left = left ^ _spread(right)
    right = right ^ _spread(left)
    return np.stack((left ^ _spread(right), right), axis=-1)


def base(seed: int, block_size: int) -> U64:
    """Return the pseudo-random block that every block of a seed is xored with: shape (block_size / 8,).

    SHAKE-256 of the seed (0 to 2^64 − 1) and the size, so that anyone can make it anew; ValueError for another seed.
    """
    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed {seed} is not within 0 to {SEEDS - 1}")
    stream = hashlib.shake_256(b"copyproof stamp 1" + seed.to_bytes(8, "little") + block_size.to_bytes(4, "little"))
    return np.frombuffer(stream.digest(block_size), WORD)


def _spread(word: U64) -> U64:
    return _rotated(word, 13) ^ _rotated(word, 29) ^ _rotated(word, 47)


def _rotated(word: U64, bits: int) -> U64:
    return np.asarray(word << np.uint64(bits) | word >> np.uint64(64 - bits))
