"""The shipped suite catches every kind of misbehaviour, with the right diagnosis at the exact LBA."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import copyproof.conformance
from copyproof.scsi.copylist import BlockSegment, decode
from copyproof.verdicts.catalogue import catalogue

if TYPE_CHECKING:
    from copyproof.verdicts.record import CaseRecord
    from tests.plugin.conftest import Run, Stand

FROM_UNIT_TO_UNIT = "test_copy_from_unit_to_unit"
COPIED = "XC1-LUN-TO-LUN"


def caught(stand: Stand, misbehaviour: str, chosen: str = FROM_UNIT_TO_UNIT) -> Run:
    """Run some tests of the suite on a target that misbehaves."""
    stand.configure(probes='"sidecar"')
    stand.misbehave(misbehaviour)
    run = stand.suite("-k", chosen)
    assert run.status == pytest.ExitCode.TESTS_FAILED
    return run


def first(run: Run, requirement: str = COPIED) -> tuple[CaseRecord, BlockSegment]:
    """Return the first case of a requirement, and what it ordered."""
    case = run.requirement(requirement).cases[0]
    assert case.verdict.value == "FAIL"
    return case, decode(bytes.fromhex(case.commands[0].data)).segments[0]


def test_a_copy_that_did_not_run_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "copies-nothing"))
    to = order.destination_lba
    assert case.cause.startswith(f"destination LBA {to} to {to + 99}: not copied: ")
    assert case.blocks.wrong["not copied"] == 100
    assert case.observed == "GOOD"


def test_a_last_block_that_was_skipped_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "skips-the-last-block"))
    assert case.cause.startswith(f"destination LBA {order.destination_lba + 99}: not copied: ")
    assert case.blocks.wrong == {"not copied": 1, "guard tag wrong": 1}


def test_a_copy_from_the_next_block_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "copies-from-the-next-block"))
    to, first_lba = order.destination_lba, order.source_lba
    place = f"destination LBA {to} to {to + 99}: copied from the wrong place: holds source LBA {first_lba + 1} to "
    assert case.cause.startswith(place)
    assert f"expected source LBA {first_lba} to {first_lba + 99}" in case.cause
    assert case.blocks.wrong == {"copied from the wrong place": 100, "guard tag wrong": 100}


def test_a_touched_bystander_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "writes-the-bystander"))
    assert case.cause.startswith(
        f"bystander LBA 5: copied from the wrong place: holds source LBA {order.source_lba} generation "
    )
    assert case.blocks.wrong == {"copied from the wrong place": 1, "guard tag wrong": 1}


def test_an_overwritten_neighbour_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "overwrites-a-neighbour"))
    behind = order.destination_lba + 100
    assert case.cause.startswith(f"destination LBA {behind}: copied from the wrong place: holds source LBA ")
    assert case.blocks.wrong == {"copied from the wrong place": 1, "guard tag wrong": 1}


def test_labels_left_as_they_were_are_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "keeps-the-labels", "test_labels_are_exchanged"), "XC1-PI-LABELS")
    to = order.destination_lba
    assert case.cause.startswith(f"destination LBA {to} to {to + 7}: label not exchanged: ")
    assert case.blocks.wrong == {"label not exchanged": 8}


def test_a_hidden_unit_that_is_served_is_caught_and_never_excused(stand: Stand) -> None:
    run = caught(stand, "copies-from-a-hidden-unit", "test_a_hidden_unit")
    read, written = run.requirement("XC1-ISOLATION").cases
    assert (read.verdict.value, written.verdict.value) == ("FAIL", "FAIL")
    assert "holds hidden LBA" in read.cause
    assert "hidden LBA" in written.cause


def test_a_block_written_by_a_refused_copy_is_caught(stand: Stand) -> None:
    run = caught(stand, "writes-what-it-refuses", "test_refused_and_nothing_written")
    failed = [case for case in run.cases if case.verdict.value == "FAIL"]
    assert failed
    for case in failed:
        assert case.cause.startswith("destination LBA ")
        assert case.observed in catalogue()[case.requirement].strict


def test_a_wrong_sense_is_caught(stand: Stand) -> None:
    run = caught(stand, "refuses-with-a-wrong-sense", "test_a_type_that_is_not_advertised_is_refused")
    assert run.requirement("XC1-CSCD-TYPE").cause == "05/25/00 instead of 05/26/07"
    assert run.requirement("XC1-SEG-TYPE").cause == "05/25/00 instead of 05/26/09"


def test_a_residual_claimed_before_the_first_segment_is_caught(stand: Stand) -> None:
    run = caught(stand, "claims-a-residual", "test_a_type_that_is_not_advertised_is_refused")
    assert run.requirement("XC1-SEG-TYPE").cause.startswith("05/26/09 with VALID=1 and INFORMATION 0x8: ")


def test_an_ignored_field_is_caught(stand: Stand) -> None:
    run = caught(stand, "takes-any-device-type", "XC1-DEVICE-TYPE")
    assert run.requirement("XC1-DEVICE-TYPE").cause == "GOOD instead of 0A/0D/03 or 05/26/00"


def test_an_ignored_field_whose_copy_is_wrong_as_well_is_no_deviation(stand: Stand) -> None:
    stand.configure(profile="lio")
    stand.misbehave("takes-any-device-type", "skips-the-last-block")
    run = stand.suite("-k", "XC1-DEVICE-TYPE")
    found = run.requirement("XC1-DEVICE-TYPE")
    assert (run.status, found.verdict.value) == (1, "FAIL")
    assert "not copied" in found.cause


def test_an_answer_that_did_not_come_is_an_error_and_leaves_the_blocks_open(stand: Stand) -> None:
    stand.misbehave("times-out-half-way")
    run = stand.suite("-k", f"{FROM_UNIT_TO_UNIT} or test_one_block_is_copied")
    found = run.requirement(COPIED)
    assert (found.verdict.value, found.cause) == ("ERROR", "no answer within 60 seconds")
    assert run.verdict("XC1-ONE-BLOCK") == "PASS"
    assert run.status == 1


def test_a_unit_attention_in_mid_test_is_an_error_of_that_test_alone(stand: Stand) -> None:
    stand.misbehave("reports-a-unit-attention 2")
    run = stand.suite("-k", f"{FROM_UNIT_TO_UNIT} or test_one_block_is_copied")
    first_case, second = (case for case in run.requirement(COPIED).cases if case.verdict.value != "NOT_RUN")
    assert first_case.verdict.value == "PASS"
    assert second.cause == "a unit attention in mid-test, 06/29/00: the command was not executed"
    assert run.verdict("XC1-ONE-BLOCK") == "PASS"


def test_a_target_that_dies_has_one_clear_cause_and_nothing_more_is_sent(stand: Stand) -> None:
    stand.misbehave("dies 3")
    run = stand.suite("-k", "test_copy and not unit and not direction")
    judged = [case for case in run.cases if case.verdict.value != "NOT_RUN"]
    verdicts = [case.verdict.value for case in judged]
    alive = verdicts.index("ERROR")
    assert set(verdicts[:alive]) == {"PASS"}
    assert set(verdicts[alive:]) == {"ERROR"}
    assert len(verdicts) > alive + 2
    causes = [case.cause for case in run.cases if case.verdict.value == "ERROR"]
    assert causes[0] == "source: No such device"
    assert set(causes[1:]) == {"the target was lost earlier: source: No such device"}
    assert not any(case.commands for case in judged[alive + 1 :])
    assert (run.status, run.events) == (1, ["enter", "exit"])
    assert "Traceback" not in run.text


def test_a_target_that_does_not_come_up_is_an_error_of_every_test(stand: Stand) -> None:
    stand.misbehave("does-not-come-up")
    run = stand.suite("-k", FROM_UNIT_TO_UNIT)
    assert {case.cause for case in run.requirement(COPIED).cases} - {"deselected"} == {
        "the source unit did not appear within 10 seconds"
    }
    assert (run.status, run.verdict(COPIED)) == (1, "ERROR")
    assert "Traceback" not in run.text


DEFECTS = ("copies-nothing", "refuses-with-a-wrong-sense", "lies-about-itself 0", "writes-the-bystander 0")


def test_every_requirement_fails_under_some_defect(stand: Stand) -> None:
    failed = set()
    for defect in DEFECTS:
        run = caught(stand, defect, "test")
        failed |= {row.id for row in run.record.requirements if row.verdict.value == "FAIL"}
        assert run.record.summary["ERROR"] == 0
    # The rows on the inside of a controller need a white box: see test_controller_rows.
    assert failed == {name for name in catalogue() if not name.startswith("CTL-")}


def test_a_unit_mapped_read_only_that_is_written_is_caught(stand: Stand) -> None:
    case, order = first(caught(stand, "writes-a-read-only-unit", "test_a_unit_mapped_read_only"), "XC1-READONLY")
    to, whence = order.destination_lba, order.source_lba
    where = f"readonly LBA {to} to {to + 7}: copied from the wrong place: holds source LBA {whence} to {whence + 7} "
    assert case.cause.startswith(where)
    assert case.observed == "0A/0D/01>07/27/00"


def test_every_requirement_has_a_test_and_every_test_a_requirement(stand: Stand) -> None:
    result = stand.here(stand.shipped("--collect-only", "-q")).result
    assert result.ret == 0
    named = set()
    for path in Path(copyproof.conformance.__file__).parent.glob("test_*.py"):
        strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        named |= {text for text in strings if isinstance(text, str) and re.match("(XC1|CTL)-", text)}
    assert named == set(catalogue())
    assert not (stand.folder / "report" / "record.json").exists()
