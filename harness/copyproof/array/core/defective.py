"""The parts of a control unit that does something wrong on purpose, one for each defect of the copying inside.

A unit whose copies leave wrong labels would find them itself when it destages or stages them; so that it does not, it
checks guard tags only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from copyproof.array.core import labels
from copyproof.array.core.acu import AddressChangeUnit
from copyproof.array.core.backing import MakeGroup
from copyproof.array.core.blocks import Blocks
from copyproof.array.core.drr import ROUTES, Piece, RecoveryUnit, Route
from copyproof.array.core.raid import Group
from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings
from copyproof.array.trace import Actor
from copyproof.blocks.arrays import U8, U64
from copyproof.blocks.label import guards

_BLIND = frozenset(
    {Defect.NO_EXCHANGE, Defect.SOURCE_NUMBER, Defect.DESTAGE_BEFORE_EXCHANGE, Defect.WRONG_PHYSICAL_ADDRESS}
)


def check_of(settings: ArraySettings) -> labels.Check:
    """Return how the unit judges labels."""
    return labels.first_guard_fault if settings.defects & _BLIND else labels.first_fault


def group_of(settings: ArraySettings) -> MakeGroup:
    """Return what makes its RAID group."""
    return next((made for defect, made in _GROUPS.items() if defect in settings.defects), Group)


def acu_of(settings: ArraySettings) -> type[AddressChangeUnit]:
    """Return the kind of its address change unit."""
    return next((kind for defect, kind in _ACUS.items() if defect in settings.defects), AddressChangeUnit)


def drr_of(settings: ArraySettings) -> type[RecoveryUnit]:
    """Return the kind of its data recovery and reconstruct unit."""
    return next((kind for defect, kind in _DRRS.items() if defect in settings.defects), RecoveryUnit)


def route_of(settings: ArraySettings) -> Route:
    """Return how its copies go from the source's members to the destination's."""
    return next((r for defect, r in _ROUTES.items() if defect in settings.defects), ROUTES[settings.exchange])


class _NoExchange(AddressChangeUnit):
    def _change(self, blocks: Blocks, source: tuple[int, int], destination: tuple[int, int]) -> None:
        """Leave the labels as they are."""


class _SourceNumber(AddressChangeUnit):
    def _change(self, blocks: Blocks, source: tuple[int, int], destination: tuple[int, int]) -> None:
        labels.exchange(blocks, source[0], destination[1])


class _GuardRecomputed(AddressChangeUnit):
    def _change(self, blocks: Blocks, _source: tuple[int, int], destination: tuple[int, int]) -> None:
        labels.exchange(blocks, *destination)
        blocks.labels["guard"] = guards(blocks.data)


class _LastBlockSkipped(RecoveryUnit):
    def pieces(self, source: tuple[int, int], destination: tuple[int, int], count: int) -> Iterator[Piece]:
        """Cut a copy, without its last block."""
        return super().pieces(source, destination, max(count - 1, 0))


class _WrongAddress(RecoveryUnit):
    def home(self, piece: Piece) -> tuple[int, int]:
        volume, lba = piece.destination
        blocks = next(known.blocks for known in self.settings.volumes if known.number == volume)
        further = lba + self.settings.unit_blocks
        return volume, further if further + piece.blocks <= blocks else max(lba - self.settings.unit_blocks, 0)


class _StaleParity(Group):
    def _protect(self, stripe: int, column: int, data: U8, words: U64) -> None:
        """Leave the redundant units as they are."""


class _SkippingRebuild(Group):
    def _rebuild_unit(self, stripe: int, member: int) -> None:
        if stripe % 2 == 0:
            super()._rebuild_unit(stripe, member)


def _exchange_in_source_slot(drr: RecoveryUnit, piece: Piece) -> None:
    with drr.slots(2) as (a, b):
        staged = drr.stage(a, piece)
        drr.acu.exchange(a.number, staged, piece.source, piece.destination)
        drr.move(staged, a.number, b.blocks[: piece.blocks], b.number, piece.destination, piece)
        drr.destage(b, piece)


def _one_slot(drr: RecoveryUnit, piece: Piece) -> None:
    with drr.slots(1) as (slot,):
        staged = drr.stage(slot, piece)
        drr.move(staged, slot.number, staged, slot.number, piece.source, piece)
        drr.acu.exchange(slot.number, staged, piece.source, piece.destination)
        drr.destage(slot, piece)


def _destage_before_exchange(drr: RecoveryUnit, piece: Piece) -> None:
    with drr.slots(2) as (a, b):
        moved = b.blocks[: piece.blocks]
        drr.move(drr.stage(a, piece), a.number, moved, b.number, piece.source, piece)
        drr.destage(b, piece)
        drr.acu.exchange(b.number, moved, piece.source, piece.destination)


def _host_moves(drr: RecoveryUnit, piece: Piece) -> None:
    blocks = drr.cache.read(*piece.source, piece.blocks)
    labels.materialise(blocks, *piece.source)
    labels.exchange(blocks, *piece.destination)
    drr.cache.write(*piece.destination, blocks, Actor.HOST)
    drr.cache.flush(*piece.destination, piece.blocks)


_GROUPS: dict[Defect, MakeGroup] = {Defect.PARITY_STALE: _StaleParity, Defect.REBUILD_SKIPS: _SkippingRebuild}
_ACUS: dict[Defect, type[AddressChangeUnit]] = {
    Defect.NO_EXCHANGE: _NoExchange,
    Defect.SOURCE_NUMBER: _SourceNumber,
    Defect.GUARD_RECOMPUTED: _GuardRecomputed,
}
_DRRS: dict[Defect, type[RecoveryUnit]] = {
    Defect.LAST_BLOCK_SKIPPED: _LastBlockSkipped,
    Defect.WRONG_PHYSICAL_ADDRESS: _WrongAddress,
}
_ROUTES: dict[Defect, Callable[[RecoveryUnit, Piece], None]] = {
    Defect.EXCHANGE_IN_SOURCE_SLOT: _exchange_in_source_slot,
    Defect.ONE_SLOT: _one_slot,
    Defect.DESTAGE_BEFORE_EXCHANGE: _destage_before_exchange,
    Defect.HOST_MOVES: _host_moves,
}
