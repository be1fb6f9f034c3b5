"""An outcome is read exactly, and allows exactly what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.scsi.command import Result, Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import decode_sense

STATUSES = [status.name for status in Status if status is not Status.CHECK_CONDITION]
TRIPLES = st.from_regex(r"[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}", fullmatch=True)
WRITTEN = st.one_of(st.sampled_from(STATUSES), TRIPLES, st.builds("{}>{}".format, TRIPLES, TRIPLES))


@given(WRITTEN)
def test_an_outcome_is_written_as_it_was_read(text: str) -> None:
    assert str(Outcome.parse(text)) == text


GARBAGE = [
    "",
    "good",
    "GOOD ",
    "CHECK_CONDITION",
    "05/26",
    "05/26/0",
    "05/26/000",
    "5/26/00",
    "05/2g/00",
    "05/26/0a",
    "05-26-00",
    "05/26/00>",
    ">05/26/00",
    "05/26/00>GOOD",
    "GOOD>05/26/00",
    "05/26/00>05/26/00>05/26/00",
    "05/26/00\n",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_no_outcome(text: str) -> None:
    with pytest.raises(ValueError, match="is no outcome: a status name, key/ASC/ASCQ in hex"):
        Outcome.parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = Outcome.parse(text)
    except ValueError:
        return
    assert str(read) == text


@pytest.mark.parametrize(
    ("allowed", "seen", "right"),
    [
        ("GOOD", "GOOD", True),
        ("GOOD", "BUSY", False),
        ("GOOD", "05/26/00", False),
        ("05/26/00", "05/26/00", True),
        ("05/26/00", "05/26/01", False),
        ("05/26/00", "0A/26/00", False),
        ("0A/0D/01", "0A/0D/01>05/21/00", True),
        ("0A/0D/01>05/21/00", "0A/0D/01>05/21/00", True),
        ("0A/0D/01>05/21/00", "0A/0D/01>07/27/00", False),
        ("0A/0D/01>05/21/00", "0A/0D/01", False),
    ],
)
def test_an_outcome_allows_what_it_names(allowed: str, seen: str, right: bool) -> None:
    assert Outcome.parse(allowed).allows(Outcome.parse(seen)) is right


@pytest.mark.parametrize(
    ("forwarded", "right"),
    [("05/21/??", True), ("05/20/??", False), ("05/??/??", False), ("??/??/??", False), ("05/21/--", False)],
)
def test_only_a_forwarded_ascq_that_was_cut_off_may_be_missing(forwarded: str, right: bool) -> None:
    seen = Outcome(Status.CHECK_CONDITION, "0A/0D/01", forwarded)
    assert Outcome.parse("0A/0D/01>05/21/00").allows(seen) is right
    assert Outcome.parse("0A/0D/01").allows(seen)
    assert not Outcome.parse("0A/08/04>05/21/00").allows(seen)


def test_sense_that_sg_raw_cut_off_before_the_forwarded_ascq_is_seen_so() -> None:
    whole = bytes.fromhex("70000a000000001e120000000d010000000002 700005000000000a00000000210100000000")
    shown = {
        length: str(Outcome.of(Result(Status.CHECK_CONDITION, decode_sense(whole[:length])))) for length in (32, 37)
    }
    assert shown == {32: "0A/0D/01>05/21/??", 37: "0A/0D/01>05/21/01"}


def test_a_result_is_seen_with_its_status_sense_and_forwarded_sense() -> None:
    aborted = "720a0d01 0000000c 0c0a0202 72052100 00000000"
    shown = {
        "GOOD": Result(Status.GOOD),
        "RESERVATION_CONFLICT": Result(Status.RESERVATION_CONFLICT),
        "05/26/07": Result(Status.CHECK_CONDITION, decode_sense(bytes.fromhex("7205260700000000"))),
        "0A/0D/01>05/21/00": Result(Status.CHECK_CONDITION, decode_sense(bytes.fromhex(aborted))),
    }
    assert {text: str(Outcome.of(result)) for text, result in shown.items()} == {text: text for text in shown}


def test_a_check_condition_without_sense_is_nothing_that_can_be_allowed() -> None:
    seen = Outcome.of(Result(Status.CHECK_CONDITION))
    assert str(seen) == "??/??/??"
    with pytest.raises(ValueError, match="is no outcome"):
        Outcome.parse(str(seen))


def test_sense_that_comes_with_good_is_not_looked_at() -> None:
    assert str(Outcome.of(Result(Status.GOOD, decode_sense(bytes.fromhex("7205260700000000"))))) == "GOOD"
