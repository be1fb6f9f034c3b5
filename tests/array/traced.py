"""A small array under trace, that has copied some blocks."""

from __future__ import annotations

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.core.damage import Damage
from copyproof.array.core.unit import ControlUnit
from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings, Exchange, VolumeSettings
from copyproof.array.trace import Actor, Event, Step, Trace

BLOCKS = 160
UNIT, SLOT = 4, 16
"""Blocks of a stripe unit and of a slot."""

P, S = 1, 2
FROM, TO, COUNT = 5, 42, 70
"""What is copied: neither place begins at a slot, and it takes several."""


def settings(exchange: Exchange = Exchange.IN_BUFFER, *defects: Defect) -> ArraySettings:
    volumes = VolumeSettings(P, BLOCKS), VolumeSettings(S, BLOCKS)
    return ArraySettings(
        volumes, exchange=exchange, defects=frozenset(defects), unit_bytes=UNIT * 512, slot_bytes=SLOT * 512
    )


class Traced:
    """A unit whose P and S are written, P by a host just now, and whose trace begins with the copy."""

    def __init__(self, exchange: Exchange = Exchange.IN_BUFFER, *defects: Defect) -> None:
        self.trace = Trace()
        self.unit = ControlUnit(settings(exchange, *defects), self.trace)
        for volume in (P, S):
            self.unit.write(volume, 0, self.filled(volume))
        self.unit.flush(S, 0, BLOCKS)
        self.trace.clear()

    def filled(self, volume: int) -> Blocks:
        """Return a volume's worth of blocks."""
        return self.unit.labelled(volume, 0, np.random.default_rng(volume).bytes(BLOCKS * 512))

    def copy(self, *damages: Damage) -> tuple[Event, ...]:
        """Copy from P to S as an initiator has it ordered."""
        for damage in damages:
            self.unit.damages.add(damage)
        self.unit.copy(P, FROM, S, TO, COUNT)
        return self.events

    @property
    def events(self) -> tuple[Event, ...]:
        """The trace so far."""
        return self.trace.events

    def count(self, step: Step, actor: Actor) -> int:
        """How many blocks an actor did a step with."""
        return sum(event.count for event in self.events if (event.step, event.actor) == (step, actor))
