"""One pair as a test drives it: brought to a state, ordered, touched before, at and behind the front of its copy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from copyproof.array.settings import Exchange
from copyproof.errors import DeviceError, UsageError
from copyproof.model.pairs import NEXT
from copyproof.pairing.service import PairService, PairStatus
from copyproof.plugin.offload import Offload, offloaded
from copyproof.plugin.pair_cli import command_line
from copyproof.plugin.pair_display import display_breach, inventory_breach
from copyproof.plugin.pair_identified import Identified, identified
from copyproof.plugin.pair_states import recipe
from copyproof.plugin.pair_watch import PairWatch, watching
from copyproof.plugin.pairing import Couple, Ordered, PairBench
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Result
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import HostAccess, PairCommand, PairState, SplitKind
from copyproof.targets.live import Role
from copyproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from copyproof.plugin.pair_desk import PairDesk

BLOCKS = 8
"""Blocks of a host's read or write, unless a test says otherwise."""
WHILE = 2.0
"""Seconds in which a target with a clock of its own would show that it goes on copying."""


class Place(Enum):
    """Where a touch is, seen from the front of a copy that goes upwards."""

    BEFORE = "before the front"
    AT = "at the front"
    BEHIND = "behind the front"


@dataclass(frozen=True, slots=True)
class Spot:
    """Some blocks; `uncopied` is the LBA and count of those that surely were not copied yet."""

    lba: int
    count: int
    uncopied: tuple[int, int]


class Pair:
    """A pair as a test drives it; what is ordered of it is kept for the record and judged by `judge_pairs`."""

    def __init__(self, desk: PairDesk, couple: Couple) -> None:
        self.desk, self.couple = desk, couple

    @property
    def bench(self) -> PairBench:
        """The pairs of the bench."""
        return self.desk.pairs

    @property
    def state(self) -> PairState:
        """The state that the model has it in."""
        return self.bench.model.state(*self.couple.numbers)

    @property
    def status(self) -> PairStatus:
        """What the target shows of it now; what is wrong in that is judged."""
        status, strange = self.bench.sync(self.couple)
        self.desk.breaches += [strange] if strange else []
        return status

    @property
    def blocks(self) -> int:
        """The blocks of each of its volumes."""
        return self.bench.volume(self.couple.primary).blocks

    @property
    def slot(self) -> int:
        """How many blocks the target notes as changed together."""
        return self.desk.slot

    def order(
        self,
        command: PairCommand,
        kind: SplitKind = SplitKind.STEADY,
        *,
        group: int = 0,
        whole_group: bool = False,
        pace: int = 0,
    ) -> Ordered:
        """Order something; ends the test where the target declares that it has no such thing."""
        declared = self.desk.declared
        lacking = not (declared.offers(command, self.state) and declared.takes(command, kind))
        if lacking or (group and not declared.groups):
            what = f"{command.value} ({kind.value})" if kind is not SplitKind.STEADY else command.value
            self.desk.left_out(Verdict.NOT_SUPPORTED, f"the target declares no {what} in {self.state.value}")
        return self.desk.order(self, command, kind, group, whole_group, pace)

    def orders_in_vain(self, command: PairCommand) -> None:
        """Order what must be refused; ends the test where this side refuses already, so that nothing is ordered."""
        try:
            self.order(command)
        except UsageError as problem:
            self.desk.left_out(Verdict.NOT_OBSERVABLE, f"it is not ordered at all: {problem}")

    def finish(self) -> Pair:
        """Let what is under way come to its end."""
        strange = self.bench.finish(self.couple)
        self.desk.breaches += [strange] if strange else []
        return self

    def brought_to(self, state: PairState) -> Pair:
        """Bring the pair from SMPL to a state, a transient one held there; ends the test where the target cannot show
        or hold it."""
        path = recipe(state, self.desk.declared)
        if path is None:
            self.desk.left_out(Verdict.NOT_SUPPORTED, f"the target declares no way to {state.value}")
        for step in path or ():
            step(self)
        shown = self.status.primary_state
        if shown is not self.desk.declared.shown(state) or self.state is not state:
            self._not_held(state, shown)
        return self

    @contextmanager
    def identified(self) -> Iterator[Identified]:
        """Give the primary the identity of a disk within the block."""
        with identified(self) as identity:
            yield identity

    def display_breach(self) -> str:
        """Say where the display does not show the pairs of the test as they are."""
        return self._displayed(self.bench.service)

    def command_line_breach(self) -> str:
        """Say where the shipped command line does not."""
        with command_line(self.desk.bench) as service:
            return self._displayed(service)

    def _displayed(self, service: PairService) -> str:
        if not service.lists:
            self.desk.missed("a display beside the query for each pair, since the template has none")
        return display_breach(self.bench, self.desk.couples, service)

    def inventory_breach(self) -> str:
        """Say where the array's inventory does not agree with its units."""
        return inventory_breach(self.desk.bench)

    def hold(self) -> None:
        """Let nothing go on by itself from now on, where the target can be held."""
        self.bench.hold()

    def half_copied(self) -> Pair:
        """Let a copy that is held at the slowest pace come half its way, where the target is a white box."""
        if self.bench.control:
            self.bench.control.run(self.blocks // self.desk.slot // 2)
        return self

    def spot(self, place: Place) -> Spot:
        """Return some blocks before, at or behind the front of the copy under way, as far as the target tells where
        that is; ends the test where it cannot be met."""
        status, slot = self.status, self.desk.slot
        pending = status.pending if status.pending is not None else self._pending(status.percent)
        front = (self.blocks - pending) // slot * slot
        if not 0 < front <= self.blocks - 2 * BLOCKS:
            why = f"the copy front cannot be met: {front} of {self.blocks} blocks are copied"
            self.desk.left_out(Verdict.NOT_OBSERVABLE, why)
        half = BLOCKS // 2
        if place is Place.AT:
            # Single slots behind the front may be copied already: so the front may be a slot before where it seems.
            first = max(0, front - slot - half)
            return Spot(first, front + half - first, (front, half))
        if place is Place.BEFORE:
            return Spot(front // 2, BLOCKS, (front, 0))
        behind = (front + self.blocks) // 2
        return Spot(behind, BLOCKS, (behind, BLOCKS))

    def _pending(self, percent: int | None) -> int:
        return self.blocks if percent is None else self.blocks * (100 - percent) // 100

    def write(self, role: Role, lba: int = 0, count: int = BLOCKS) -> None:
        """Write stamps, which must go well; raises DeviceError. Ends the test where the target declares that no host
        may write the volume in this state."""
        if self.bench.access(role) is not HostAccess.READ_WRITE:
            why = f"the target declares that no host writes {role.value} in {self.state.value}"
            self.desk.left_out(Verdict.NOT_SUPPORTED, why)
        self.bench.stamp(role, lba, count)

    def tries_to_read(self, role: Role, lba: int, count: int = BLOCKS) -> None:
        """Let the host read, and judge outcome and blocks."""
        unit, what = self.desk.unit(role), f"a read of {role.value}"
        allowed = self.bench.access(role) >= HostAccess.READ
        result = self.desk.send(unit, read16(lba, count, self._block_size))
        if result.good and len(result.data) != count * self._block_size:
            due = f"{what} in {self.state.value} ended GOOD with {len(result.data)} bytes"
            self.desk.breaches.append(f"{due}, and must have {count * self._block_size}")
            return
        if why := self._judge_access(what, result, (role, HostAccess.READ), self.desk.declared.rules.read_refused):
            self.desk.left_out(Verdict.NOT_OBSERVABLE, why)
        if result.good and allowed:
            data = np.frombuffer(result.data, np.uint8).reshape(-1, self._block_size)
            self.desk.seen += self.desk.bench.checker.judge(unit.number, lba, data)

    def tries_to_write(self, role: Role, lba: int, count: int = BLOCKS) -> None:
        """Let the host write stamps, and judge the outcome; the blocks are judged with all others."""
        bench, unit = self.desk.bench, self.desk.unit(role)
        bench.generation += 1
        data = bench.stamper.make(unit.number, lba, count, bench.generation).tobytes()
        refused = self._write_refusals(role)
        try:
            result = self.desk.send(unit, write16(lba, data, self._block_size))
        except DeviceError:
            # Nobody knows whether it was written.
            bench.model.forget(unit.number, lba, count)
            raise
        # Before the model is told: what the pair ended meanwhile came before the write.
        why = self._judge_access(f"a write to {role.value}", result, (role, HostAccess.READ_WRITE), refused)
        if result.good:
            bench.model.write(unit.number, lba, count, bench.generation)
        if why:
            self.desk.left_out(Verdict.NOT_OBSERVABLE, why)

    def look(self, role: Role, lba: int, count: int) -> None:
        """Look at some blocks now, beside those that are looked at in the end."""
        self.desk.seen += self.desk.bench.check(role, lba, count)

    @contextmanager
    def offloaded(self) -> Iterator[Offload]:
        """Count within the block what the host moves, and let its process stand still that orders; a copy by the host
        is a breach."""
        with offloaded(self) as found:
            yield found

    @contextmanager
    def watched(self, exchange: Exchange | None = None) -> Iterator[PairWatch]:
        """Record what the controller does within the block, where anything shows it; there it exchanges addresses as
        asked for."""
        with watching(self, exchange) as watch:
            yield watch

    def passes_time(self) -> None:
        """Let as much time pass as a whole copy would take at the slowest pace, or a while on a target with a clock of
        its own."""
        if self.bench.control:
            self.bench.control.run(self.blocks // self.desk.slot + 1)
        else:
            time.sleep(WHILE)

    def _write_refusals(self, role: Role) -> Sequence[Outcome]:
        """How a write is refused; where not even a read is allowed, as a read."""
        rules = self.desk.declared.rules
        return rules.write_refused if self.bench.access(role) is HostAccess.READ else rules.read_refused

    @property
    def _block_size(self) -> int:
        return self.desk.bench.stamper.block_size

    def _judge_access(
        self, what: str, result: Result, needed: tuple[Role, HostAccess], refused: Sequence[Outcome]
    ) -> str:
        """Hold what a host tried against what the state allows; say so where the pair, which nobody holds, went on
        meanwhile to a state in which it is right."""
        seen, state, (role, access) = Outcome.of(result), self.state, needed
        allowed = self.bench.access(role) >= access
        if result.good == allowed and (allowed or not refused or any(outcome.allows(seen) for outcome in refused)):
            return ""
        if self._went_on() and result.good == (self.bench.access(role) >= access):
            return f"the pair went on from {state.value} to {self.state.value} while {what} was tried"
        must = "must be GOOD" if allowed else f"must be refused ({' or '.join(map(str, refused)) or 'by any sense'})"
        self.desk.breaches.append(f"{what} in {state.value} ended in {seen}, and {must}")
        return ""

    def _went_on(self) -> bool:
        """Ask a pair that cannot be held whether what was under way has ended."""
        before = self.state
        if self.bench.control is None and before in NEXT:
            self.desk.breaches += filter(None, [self.bench.sync(self.couple)[1]])
        return self.state is not before

    def _not_held(self, state: PairState, shown: PairState) -> None:
        if self.bench.control is None and state in NEXT:
            why = f"the target cannot be held in {state.value}: it shows {shown.value}"
            self.desk.left_out(Verdict.NOT_OBSERVABLE, why)
        told = next(iter(self.desk.breaches), "")
        raise DeviceError(f"{self.couple} cannot be brought to {state.value}: {told or f'it shows {shown.value}'}")
