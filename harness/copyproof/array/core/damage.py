"""Damage done on purpose while blocks are in the cache: what a test asks for, and no one else.

>>> damages = Damages()
>>> damages.add(Damage(Step.STAGE, volume=1, lba=5))
>>> data = np.zeros((4, 512), np.uint8)
>>> damages.strike(Step.MOVE, 1, 4, data); damages.strike(Step.STAGE, 1, 4, data); data[:, 0].tolist()
[0, 1, 0, 0]
>>> damages.strike(Step.STAGE, 1, 4, data); data[:, 0].tolist()
[0, 1, 0, 0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from copyproof.array.trace import Step
from copyproof.blocks.arrays import U8


@dataclass(frozen=True, slots=True)
class Damage:
    """Bits to invert in a block's payload once, right after a step left it in a slot.

    STAGE hits slot A after its labels were checked, MOVE hits slot B (`volume` and `lba` are the destination's then),
    COMMIT the slot that a host's write went to. The label stays as it is.
    """

    step: Step
    volume: int
    lba: int
    byte: int = 0
    mask: int = 1


class Damages:
    """What is still to be damaged."""

    def __init__(self) -> None:
        self._waiting: list[Damage] = []

    def add(self, damage: Damage) -> None:
        """Wait for the step."""
        self._waiting.append(damage)

    def strike(self, step: Step, volume: int, lba: int, data: U8) -> None:
        """Damage those of these blocks, shape (n, size), that wait for this step."""
        for damage in [d for d in self._waiting if (d.step, d.volume) == (step, volume)]:
            if lba <= damage.lba < lba + len(data):
                data[damage.lba - lba, damage.byte] ^= np.uint8(damage.mask)
                self._waiting.remove(damage)
