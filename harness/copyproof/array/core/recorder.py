"""Makes the events of a trace from blocks: one for each run whose labels follow on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from copyproof.array.core.blocks import NEVER_WRITTEN, Blocks
from copyproof.array.core.labels import numbers
from copyproof.array.core.layout import Place
from copyproof.array.trace import Actor, Event, Origin, Step, Tag, Trace
from copyproof.blocks.arrays import U64, Mask
from copyproof.blocks.label import guards
from copyproof.blocks.runs import run_starts

ON_MEMBERS = frozenset({Step.STAGE, Step.DESTAGE})
"""Steps whose blocks have a physical address; their runs end at stripe units."""


class Recorder:
    """Records steps in a trace, or does nothing where there is none. `tick` is the clock of all events.

    `place` tells the physical address of a block; `unit` is the number of blocks of a stripe unit.
    """

    def __init__(self, trace: Trace | None, place: Callable[[int, int], Place], unit: int) -> None:
        self.trace = trace
        self.tick = 0
        self._place = place
        self._unit = unit

    def labels(self, blocks: Blocks) -> U64 | None:
        """Return the labels as they are now, for the event of a step that is about to change them."""
        return blocks.words.copy() if self.trace is not None else None

    def step(
        self,
        step: Step,
        actor: Actor,
        slot: int,
        volume: int,
        lba: int,
        blocks: Blocks,
        before: U64 | None = None,
        origin: Origin | None = None,
        address: tuple[int, int] | None = None,
    ) -> None:
        """Record a step that left these blocks of a volume in a slot; `before` are their labels before it.

        `address` is the volume and first LBA whose physical address was used, where it is not that of the blocks.
        """
        if self.trace is None or not len(blocks):
            return
        after = numbers(blocks.words)
        old = after if before is None else numbers(before)
        breaks = _breaks(after) | _breaks(old)
        where = address or (volume, lba)
        if step in ON_MEMBERS:
            breaks |= self._unit_ends(*where, len(blocks))
        payload = guards(blocks.data).astype(">u2").tobytes()
        starts = run_starts(breaks).tolist()
        for at, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
            old_tag = None if before is None else _tag(old[at])
            place = self._place(where[0], where[1] + at) if step in ON_MEMBERS else (None, None)
            came = origin and Origin(origin.slot, origin.volume, origin.lba + at)
            run = Event(step, actor, self.tick, slot, volume, lba + at, end - at, old_tag, _tag(after[at]), *place)
            self.trace.record(replace(run, origin=came, payload=payload[2 * at : 2 * end]))

    def order(self, actor: Actor, volume: int, lba: int, count: int, source: int, source_lba: int) -> None:
        """Record that a copy was ordered."""
        if self.trace is not None:
            origin = Origin(None, source, source_lba)
            self.trace.record(Event(Step.ORDER, actor, self.tick, None, volume, lba, count, origin=origin))

    def rebuilt(self, place: Place, volume: int, lba: int, count: int) -> None:
        """Record that the unit of a stripe, whose first block this is, was made on a replaced member."""
        if self.trace is not None:
            step = Event(Step.REBUILD, Actor.DRR, self.tick, None, volume, lba, count, None, None, *place)
            self.trace.record(step)

    def _unit_ends(self, volume: int, lba: int, count: int) -> Mask:
        offset = self._place(volume, lba).offset
        columns = np.arange(offset + 1, offset + count) % self._unit
        return np.asarray(columns == 0)


def _breaks(words: U64) -> Mask:
    """Return for each label but the first whether it does not follow on the one before it."""
    address = words & np.uint64(0xFFFFFFFFFFFF)
    follows = address[1:] - address[:-1] == 1
    never = words == NEVER_WRITTEN
    return np.asarray(~(follows | (never[1:] & never[:-1])))


def _tag(word: np.uint64) -> Tag:
    return Tag(int(word) >> 32 & 0xFFFF, int(word) & 0xFFFFFFFF)
