"""What a case adds to its `<testcase>` in JUnit XML, through pytest's `item.user_properties`."""

from __future__ import annotations

from copyproof.reports.text import clip, visible
from copyproof.verdicts.record import CaseRecord

LIMIT = 2000


def properties(case: CaseRecord, clause: str = "") -> list[tuple[str, str]]:
    """Return the properties of a case as (name, value); empty ones are left out.

    `clause` is the source of the requirement. Values are one line of at most 2000 characters that XML 1.0 can hold.

    >>> from copyproof.verdicts.verdict import Verdict
    >>> case = CaseRecord(test="refusals::test_refused[long]", requirement="XC1-LIST-LONG", verdict=Verdict.PASS)
    >>> properties(case, "SPC-4 6.4.3.1")
    [('hil_requirement', 'XC1-LIST-LONG'), ('hil_verdict', 'PASS'), ('hil_clause', 'SPC-4 6.4.3.1')]
    """
    named = {
        "hil_requirement": case.requirement,
        "hil_case": case.case,
        "hil_verdict": case.verdict.value,
        "hil_clause": clause,
        "hil_deviation": case.deviation,
        "hil_cause": case.cause,
    }
    return [(name, clip(visible(value), LIMIT)) for name, value in named.items() if value]
