"""Damage done on purpose while blocks are in the cache: what a test asks for, and no one else.

>>> from copyproof.array.core.blocks import blank
>>> damages = Damages()
>>> damages.add(Damage(Step.STAGE, volume=1, lba=5))
>>> four = blank(4, 512)
>>> damages.strike(Step.MOVE, 1, 4, four); damages.strike(Step.STAGE, 1, 4, four); four.data[:, 0].tolist()
[0, 1, 0, 0]
>>> damages.strike(Step.STAGE, 1, 4, four); four.data[:, 0].tolist()
[0, 1, 0, 0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.trace import Step


@dataclass(frozen=True, slots=True)
class Damage:
    """Bits to invert in a block once, right after a step left it in a slot.

    STAGE hits slot A after its labels were checked, MOVE hits slot B (`volume` and `lba` are the destination's then),
    COMMIT the slot that a host's write went to. `byte` counts from the beginning of the payload; the eight bytes behind
    it are those of the label.
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

    def strike(self, step: Step, volume: int, lba: int, blocks: Blocks) -> None:
        """Damage those of these blocks that wait for this step."""
        if not self._waiting:
            return
        for damage in [d for d in self._waiting if (d.step, d.volume) == (step, volume)]:
            if lba <= damage.lba < lba + len(blocks):
                _invert(blocks[damage.lba - lba : damage.lba - lba + 1], damage)
                self._waiting.remove(damage)


def _invert(one: Blocks, damage: Damage) -> None:
    size = one.data.shape[1]
    octets, at = (one.data[0], damage.byte) if damage.byte < size else (one.labels.view(np.uint8), damage.byte - size)
    octets[at] ^= np.uint8(damage.mask)
