"""The bench of one test: arrange spans, send one command, judge it. Nothing else may be touched, ever."""

from __future__ import annotations

import time
from collections.abc import Iterable

from copyproof.blocks.diagnose import Findings
from copyproof.errors import DeviceError, TargetLost, TransportError
from copyproof.model.controller import Transfer
from copyproof.plugin.bench import NUMBERS, ROLES, Bench, Unit
from copyproof.plugin.order import Order, Sent, Span
from copyproof.plugin.proof import block_record, command_record
from copyproof.scsi.command import Command, Result
from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.scsi.sense import SenseKey
from copyproof.targets.capabilities import Capability
from copyproof.targets.live import Role
from copyproof.verdicts.catalogue import Effect, Requirement
from copyproof.verdicts.judge import Judgement, expected_text, judge
from copyproof.verdicts.record import CaseRecord, CommandRecord
from copyproof.verdicts.verdict import Verdict

MARGIN = 16


class Rig:
    """One test's bench. `requirement` and `case` come from the test's mark and table."""

    def __init__(self, bench: Bench, requirement: Requirement, test: str, case: str) -> None:
        self.bench = bench
        self.requirement = requirement
        self.test, self.case = test, case
        self.cases: list[CaseRecord] = []
        self.commands: list[CommandRecord] = []
        self._spans: list[Span] = []
        self._started = time.monotonic()

    def span(self, role: Role = Role.SOURCE, blocks: int = 8, at: int | None = None) -> Span:
        """Lease a stamped span with margins on both sides; `at` fixes its first LBA."""
        span = self.bench.lease(role, blocks, MARGIN, at)
        self._spans.append(span)
        return span

    @property
    def spans(self) -> tuple[Span, Span, Span]:
        """Three new spans of 8 blocks: one of the source, two of the destination."""
        return self.span(Role.SOURCE), self.span(Role.DESTINATION), self.span(Role.DESTINATION)

    def designator(self, role: Role) -> Designator:
        """The designator by which a unit is named in CSCD descriptors."""
        return Designator.of_naa(self.bench.unit(role).lun.device.naa)

    def copy(
        self,
        blocks: int = 8,
        source: Role | Span = Role.SOURCE,
        destination: Role | Span = Role.DESTINATION,
        segments: Iterable[tuple[Span, Span]] = (),
        via: Role | None = None,
    ) -> Order:
        """Order a copy of `blocks` blocks between new spans, or the given segments; sent to the first source unless `via` says."""
        pairs = list(segments) or [(self._spanned(source, blocks), self._spanned(destination, blocks))]
        return self.order([_transfer(a, b) for a, b in pairs], via or pairs[0][0].role)

    def order(self, transfers: list[Transfer], via: Role) -> Order:
        """Write the parameter list for some transfers; each unit gets one CSCD descriptor, in order of appearance."""
        numbers = list(dict.fromkeys(number for t in transfers for number in (t.source, t.destination)))
        cscds = tuple(self._cscd(ROLES[number]) for number in numbers)
        parts = tuple(
            BlockSegment(
                t.blocks, t.source_lba, t.destination_lba, numbers.index(t.source), numbers.index(t.destination)
            )
            for t in transfers
        )
        return Order(CopyList(cscds, parts).encode(), tuple(transfers), via)

    def send(self, what: Order | Command, via: Role | None = None) -> Sent:
        """Send one command and tell the model; raises DeviceError when no result came (the verdict is then ERROR)."""
        order = what if isinstance(what, Order) else None
        command = what.command if isinstance(what, Order) else what
        unit = self.bench.unit(via or (order.via if order else Role.SOURCE))
        self.bench.checker.remember()
        result = self._execute(unit, command, order)
        if order:
            self._tell_model(order, result)
        return Sent(command, unit.lun.role, result, order)

    def judge(self, sent: Sent, breach: str = "") -> None:
        """Judge what was sent: status against catalogue and profile, every block against the model; `breach` is a further fault."""
        findings = self._look()
        wrong = findings.first or breach or self._effect_breach(sent)
        requirement = self.requirement
        entry = self.bench.profile.entry(requirement.id, self.case, self.bench.version)
        done = judge(sent.result, wrong, requirement, entry, strict=self.bench.strict)
        self._record(done, findings)

    def error(self, problem: str) -> None:
        """Record that nothing could be judged."""
        self._record(Judgement(Verdict.ERROR, problem, expected_text(self.requirement)), Findings())

    def lacking(self, capability: Capability, why: str) -> None:
        """Record that the target lacks what the test needs."""
        verdict = Verdict.NOT_OBSERVABLE if capability.observes else Verdict.NOT_SUPPORTED
        self._record(Judgement(verdict, why, expected_text(self.requirement)), Findings())

    def finish(self) -> None:
        """Close the test: look at all its spans and margins once more; a test that judged nothing is an ERROR."""
        if not self.cases:
            self.error("the test judged nothing")
        if self.cases[-1].verdict in (Verdict.ERROR, Verdict.NOT_SUPPORTED, Verdict.NOT_OBSERVABLE):
            return
        late = self._look_at(self._spans)
        if late.first and not any(case.verdict is Verdict.FAIL for case in self.cases):
            self._record(
                Judgement(Verdict.FAIL, f"after the test: {late.first}", expected_text(self.requirement)), late
            )

    def _spanned(self, place: Role | Span, blocks: int) -> Span:
        return place if isinstance(place, Span) else self.span(place, blocks)

    def _cscd(self, role: Role) -> Cscd:
        return Cscd(self.designator(role), block_length=self.bench.unit(role).lun.device.block_size)

    def _execute(self, unit: Unit, command: Command, order: Order | None) -> Result:
        try:
            result = unit.transport.execute(command, self.bench.spec.command_timeout)
        except TransportError:
            for transfer in order.intent if order else ():
                self.bench.model.perhaps(transfer)
            raise
        except TargetLost as lost:
            self.bench.broken = str(lost)
            raise
        self.commands.append(command_record(unit.transport, command, result))
        if result.unit_attention:
            raise DeviceError(f"a unit attention in mid-test, {result.sense}: the command was not executed")
        return result

    def _tell_model(self, order: Order, result: Result) -> None:
        """GOOD does what the correct list orders; an abort may have done a part; any other refusal nothing."""
        aborted = result.sense is not None and result.sense.key is SenseKey.COPY_ABORTED
        for transfer in order.intent:
            if result.good and self.requirement.effect is not Effect.NOTHING:
                self.bench.model.copy(transfer)
            elif result.good:
                self._accepted(order, transfer)
            elif aborted and self.requirement.effect is Effect.PREFIX:
                self.bench.model.perhaps(transfer)

    def _accepted(self, order: Order, transfer: Transfer) -> None:
        """A list that had to be refused was accepted: its effect must be that of the correct list, or nothing for an empty one."""
        if order.parameter_list and transfer.blocks and not self.requirement.touches:
            self.bench.model.copy(transfer)

    def _effect_breach(self, sent: Sent) -> str:
        """A touched unit is found by its blocks; here nothing is left but to say that a forbidden copy was GOOD."""
        forbidden = self.requirement.touches and self.requirement.effect is Effect.NOTHING
        return "GOOD for a copy that must be refused" if forbidden and sent.result.good else ""

    def _look(self) -> Findings:
        findings = self._look_at(self._spans)
        if Role.BYSTANDER in self.bench.units:
            findings += self.bench.check(Role.BYSTANDER, 0, self.bench.unit(Role.BYSTANDER).blocks)
        return findings

    def _look_at(self, spans: list[Span]) -> Findings:
        findings = Findings()
        for span in spans:
            findings += self.bench.check(span.role, *self.bench.around(span))
        return findings

    def _record(self, done: Judgement, findings: Findings) -> None:
        now = time.monotonic()
        self.cases.append(
            CaseRecord(
                test=self.test,
                case=self.case,
                requirement=self.requirement.id,
                verdict=done.verdict,
                cause=done.cause,
                expected=done.expected,
                observed=done.observed,
                deviation=done.deviation,
                duration=now - self._started,
                blocks=block_record(findings),
                commands=list(self.commands),
            )
        )
        self.commands, self._started = [], now


def _transfer(a: Span, b: Span) -> Transfer:
    return Transfer(NUMBERS[a.role], a.lba, NUMBERS[b.role], b.lba, min(a.blocks, b.blocks))
