"""A reference for the control unit: flat arrays of bytes and labels, one block after the other, and nothing clever."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from copyproof.array.core.blocks import Blocks, blank, joined
from copyproof.array.core.unit import ControlUnit
from copyproof.array.settings import ArraySettings, Exchange, RaidLevel, VolumeSettings
from copyproof.blocks.label import ESCAPE

SIZES = {1: 150, 2: 97, 3: 64}
"""Blocks of each volume: not whole stripes, nor whole slots."""

ALL_OFF = 0xFFFFFFFF
"""The reference tag that goes with the escape where a type 3 block's checks are off."""


class Flat:
    """What each volume must hold."""

    def __init__(self, block_size: int) -> None:
        self.volumes = {number: blank(blocks, block_size) for number, blocks in SIZES.items()}

    def write(self, volume: int, lba: int, blocks: Blocks) -> None:
        self.volumes[volume][lba : lba + len(blocks)].assign(blocks)

    def copy(self, source: int, source_lba: int, destination: int, lba: int, count: int) -> None:
        taken = self.volumes[source][source_lba : source_lba + count].copy()
        for at in range(count):
            guard, application, reference = taken.labels[at].tolist()
            if not taken.data[at].any() and taken.labels[at].tobytes() == b"\xff" * 8:
                guard, application = 0, destination
            kept = ESCAPE if application == ESCAPE else destination
            off = kept == ESCAPE and reference == ALL_OFF
            taken.labels[at] = guard, kept, ALL_OFF if off else (lba + at) & 0xFFFFFFFF
        self.write(destination, lba, taken)

    def mapped(self, volume: int) -> list[bool]:
        return [label.tobytes() != b"\xff" * 8 for label in self.volumes[volume].labels]


@dataclass(frozen=True)
class Shape:
    """What a walk's array is made of."""

    exchange: Exchange = Exchange.IN_BUFFER
    raid: RaidLevel = RaidLevel.RAID5
    members: int = 5
    slots: int = 4
    block_size: int = 512
    protection: int = 1

    def settings(self) -> ArraySettings:
        slot = 8 * self.block_size
        volumes = tuple(VolumeSettings(number, blocks) for number, blocks in SIZES.items())
        return ArraySettings(
            volumes, exchange=self.exchange, raid=self.raid, members=self.members, block_size=self.block_size,
            unit_bytes=slot // 2, slot_bytes=slot, cache_bytes=self.slots * slot, pace=2,
            protection=self.protection,
        )  # fmt: skip


class Walk:
    """A random walk of a unit, and of its reference beside it."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.random = random.Random(f"{seed} {shape}")
        self.shape = shape
        self.unit = ControlUnit(shape.settings())
        self.flat = Flat(shape.block_size)
        self.lacking: set[int] = set()
        self.actions: tuple[Callable[[], None], ...] = (
            self.write, self.write, self.write, self.copy, self.copy, self.copy, self.unmap, self.zero,
            self.escaped, self.flush, self.read, self.tick, self.fail, self.replace, self.unit.empty_cache,
        )  # fmt: skip

    def step(self) -> None:
        self.random.choice(self.actions)()

    def span(self, most: int = 200) -> tuple[int, int, int]:
        volume = self.random.choice(list(SIZES))
        lba = self.random.randrange(SIZES[volume])
        return volume, lba, min(self.random.choice((0, 1, 1, 3, 8, 40, most)), SIZES[volume] - lba)

    def payload(self, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        raw = np.frombuffer(self.random.randbytes(count * self.shape.block_size), np.uint8)
        return raw.reshape(count, self.shape.block_size)

    def write(self) -> None:
        volume, lba, count = self.span()
        blocks = self.unit.labelled(volume, lba, self.payload(count))
        self.unit.write(volume, lba, blocks)
        self.flat.write(volume, lba, blocks)

    def escaped(self) -> None:
        """Write blocks whose checks are switched off, with any guard and, but for type 3, any reference tag."""
        volume, lba, count = self.span(8)
        labels = np.frombuffer(self.random.randbytes(8 * count), blank(0, 512).labels.dtype).copy()
        labels["application"] = ESCAPE
        if self.shape.protection == 3 or self.random.random() < 0.5:
            labels["reference"] = ALL_OFF
        blocks = joined(self.payload(count), labels)
        self.unit.write(volume, lba, blocks)
        self.flat.write(volume, lba, blocks)

    def copy(self) -> None:
        source, source_lba, count = self.span()
        destination, lba, room = self.span()
        count = min(count, room)
        self.unit.copy(source, source_lba, destination, lba, count)
        self.flat.copy(source, source_lba, destination, lba, count)

    def unmap(self) -> None:
        volume, lba, count = self.span()
        self.unit.unmap(volume, lba, count)
        self.flat.write(volume, lba, blank(count, self.shape.block_size))

    def zero(self) -> None:
        volume, lba, count = self.span()
        self.unit.zero(volume, lba, count)
        zeros = np.zeros((count, self.shape.block_size), np.uint8)
        self.flat.write(volume, lba, self.unit.labelled(volume, lba, zeros))

    def flush(self) -> None:
        self.unit.flush(*self.span())

    def read(self) -> None:
        volume, lba, count = self.span()
        same(self.unit.read(volume, lba, count), self.flat.volumes[volume][lba : lba + count])

    def tick(self) -> None:
        self.unit.run(self.random.choice((1, 1, 5)))

    def fail(self) -> None:
        """Let a member fail, as long as the others can make up for it."""
        here = self.unit.inventory()
        if not here.to_rebuild:
            self.lacking = set(here.missing)
        if len(self.lacking) < (1 if self.shape.raid is RaidLevel.RAID5 else here.members - 1):
            member = self.random.randrange(here.members)
            self.unit.fail_member(member)
            self.lacking.add(member)

    def replace(self) -> None:
        for member in self.unit.inventory().missing[:1]:
            self.unit.replace_member(member)

    def check(self) -> None:
        """Compare everything, before and after all members are whole again."""
        for volume, held in self.flat.volumes.items():
            same(self.unit.read_raw(volume, 0, SIZES[volume]), held)
            told = [state for _lba, count, state in self.unit.mapped(volume, 0, SIZES[volume]) for _ in range(count)]
            assert told == self.flat.mapped(volume)
        for member in self.unit.inventory().missing:
            self.unit.replace_member(member)
        self.unit.run(500)
        assert (self.unit.inventory().to_rebuild, list(self.unit.parity_errors()), self.unit.faults) == (0, [], [])
        self.unit.empty_cache()
        for volume, held in self.flat.volumes.items():
            same(self.unit.read(volume, 0, SIZES[volume]), held)


def same(found: Blocks, due: Blocks) -> None:
    """Fail where payload or label of a block differ."""
    wrong = np.flatnonzero((found.data != due.data).any(axis=1) | (found.labels != due.labels))
    assert wrong.tolist() == []
