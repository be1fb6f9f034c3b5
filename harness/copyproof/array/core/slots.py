"""The slots of the cache: the places that blocks are in on their way, with their labels."""

from __future__ import annotations

from collections import Counter
from enum import Enum

import numpy as np

from copyproof.array.core.blocks import Blocks, empty
from copyproof.blocks.arrays import Mask


class SlotState(Enum):
    """What a slot is used for."""

    FREE = "free"
    CLEAN = "clean"
    """All that it holds is on the members."""
    DIRTY = "dirty"
    """It holds host writes that are not yet on the members."""
    STAGING = "staging"
    DESTAGING = "destaging"
    MOVING = "moving"
    """It is slot A or slot B of a copy."""


class Slot:
    """A place in the cache: `blocks`, and for each block whether it is valid, dirty, unchecked and astray.

    Unchecked and astray are dirty blocks that a host wrote with its checks switched off, and whose guard tag, or other
    tags, were wrong then: they are destaged with what they hold.
    """

    def __init__(self, number: int, size: int, block_size: int) -> None:
        self.number = number
        self.blocks: Blocks = empty(size, block_size)
        self.valid: Mask = np.zeros(size, np.bool_)
        self.dirty: Mask = np.zeros(size, np.bool_)
        self.unchecked: Mask = np.zeros(size, np.bool_)
        self.astray: Mask = np.zeros(size, np.bool_)
        self.state = SlotState.FREE

    def clear(self) -> None:
        """Hold nothing."""
        self.valid[:], self.dirty[:] = False, False

    def settle(self) -> None:
        """Take the state that follows from what the slot holds."""
        self.state = SlotState.DIRTY if self.dirty.any() else SlotState.CLEAN


class SlotPool:
    """All slots of the cache, made when they are first used, `capacity` at most."""

    def __init__(self, capacity: int, size: int, block_size: int) -> None:
        self.capacity = capacity
        self.size = size
        self.block_size = block_size
        self._slots: list[Slot] = []
        self._free: list[Slot] = []

    def take(self, state: SlotState) -> Slot | None:
        """Return a free slot, the last given back first (its memory is warm), or None where there is none."""
        if self._free:
            slot = self._free.pop()
        elif len(self._slots) < self.capacity:
            slot = Slot(len(self._slots), self.size, self.block_size)
            self._slots.append(slot)
        else:
            return None
        slot.state = state
        return slot

    def give_back(self, slot: Slot) -> None:
        """Let a slot be used for something else."""
        slot.state = SlotState.FREE
        self._free.append(slot)

    @property
    def allocated(self) -> int:
        """Bytes of payload that slots were made for."""
        return len(self._slots) * self.size * self.block_size

    def states(self) -> dict[SlotState, int]:
        """Return how many of the slots made are in each state."""
        return dict(Counter(slot.state for slot in self._slots))
