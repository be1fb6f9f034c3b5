"""The bench of one test: arrange spans, send one command, judge it. Nothing else may be touched, ever."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cached_property
from typing import NoReturn

import msgspec
import pytest

from copyproof.blocks.findings import Findings
from copyproof.errors import CopyproofError, DeviceError, TargetLost, TransportError
from copyproof.model.controller import Transfer
from copyproof.model.predict import predict
from copyproof.model.prediction import Prediction
from copyproof.model.settle import leave_open, settle
from copyproof.plugin.arrange import Arrangement
from copyproof.plugin.bench import Bench, Unit
from copyproof.plugin.order import Order, Sent, Span
from copyproof.plugin.pair import Pair
from copyproof.plugin.pair_desk import PairDesk
from copyproof.plugin.proof import block_record, command_record, fault_record
from copyproof.scsi.command import Command, Result
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import SenseKey
from copyproof.targets.capabilities import Capability
from copyproof.targets.live import Role
from copyproof.verdicts.agreement import contradiction
from copyproof.verdicts.catalogue import Effect, Requirement
from copyproof.verdicts.judge import Judgement, claimed_residual, expected_text, judge
from copyproof.verdicts.record import CaseRecord, CommandRecord, FaultRecord, OffloadRecord, PairOrderRecord
from copyproof.verdicts.verdict import Verdict


class Rig(Arrangement):
    """One test's bench. `requirement` and `case` come from the test's mark and table."""

    def __init__(self, bench: Bench, requirement: Requirement, test: str, case: str) -> None:
        super().__init__(bench)
        self.requirement = requirement
        self.test, self.case = test, case
        self.cases: list[CaseRecord] = []
        self.commands: list[CommandRecord] = []
        self.orders: list[PairOrderRecord] = []
        self.offload: OffloadRecord | None = None
        self._faults: list[FaultRecord] = []
        self._started = time.monotonic()
        self._unjudged: list[Sent] = []

    def send(self, what: Order | Command, via: Role | None = None) -> Sent:
        """Send one command and tell the model; raises DeviceError when no result came (the verdict is then ERROR)."""
        order = what if isinstance(what, Order) else None
        command = what.command if isinstance(what, Order) else what
        unit = self.bench.unit(via or (order.via if order else Role.SOURCE))
        self.bench.checker.remember()
        prediction, faults = predict(command, unit.number, self.bench.known), tuple(self.bench.faults)
        result = self._execute(unit, command, order, prediction)
        if order:
            self._tell_model(order, result, prediction)
        elif result.executed:
            generation = self.bench.generation_of(command, prediction)
            settle(self.bench.model, prediction, Outcome.of(result), generation=generation)
        sent = Sent(command, unit.lun.role, result, prediction, self.commands[-1], order, faults)
        self._unjudged += [sent] if order else []
        return sent

    def answers(self, command: Command) -> Result:
        """Send a command beside the judged one, to the source, and return its result."""
        return self.send(command).result

    def judge(self, sent: Sent, breach: str = "") -> None:
        """Judge what was sent: status against catalogue and profile, every block against the model; `breach` is a
        further fault."""
        self._unjudged = [other for other in self._unjudged if other is not sent]
        self._mark(sent)
        findings = self._look()
        if problem := self._unseen(sent, findings) or self._contradiction(sent):
            self.error(problem)
            return
        wrong = _first(findings) or breach or self._copy_breach(sent)
        requirement = self.requirement
        entry = self.bench.profile.entry(requirement.id, self.case, self.bench.version)
        done = judge(sent.result, wrong, requirement, entry, strict=self.bench.strict)
        self.record(done, findings)

    @cached_property
    def pairs(self) -> PairDesk:
        """The pairs of this test; raises UsageError where the target has none (see Capability.PAIRS)."""
        return PairDesk(self)

    def pair(self, primary: Role = Role.PRIMARY, secondary: Role = Role.SECONDARY) -> Pair:
        """Take two volumes to make a pair of, in SMPL and stamped anew."""
        return self.pairs.pair(primary, secondary)

    def judge_pairs(self, breach: str = "") -> None:
        """Judge what was ordered of pairs and tried on their volumes since the last judgement; `breach` is a further
        fault."""
        self.pairs.judge(breach)

    def error(self, problem: str) -> None:
        """Record that nothing could be judged."""
        self.record(Judgement(Verdict.ERROR, problem, expected_text(self.requirement)), Findings())

    def fault(self, problem: CopyproofError, when: str = "") -> None:
        """Record that the target or the way to it failed; where the target is lost, the tests to come only say so."""
        if isinstance(problem, TargetLost):
            self.bench.broken = str(problem)
        self.error(f"{when}{problem}")

    def lacking(self, capability: Capability, why: str) -> None:
        """Record that the target lacks what the test needs."""
        verdict = Verdict.NOT_OBSERVABLE if capability.observes else Verdict.NOT_SUPPORTED
        self.record(Judgement(verdict, why, expected_text(self.requirement)), Findings())

    def left_out(self, verdict: Verdict, why: str) -> NoReturn:
        """Record that the test cannot be made on this target, and end it."""
        self.record(Judgement(verdict, why, expected_text(self.requirement)), Findings())
        pytest.skip(why)

    def finish(self) -> None:
        """Close the test: look at all its spans and margins once more; a test that judged nothing is an ERROR."""
        if not self.cases:
            self.error("the test judged nothing")
        self._end_pairs()
        if self._unjudged:
            self.error(f"the test sent {len(self._unjudged)} copies that it did not judge")
        if self._skipped:
            return
        late = self._look_at(self.leased) + self.bench.sample()
        if _first(late) and not any(case.verdict is Verdict.FAIL for case in self.cases):
            self.record(
                Judgement(Verdict.FAIL, f"after the test: {_first(late)}", expected_text(self.requirement)), late
            )

    @property
    def _skipped(self) -> bool:
        return self.cases[-1].verdict in (Verdict.ERROR, Verdict.NOT_SUPPORTED, Verdict.NOT_OBSERVABLE)

    def _end_pairs(self) -> None:
        """Delete the pairs of the test, and look at the volumes that were not looked at with them."""
        if "pairs" not in vars(self):
            return
        late, left = self.pairs.close()
        if left and not self._skipped:
            self.error(left)
        if _first(late) and not any(case.verdict is Verdict.FAIL for case in self.cases):
            self.record(
                Judgement(Verdict.FAIL, f"after the test: {_first(late)}", expected_text(self.requirement)), late
            )

    def _execute(self, unit: Unit, command: Command, order: Order | None, prediction: Prediction) -> Result:
        try:
            result = unit.transport.execute(command, self.bench.spec.command_timeout)
        except TransportError:
            # What a spoilt list says may have been done, or what the correct one would.
            steps = dict.fromkeys((*prediction.conceivable(), *(order.intent if order else ())))
            leave_open(self.bench.model, steps)
            self.commands.append(command_record(unit.transport, unit.lun.role, command, None))
            raise
        self.commands.append(command_record(unit.transport, unit.lun.role, command, result))
        if result.unit_attention:
            raise DeviceError(f"a unit attention in mid-test, {result.sense}: the command was not executed")
        return result

    def _mark(self, sent: Sent) -> None:
        """Note that the verdict to come is about this command, and what could not be read while it ran."""
        before = [command for command in self.commands if command is not sent.proof]
        judged = msgspec.structs.replace(sent.proof, judged=True)
        at = next((at for at, command in enumerate(self.commands) if command is sent.proof), len(before))
        self.commands = [*before[:at], judged, *before[at:]]
        self._faults = [fault_record(fault) for fault in sent.faults]

    def _contradiction(self, sent: Sent) -> str:
        """Say that the harness contradicts itself: then nothing is judged."""
        if problem := contradiction(self.requirement, sent.prediction, Outcome.of(sent.result)):
            return f"catalogue and model disagree: {problem}"
        ordered, predicted = sent.order.intent if sent.order else (), sent.prediction
        if self.requirement.effect is Effect.COPIED and predicted.outcomes and predicted.transfers != ordered:
            return f"the test means {_listed(ordered)}, its list orders {_listed(predicted.transfers)}"
        return ""

    def _tell_model(self, order: Order, result: Result, prediction: Prediction) -> None:
        """Let the model do what the command may have done."""
        effect = self._effect(result)
        if effect is Effect.COPIED:
            for transfer in order.intent:
                self.bench.model.copy(transfer)
        elif effect is Effect.PREFIX:
            # Whatever the outcome was: the blocks that an allowed one may have written, and no others.
            settle(self.bench.model, prediction, None)

    def _effect(self, result: Result) -> Effect:
        """Name what a command did by its result.

        GOOD for a list that had to be refused means that a bad field was accepted: then it must have the effect of the
        correct list. An abort may have done a part where the requirement allows it; any other refusal did nothing.
        """
        required = self.requirement.effect
        if required is Effect.PREFIX:
            aborted = result.sense is not None and result.sense.key is SenseKey.COPY_ABORTED
            return Effect.PREFIX if result.good or aborted else Effect.NOTHING
        if not result.good or (self.requirement.touches and required is Effect.NOTHING):
            return Effect.NOTHING
        refusal_required = not self.requirement.strictly_allows(Outcome.of(result))
        return Effect.COPIED if refusal_required else required

    def _unseen(self, sent: Sent, findings: Findings) -> str:
        """Say why a copy could not be judged: a pass must rest on blocks that were looked at."""
        if self.requirement.effect is not Effect.COPIED:
            return ""
        if sent.order is None or not sent.order.intent:
            return f"{self.requirement.id} is about a copy, and none was judged"
        due = sum(transfer.blocks for transfer in sent.order.intent)
        return "" if findings.checked >= due else f"{findings.checked} blocks were looked at, {due} were to be copied"

    def _copy_breach(self, sent: Sent) -> str:
        """What else must not be after a copy: GOOD where it is forbidden, a residual out of nothing, a torn prefix."""
        if sent.order is None:
            return ""
        forbidden = self.requirement.touches and self.requirement.effect is Effect.NOTHING
        if forbidden and sent.result.good:
            return "GOOD for a copy that must be refused"
        return self._torn_prefix(sent.prediction) or claimed_residual(sent.result)

    def _torn_prefix(self, prediction: Prediction) -> str:
        if self.requirement.effect is not Effect.PREFIX:
            return ""
        parts = (step for step in prediction.conceivable() if isinstance(step, Transfer))
        torn = (self.bench.checker.torn_prefix(t.destination, t.destination_lba, t.blocks) for t in parts)
        return next(filter(None, torn), "")

    def _look(self) -> Findings:
        findings = self._look_at(self.leased)
        if Role.BYSTANDER in self.bench.units:
            findings += self.bench.check(Role.BYSTANDER, 0, self.bench.unit(Role.BYSTANDER).blocks)
        return findings

    def _look_at(self, spans: list[Span]) -> Findings:
        findings = Findings()
        for span in spans:
            findings += self.bench.check(span.role, *self.bench.around(span))
        return findings

    def record(self, done: Judgement, findings: Findings) -> None:
        """Record a judgement with its proof: all that was sent and ordered since the last."""
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
                faults=self._faults,
                orders=list(self.orders),
                offload=self.offload,
            )
        )
        self.commands, self.orders, self._faults, self._started = [], [], [], now
        self.offload = None


def _listed(transfers: Iterable[Transfer]) -> str:
    return ", ".join(map(str, transfers)) or "nothing"


def _first(findings: Findings) -> str:
    """Return the first wrong range in one line, with how many more there are; empty when all is right."""
    if not findings.wrong:
        return ""
    more = sum(findings.wrong.values()) - sum(item.count for item in findings.findings[:1])
    return f"{findings.findings[0]}{f' (and {more} more wrong blocks or labels)' if more > 0 else ''}"
