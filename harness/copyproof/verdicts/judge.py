"""One judgement: what came back and what the blocks show, against the requirement and the profile."""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.scsi.command import Result
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import SenseKey
from copyproof.verdicts.catalogue import Requirement
from copyproof.verdicts.profile import Deviation
from copyproof.verdicts.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its one-line cause and what was expected and observed; `deviation` names the profile's entry."""

    verdict: Verdict
    cause: str = ""
    expected: str = ""
    observed: str = ""
    deviation: str = ""


def expected_text(requirement: Requirement) -> str:
    """Return the allowed outcomes as a reader sees them, the tolerated ones behind the strict ones."""
    strict = " or ".join(requirement.strict)
    extra = ", ".join(f"{item.outcome} (tolerated: {item.reason})" for item in requirement.tolerated)
    return f"{strict}; {extra}" if extra else strict


def judge(
    result: Result, wrong: str, requirement: Requirement, deviation: Deviation | None, *, strict: bool
) -> Judgement:
    """Judge one command. `wrong` is the first line about wrong blocks, empty when all are right.

    A wrong block is FAIL whatever the status was; the profile is asked only about the status.
    """
    seen = Outcome.of(result)
    verdict, cause = _verdict(seen, requirement, deviation, strict=strict)
    if wrong:
        verdict, cause = Verdict.FAIL, wrong
    named = str(deviation) if deviation and verdict is Verdict.DEVIATION else ""
    return Judgement(verdict, cause, expected_text(requirement), str(seen), named)


def _verdict(
    seen: Outcome, requirement: Requirement, deviation: Deviation | None, *, strict: bool
) -> tuple[Verdict, str]:
    departs = f"{seen} instead of {' or '.join(requirement.strict)}"
    known = deviation is not None and deviation.shows(seen)
    allowed = requirement.strictly_allows(seen)
    toleration = None if allowed else requirement.toleration(seen)
    if not known and not allowed and (toleration is None or strict):
        return Verdict.FAIL, departs
    if deviation and known:
        return Verdict.DEVIATION, f"{departs}: {deviation.reason}"
    if deviation:
        return (
            Verdict.UNEXPECTED_PASS,
            f"{seen} is allowed, but the profile expects {deviation.outcome}: mend the profile",
        )
    notes = [f"tolerated: {toleration.reason}"] if toleration else []
    notes += [f"{seen}: the forwarded ASCQ was cut off on the way and not compared"] if seen.in_part else []
    return Verdict.PASS, "; ".join(notes)


def claimed_residual(result: Result) -> str:
    """Say what is wrong where a command refused before its first segment claims a residual (SPC-4 5.17.7.3 c)."""
    sense = result.sense
    if sense is None or sense.key is SenseKey.COPY_ABORTED or sense.information is None:
        return ""
    claim = f"{sense} with VALID=1 and INFORMATION {sense.information:#x}"
    return f"{claim}: no segment was processed, so VALID must be 0 (SPC-4 5.17.7.3)"
