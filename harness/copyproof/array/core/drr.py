"""The data recovery and reconstruct unit: copies blocks from volume to volume inside the array.

Stage the source's blocks in slot A, move them to slot B, exchange their label on the way, destage slot B. No host has
a part in it, and what hosts use of the cache is not displaced: A and B are given back when a piece is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from copyproof.array.core.acu import AddressChangeUnit
from copyproof.array.core.backing import Backing
from copyproof.array.core.blocks import Blocks
from copyproof.array.core.cache import Cache
from copyproof.array.core.damage import Damages
from copyproof.array.core.errors import LabelFault
from copyproof.array.core.labels import Check, Seal, keeps, materialise, seal
from copyproof.array.core.recorder import Recorder
from copyproof.array.core.slots import Slot, SlotState
from copyproof.array.settings import ArraySettings, Exchange
from copyproof.array.trace import BUFFER, Actor, Origin, Step


class Piece(NamedTuple):
    """A part of a copy that fits in a slot: both places as (volume, first LBA), and blocks."""

    source: tuple[int, int]
    destination: tuple[int, int]
    blocks: int


class Taken:
    """So many slots, taken when this is entered, and given back: raises ArrayFault where too few can be freed."""

    def __init__(self, cache: Cache, count: int) -> None:
        self._cache, self._count = cache, count
        self._slots: list[Slot] = []

    def __enter__(self) -> list[Slot]:
        try:
            for _ in range(self._count):
                self._slots.append(self._cache.take(SlotState.MOVING))
        except BaseException:
            self._give_back()
            raise
        return self._slots

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        for slot in self._slots:
            self._cache.give_back(slot)


class RecoveryUnit:
    """The unit. `route` is how the blocks of a piece get from A to B, `check` how their labels are judged."""

    def __init__(
        self,
        settings: ArraySettings,
        cache: Cache,
        backing: Backing,
        acu: AddressChangeUnit,
        recorder: Recorder,
        damages: Damages,
        check: Check,
        route: Route,
    ) -> None:
        self.settings = settings
        self.cache = cache
        self._backing = backing
        self.acu = acu
        self._recorder = recorder
        self._damages = damages
        self._check = check
        self._route = route
        self._seal: Seal | None = None

    def copy(self, source: tuple[int, int], destination: tuple[int, int], count: int, actor: Actor) -> None:
        """Copy blocks between places (volume, first LBA) as if all were read first; `actor` ordered it.

        Pieces done before a fault stay done. Raises LabelFault and MediumFault.
        """
        self._recorder.order(actor, *destination, count, *source)
        for piece in self.pieces(source, destination, count):
            self.cache.flush(*piece.source, piece.blocks)
            self._route(self, piece)

    def pieces(self, source: tuple[int, int], destination: tuple[int, int], count: int) -> Iterator[Piece]:
        """Cut a copy at the destination's slots, from the end on where it would overwrite what it is yet to read."""
        parts = list(self.cache.parts(*destination, count))
        if source[0] == destination[0] and source[1] < destination[1] < source[1] + count:
            parts.reverse()
        for part in parts:
            yield Piece((source[0], source[1] + part.at), (destination[0], destination[1] + part.at), part.blocks)

    def slots(self, count: int) -> Taken:
        """Return slots for a piece, for a `with` statement."""
        return Taken(self.cache, count)

    def stage(self, slot: Slot, piece: Piece) -> Blocks:
        """Read the piece's blocks from the members into a slot and check their labels."""
        slot.state = SlotState.STAGING
        blocks = slot.blocks[: piece.blocks]
        self._backing.read(*piece.source, blocks)
        self._seal = seal(blocks, *piece.source)
        if self._seal is None:
            materialise(blocks, *piece.source)
            self._judge(blocks, *piece.source)
        self._recorder.step(Step.STAGE, Actor.CACHE, slot.number, *piece.source, blocks)
        self._damages.strike(Step.STAGE, *piece.source, blocks)
        slot.state = SlotState.MOVING
        return blocks

    def move(self, blocks: Blocks, origin: int, into: Blocks, slot: int, came: tuple[int, int], piece: Piece) -> None:
        """Move blocks from one slot to another (or the buffer); `came` is the place that their labels say."""
        into.assign(blocks)
        self._moved(into, origin, slot, came, piece)

    def take_over(self, slot: Slot, piece: Piece) -> Blocks:
        """Move blocks from the buffer to a slot: the slot takes the buffer's memory, and the buffer the slot's."""
        slot.blocks = self.acu.hand_over(slot.blocks)
        blocks = slot.blocks[: piece.blocks]
        self._moved(blocks, BUFFER, slot.number, piece.destination, piece)
        return blocks

    def _moved(self, blocks: Blocks, origin: int, slot: int, came: tuple[int, int], piece: Piece) -> None:
        came_from = Origin(origin, *came)
        self._recorder.step(Step.MOVE, Actor.DRR, slot, *piece.destination, blocks, blocks.words, came_from)
        if slot != BUFFER:
            self._damages.strike(Step.MOVE, *piece.destination, blocks)

    def destage(self, slot: Slot, piece: Piece) -> None:
        """Check the labels in a slot and write its blocks to the members; what other slots hold of them is stale."""
        slot.state = SlotState.DESTAGING
        blocks = slot.blocks[: piece.blocks]
        if self._seal is None or not keeps(self._seal, blocks, *piece.destination):
            self._judge(blocks, *piece.destination)
        home = self.home(piece)
        self._backing.write(*home, blocks)
        self.cache.discard(*piece.destination, piece.blocks)
        self._recorder.step(
            Step.DESTAGE, Actor.CACHE, slot.number, *piece.destination, blocks, blocks.words, address=home
        )

    def home(self, piece: Piece) -> tuple[int, int]:
        """Return where a piece's blocks are written: the volume and first LBA of its destination."""
        return piece.destination

    def _judge(self, blocks: Blocks, volume: int, lba: int) -> None:
        fault = self._check(blocks, volume, lba, self.settings.protection)
        if fault is not None:
            raise LabelFault(fault[1], volume, lba + fault[0])


Route = Callable[[RecoveryUnit, Piece], None]
"""Brings the blocks of a piece from the source's members to the destination's."""


def in_buffer(drr: RecoveryUnit, piece: Piece) -> None:
    """A → buffer of the address change unit → exchange there → B (CTL-02, CTL-24)."""
    with drr.slots(2) as (a, b):
        staged, buffer = drr.stage(a, piece), drr.acu.buffer[: piece.blocks]
        drr.move(staged, a.number, buffer, BUFFER, piece.source, piece)
        drr.acu.exchange(BUFFER, buffer, piece.source, piece.destination)
        drr.take_over(b, piece)
        drr.destage(b, piece)


def after_move(drr: RecoveryUnit, piece: Piece) -> None:
    """A → B, and thereupon exchange in B; nothing is destaged before (CTL-19)."""
    with drr.slots(2) as (a, b):
        moved = b.blocks[: piece.blocks]
        drr.move(drr.stage(a, piece), a.number, moved, b.number, piece.source, piece)
        drr.acu.exchange(b.number, moved, piece.source, piece.destination)
        drr.destage(b, piece)


def single_buffer(drr: RecoveryUnit, piece: Piece) -> None:
    """Stage, exchange and destage in one slot (CTL-13)."""
    with drr.slots(1) as (slot,):
        staged = drr.stage(slot, piece)
        drr.acu.exchange(slot.number, staged, piece.source, piece.destination)
        drr.destage(slot, piece)


ROUTES: dict[Exchange, Route] = {
    Exchange.IN_BUFFER: in_buffer,
    Exchange.AFTER_MOVE: after_move,
    Exchange.SINGLE_BUFFER: single_buffer,
}
