"""Pairs in one test: arranged, ordered, touched by the host, and judged by state and by every block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NoReturn, Protocol

from copyproof.blocks.findings import Findings
from copyproof.errors import DeviceError, UsageError
from copyproof.pairing.service import Declared, PairFault
from copyproof.plugin.bench import Bench, Unit
from copyproof.plugin.pair import Pair
from copyproof.plugin.pair_load import Load, loaded
from copyproof.plugin.pairing import Couple, Ordered
from copyproof.plugin.proof import command_record, fault_of_order, order_record
from copyproof.scsi.command import Command, Result
from copyproof.scsi.pair import HostAccess, PairCommand, SplitKind
from copyproof.targets.live import Role
from copyproof.verdicts.judge import Judgement
from copyproof.verdicts.record import NOT_SEEN, CommandRecord, OffloadRecord, PairOrderRecord
from copyproof.verdicts.verdict import Verdict


class Ledger(Protocol):
    """What a desk needs of the test's rig."""

    bench: Bench
    commands: list[CommandRecord]
    orders: list[PairOrderRecord]
    offload: OffloadRecord | None

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
            self.left_out(Verdict.NOT_OBSERVABLE, f"there is no way to the {role.value} unit in this state")
        return unit

    def left_out(self, verdict: Verdict, why: str) -> NoReturn:
        """End the test as one that cannot be made here; what it found wrong until then is judged before."""
        if self.breaches or self.seen.wrong:
            self.judge()
        self.test.left_out(verdict, why)

    def order(
        self, pair: Pair, command: PairCommand, kind: SplitKind, group: int, whole_group: bool, pace: int
    ) -> Ordered:
        """Order something of a pair, and keep it for the record and for the judgement; raises as `PairBench.order`."""
        try:
            done = self.pairs.order(pair.couple, command, kind, group=group, whole_group=whole_group, pace=pace)
        except PairFault as fault:
            self.test.orders.append(fault_of_order(pair.couple, command, fault))
            raise
        self.last = done
        self.unjudged += 1
        self.test.orders.append(order_record(done))
        self.breaches += [done.breach] if done.breach else []
        if done.overtaken:
            self.left_out(Verdict.NOT_OBSERVABLE, done.overtaken)
        return done

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
        wrong = "; ".join(filter(None, (*self.breaches[:1], _first(findings), breach)))
        self.test.record(self._judgement(wrong), findings)
        if wrong:
            self.pairs.suspect.update(self.pairs.roles)
        self.seen, self.breaches, self.unseen, self.unjudged, self.last = Findings(), [], [], 0, None

    @contextmanager
    def loaded(self, *pairs: Pair) -> Iterator[Load]:
        """Let hosts write to the primaries of some pairs within the block."""
        with loaded(pairs) as load:
            yield load

    def series_breach(self, generations: Sequence[int | None]) -> str:
        """Say where splits that followed one another are not numbered upwards; nothing where they have no numbers."""
        told = [number for number in generations if number is not None]
        if len(told) < len(generations) or not self.declared.generations:
            self.missed("the numbers of the splits")
            return ""
        falls = any(later <= earlier for earlier, later in pairwise(told))
        return f"splits that followed one another have the generations {told}" if falls else ""

    def close(self) -> tuple[Findings, str]:
        """End all pairs of the test; return what is wrong with volumes not looked at before, and what is unjudged.

        Those are the test's own that could not be read, and one of the others, in turn: at the end of the session all
        are looked at.
        """
        left = f"the test gave {self.unjudged} orders that it did not judge" if self.unjudged else ""
        self.pairs.clear()
        own = {role for couple in self.couples for role in couple.roles}
        others = [role for role in self.pairs.roles if role not in own]
        rest = [role for role in (*(own - self._looked), *self.pairs.in_turn(others)) if self.pairs.readable(role)]
        late = self.seen + self._checked(rest)
        if late.wrong:
            self.pairs.suspect.update(self.pairs.roles)
        return late, left

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
        return self._checked(list(dict.fromkeys([*there, Role.BYSTANDER])))

    def _checked(self, roles: Sequence[Role]) -> Findings:
        units = [self.bench.units[role] for role in roles if role in self.bench.units]
        return Findings.total(self.bench.check(unit.lun.role, 0, unit.blocks) for unit in units if unit.volume)


def _first(findings: Findings) -> str:
    return str(findings.findings[0]) if findings.wrong else ""
