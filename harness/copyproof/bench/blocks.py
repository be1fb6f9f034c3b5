"""How fast blocks are made and verified on one core, beside memcpy and memcmp of the same buffers.

The buffers are those of the pipeline: `BUFFERS` pieces of `AHEAD` bytes, one after the other, together with their
copies larger than a second-level cache and smaller than a third-level one, which is where a disk's reads end up. memcpy
is numpy's `copyto` between contiguous arrays, memcmp the C library's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copyproof.bench.figures import Figure, Measured, best_beside
from copyproof.blocks.arrays import U8
from copyproof.blocks.format import SIZES
from copyproof.blocks.label import assemble
from copyproof.blocks.stamp import Stamper
from copyproof.errors import SafetyRefusal
from copyproof.model.controller import ReferenceModel
from copyproof.verify.check import Checker, Place
from copyproof.verify.volume import AHEAD, BUFFERS, HostVolume

ROUNDS = 25
REACH, REACH_WITH_LABELS = 0.45, 0.25
_VOLUME, _GENERATION, _SEED = 1, 1, 1


class Pieces:
    """Right blocks of a size in the pipeline's buffers, their labels, a copy, and a checker that knows them."""

    def __init__(self, block_size: int) -> None:
        self.count = AHEAD // block_size
        self.stamper = Stamper(_SEED, block_size)
        self.lbas = [number * self.count for number in range(BUFFERS)]
        self.data = [self.stamper.make(_VOLUME, lba, self.count, _GENERATION) for lba in self.lbas]
        self.copies = [data.copy() for data in self.data]
        self._model = ReferenceModel({_VOLUME: BUFFERS * self.count})
        self._model.write(_VOLUME, 0, BUFFERS * self.count, _GENERATION)

    @property
    def size(self) -> int:
        """Bytes of all buffers."""
        return BUFFERS * AHEAD

    def make(self) -> None:
        """Make all blocks anew."""
        for lba in self.lbas:
            self.stamper.make(_VOLUME, lba, self.count, _GENERATION)

    def make_labelled(self) -> None:
        """Make all blocks and their labels anew."""
        for lba in self.lbas:
            self.stamper.make(_VOLUME, lba, self.count, _GENERATION)
            self.labels(lba, self.count)

    def labels(self, lba: int, count: int) -> NDArray[np.void]:
        """Make labels."""
        return assemble(self.stamper.guards_run(_VOLUME, lba, count, _GENERATION), lba)

    def copy(self) -> None:
        """The peer of making."""
        for data, copied in zip(self.data, self.copies, strict=True):
            np.copyto(copied, data)

    def compare(self) -> None:
        """The peer of verifying; raises AssertionError where the buffers differ."""
        for data, copied in zip(self.data, self.copies, strict=True):
            assert _memcmp(data, copied) == 0

    def verification(self, *, labelled: bool) -> Callable[[], None]:
        """Return what verifies all blocks as the pipeline does; raises AssertionError where one is found wrong."""
        seen = _Labels(self.labels(0, BUFFERS * self.count)) if labelled else None
        unread = HostVolume(Path("memory"), self.stamper.block_size, _refused)
        checker = Checker(self._model, self.stamper, {}, {_VOLUME: Place(unread, seen)})

        def verify() -> None:
            for lba, data in zip(self.lbas, self.data, strict=True):
                assert checker.judge(_VOLUME, lba, data).right == self.count

        return verify


class _Labels:
    """Labels in memory: what is measured is their check, not the file that they come from."""

    def __init__(self, labels: NDArray[np.void]) -> None:
        self._labels = labels

    def read(self, lba: int, count: int) -> NDArray[np.void]:
        return self._labels[lba : lba + count]


def measured(rounds: int = ROUNDS) -> Iterator[Measured]:
    """Give the speed of making and verifying in GB/s (10^9 bytes), for each block size, without and with labels.

    >>> [figure.name for figure in measured(rounds=1)][:2]
    ['make 512 B, without labels', 'make 512 B, with labels']
    """
    for block_size in SIZES:
        pieces = Pieces(block_size)
        for name, work in (("without", pieces.make), ("with", pieces.make_labelled)):
            yield _figure(f"make {block_size} B, {name} labels", pieces, work, pieces.copy, "memcpy", None, rounds)
        for labelled, reach in ((False, REACH), (True, REACH_WITH_LABELS)):
            name = f"verify {block_size} B, {'with' if labelled else 'without'} labels"
            work = pieces.verification(labelled=labelled)
            yield _figure(name, pieces, work, pieces.compare, "memcmp", reach, rounds)


def _figure(
    name: str,
    pieces: Pieces,
    work: Callable[[], None],
    peer: Callable[[], None],
    peer_name: str,
    reach: float | None,
    rounds: int,
) -> Figure:
    seconds, peer_seconds = best_beside(rounds, work, peer)
    return Figure(name, pieces.size / seconds / 1e9, "GB/s", peer_name, pieces.size / peer_seconds / 1e9, reach)


def _refused() -> int:
    raise SafetyRefusal("refuses to write: this volume is in memory")


_library = ctypes.CDLL(None)
_library.memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


def _memcmp(one: U8, other: U8) -> int:
    return int(_library.memcmp(one.ctypes.data, other.ctypes.data, one.nbytes))
