"""Pairs in one test: arranged, ordered, touched by the host, and judged by state and by every block."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn, Protocol

import numpy as np

from copyproof.blocks.findings import Findings
from copyproof.errors import DeviceError, UsageError
from copyproof.model.pairs import NEXT
from copyproof.pairing.service import Declared, PairStatus
from copyproof.plugin.bench import Bench, Unit
from copyproof.plugin.pair_states import recipe
from copyproof.plugin.pair_watch import PairWatch, watching
from copyproof.plugin.pairing import Couple, Ordered, PairBench
from copyproof.plugin.proof import command_record, order_record
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Command, Result
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import HostAccess, PairCommand, PairState, SplitKind
from copyproof.targets.live import Role
from copyproof.verdicts.judge import Judgement
from copyproof.verdicts.record import NOT_SEEN, CommandRecord, PairOrderRecord
from copyproof.verdicts.verdict import Verdict

BLOCKS = 8
"""Blocks of a host's read or write, unless a test says otherwise."""
WHILE = 2.0
"""Seconds in which a target with a clock of its own would show that it goes on copying."""


class Ledger(Protocol):
    """What a desk needs of the test's rig."""

    bench: Bench
    commands: list[CommandRecord]
    orders: list[PairOrderRecord]

    def record(self, done: Judgement, findings: Findings) -> None:
        """Record a judgement."""
        ...

    def left_out(self, verdict: Verdict, why: str) -> NoReturn:
        """Record that the test cannot be made here, and end it."""
        ...


class PairDesk:
    """The pairs of one test. `unseen` says what could not be looked at."""

    def __init__(self, test: Ledger) -> None:
        if test.bench.pairs is None:
            raise UsageError("this target has no pairs: the test must need Capability.PAIRS")
        self.test, self.bench, self.pairs = test, test.bench, test.bench.pairs
        self.couples: list[Couple] = []
        self.breaches: list[str] = []
        self.unseen: list[str] = []
        self.last: Ordered | None = None
        self.unjudged = 0
        self.seen = Findings()
        self._looked: set[Role] = set()

    @property
    def declared(self) -> Declared:
        """What the target declares of its pairs."""
        return self.pairs.declared

    @property
    def slot(self) -> int:
        """How many blocks the target notes as changed together."""
        return self.pairs.model.slot

    def pair(self, primary: Role, secondary: Role) -> Pair:
        """Take two volumes, stamped anew in whole where this host has a way to them."""
        if not self.couples:
            self.pairs.clear()
            self._renew()
        couple = Couple(primary, secondary)
        taken = {role for other in self.couples for role in other.roles}
        for role in dict.fromkeys(couple.roles):
            if role not in taken:
                self.fill(role)
        self.couples.append(couple)
        return Pair(self, couple)

    def _renew(self) -> None:
        for role in list(self.pairs.suspect):
            self.fill(role)
        self.pairs.suspect.clear()

    def fill(self, role: Role) -> None:
        """Stamp a volume in whole, with a new generation."""
        unit = self.bench.units.get(role)
        if unit is not None and unit.volume is not None and self.pairs.access(role) is HostAccess.READ_WRITE:
            self.pairs.stamp(role, 0, unit.blocks)

    def unit(self, role: Role) -> Unit:
        """Return a unit that this host has a way to; ends the test where it has none."""
        unit = self.bench.units.get(role)
        if unit is None or unit.volume is None:
            self.test.left_out(Verdict.NOT_OBSERVABLE, f"there is no way to the {role.value} unit in this state")
        return unit

    def note(self, done: Ordered) -> None:
        """Keep an order for the record and for the judgement."""
        self.last = done
        self.unjudged += 1
        self.test.orders.append(order_record(done))
        self.breaches += [done.breach] if done.breach else []

    def missed(self, what: str) -> None:
        """Say what could not be looked at."""
        self.unseen += [] if what in self.unseen else [what]

    def send(self, unit: Unit, command: Command) -> Result:
        """Send a host's command to a volume and keep it for the record; raises DeviceError where no result came."""
        result = unit.transport.execute(command, self.bench.spec.command_timeout)
        self.test.commands.append(command_record(unit.transport, unit.lun.role, command, result))
        if result.unit_attention:
            raise DeviceError(f"a unit attention in mid-test, {result.sense}: the command was not executed")
        return result

    def judge(self, breach: str = "") -> None:
        """Judge what the test ordered and tried: answers, states, every block of its volumes and of the bystander;
        `breach` is a further fault. An ERROR where nothing was executed."""
        findings = self.seen + self._look()
        wrong = next(iter(self.breaches), "") or breach or _first(findings)
        self.test.record(self._judgement(wrong), findings)
        if wrong:
            self.pairs.suspect.update(self.pairs.roles)
        self.seen, self.breaches, self.unjudged = Findings(), [], 0

    def close(self) -> tuple[Findings, str]:
        """End all pairs of the test; return what is wrong with the volumes not looked at before, and what was left
        unjudged."""
        left = f"the test gave {self.unjudged} orders that it did not judge" if self.unjudged else ""
        self.pairs.clear()
        rest = [role for role in self.pairs.roles if role not in self._looked and self.pairs.readable(role)]
        return self.seen + self._checked(rest), left

    def _judgement(self, wrong: str) -> Judgement:
        expected = self.last.expected if self.last else "what the states of the pairs allow"
        observed = self.last.observed if self.last else ", ".join(command.status for command in self.test.commands)
        if not self.last and not self.test.commands:
            return Judgement(Verdict.ERROR, "nothing was ordered or tried, so nothing is judged", expected)
        if wrong:
            return Judgement(Verdict.FAIL, wrong, expected, observed)
        return Judgement(Verdict.PASS, NOT_SEEN + "; ".join(self.unseen) if self.unseen else "", expected, observed)

    def _look(self) -> Findings:
        own = dict.fromkeys(role for couple in self.couples for role in couple.roles)
        there = [role for role in own if self.pairs.readable(role)]
        for role in own:
            if role not in there:
                self.missed(f"the blocks of {role.value}, which no host can read in this state")
        self._looked = set(there)
        return self._checked([*there, Role.BYSTANDER])

    def _checked(self, roles: Sequence[Role]) -> Findings:
        units = [self.bench.units[role] for role in roles if role in self.bench.units]
        return Findings.total(self.bench.check(unit.lun.role, 0, unit.blocks) for unit in units if unit.volume)


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
        lacking = not declared.offers(command, self.state) or kind not in declared.kinds
        if lacking or (group and not declared.groups):
            what = f"{command.value} ({kind.value})" if kind is not SplitKind.STEADY else command.value
            self.desk.test.left_out(Verdict.NOT_SUPPORTED, f"the target declares no {what} in {self.state.value}")
        done = self.bench.order(self.couple, command, kind, group=group, whole_group=whole_group, pace=pace)
        self.desk.note(done)
        return done

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
            self.desk.test.left_out(Verdict.NOT_SUPPORTED, f"the target declares no way to {state.value}")
        for step in path or ():
            step(self)
        shown = self.status.primary_state
        if shown is not self.desk.declared.shown(state):
            self._not_held(state, shown)
        return self

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
        if not 0 < front < self.blocks:
            why = f"the copy front cannot be met: {front} of {self.blocks} blocks are copied"
            self.desk.test.left_out(Verdict.NOT_OBSERVABLE, why)
        half = BLOCKS // 2
        if place is Place.AT:
            # Single slots behind the front may be copied already: so the front may be a slot before where it seems.
            return Spot(front - slot - half, slot + BLOCKS, (front, half))
        if place is Place.BEFORE:
            return Spot(front // 2, BLOCKS, (front, 0))
        behind = (front + self.blocks) // 2
        return Spot(behind, BLOCKS, (behind, BLOCKS))

    def _pending(self, percent: int | None) -> int:
        return self.blocks if percent is None else self.blocks * (100 - percent) // 100

    def write(self, role: Role, lba: int = 0, count: int = BLOCKS) -> None:
        """Write stamps, which must go well; raises DeviceError."""
        self.bench.stamp(role, lba, count)

    def tries_to_read(self, role: Role, lba: int, count: int = BLOCKS) -> None:
        """Let the host read, and judge outcome and blocks."""
        unit = self.desk.unit(role)
        allowed = self.bench.access(role) >= HostAccess.READ
        result = self.desk.send(unit, read16(lba, count, self._block_size))
        self._judge_access(f"a read of {role.value}", result, allowed, self.desk.declared.rules.read_refused)
        if result.good and allowed:
            data = np.frombuffer(result.data, np.uint8).reshape(-1, self._block_size)
            self.desk.seen += self.desk.bench.checker.judge(unit.number, lba, data)

    def tries_to_write(self, role: Role, lba: int, count: int = BLOCKS) -> None:
        """Let the host write stamps, and judge the outcome; the blocks are judged with all others."""
        bench, unit = self.desk.bench, self.desk.unit(role)
        allowed = self.bench.access(role) >= HostAccess.READ_WRITE
        bench.generation += 1
        data = bench.stamper.make(unit.number, lba, count, bench.generation).tobytes()
        result = self.desk.send(unit, write16(lba, data, self._block_size))
        self._judge_access(f"a write to {role.value}", result, allowed, self._write_refusals(role))
        if result.good:
            bench.model.write(unit.number, lba, count, bench.generation)

    def look(self, role: Role, lba: int, count: int) -> None:
        """Look at some blocks now, beside those that are looked at in the end."""
        self.desk.seen += self.desk.bench.check(role, lba, count)

    @contextmanager
    def watched(self) -> Iterator[PairWatch]:
        """Record what the controller does within the block, where anything shows it."""
        with watching(self) as watch:
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

    def _judge_access(self, what: str, result: Result, allowed: bool, refused: Sequence[Outcome]) -> None:
        seen = Outcome.of(result)
        if result.good == allowed and (allowed or not refused or any(outcome.allows(seen) for outcome in refused)):
            return
        must = "must be GOOD" if allowed else f"must be refused ({' or '.join(map(str, refused)) or 'by any sense'})"
        self.desk.breaches.append(f"{what} in {self.state.value} ended in {seen}, and {must}")

    def _not_held(self, state: PairState, shown: PairState) -> None:
        if self.bench.control is None and state in NEXT:
            why = f"the target cannot be held in {state.value}: it shows {shown.value}"
            self.desk.test.left_out(Verdict.NOT_OBSERVABLE, why)
        told = next(iter(self.desk.breaches), "")
        raise DeviceError(f"{self.couple} cannot be brought to {state.value}: {told or f'it shows {shown.value}'}")


def _first(findings: Findings) -> str:
    return str(findings.findings[0]) if findings.wrong else ""
