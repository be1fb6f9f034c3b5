"""The catalogue against the model, on a fresh record and while a run is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from copyproof.model import copy_rules
from copyproof.verdicts.agreement import compare
from copyproof.verdicts.catalogue import catalogue

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

SENT = 'hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("cscd[0].type", 0xE0), hil.nobody(0))))'
MINE = '@hil_requirement("{name}")\ndef test_mine(hil):\n    {sent}\n'


def test_catalogue_and_model_agree_on_every_judged_command_of_a_fresh_record(stand: Stand) -> None:
    stand.configure(probes='"sidecar"')
    record = stand.suite().record
    compared = list(compare(record, catalogue()))
    assert {found.requirement for found in compared} == {name for name in catalogue() if not name.startswith("CTL-")}
    assert [str(found) for found in compared if found.problem or not found.predicted] == []
    faults = {row.id: [case.faults for case in row.cases if case.faults] for row in record.requirements}
    assert {name for name, held in faults.items() if held} == {"XC1-PI-GUARD", "XC1-PI-REFERENCE"}


def test_the_command_that_was_judged_is_marked_among_the_others(stand: Stand) -> None:
    run = stand.suite("-k", "test_discovery or third_unit")
    marked = {case.test: [command.judged for command in case.commands] for case in run.cases if case.commands}
    assert {tuple(marks).count(True) for marks in marked.values()} == {1}
    assert any(len(marks) > 1 and not marks[-1] for marks in marked.values())
    assert any(len(marks) > 1 and not marks[0] for marks in marked.values())
    assert [case.commands[0].unit for case in run.requirement("XC1-NEUTRAL").cases] == ["bystander"]


def test_a_test_that_sends_what_its_requirement_is_not_about_judges_nothing(stand: Stand) -> None:
    stand.write(MINE.format(name="XC1-SEG-TYPE", sent=SENT))
    run = stand.run()
    assert run.verdict("XC1-SEG-TYPE") == "ERROR"
    assert run.requirement("XC1-SEG-TYPE").cause == (
        "catalogue and model disagree: the model predicts 05/26/07 "
        "(SPC-4 6.4.5.1: CSCD descriptor type E0h is not supported), XC1-SEG-TYPE allows 05/26/09"
    )
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_the_same_test_under_the_right_requirement_passes(stand: Stand) -> None:
    stand.write(MINE.format(name="XC1-CSCD-TYPE", sent=SENT))
    assert stand.run().verdict("XC1-CSCD-TYPE") == "PASS"


def test_a_list_that_orders_other_blocks_than_its_test_means_judges_nothing(stand: Stand) -> None:
    sent = 'hil.judge(hil.send(hil.copy(blocks=1).spoilt(spoil("segment[0].source_lba", 4097))))'
    stand.write(MINE.format(name="XC1-ONE-BLOCK", sent=sent))
    cause = stand.run().requirement("XC1-ONE-BLOCK").cause
    assert cause.startswith("the test means Transfer(source=1, ")
    assert "its list orders Transfer(source=1, source_lba=4097, " in cause


def test_a_model_with_a_wrong_rule_ends_its_requirements_in_error(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(table: tuple[Any, ...], name: str) -> tuple[Any, ...]:
        return tuple(rule for rule in table if rule.__name__ != name)

    monkeypatch.setattr(copy_rules, "HEADER_CHECKS", without(copy_rules.HEADER_CHECKS, "_usage_is_defined"))
    run = stand.suite("-k", "test_header")
    ended = {row.id for row in run.record.requirements if row.verdict.value == "ERROR"}
    assert ended == {"XC1-LIST-ID-RESERVED"}
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_of_a_command_that_the_model_does_not_know_the_catalogue_alone_decides(stand: Stand) -> None:
    sent = 'hil.judge(hil.send(Command(bytes.fromhex("1a003f00ff00"), data_in=255)))'
    stand.write("from copyproof.scsi.command import Command\n" + MINE.format(name="XC1-3PC", sent=sent))
    assert stand.run().verdict("XC1-3PC") == "PASS"
