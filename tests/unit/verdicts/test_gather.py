"""From cases to requirements: the worst case decides, and what was not run says why."""

from __future__ import annotations

import itertools

import pytest

from copyproof.verdicts import gather
from copyproof.verdicts.catalogue import catalogue
from copyproof.verdicts.record import BlockRecord, CaseRecord
from copyproof.verdicts.verdict import Verdict, worst

WORST_FIRST = ["ERROR", "FAIL", "UNEXPECTED_PASS", "DEVIATION", "NOT_RUN", "PASS", "NOT_OBSERVABLE", "NOT_SUPPORTED"]


def case(verdict: str, cause: str = "", blocks: BlockRecord | None = None, name: str = "XC1-SELF") -> CaseRecord:
    return CaseRecord(
        test="t", requirement=name, verdict=Verdict(verdict), cause=cause, blocks=blocks or BlockRecord(), duration=0.5
    )


@pytest.mark.parametrize(("worse", "better"), [*itertools.combinations(WORST_FIRST, 2)])
def test_a_requirement_takes_the_worst_of_its_cases(worse: str, better: str) -> None:
    assert worst([Verdict(better), Verdict(worse), Verdict(better)]) is Verdict(worse)


def test_every_verdict_is_in_that_order() -> None:
    assert [verdict.value for verdict in Verdict] == WORST_FIRST
    assert [verdict.rank for verdict in Verdict] == list(range(8))


def test_only_what_is_no_proof_of_compliance_is_bad() -> None:
    bad = {verdict.value for verdict in Verdict if verdict.bad}
    assert bad == {"ERROR", "FAIL", "UNEXPECTED_PASS", "NOT_RUN"}


def test_every_requirement_of_the_catalogue_is_there_run_or_not() -> None:
    rows = gather.requirements(catalogue(), [case("PASS")], "cut short")
    assert [row.id for row in rows] == list(catalogue())
    assert {row.id: row.cause for row in rows if row.verdict is Verdict.NOT_RUN} == dict.fromkeys(
        set(catalogue()) - {"XC1-SELF"}, "cut short"
    )
    (run,) = (row for row in rows if row.verdict is Verdict.PASS)
    assert (run.id, run.cause) == ("XC1-SELF", "")
    assert gather.summary(rows) == dict.fromkeys(WORST_FIRST, 0) | {"PASS": 1, "NOT_RUN": len(catalogue()) - 1}


def test_the_cause_is_that_of_the_first_case_with_the_worst_verdict() -> None:
    cases = [case("PASS", "tolerated: x"), case("FAIL", "first"), case("DEVIATION", "known"), case("FAIL", "second")]
    (row,) = (row for row in gather.requirements(catalogue(), cases, "") if row.cases)
    assert (row.verdict, row.cause, len(row.cases), row.duration) == (Verdict.FAIL, "first", 4, 2.0)


def test_blocks_add_up_over_the_cases_with_the_first_examples() -> None:
    left = BlockRecord(checked=9, right=7, labels_checked=2, wrong={"zero": 2}, examples=[f"a{n}" for n in range(6)])
    right = BlockRecord(checked=1, wrong={"zero": 1, "torn": 3}, examples=[f"b{n}" for n in range(6)])
    cases = [case("FAIL", blocks=left), case("FAIL", blocks=right)]
    (row,) = (row for row in gather.requirements(catalogue(), cases, "") if row.cases)
    assert (row.blocks.checked, row.blocks.right, row.blocks.labels_checked) == (10, 7, 2)
    assert row.blocks.wrong == {"zero": 3, "torn": 3}
    assert row.blocks.examples == ["a0", "a1", "a2", "a3", "a4", "a5", "b0", "b1"]
