"""The catalogue against the model, on the record that is committed as the sample, and that the check can fail."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from copyproof.model import copy_course, copy_rules
from copyproof.verdicts.agreement import Comparison, compare
from copyproof.verdicts.catalogue import Effect, Requirement, catalogue
from copyproof.verdicts.record import CaseRecord, Record


def problems(record: Record, requirements: Mapping[str, Requirement] | None = None) -> list[Comparison]:
    return [found for found in compare(record, requirements or catalogue()) if found.problem]


def edited(name: str, **changes: object) -> dict[str, Requirement]:
    """The catalogue with one requirement changed."""
    return {**catalogue(), name: replace(catalogue()[name], **changes)}


def every_case(record: Record, **changes: object) -> Record:
    """The record with all its cases changed."""
    rows = [replace(row, cases=[replace(case, **changes) for case in row.cases]) for row in record.requirements]
    return replace(record, requirements=rows)


def commands(record: Record, **changes: object) -> Record:
    """The record with all its commands changed."""

    def changed(case: CaseRecord) -> CaseRecord:
        return replace(case, commands=[replace(command, **changes) for command in case.commands])

    rows = [replace(row, cases=[changed(case) for case in row.cases]) for row in record.requirements]
    return replace(record, requirements=rows)


def test_catalogue_and_model_agree_on_every_command_of_the_sample(sample_record: Record) -> None:
    compared = list(compare(sample_record, catalogue()))
    assert len(compared) > 60
    assert [str(found) for found in compared if found.problem] == []
    assert [str(found) for found in compared if not found.predicted] == []


def test_every_requirement_of_the_sample_is_held_against_the_model(sample_record: Record) -> None:
    sent = {row.id for row in sample_record.requirements for case in row.cases if case.commands}
    assert len(sent) > 40
    blind = {name for name in sent if not problems(sample_record, edited(name, strict=("04/44/00",), tolerated=()))}
    assert blind == set()


@pytest.mark.parametrize("outcome", ["GOOD", "05/26/00"])
def test_a_requirement_that_allows_the_wrong_outcome_is_found(sample_record: Record, outcome: str) -> None:
    found = problems(sample_record, edited("XC1-SEG-TYPE", strict=(outcome,)))
    assert [item.requirement for item in found] == ["XC1-SEG-TYPE"]
    assert found[0].problem == (
        "the model predicts 05/26/09 (SPC-4 6.4.6.1: segment descriptor type 00h is not supported), "
        f"XC1-SEG-TYPE allows {outcome}"
    )


def test_a_requirement_that_allows_less_than_the_standard_is_found(sample_record: Record) -> None:
    found = problems(sample_record, edited("XC1-SEG-LENGTH", strict=("05/26/00",)))
    assert {item.requirement for item in found} == {"XC1-SEG-LENGTH"}
    assert "0A/26/00" in found[0].problem


def test_an_outcome_that_passed_and_is_not_predicted_is_found(sample_record: Record) -> None:
    # The sample's target answered a reserved service action with 05/20/00.
    found = problems(sample_record, edited("XC1-SERVICE-ACTION", strict=("05/24/00", "05/20/00")))
    assert found == []
    bad = commands(sample_record, status="RESERVATION_CONFLICT", sense_raw="")
    wider = problems(bad, edited("XC1-SEG-TYPE", strict=("05/26/09", "RESERVATION_CONFLICT")))
    assert [item.requirement for item in wider] == ["XC1-SEG-TYPE"]
    assert wider[0].problem.endswith(", and RESERVATION_CONFLICT came")


def test_a_requirement_that_only_tolerates_what_the_standard_says_is_found(sample_record: Record) -> None:
    row = catalogue()["XC1-DESIGNATOR"]
    found = problems(sample_record, edited(row.id, strict=("05/20/00",), tolerated=(*row.tolerated, _tolerated())))
    assert {item.requirement for item in found} == {row.id}


def _tolerated() -> object:
    return replace(catalogue()["XC1-DESIGNATOR"].tolerated[0], outcome="05/26/00")


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("XC1-ZERO-BLOCKS", Effect.COPIED),
        ("XC1-LIST-EMPTY", Effect.COPIED),
        ("XC1-ONE-BLOCK", Effect.NOTHING),
        ("XC1-ONE-BLOCK", Effect.PREFIX),
        ("XC1-PAST-END", Effect.NOTHING),
        ("XC1-PI-GUARD", Effect.NOTHING),
        ("XC1-DEVICE-TYPE", Effect.COPIED),
    ],
)
def test_a_requirement_with_the_wrong_effect_is_found(sample_record: Record, name: str, effect: Effect) -> None:
    found = problems(sample_record, edited(name, effect=effect))
    assert {item.requirement for item in found} == {name}
    assert f"{name} has the effect {effect.value}" in found[0].problem


TABLES = {
    copy_rules: ("LENGTH_CHECKS", "HEADER_CHECKS", "CONTENT_CHECKS", "CSCD_CHECKS", "SEGMENT_CHECKS"),
    copy_course: ("SEGMENT_STOPS",),
}
#: Rules that no command of that target breaks: it takes one segment, of any length, from units that anyone may write.
UNBROKEN = {
    "_header_is_there",  # what it says of a short list, _list_is_whole says too
    "_nothing_follows",
    "_cscds_are_whole",
    "_identifier_is_free",
    "_held_data_has_an_identifier",
    "_something_is_ordered",
    "_reserved_bits_are_zero",
    "_designator_fits",  # such a designator names no unit either
    "_length_limit",
    "_granularity",
    "_whole_blocks",
    "_protected",
    "_reserved",
}
RULES = [
    pytest.param(module, table, rule, id=rule.__name__)
    for module, tables in TABLES.items()
    for table in tables
    for rule in getattr(module, table)
    if rule.__name__ not in UNBROKEN
]


@pytest.mark.parametrize(("module", "table", "rule"), RULES)
def test_a_model_that_forgets_a_rule_is_found(
    sample_record: Record, monkeypatch: pytest.MonkeyPatch, module: object, table: str, rule: object
) -> None:
    monkeypatch.setattr(module, table, tuple(other for other in getattr(module, table) if other is not rule))
    assert any(found.problem or not found.predicted for found in compare(sample_record, catalogue()))


def test_a_model_that_takes_the_hidden_unit_for_its_own_is_found(
    sample_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copyproof.targets.known._ACCESS", {})
    assert {found.requirement for found in problems(sample_record)} == {"XC1-ISOLATION"}


def test_a_record_without_the_faults_that_were_there_is_found(sample_record: Record) -> None:
    found = problems(every_case(sample_record, faults=[]))
    assert {item.requirement for item in found} == {"XC1-PI-GUARD", "XC1-PI-REFERENCE"}


def test_a_case_that_does_not_say_what_was_judged_is_found(sample_record: Record) -> None:
    found = problems(commands(sample_record, judged=False))
    assert len(found) == len(list(compare(sample_record, catalogue())))
    assert {item.problem for item in found} == {"the record does not say which command was judged"}


def test_a_list_that_is_not_whole_in_the_record_is_not_predicted(sample_record: Record) -> None:
    found = list(compare(commands(sample_record, length=4096), catalogue()))
    assert {item.requirement for item in found if item.predicted} == {
        "XC1-3PC",
        "XC1-PARAMETERS",
        "XC1-ALLOCATION",
        "XC1-LIST-EMPTY",
    }
    assert not any(item.problem for item in found)
