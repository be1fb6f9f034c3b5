"""Whether the catalogue and the model say the same of each command: two owners of one truth must not differ.

The catalogue gives outcomes to a requirement, which may have many cases; the model predicts one command from its bytes.
So they agree where everything predicted is allowed, strictly or by toleration, and something of it strictly, and where
the blocks fare as the requirement's effect says after the strictly allowed outcomes. The catalogue may allow more than
one command shows, but what came of this one and is strictly allowed must be predicted too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from copyproof.model.known import Fault, KnownTarget
from copyproof.model.predict import predict
from copyproof.model.prediction import Branch, Prediction
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import decode_sense
from copyproof.targets.capabilities import Capability
from copyproof.targets.known import NUMBERS, known_target, known_unit
from copyproof.targets.live import Role
from copyproof.verdicts.catalogue import Effect, Requirement
from copyproof.verdicts.record import CaseRecord, CommandRecord, Record, TargetRecord
from copyproof.verdicts.verdict import Verdict

#: Verdicts that say something of a command.
_JUDGED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.DEVIATION, Verdict.UNEXPECTED_PASS})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One judged command of a record, with what it says against the catalogue or the model; empty where they agree.

    `predicted` is False where the model had nothing to say: it does not know the command, or the record holds only a
    part of its data.
    """

    requirement: str
    test: str
    problem: str = ""
    predicted: bool = True

    def __str__(self) -> str:
        return f"{self.requirement}, {self.test}: {self.problem}"


def contradiction(requirement: Requirement, prediction: Prediction, seen: Outcome) -> str:
    """Say where a requirement and a prediction contradict each other about a command that ended in `seen`; empty where
    they agree or nothing is predicted.

    >>> from copyproof.verdicts.catalogue import catalogue
    >>> refused = Prediction((Branch((Outcome.parse("05/26/07"),), "SPC-4 6.4.5.1"),))
    >>> contradiction(catalogue()["XC1-CSCD-TYPE"], refused, Outcome.parse("GOOD"))
    ''
    >>> contradiction(catalogue()["XC1-SEG-TYPE"], refused, Outcome.parse("05/26/07"))
    'the model predicts 05/26/07 (SPC-4 6.4.5.1), XC1-SEG-TYPE allows 05/26/09'
    """
    if not prediction.outcomes:
        return ""
    return next((problem for problem in _problems(requirement, prediction, seen) if problem), "")


def compare(record: Record, requirements: Mapping[str, Requirement]) -> Iterator[Comparison]:
    """Predict each judged command of a record anew, and compare with the catalogue given."""
    for row in record.requirements:
        for case in row.cases:
            wanted = requirements[case.requirement]
            # Orders to pairs have no outcome in the catalogue: their model alone says how each is answered.
            of_pairs = case.orders or wanted.effect is Effect.PAIRED
            if case.verdict in _JUDGED and case.commands and not of_pairs:
                yield _compared(case, wanted, record.target)


def recorded_target(target: TargetRecord, case: CaseRecord) -> KnownTarget:
    """Return what the model may know of a target while a case ran, from the record alone."""
    units = (known_unit(Role(lun.role), lun.naa, lun.blocks, lun.block_size, lun.protection) for lun in target.luns)
    faults = (Fault(NUMBERS[Role(item.unit)], item.lba, item.blocks, item.sense) for item in case.faults)
    return known_target(units, target.parameters, lambda item: _had(target, item), faults)


def _had(target: TargetRecord, capability: Capability) -> bool | None:
    found = target.capabilities.get(capability.name)
    return None if found is None else found == "yes"


def _compared(case: CaseRecord, requirement: Requirement, target: TargetRecord) -> Comparison:
    judged = next((command for command in case.commands if command.judged), None)
    if judged is None:
        return Comparison(case.requirement, case.test, "the record does not say which command was judged")
    command = _command(judged)
    if command is None:
        return Comparison(case.requirement, case.test, predicted=False)
    prediction = predict(command, NUMBERS[Role(judged.unit)], recorded_target(target, case))
    problem = contradiction(requirement, prediction, _seen(judged))
    return Comparison(case.requirement, case.test, problem, predicted=bool(prediction.outcomes))


def _command(recorded: CommandRecord) -> Command | None:
    """Return the command as it was sent; None where the record holds only the head of its data."""
    sent = bytes.fromhex(recorded.data) if recorded.direction == "out" else b""
    if recorded.direction == "out" and len(sent) < recorded.length:
        return None
    return Command(bytes.fromhex(recorded.cdb), data_out=sent)


def _seen(recorded: CommandRecord) -> Outcome:
    raw = bytes.fromhex(recorded.sense_raw)
    return Outcome.of(Result(Status[recorded.status], decode_sense(raw) if raw else None))


def _problems(requirement: Requirement, prediction: Prediction, seen: Outcome) -> Iterator[str]:
    for branch in prediction.branches:
        strange = [outcome for outcome in branch.outcomes if not _allowed(requirement, outcome)]
        yield _told(requirement, strange, branch.rule) if strange else ""
    strict = [branch for branch in prediction.branches if any(map(requirement.strictly_allows, branch.outcomes))]
    yield "" if strict else _told(requirement, prediction.outcomes, prediction.rule)
    yield from (_wrong_effect(requirement, branch) for branch in strict)
    if requirement.strictly_allows(seen) and prediction.branch(seen) is None:
        yield _told(requirement, prediction.outcomes, prediction.rule) + f", and {seen} came"


def _allowed(requirement: Requirement, outcome: Outcome) -> bool:
    return requirement.strictly_allows(outcome) or requirement.toleration(outcome) is not None


def _told(requirement: Requirement, outcomes: Iterable[Outcome], rule: str) -> str:
    shown = " or ".join(map(str, outcomes))
    return f"the model predicts {shown} ({rule}), {requirement.id} allows {' or '.join(requirement.strict)}"


def _wrong_effect(requirement: Requirement, branch: Branch) -> str:
    """The effect that a requirement names is that of the outcomes it strictly allows."""
    right = {
        Effect.COPIED: bool(branch.done) and not branch.partial and not branch.perhaps,
        Effect.PREFIX: not branch.done and not branch.perhaps,
        Effect.NOTHING: not branch.changes,
        Effect.NONE: not branch.changes,
        Effect.PAIRED: True,
    }[requirement.effect]
    return "" if right else f"{requirement.id} has the effect {requirement.effect.value}, the model does not: {branch}"
