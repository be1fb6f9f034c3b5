"""What random sequences found, on the page, in the table and in the conclusion."""

from __future__ import annotations

from msgspec.structs import replace

from copyproof.reports import html
from copyproof.reports.conclusion import Standing, conclude
from copyproof.reports.schema import decode, encode
from copyproof.reports.table import summary
from copyproof.verdicts.fuzzed import FuzzDifference, FuzzRecord
from copyproof.verdicts.record import Record
from tests.conftest import HOSTILE

CLEAN = FuzzRecord(budget=500, steps=500, seconds=9.0, ended="all steps were done", shares="copied 60 %")


def test_a_clean_search_is_told_in_one_line_and_changes_no_conclusion(sample_record: Record) -> None:
    record = replace(sample_record, fuzz=CLEAN)
    line = "500 of 500 random operations in 9.0 s: copied 60 %; all steps were done"
    assert line in " ".join(summary(record, 200).split())
    assert conclude(record) == conclude(sample_record)


def test_a_difference_makes_a_run_not_compliant_and_is_shown_everywhere(sample_record: Record) -> None:
    told = FuzzDifference(operations=["copy a to b"], diagnosis="b differs", script="fuzz-difference.sh")
    record = replace(sample_record, fuzz=replace(CLEAN, difference=told))
    assert conclude(record).standing is Standing.FAILS
    assert "b differs" in conclude(record).sentence
    assert "- copy a to b" in summary(record)
    page = html.render(record)
    assert all(text in page for text in ("copy a to b", "b differs", "fuzz-difference.sh"))
    assert decode(encode(record), "record") == record


def test_a_search_that_the_target_cut_short_proves_nothing(sample_record: Record) -> None:
    record = replace(sample_record, fuzz=replace(CLEAN, problem="no answer"))
    assert conclude(record).standing is Standing.UNPROVEN
    assert "no answer" in conclude(record).sentence
    assert "all steps were done; no answer" in " ".join(summary(record, 200).split())


def test_what_a_target_said_is_no_markup_on_the_page(sample_record: Record) -> None:
    told = FuzzDifference(operations=[HOSTILE], diagnosis=HOSTILE, script=HOSTILE, tape=HOSTILE)
    found = replace(CLEAN, difference=told, mix={HOSTILE: 1}, shares=HOSTILE, ended=HOSTILE, problem=HOSTILE)
    page = html.render(replace(sample_record, fuzz=found))
    assert "<img src=x" not in page
    assert "<script>window" not in page
