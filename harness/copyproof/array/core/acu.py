"""The address change unit: exchanges the label of blocks on their way from slot A to slot B.

It gives them application and reference tag of the new place and carries the guard tag as it is: were it made anew, a
payload damaged in the cache would come out with a right guard. The payload goes through unchanged.
"""

from __future__ import annotations

from copyproof.array.core import labels
from copyproof.array.core.blocks import Blocks, empty
from copyproof.array.core.recorder import Recorder
from copyproof.array.trace import Actor, Origin, Step


class AddressChangeUnit:
    """The unit, and the buffer inside it: `size` blocks."""

    def __init__(self, size: int, block_size: int, recorder: Recorder) -> None:
        self.buffer = empty(size, block_size)
        self._recorder = recorder

    def hand_over(self, blocks: Blocks) -> Blocks:
        """Return the memory of the buffer, to be a slot's, and take the slot's for the buffer: a move of no bytes.

        Both are of the size of a slot; what they held stays in them.
        """
        self.buffer, handed = blocks, self.buffer
        return handed

    def exchange(self, slot: int, blocks: Blocks, source: tuple[int, int], destination: tuple[int, int]) -> None:
        """Exchange labels where the blocks are, a slot or the buffer; both places are (volume, first LBA)."""
        before = self._recorder.labels(blocks)
        self._change(blocks, source, destination)
        origin = Origin(slot, *source)
        self._recorder.step(Step.EXCHANGE, Actor.ACU, slot, *destination, blocks, before, origin)

    def _change(self, blocks: Blocks, _source: tuple[int, int], destination: tuple[int, int]) -> None:
        labels.exchange(blocks, *destination)
