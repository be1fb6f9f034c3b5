"""The cache: what hosts write is taken into slots and destaged later; what they read is staged.

Labels are checked when blocks are staged for a copy or read, and again when they are destaged, against payload and
place as they are then, but for what was wrong when a host wrote it: a block that was damaged in the cache is told, and
does not reach a member.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from copyproof.array.core.backing import Backing
from copyproof.array.core.blocks import Blocks, empty
from copyproof.array.core.damage import Damages
from copyproof.array.core.errors import ArrayFault, LabelFault, LabelKind
from copyproof.array.core.labels import addresses, numbers, seal, wrong
from copyproof.array.core.recorder import Recorder
from copyproof.array.core.slots import Slot, SlotPool, SlotState
from copyproof.array.trace import Actor, Step
from copyproof.blocks.arrays import U64, Mask

Key = tuple[int, int]
"""A volume, and the number of the slot-sized part of it."""


class Part(NamedTuple):
    """A part of a run that lies in one slot: the key, first block in the slot, first block of the run, blocks."""

    key: Key
    first: int
    at: int
    blocks: int

    @property
    def inside(self) -> slice:
        """The blocks in the slot."""
        return slice(self.first, self.first + self.blocks)

    @property
    def run(self) -> slice:
        """The blocks of the run."""
        return slice(self.at, self.at + self.blocks)


class Cache:
    """Slots by what they hold, the longest unused first. LBAs and counts must lie on the volume."""

    def __init__(self, backing: Backing, pool: SlotPool, recorder: Recorder, damages: Damages) -> None:
        self._backing = backing
        self._pool = pool
        self._recorder = recorder
        self._damages = damages
        self._held: OrderedDict[Key, Slot] = OrderedDict()

    def read(self, volume: int, lba: int, count: int) -> Blocks:
        """Return what the volume holds, staged where it is not in a slot, in memory of its own; raises MediumFault."""
        parts = list(self.parts(volume, lba, count))
        if len(parts) == 1:
            return self._staged(parts[0].key, parts[0].inside).copy()
        out = empty(count, self._pool.block_size)
        for part in parts:
            out[part.run].assign(self._staged(part.key, part.inside))
        return out

    def octets(self, volume: int, lba: int, count: int) -> tuple[bytes, bytes]:
        """As `read`, the payload and the labels, each in one piece."""
        number, first = divmod(lba, self._pool.size)
        if not count or first + count > self._pool.size:
            blocks = self.read(volume, lba, count)
        else:
            blocks = self._staged((volume, number), slice(first, first + count))
        return blocks.data.tobytes(), blocks.words.tobytes()

    def write(self, volume: int, lba: int, blocks: Blocks, actor: Actor) -> None:
        """Take blocks with their labels as they are; raises as `take` where no slot can be made free."""
        unchecked, astray = wrong(blocks), _away(blocks, volume, lba) != 0
        for part in self.parts(volume, lba, len(blocks)):
            slot = self._slot(part.key)
            place = slot.blocks[part.inside]
            place.assign(blocks[part.run])
            slot.valid[part.inside], slot.dirty[part.inside] = True, True
            slot.unchecked[part.inside], slot.astray[part.inside] = unchecked[part.run], astray[part.run]
            slot.state = SlotState.DIRTY
            self._recorder.step(Step.COMMIT, actor, slot.number, volume, lba + part.at, place)
            self._damages.strike(Step.COMMIT, volume, lba + part.at, place)

    def flush(self, volume: int, lba: int, count: int) -> None:
        """Destage what is dirty in a range; raises LabelFault or MediumFault, and the blocks stay in the cache then."""
        for key, slot, inside in self._touched(volume, lba, count):
            self._destage(key, slot, inside)

    def discard(self, volume: int, lba: int, count: int) -> None:
        """Forget what slots hold of a range, dirty or not: its blocks are somewhere else now, or nowhere."""
        for key, slot, inside in self._touched(volume, lba, count):
            slot.valid[inside], slot.dirty[inside] = False, False
            slot.settle()
            if not slot.valid.any():
                self._let_go(key)

    def holds(self, volume: int, lba: int, count: int) -> bool:
        """Return whether a slot has anything of a range."""
        return any(slot.valid[inside].any() for _key, slot, inside in self._touched(volume, lba, count))

    def dirty(self) -> list[Key]:
        """Return the keys of the slots with something to destage, the longest unused first."""
        return [key for key, slot in self._held.items() if slot.state is SlotState.DIRTY]

    def destage(self, key: Key) -> None:
        """Destage a slot; raises LabelFault or MediumFault."""
        self._destage(key, self._held[key], slice(0, self._pool.size))

    def take(self, state: SlotState) -> Slot:
        """Return a slot for other work, to be given back; raises ArrayFault where none can be freed."""
        slot = self._pool.take(state)
        return slot or self._evict(state)

    def give_back(self, slot: Slot) -> None:
        """Take back a slot that was taken."""
        self._pool.give_back(slot)

    def parts(self, volume: int, lba: int, count: int) -> Iterator[Part]:
        """Cut a run at the slots."""
        at = 0
        while at < count:
            number, first = divmod(lba + at, self._pool.size)
            part = min(self._pool.size - first, count - at)
            yield Part((volume, number), first, at, part)
            at += part

    def _slot(self, key: Key) -> Slot:
        slot = self._held.get(key)
        if slot is None:
            slot = self.take(SlotState.CLEAN)
            slot.clear()
            self._held[key] = slot
        self._held.move_to_end(key)
        return slot

    def _staged(self, key: Key, inside: slice) -> Blocks:
        """See to it that blocks are in their slot, and return them there."""
        slot = self._slot(key)
        valid = slot.valid[inside]
        # As bytes: for the few blocks of most reads that is ten times as fast as `all`.
        if 0 in valid.tobytes():
            self._stage(key, slot, inside, valid)
        return slot.blocks[inside]

    def _stage(self, key: Key, slot: Slot, inside: slice, valid: Mask) -> None:
        volume, lba, place = key[0], key[1] * self._pool.size + inside.start, slot.blocks[inside]
        was, slot.state = slot.state, SlotState.STAGING
        try:
            self._fill(volume, lba, place, valid)
        finally:
            slot.state = was
        self._recorder.step(Step.STAGE, Actor.CACHE, slot.number, volume, lba, place)
        valid[...] = True

    def _fill(self, volume: int, lba: int, place: Blocks, valid: Mask) -> None:
        if not valid.any():
            self._backing.read(volume, lba, place)
            return
        staged = empty(len(place), place.data.shape[1])
        self._backing.read(volume, lba, staged)
        place.data[~valid], place.words[~valid] = staged.data[~valid], staged.words[~valid]

    def _touched(self, volume: int, lba: int, count: int) -> list[tuple[Key, Slot, slice]]:
        """Return the slots that hold something of a range, and which of their blocks are of it."""
        if not count:
            return []
        size = self._pool.size
        first, last = lba // size, (lba + count - 1) // size
        if last - first < len(self._held):
            keys = [(volume, number) for number in range(first, last + 1) if (volume, number) in self._held]
        else:
            keys = [key for key in self._held if key[0] == volume and first <= key[1] <= last]
        return [
            (key, self._held[key], slice(max(lba - key[1] * size, 0), min(lba + count - key[1] * size, size)))
            for key in keys
        ]

    def _destage(self, key: Key, slot: Slot, inside: slice) -> None:
        if slot.state is not SlotState.DIRTY:
            return
        runs = _runs(slot.dirty[inside])
        slot.state = SlotState.DESTAGING
        try:
            for first, last in runs:
                self._destage_run(key, slot, slice(inside.start + first, inside.start + last))
        finally:
            slot.settle()

    def _destage_run(self, key: Key, slot: Slot, run: slice) -> None:
        volume, lba = key[0], key[1] * self._pool.size + run.start
        blocks = slot.blocks[run]
        if not seal(blocks, volume, lba):
            _judge(blocks, volume, lba, slot.unchecked[run], slot.astray[run])
        self._backing.write(volume, lba, blocks)
        self._recorder.step(Step.DESTAGE, Actor.CACHE, slot.number, volume, lba, blocks, blocks.words)
        slot.dirty[run] = False

    def _evict(self, state: SlotState) -> Slot:
        """Free the slot that is longest unused, of those that can be destaged."""
        problem: ArrayFault | None = None
        for key in list(self._held):
            try:
                self.destage(key)
            except ArrayFault as fault:
                problem = problem or fault
                continue
            self._let_go(key)
            slot = self._pool.take(state)
            if slot is not None:
                return slot
        # Not the fault itself: its blocks may be of a volume that has nothing to do with the command.
        raise ArrayFault(f"no slot of the cache can be freed: {problem or 'all are in use'}")

    def _let_go(self, key: Key) -> None:
        self._pool.give_back(self._held.pop(key))


def _judge(blocks: Blocks, volume: int, lba: int, unchecked: Mask, astray: Mask) -> None:
    """Raise LabelFault for the first block whose label has become wrong, in a field that was right before."""
    damaged, away = wrong(blocks) & ~unchecked, np.where(astray, np.uint64(0), _away(blocks, volume, lba))
    for at in np.flatnonzero(damaged | (away != 0))[:1].tolist():
        address = LabelKind.APPLICATION if away[at] >> np.uint64(48) else LabelKind.REFERENCE
        raise LabelFault(LabelKind.GUARD if damaged[at] else address, volume, lba + at)


def _away(blocks: Blocks, volume: int, lba: int) -> U64:
    """Return what application tag (the 16 high bits) and reference tag (the 32 next) differ in from those at home."""
    return (numbers(blocks.words) ^ addresses(volume, lba, len(blocks))) << np.uint64(16)


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """Return where runs of True begin and end."""
    if mask.all():
        return [(0, len(mask))] if len(mask) else []
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
