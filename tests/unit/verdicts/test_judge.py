"""One judgement: what the catalogue allows, what the profile knows, and what nothing excuses."""

from __future__ import annotations

import msgspec
import pytest

from copyproof.scsi.command import Result, Status
from copyproof.scsi.sense import decode_sense
from copyproof.verdicts.catalogue import Level, Requirement, Tolerated
from copyproof.verdicts.judge import claimed_residual, expected_text, judge
from copyproof.verdicts.profile import Deviation
from copyproof.verdicts.verdict import Verdict

REQUIREMENT = Requirement(
    id="XC1-X",
    check=1,
    title="A test",
    source="SPC-4 1",
    level=Level.MANDATORY,
    strict=("05/26/00", "05/26/08"),
    tolerated=(Tolerated("0A/26/00", "nobody says"),),
)


def answer(outcome: str, information: str = "") -> Result:
    """Make a result that shows an outcome, with an INFORMATION field where one is given."""
    if outcome in Status.__members__:
        return Result(Status[outcome])
    descriptor = bytes.fromhex("000a8000" + information.rjust(16, "0")) if information else b""
    own, _, forwarded = outcome.partition(">")
    if forwarded:
        descriptor += bytes.fromhex("0c0a0202 72" + forwarded.replace("/", "") + "00000000")
    head = bytes.fromhex("72" + own.replace("/", "") + "000000") + bytes([len(descriptor)])
    return Result(Status.CHECK_CONDITION, decode_sense(head + descriptor))


def known(outcome: str) -> Deviation:
    return Deviation(requirement="XC1-X", outcome=outcome, clause="SPC-4 1", shown_by="f()", reason="it is known")


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize(
    ("seen", "deviation", "lenient", "strictly"),
    [
        ("05/26/00", None, "PASS", "PASS"),
        ("05/26/08", None, "PASS", "PASS"),
        ("0A/26/00", None, "PASS", "FAIL"),
        ("GOOD", None, "FAIL", "FAIL"),
        ("BUSY", None, "FAIL", "FAIL"),
        ("05/24/00", None, "FAIL", "FAIL"),
        ("GOOD", "GOOD", "DEVIATION", "DEVIATION"),
        ("05/24/00", "05/24/00", "DEVIATION", "DEVIATION"),
        ("05/24/01", "05/24/00", "FAIL", "FAIL"),
        ("05/26/00", "GOOD", "UNEXPECTED_PASS", "UNEXPECTED_PASS"),
        ("0A/26/00", "GOOD", "UNEXPECTED_PASS", "FAIL"),
        ("0A/26/00", "0A/26/00", "DEVIATION", "DEVIATION"),
        ("0A/0D/01>05/21/00", "0A/0D/01>05/21/00", "DEVIATION", "DEVIATION"),
        ("0A/0D/01>05/21/00", "0A/0D/01", "FAIL", "FAIL"),
    ],
)
def test_a_status_is_judged_by_catalogue_and_profile(
    seen: str, deviation: str | None, lenient: str, strictly: str, strict: bool
) -> None:
    done = judge(answer(seen), "", REQUIREMENT, known(deviation) if deviation else None, strict=strict)
    assert done.verdict.value == (strictly if strict else lenient)
    assert done.observed == seen
    assert bool(done.deviation) == (done.verdict.value == "DEVIATION")


@pytest.mark.parametrize("seen", ["05/26/00", "0A/26/00", "GOOD", "05/24/00"])
@pytest.mark.parametrize("deviation", [None, "GOOD", "05/24/00"])
def test_a_wrong_block_is_a_fail_whatever_the_status_was(seen: str, deviation: str | None) -> None:
    wrong = "destination LBA 7: zero"
    done = judge(answer(seen), wrong, REQUIREMENT, known(deviation) if deviation else None, strict=False)
    assert (done.verdict.value, done.cause, done.deviation, done.observed) == ("FAIL", wrong, "", seen)


def test_a_residual_claimed_before_the_first_segment_is_told() -> None:
    claim = claimed_residual(answer("05/26/00", "08"))
    assert claim.startswith("05/26/00 with VALID=1 and INFORMATION 0x8: no segment was processed")


@pytest.mark.parametrize("result", [answer("0A/26/00", "08"), answer("05/26/00"), answer("GOOD")])
def test_an_aborted_copy_may_claim_a_residual_and_nothing_else_does(result: Result) -> None:
    assert claimed_residual(result) == ""


def test_a_pass_has_no_cause_unless_it_is_tolerated() -> None:
    assert judge(answer("05/26/00"), "", REQUIREMENT, None, strict=False).cause == ""
    assert judge(answer("0A/26/00"), "", REQUIREMENT, None, strict=False).cause == "tolerated: nobody says"


@pytest.mark.parametrize(("seen", "verdict"), [("05/21", Verdict.PASS), ("05/20", Verdict.FAIL)])
def test_a_forwarded_ascq_that_was_cut_off_is_told_and_not_guessed(seen: str, verdict: Verdict) -> None:
    needs = msgspec.structs.replace(REQUIREMENT, strict=("0A/0D/01>05/21/00",), tolerated=())
    cut = decode_sense(bytes.fromhex(f"720a0d010000000c0c0a020272{seen.replace('/', '')}"))
    found = judge(Result(Status.CHECK_CONDITION, cut), "", needs, None, strict=False)
    assert (found.verdict, found.observed) == (verdict, f"0A/0D/01>{seen}/??")
    assert f"0A/0D/01>{seen}/??" in found.cause


def test_what_a_toleration_covers_too_is_still_allowed_strictly() -> None:
    both = Requirement(
        id="XC1-Y",
        check=1,
        title="A test",
        source="SPC-4 1",
        level=Level.MANDATORY,
        strict=("0A/0D/01>07/27/00",),
        tolerated=(Tolerated("0A/0D/01", "without forwarded sense"),),
    )
    assert judge(answer("0A/0D/01>07/27/00"), "", both, None, strict=False).cause == ""
    assert judge(answer("0A/0D/01"), "", both, None, strict=False).cause == "tolerated: without forwarded sense"


def test_causes_say_what_came_and_what_had_to_come() -> None:
    assert judge(answer("GOOD"), "", REQUIREMENT, None, strict=False).cause == "GOOD instead of 05/26/00 or 05/26/08"
    assert judge(answer("GOOD"), "", REQUIREMENT, known("GOOD"), strict=False).cause == (
        "GOOD instead of 05/26/00 or 05/26/08: it is known"
    )
    assert judge(answer("05/26/00"), "", REQUIREMENT, known("GOOD"), strict=False).cause == (
        "05/26/00 is allowed, but the profile expects GOOD: mend the profile"
    )
    assert expected_text(REQUIREMENT) == "05/26/00 or 05/26/08; 0A/26/00 (tolerated: nobody says)"


def test_a_deviation_is_named_with_clause_and_function() -> None:
    assert judge(answer("GOOD"), "", REQUIREMENT, known("GOOD"), strict=False).deviation == "it is known (SPC-4 1; f())"
