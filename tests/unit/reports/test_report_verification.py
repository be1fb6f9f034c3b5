"""What the verification at the end found, on the page, in the table and in the conclusion."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from copyproof.blocks.findings import Wrong
from copyproof.reports import blockmap, html
from copyproof.reports.conclusion import Standing, conclude
from copyproof.reports.schema import decode, encode
from copyproof.reports.table import summary
from copyproof.verdicts.record import Record
from copyproof.verdicts.verification import MapRecord, UnitVerification, Verification

RIGHT = UnitVerification(role="source", blocks=100, read=100, checked=100, right=100)
WRONG = replace(RIGHT, right=98, wrong={"zero": 2}, examples=["source LBA 7 to 8: zero"])


def with_units(record: Record, *units: UnitVerification, problem: str = "") -> Record:
    return replace(record, verification=Verification(mode="changed", units=list(units), problem=problem))


def test_a_record_without_a_verification_is_still_read_and_shown(sample_record: Record) -> None:
    old = encode(replace(sample_record, verification=None)).replace(b'  "verification": null,\n', b"")
    assert b"verification" not in old.partition(b'"requirements"')[0]
    record = decode(old, "old")
    assert record.verification is None
    assert '<svg class="strip"' not in html.render(record)
    assert "verified at the end" not in summary(record)


def test_a_difference_at_the_end_makes_a_run_fail_whatever_the_verdicts_are(sample_record: Record) -> None:
    assert conclude(with_units(sample_record, RIGHT)).standing is not Standing.FAILS
    said = conclude(with_units(sample_record, RIGHT, WRONG))
    assert said.standing is Standing.FAILS
    assert "The verification at the end found 2 wrong blocks or labels." in said.sentence


def test_what_was_cut_short_proves_nothing(sample_record: Record) -> None:
    said = conclude(with_units(sample_record, RIGHT, problem="No such device"))
    assert said.standing is Standing.UNPROVEN
    assert said.sentence.endswith("The verification at the end was cut short: No such device.")


def test_the_table_has_a_line_of_it(sample_record: Record) -> None:
    text = summary(with_units(sample_record, RIGHT, WRONG))
    assert "\nverified at the end (changed): 200 blocks checked, 198 right, in 0.00 ms\n" in text


def test_the_page_draws_every_stretch_once_and_tells_it_in_words(motley_record: Record) -> None:
    page = html.render(motley_record)
    strip = re.findall(r'<svg class="strip".*?</svg>', page, re.S)[1]
    assert len(re.findall("<title>", strip)) == len(Wrong) + 2
    assert f"<title>LBA 8,192 to 12,287: {Wrong.NOT_COPIED.value}</title>" in strip
    assert "Block map of the destination unit, 69,632 blocks: LBA 8,192 to 12,287: not copied; " in strip
    assert f"{len(Wrong) - 8} more stretches" in strip
    legend = re.findall(r'<ul class="legend">.*?</ul>', page, re.S)[0]
    assert all(f">{kind.value}<" in legend for kind in Wrong)


def test_no_diagnosis_is_drawn_as_if_it_were_right() -> None:
    tones = {kind.value: blockmap.tone(kind.value) for kind in Wrong}
    assert not {"right", "unknown"} & set(tones.values())


@pytest.mark.parametrize(
    ("blocks", "lba", "count"), [(0, 0, 5), (10, -5, 3), (10, 50, 5), (10, 3, -2), (-4, 0, 4)], ids=str
)
def test_a_map_that_makes_no_sense_draws_nothing(blocks: int, lba: int, count: int) -> None:
    unit = replace(RIGHT, blocks=blocks, map=[MapRecord(lba=lba, count=count, state="zero")])
    assert blockmap.strip(unit) == []


def test_a_stretch_beyond_the_unit_is_cut_off() -> None:
    unit = replace(RIGHT, map=[MapRecord(lba=90, count=50, state="<b>")])
    (cell,) = blockmap.strip(unit)
    assert (cell.tone, cell.start, cell.share) == ("unknown", 90.0, 10.0)
