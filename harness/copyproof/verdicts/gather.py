"""From judged cases to the record: every requirement of the catalogue is in it, run or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from copyproof.verdicts.catalogue import Requirement
from copyproof.verdicts.record import BlockRecord, CaseRecord, RequirementRecord
from copyproof.verdicts.verdict import Verdict, worst

EXAMPLES = 8


def requirements(
    catalogue: Mapping[str, Requirement], cases: Iterable[CaseRecord], why_not_run: str
) -> list[RequirementRecord]:
    """Return one record a requirement, in the catalogue's order; those without a case are NOT_RUN for the given
    reason."""
    by_id: dict[str, list[CaseRecord]] = {name: [] for name in catalogue}
    for case in cases:
        by_id[case.requirement].append(case)
    return [_requirement(entry, by_id[name], why_not_run) for name, entry in catalogue.items()]


def summary(records: Iterable[RequirementRecord]) -> dict[str, int]:
    """Count the requirements by verdict; verdicts that nothing ended in are there with 0.

    >>> summary([])["PASS"]
    0
    """
    counts = Counter(record.verdict for record in records)
    return {verdict.value: counts[verdict] for verdict in Verdict}


def merge_blocks(parts: Iterable[BlockRecord]) -> BlockRecord:
    """Add block counts up.

    >>> merge_blocks([BlockRecord(checked=2, right=1, wrong={"zero": 1}), BlockRecord(checked=3, right=3)]).checked
    5
    """
    held = list(parts)
    wrong: Counter[str] = Counter()
    for part in held:
        wrong.update(part.wrong)
    return BlockRecord(
        checked=sum(part.checked for part in held),
        right=sum(part.right for part in held),
        labels_checked=sum(part.labels_checked for part in held),
        wrong=dict(wrong),
        examples=[line for part in held for line in part.examples][:EXAMPLES],
    )


def _requirement(entry: Requirement, cases: list[CaseRecord], why_not_run: str) -> RequirementRecord:
    verdict = worst(case.verdict for case in cases)
    cause = next((case.cause for case in cases if case.verdict is verdict and case.cause), "")
    return RequirementRecord(
        id=entry.id,
        title=entry.title,
        source=entry.source,
        level=entry.level.value,
        chapter=entry.chapter,
        verdict=verdict,
        cause=cause if cases else why_not_run,
        cases=cases,
        blocks=merge_blocks(case.blocks for case in cases),
        duration=sum(case.duration for case in cases),
    )
