"""What a run as a whole shows, said in one word and one sentence, and what each verdict means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from copyproof.reports.text import plural, visible
from copyproof.verdicts.fuzzed import FuzzRecord
from copyproof.verdicts.record import NOT_SEEN, Record, RequirementRecord
from copyproof.verdicts.verdict import Verdict
from copyproof.verdicts.verification import Verification

MEANINGS = {
    Verdict.ERROR: "The harness or the path to the target failed, so nothing was proved either way.",
    Verdict.FAIL: (
        "The target did not do what the requirement says: a wrong status, a wrong block, or a neighbour touched."
    ),
    Verdict.UNEXPECTED_PASS: (
        "The profile names a deviation that did not happen: the profile is out of date, or meant for another version."
    ),
    Verdict.DEVIATION: "The target departs from the standard exactly as its profile says. Known, but not a pass.",
    Verdict.NOT_RUN: "No test judged this requirement in this run.",
    Verdict.PASS: "Every case did what the requirement says, and every block checked was right.",
    Verdict.NOT_OBSERVABLE: "The target offers no way to see what would have to be checked, so nothing is claimed.",
    Verdict.NOT_SUPPORTED: "The target says that it does not have the optional feature, so nothing was tested.",
}


class Standing(Enum):
    """How the whole run stands."""

    COMPLIANT = "yes"
    DEVIATES = "with deviations"
    UNPROVEN = "not proven"
    FAILS = "no"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`standing` for colours and exit codes, `headline` to be read first, `sentence` to say what it rests on."""

    standing: Standing
    headline: str
    sentence: str


def counts(record: Record) -> dict[Verdict, int]:
    """Count the requirements by verdict, worst first, verdicts that do not occur left out.

    Counted anew from the requirements: a summary that disagrees with them must not reach a reader.
    """
    tally = Counter(requirement.verdict for requirement in record.requirements)
    return {verdict: tally[verdict] for verdict in Verdict if tally[verdict]}


def tolerated(requirement: RequirementRecord) -> bool:
    """Whether a requirement passed only by an outcome outside the strict set; a plain PASS has no cause but what could
    not be seen."""
    causes = (requirement.cause, *(case.cause for case in requirement.cases))
    return requirement.verdict is Verdict.PASS and any(cause and not cause.startswith(NOT_SEEN) for cause in causes)


def conclude(record: Record) -> Conclusion:
    """Say what the run shows. Only a run that judged something and holds no bad verdict is called compliant."""
    tally = counts(record)
    standing = _standing(tally, record)
    deviations = plural(tally.get(Verdict.DEVIATION, 0), "deviation")
    word = f"with {deviations}" if standing is Standing.DEVIATES else standing.value
    return Conclusion(standing, f"Compliant: {word}", _sentence(tally, record))


def _standing(tally: dict[Verdict, int], record: Record) -> Standing:
    last, fuzz = record.verification, record.fuzz
    if tally.get(Verdict.FAIL) or (last is not None and last.wrong) or (fuzz is not None and fuzz.difference):
        return Standing.FAILS
    unfinished = record.interrupted or (last is not None and last.problem) or (fuzz is not None and fuzz.problem)
    if unfinished or any(verdict.bad for verdict in tally):
        return Standing.UNPROVEN
    if tally.get(Verdict.DEVIATION):
        return Standing.DEVIATES
    return Standing.COMPLIANT if tally.get(Verdict.PASS) else Standing.UNPROVEN


@dataclass(frozen=True, slots=True)
class Finding:
    """What a reader must know of one requirement, or of all that were not run for the same reason."""

    verdict: Verdict
    cause: str
    requirements: tuple[RequirementRecord, ...]


def findings(record: Record) -> list[Finding]:
    """Return whatever did not pass, the worst first, in the order of the record within a verdict.

    Requirements that were not run have nothing to tell but the reason, so they stand together.
    """
    found: dict[tuple[Verdict, str, str], list[RequirementRecord]] = {}
    for requirement in record.requirements:
        own = "" if requirement.verdict is Verdict.NOT_RUN else requirement.id
        found.setdefault((requirement.verdict, requirement.cause or requirement.title, own), []).append(requirement)
    made = [Finding(verdict, cause, tuple(rows)) for (verdict, cause, _), rows in found.items()]
    return sorted((one for one in made if one.verdict is not Verdict.PASS), key=lambda one: one.verdict.rank)


_CLAUSES = {
    Verdict.FAIL: "failed",
    Verdict.ERROR: "ended in an error",
    Verdict.UNEXPECTED_PASS: "passed against the profile",
    Verdict.NOT_RUN: "not run",
    Verdict.DEVIATION: "deviated as the profile says",
    Verdict.NOT_OBSERVABLE: "not observable",
    Verdict.NOT_SUPPORTED: "not supported",
}


def _sentence(tally: dict[Verdict, int], record: Record) -> str:
    total = plural(len(record.requirements), "requirement")
    by_toleration = sum(map(tolerated, record.requirements))
    extra = f" ({by_toleration} by a tolerated outcome)" if by_toleration else ""
    said = [f"{tally.get(Verdict.PASS, 0)} of {total} passed{extra}"]
    said += [f"{tally[verdict]} {clause}" for verdict, clause in _CLAUSES.items() if verdict in tally]
    sentence = ", ".join(said) + "."
    skipped = sum(r.level == "mandatory" and r.verdict is Verdict.NOT_SUPPORTED for r in record.requirements)
    if skipped:
        sentence += f" Of those not supported, {skipped} {'is' if skipped == 1 else 'are'} of level mandatory."
    sentence += _last(record.verification) + _fuzzed(record.fuzz)
    if record.interrupted:
        sentence += f" The run ended early: {visible(record.interrupted)}."
    return sentence


def _fuzzed(fuzz: FuzzRecord | None) -> str:
    """What the random sequences add; nothing where they found nothing."""
    if fuzz is None or fuzz.clean:
        return ""
    if fuzz.difference:
        return f" A random sequence differs from the model: {visible(fuzz.difference.diagnosis)}."
    return f" The random sequences do not prove what they are for: {visible(fuzz.problem)}."


def _last(verification: Verification | None) -> str:
    """What the verification at the end adds; nothing where all was right."""
    if verification is None or verification.clean:
        return ""
    found = plural(verification.wrong, "wrong block or label", "wrong blocks or labels")
    said = f" The verification at the end found {found}." if verification.wrong else ""
    problem = f" The verification at the end was cut short: {visible(verification.problem)}."
    return said + problem * bool(verification.problem)
