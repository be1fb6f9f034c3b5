from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from copyproof.reports.conclusion import Standing, conclude, counts
from copyproof.reports.table import summary
from copyproof.verdicts.record import Record, RequirementRecord
from copyproof.verdicts.verdict import Verdict

WIDTHS = [60, 80, 100, 132, 200]


def with_verdicts(record: Record, *verdicts: Verdict, level: str = "mandatory", interrupted: str = "") -> Record:
    rows = [
        RequirementRecord(id=f"R-{number}", title="t", source="SPC-4 1", level=level, verdict=verdict, cause="why")
        for number, verdict in enumerate(verdicts)
    ]
    return msgspec.structs.replace(record, requirements=rows, interrupted=interrupted)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_asked(motley_record: Record, width: int) -> None:
    assert max(map(len, summary(motley_record, width).splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_neither_breaks_a_line_nor_reaches_the_terminal(hostile_record: Record, width: int) -> None:
    lines = summary(hostile_record, width).split("\n")
    assert max(map(len, lines)) <= width
    assert all(line.isprintable() for line in lines)


def test_a_width_too_small_to_read_is_widened(sample_record: Record) -> None:
    assert summary(sample_record, 1) == summary(sample_record, 60)


def test_what_the_harness_adds_is_ascii(sample_record: Record) -> None:
    assert summary(sample_record).isascii()


def test_what_is_not_pass_stands_first_and_the_worst_of_it_on_top(motley_record: Record) -> None:
    table, _, passed = summary(motley_record).partition("\nPASS (")
    body = table.partition("\n---")[2].partition("\nNOT_RUN (")[0].splitlines()
    rows = [line.split()[1] for line in body if line.split(" ")[0] in Verdict.__members__]
    expected = sorted(motley_record.requirements, key=lambda r: r.verdict.rank)
    assert rows == [r.id for r in expected if r.verdict not in (Verdict.PASS, Verdict.NOT_RUN)]
    assert {name.rstrip("*") for name in passed.split()} >= {
        r.id for r in motley_record.requirements if r.verdict is Verdict.PASS
    }


def test_what_was_not_run_stands_together_under_its_reason(sample_record: Record) -> None:
    text = summary(with_verdicts(sample_record, Verdict.NOT_RUN, Verdict.FAIL, Verdict.NOT_RUN, Verdict.NOT_RUN))
    assert "\nNOT_RUN (3): why\nR-0  R-2  R-3" in text
    assert text.index("\nFAIL ") < text.index("NOT_RUN (3)")


def test_what_was_not_run_for_another_reason_stands_apart(sample_record: Record) -> None:
    record = with_verdicts(sample_record, Verdict.NOT_RUN, Verdict.NOT_RUN)
    other = msgspec.structs.replace(record.requirements[0], id="R-9", cause="interrupted")
    text = summary(msgspec.structs.replace(record, requirements=[*record.requirements, other]))
    assert "NOT_RUN (2): why" in text
    assert "NOT_RUN (1): interrupted" in text


def test_every_cause_is_there_in_whole_on_a_wide_terminal(sample_record: Record) -> None:
    flat = " ".join(summary(sample_record, 200).split())
    causes = [r.cause for r in sample_record.requirements if r.verdict is not Verdict.PASS]
    assert causes
    assert all(cause in flat for cause in causes)


def test_a_run_without_requirements_is_said_to_prove_nothing(sample_record: Record) -> None:
    assert "Compliant: not proven" in summary(with_verdicts(sample_record))


@pytest.mark.parametrize(
    ("verdicts", "headline"),
    [
        ([Verdict.PASS], "Compliant: yes"),
        ([Verdict.PASS, Verdict.NOT_SUPPORTED, Verdict.NOT_OBSERVABLE], "Compliant: yes"),
        ([Verdict.PASS, Verdict.DEVIATION], "Compliant: with 1 deviation"),
        ([Verdict.DEVIATION, Verdict.DEVIATION], "Compliant: with 2 deviations"),
        ([Verdict.PASS, Verdict.FAIL], "Compliant: no"),
        ([Verdict.ERROR, Verdict.FAIL], "Compliant: no"),
        ([Verdict.PASS, Verdict.ERROR], "Compliant: not proven"),
        ([Verdict.PASS, Verdict.UNEXPECTED_PASS], "Compliant: not proven"),
        ([Verdict.PASS, Verdict.NOT_RUN], "Compliant: not proven"),
        ([Verdict.NOT_SUPPORTED, Verdict.NOT_OBSERVABLE], "Compliant: not proven"),
        ([], "Compliant: not proven"),
    ],
)
def test_the_headline_claims_no_more_than_was_shown(
    sample_record: Record, verdicts: list[Verdict], headline: str
) -> None:
    assert conclude(with_verdicts(sample_record, *verdicts)).headline == headline


def test_an_interrupted_run_proves_nothing_and_says_why(sample_record: Record) -> None:
    conclusion = conclude(with_verdicts(sample_record, Verdict.PASS, interrupted="Ctrl-C"))
    assert conclusion.standing is Standing.UNPROVEN
    assert "Ctrl-C" in conclusion.sentence


@pytest.mark.parametrize(("level", "told"), [("mandatory", True), ("optional", False)])
def test_a_mandatory_feature_that_is_missing_is_told(sample_record: Record, level: str, told: bool) -> None:
    record = with_verdicts(sample_record, Verdict.PASS, Verdict.NOT_SUPPORTED, level=level)
    assert ("1 is of level mandatory" in conclude(record).sentence) is told


def test_a_pass_by_toleration_is_marked(sample_record: Record) -> None:
    row = RequirementRecord(
        id="R-0", title="t", source="s", level="optional", verdict=Verdict.PASS, cause="tolerated: not unique"
    )
    record = msgspec.structs.replace(
        sample_record, requirements=[row, msgspec.structs.replace(row, id="R-1", cause="")]
    )
    text = summary(record)
    assert "PASS (2); * by a tolerated outcome, see the page\nR-0*  R-1" in text
    assert "2 of 2 requirements passed (1 by a tolerated outcome)" in text


def test_counts_come_from_the_requirements_and_not_from_the_summary(sample_record: Record) -> None:
    record = msgspec.structs.replace(with_verdicts(sample_record, Verdict.FAIL), summary={"PASS": 99})
    assert counts(record) == {Verdict.FAIL: 1}


def test_the_table_loads_no_template_engine() -> None:
    script = "import sys, copyproof.reports.table; print(*{'jinja2', 'numpy', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
