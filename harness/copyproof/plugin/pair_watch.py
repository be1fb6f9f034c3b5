"""What a white box shows of a pair at work, held against the claims; what no trace shows is said, and never passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from copyproof.array.pair_witness import moved_to, saved_too_late
from copyproof.array.settings import Exchange
from copyproof.array.trace import Event
from copyproof.array.witness import WITNESSES
from copyproof.plugin.pairing import Ordered
from copyproof.plugin.watching import exchanging, watched
from copyproof.scsi.pair import PairCommand
from copyproof.targets.known import NUMBERS
from copyproof.targets.live import Role

if TYPE_CHECKING:
    from copyproof.plugin.pair import Pair


class PairWatch:
    """What the controller did while a pair was watched: `events`, None where nothing shows them."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.events: Sequence[Event] | None = None

    def breach(self, claim: str) -> str:
        """Say how the way of the copied blocks breaches a claim, such as `CTL-01`."""
        if self.events is None:
            return self._missed("the way of the blocks through the controller")
        return WITNESSES[claim](self.events)

    def saved_too_late(self, role: Role, lba: int, count: int) -> str:
        """Say which block that a host wrote was not copied first, of some that were not copied yet."""
        if self.events is None:
            return self._missed("whether the old block was copied before the write was taken")
        secondary = NUMBERS[self._pair.couple.secondary]
        return saved_too_late(self.events, NUMBERS[role], secondary, lba, count)

    def moved_else(self, done: Ordered) -> str:
        """Say where a copy moved other blocks than it had to, by the trace and by what the target counts of it."""
        due = sorted((copy.destination_lba, copy.blocks) for copy in done.predicted.copies)
        told = self._pair.status.moved
        total = sum(count for _, count in due)
        if told is None and self.events is None:
            return self._missed("how many blocks were moved")
        if told is not None and told != total:
            return (
                f"{done.request.command.value} moved {told} blocks by the target's own count, and had to move {total}"
            )
        restored = done.request.command is PairCommand.RESTORE
        target = self._pair.couple.numbers[0 if restored else 1]
        moved = moved_to(self.events, target) if self.events is not None else due
        return (
            ""
            if moved == due
            else f"{done.request.command.value} moved {_listed(moved)}, and had to move {_listed(due)}"
        )

    def _missed(self, what: str) -> str:
        self._pair.desk.missed(what)
        return ""


@contextmanager
def watching(pair: Pair, exchange: Exchange | None = None) -> Iterator[PairWatch]:
    """Record what the controller does within the block, where the target is a white box, its addresses exchanged in a
    certain way or as it is set."""
    watch = PairWatch(pair)
    control = pair.bench.control
    if control is None:
        yield watch
        return
    way = exchanging(control, exchange) if exchange else nullcontext()
    with way, watched(control) as seen:
        yield watch
    watch.events = seen.events


def _listed(ranges: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"LBA {lba} to {lba + count - 1}" for lba, count in ranges) or "nothing"
