"""Where the blocks of a RAID group lie on its members.

The group's blocks are cut into stripes of `data` stripe units; `redundancy` more units a stripe each hold the xor of
these. RAID 5 has one of them, and RAID 1 is the case of one data unit: the xor of a single unit is its copy. The units
of a stripe rotate over the members from stripe to stripe.

>>> layout = layout_of(RaidLevel.RAID5, members=5, unit=128)
>>> layout.place(0), layout.place(4 * 128), layout.redundant_members(0)
(Place(member=0, offset=0), Place(member=4, offset=128), (4,))
>>> layout_of(RaidLevel.RAID1, members=2, unit=128).place(300)
Place(member=0, offset=300)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from copyproof.array.settings import RaidLevel


class Place(NamedTuple):
    """A physical address: the member, and the block on it."""

    member: int
    offset: int


class Piece(NamedTuple):
    """A part of a run that lies in one stripe unit: stripe, unit, first block in the unit, in the run, and blocks."""

    stripe: int
    unit: int
    column: int
    at: int
    blocks: int


@dataclass(frozen=True)
class Layout:
    """`data` units of `unit` blocks and `redundancy` units a stripe, each on a member of its own."""

    data: int
    redundancy: int
    unit: int

    @property
    def members(self) -> int:
        """How many members the group has."""
        return self.data + self.redundancy

    @cached_property
    def stripe_blocks(self) -> int:
        """Blocks of the group in a stripe."""
        return self.data * self.unit

    def data_members(self, stripe: int) -> tuple[int, ...]:
        """Return the members that hold the data units of a stripe, in order."""
        return self._rotations[stripe % len(self._rotations)][: self.data]

    def data_member(self, stripe: int, unit: int) -> int:
        """Return the member that holds a data unit of a stripe."""
        return self._rotations[stripe % len(self._rotations)][unit]

    def redundant_members(self, stripe: int) -> tuple[int, ...]:
        """Return the members that hold the xor of a stripe's data units."""
        return self._rotations[stripe % len(self._rotations)][self.data :]

    def place(self, block: int) -> Place:
        """Return where a block of the group lies."""
        stripe, within = divmod(block, self.stripe_blocks)
        unit, column = divmod(within, self.unit)
        return Place(self.data_member(stripe, unit), stripe * self.unit + column)

    def stripes(self, block: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Cut a run at the stripes: stripe, first block in it, first block of the run, blocks."""
        at = 0
        while at < count:
            stripe, within = divmod(block + at, self.stripe_blocks)
            part = min(self.stripe_blocks - within, count - at)
            yield stripe, within, at, part
            at += part

    def pieces(self, block: int, count: int) -> Iterator[Piece]:
        """Cut a run of the group's blocks at the stripe units."""
        stripe, within = divmod(block, self.stripe_blocks)
        unit, column = divmod(within, self.unit)
        at = 0
        while at < count:
            part = min(self.unit - column, count - at)
            yield Piece(stripe, unit, column, at, part)
            at, unit, column = at + part, unit + 1, 0
            if unit == self.data:
                stripe, unit = stripe + 1, 0

    @cached_property
    def _rotations(self) -> tuple[tuple[int, ...], ...]:
        """The members of a stripe, data units first, for as many stripes as there are members."""
        lasts = range(self.members - 1, -1, -1)
        order = [*range(1, self.data + 1), *range(0, -self.redundancy, -1)]
        return tuple(tuple((last + step) % self.members for step in order) for last in lasts)


def layout_of(level: RaidLevel, members: int, unit: int) -> Layout:
    """Return the layout of a RAID level over so many members, with stripe units of `unit` blocks."""
    data = members - 1 if level is RaidLevel.RAID5 else 1
    return Layout(data, members - data, unit)
