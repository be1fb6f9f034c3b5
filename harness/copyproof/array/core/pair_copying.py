"""How the blocks of a pair are moved: by the control unit's own engine, never by a host's read and write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.pair_identity import exchange, fresh, identity_on
from copyproof.array.core.pair_record import COPIED, Pair
from copyproof.array.trace import Actor
from copyproof.blocks.arrays import U8
from copyproof.scsi.pair import PairState


class VolumeFacts(Protocol):
    """What a pair has to know of a volume."""

    @property
    def blocks(self) -> int:
        """How many blocks it has."""

    @property
    def block_size(self) -> int:
        """How many bytes of data a block has."""

    @property
    def protection(self) -> int:
        """The protection type, 0 to 3."""


class Engine(Protocol):
    """What pairs ask of the control unit. None of it asks the pairs back, as a host's command does."""

    def volume(self, number: int) -> VolumeFacts:
        """Return a volume's facts; raises ArrayFault where there is none."""

    def move(
        self, source: int, source_lba: int, destination: int, destination_lba: int, count: int, actor: Actor
    ) -> None:
        """Copy blocks by DRR and address change unit, destaged when it returns; raises ArrayFault."""

    def fetch(self, volume: int, lba: int, count: int) -> Blocks:
        """Return blocks whose labels were checked; raises ArrayFault."""

    def store(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Replace blocks; raises ArrayFault."""

    def labelled(self, volume: int, lba: int, data: U8) -> Blocks:
        """Return payload, shape (n, block size), with the labels of its place."""


def advance(engine: Engine, pair: Pair, grains: int) -> None:
    """Copy at most `grains` grains of what is pending, from the lowest LBA on. An error suspends the pair."""
    _move(engine, pair, pair.pending.runs(grains))


def copy_first(engine: Engine, pair: Pair, lba: int, count: int) -> bool:
    """Copy the pending grains that these blocks lie in before they are touched; False where an error suspended it."""
    return _move(engine, pair, pair.pending.runs(pair.pending.bits.size, lba, count))


def _move(engine: Engine, pair: Pair, runs: Iterable[tuple[int, int]]) -> bool:
    for lba, count in list(runs):
        try:
            engine.move(pair.source, lba, pair.target, lba, count, Actor.PAIR)
        except ArrayFault as fault:
            suspend(pair, str(fault))
            return False
        pair.pending.clear(lba, count)
        pair.moved += count
    settle(pair)
    return True


def settle(pair: Pair) -> None:
    """Let a pair with nothing left to be copied take the state that follows."""
    if not pair.pending:
        pair.state = COPIED.get(pair.state, pair.state)


def suspend(pair: Pair, cause: str) -> None:
    """Put a pair in PSUE: its S-VOL holds no point in time, and a resync has to copy everything."""
    pair.state = PairState.PSUE
    pair.cause = cause


class _Secondary:
    """An S-VOL as a disk whose blocks are read and replaced one by one: pending ones are copied first, and those
    replaced count as changed."""

    def __init__(self, engine: Engine, pair: Pair) -> None:
        self.engine = engine
        self.pair = pair
        self.blocks = pair.pending.total

    def read(self, lba: int, /) -> bytes:
        if not copy_first(self.engine, self.pair, lba, 1):
            raise ArrayFault(self.pair.cause)
        return self.engine.fetch(self.pair.secondary, lba, 1).data.tobytes()

    def write(self, lba: int, block: bytes, /) -> None:
        data = np.frombuffer(block, np.uint8).reshape(1, -1)
        self.engine.store(self.pair.secondary, lba, self.engine.labelled(self.pair.secondary, lba, data))
        self.pair.secondary_changes.mark(lba, 1)


def resign(engine: Engine, pair: Pair) -> None:
    """Give the S-VOL of a pair that is being split a disk identity of its own. An error suspends the pair."""
    disk = _Secondary(engine, pair)
    try:
        old = identity_on(disk)
        new = fresh(old, pair.secondary, pair.generation)
        exchange(disk, old, new)
    except ArrayFault as fault:
        suspend(pair, str(fault))
        return
    pair.identity = (old, new) if old else None


def unsign(engine: Engine, pair: Pair) -> None:
    """Give the S-VOL back the identity of its P-VOL, so that a restore leaves the P-VOL's as it was. An error suspends
    the pair."""
    if pair.identity is None:
        return
    old, new = pair.identity
    try:
        exchange(_Secondary(engine, pair), new, old)
    except ArrayFault as fault:
        suspend(pair, str(fault))
    pair.identity = None
