"""The volumes on their RAID group: which blocks of the group are whose."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from copyproof.array.core.blocks import Blocks
from copyproof.array.core.errors import MediumFault
from copyproof.array.core.layout import Layout, Place, layout_of
from copyproof.array.core.medium import Medium
from copyproof.array.core.raid import BlockLost, Group
from copyproof.array.settings import ArraySettings

Media = Callable[[ArraySettings, int], Sequence[Medium]]
"""Gives a medium for each member, of so many blocks."""

MakeGroup = Callable[[Layout, Sequence[Medium], int, int], Group]
"""Makes the group: layout, media, stripes, block size."""


class Backing:
    """The volumes one after the other, each from a stripe of its own on. LBAs and counts must lie on the volume."""

    def __init__(self, settings: ArraySettings, media: Media, make_group: MakeGroup = Group) -> None:
        layout = layout_of(settings.raid, settings.members, settings.unit_blocks)
        self._first: dict[int, int] = {}
        stripes = 0
        for volume in settings.volumes:
            self._first[volume.number] = stripes * layout.stripe_blocks
            stripes += -(-volume.blocks // layout.stripe_blocks)
        self.group = make_group(layout, media(settings, stripes * layout.unit), stripes, settings.block_size)

    def place(self, volume: int, lba: int) -> Place:
        """Return the physical address of a block: the member, and the block on it."""
        return self.group.layout.place(self._first[volume] + lba)

    def read(self, volume: int, lba: int, out: Blocks) -> None:
        """Fill `out`; raises MediumFault."""
        try:
            self.group.read(self._first[volume] + lba, out)
        except BlockLost as lost:
            raise self._told(lost) from lost

    def write(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Write blocks and parity; raises MediumFault, and nothing is written then."""
        try:
            self.group.write(self._first[volume] + lba, blocks)
        except BlockLost as lost:
            raise self._told(lost) from lost

    def erase(self, volume: int, lba: int, count: int) -> None:
        """Let blocks be as if never written; raises MediumFault."""
        try:
            self.group.erase(self._first[volume] + lba, count)
        except BlockLost as lost:
            raise self._told(lost) from lost

    def holds(self, volume: int, lba: int, count: int) -> bool:
        """Return False where none of the blocks was ever written."""
        return self.group.holds(self._first[volume] + lba, count)

    def damage(self, volume: int, lba: int, byte: int, mask: int) -> None:
        """Invert bits of a block's payload on its member: for tests."""
        self.group.damage(self._first[volume] + lba, byte, mask)

    def rebuild(self, units: int) -> Iterator[tuple[Place, int, int]]:
        """Make units of replaced members: gives the place, and the volume and LBA of the stripe's first block."""
        try:
            for place, block in self.group.rebuild(units):
                yield place, *self._whose(block)
        except BlockLost as lost:
            raise self._told(lost) from lost

    def _told(self, lost: BlockLost) -> MediumFault:
        return MediumFault(*self._whose(lost.block))

    def _whose(self, block: int) -> tuple[int, int]:
        firsts = list(self._first.values())
        number = bisect_right(firsts, block) - 1
        return list(self._first)[number], block - firsts[number]
