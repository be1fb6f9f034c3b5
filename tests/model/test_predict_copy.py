"""EXTENDED COPY(LID1) predicted from its bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.known import Access, Fault, KnownTarget
from copyproof.model.predict import predict
from copyproof.model.prediction import Branch, Prediction
from copyproof.model.settle import settle
from copyproof.scsi.cdb import extended_copy
from copyproof.scsi.copylist import CopyList
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.spoil import Spoiler, cut, inline, repeat_cscds, repeat_segments, spoil, together
from tests.model.lists import BAD_BLOCK, LIMITS, TARGET, UNITS, copies, listed, predicted

COPY = Transfer(1, 1000, 2, 2000, 8)
NEXT = Transfer(2, 2000, 1, 3000, 8)
UNREACHABLE = ["0A/08/04", "0A/0D/02"]
NOBODY = int("60000000000000000000000000000009" + "00000000", 16)


def outcomes(prediction: Prediction) -> list[str]:
    return [str(outcome) for outcome in prediction.outcomes]


@given(copies())
@settings(max_examples=150)
def test_a_well_formed_list_ends_good_with_exactly_its_transfers_in_order(
    ordered: tuple[tuple[Transfer, ...], CopyList],
) -> None:
    parts, order = ordered
    prediction = predict(extended_copy(order.encode()), 1, TARGET)
    assert prediction.branches == (Branch(prediction.outcomes, prediction.rule, parts),)
    assert outcomes(prediction) == ["GOOD"]


SPOILT: list[tuple[Spoiler, list[str]]] = [
    (cut(1), ["05/1A/00"]),
    (cut(15), ["05/1A/00"]),
    (cut(16), ["05/1A/00"]),
    (cut(16 + 64), ["05/1A/00"]),
    (cut(16 + 64 + 27), ["05/1A/00"]),
    (spoil("header.cscd_length", 65), ["05/1A/00", "05/26/00", "05/26/07"]),
    (spoil("header.segment_length", 29), ["05/1A/00"]),
    (spoil("header.inline_length", 1), ["05/1A/00", "05/26/0B"]),
    (inline(bytes(8)), ["05/26/0B"]),
    (repeat_cscds(5), ["05/26/06"]),
    (repeat_segments(9), ["05/26/08"]),
    (repeat_cscds(16), ["05/26/06", "05/1A/00"]),
    (spoil("header.list_id_usage", 1), ["05/26/00"]),
    (together(spoil("header.list_identifier", 7), spoil("header.list_id_usage", 3)), ["05/26/00"]),
    (spoil("cscd[0].type", 0xE0), ["05/26/07"]),
    (spoil("cscd[1].type", 0xFF), ["05/26/07"]),
    (spoil("cscd[0].designator_type", 15), ["05/26/00", *UNREACHABLE]),
    (spoil("cscd[0].designator_length", 21), ["05/26/00", *UNREACHABLE]),
    (spoil("cscd[0].designator_length", 15), ["05/26/00", *UNREACHABLE]),
    (spoil("cscd[0].association", 1), ["05/26/00", *UNREACHABLE]),
    (spoil("cscd[1].code_set", 2), ["05/26/00", *UNREACHABLE]),
    (spoil("cscd[1].designator", NOBODY), UNREACHABLE),
    (spoil("cscd[0].device_type", 1), ["0A/0D/03", "05/26/00"]),
    (spoil("cscd[1].block_length", 4096), ["0A/0D/03", "05/26/00"]),
    (spoil("segment[0].type", 0x00), ["05/26/09"]),
    (spoil("segment[0].length", 0x17), ["0A/26/00", "05/26/00"]),
    (spoil("segment[0].length", 0x19), ["0A/26/00", "05/26/00"]),
    (spoil("segment[0].source_index", 2), ["0A/08/04"]),
    (spoil("segment[0].destination_index", 0x7FF), ["0A/08/04"]),
    (spoil("segment[0].source_index", 0xC000), UNREACHABLE),
    (spoil("segment[0].source_index", 0xC001), UNREACHABLE),
    (spoil("segment[0].destination_index", 0xF800), ["0A/08/04"]),
    (spoil("segment[0].blocks", 1501), ["0A/26/00", "05/26/00", "05/26/08"]),
    (spoil("segment[0].source_lba", 8192), ["0A/0D/01>05/21/00"]),
    (spoil("segment[0].destination_lba", 2**64 - 1), ["0A/0D/01>05/21/00"]),
]


@pytest.mark.parametrize(
    ("spoiler", "ends"), SPOILT, ids=lambda value: str(value) if isinstance(value, Spoiler) else ""
)
def test_a_spoilt_list_is_refused_and_changes_nothing(spoiler: Spoiler, ends: list[str]) -> None:
    prediction = predicted(COPY, spoiler=spoiler)
    assert sorted(outcomes(prediction)) == sorted(ends)
    assert not any(branch.changes for branch in prediction.branches)
    assert all(branch.rule.startswith("SPC-4 ") for branch in prediction.branches)


IGNORED = [
    spoil("header.str", 1),
    spoil("header.priority", 7),
    spoil("header.list_id_usage", 2),
    spoil("cscd[0].nul", 1),
    spoil("cscd[0].lu_id_type", 3),
    spoil("cscd[0].relative_port", 9),
    spoil("cscd[0].block_length", 0),
    spoil("segment[0].cat", 1),
    spoil("segment[0].dc", 1),
]


@pytest.mark.parametrize("spoiler", IGNORED, ids=str)
def test_a_field_that_changes_nothing_changes_no_prediction(spoiler: Spoiler) -> None:
    assert predicted(COPY, spoiler=spoiler) == predicted(COPY)


def test_a_count_of_zero_is_no_error_and_copies_nothing() -> None:
    prediction = predicted(COPY, spoiler=spoil("segment[0].blocks", 0))
    assert outcomes(prediction) == ["GOOD"]
    assert prediction.transfers == ()


def test_of_no_blocks_the_units_need_not_be_asked() -> None:
    nothing = together(spoil("segment[0].blocks", 0), spoil("segment[0].source_index", 7))
    assert outcomes(predicted(COPY, spoiler=nothing)) == ["GOOD", "0A/08/04"]


def test_what_a_copy_manager_may_check_or_not_has_two_ways() -> None:
    longer = together(spoil("header.priority", 0))(listed([COPY]).encode()) + b"\0"
    prediction = predict(extended_copy(longer), 1, TARGET)
    assert outcomes(prediction) == ["GOOD", "05/1A/00"]
    assert [branch.changes for branch in prediction.branches] == [True, False]
    without = KnownTarget(UNITS, replace(LIMITS, no_list_identifier=False))
    prediction = predicted(COPY, spoiler=spoil("header.list_id_usage", 3), target=without)
    assert outcomes(prediction) == ["GOOD", "05/26/00"]


def test_a_unit_past_its_end_gets_at_most_the_blocks_that_it_has() -> None:
    stopped = predicted(Transfer(1, 0, 2, 8187, 8)).branches
    assert [(branch.partial, branch.behind, branch.done) for branch in stopped] == [(Transfer(1, 0, 2, 8187, 5), 3, ())]
    assert [stopped[0].written(residual) for residual in (0, 3, 6, 8, 99)] == [5, 5, 2, 0, 0]


def test_earlier_segments_are_done_when_a_later_one_is_stopped() -> None:
    stopped = predicted(COPY, NEXT, Transfer(1, 8188, 2, 0, 8)).branches
    assert [(branch.done, branch.partial) for branch in stopped] == [((COPY, NEXT), Transfer(1, 8188, 2, 0, 4))]


def test_a_bad_later_segment_may_be_found_before_the_first_is_copied_or_after() -> None:
    found = predicted(COPY, NEXT, spoiler=spoil("segment[1].type", 0x11)).branches
    assert [(list(map(str, way.outcomes)), way.done, way.perhaps) for way in found] == [(["05/26/09"], (), (COPY,))]


def test_a_fault_in_the_source_lets_the_blocks_before_it_be_copied() -> None:
    prediction = predicted(COPY, target=replace(TARGET, faults=(BAD_BLOCK,)))
    assert outcomes(prediction) == ["0A/0D/01>03/11/00"]
    assert prediction.branches[0].partial == replace(COPY, blocks=3)


def test_a_fault_elsewhere_stops_nothing() -> None:
    beside = (Fault(1, 999, 1, "03/11/00"), Fault(1, 1008, 1, "03/11/00"), Fault(2, 2003, 1, "03/11/00"))
    assert predicted(COPY, target=replace(TARGET, faults=beside)) == predicted(COPY)


@pytest.mark.parametrize(
    ("transfer", "ends"),
    [
        (Transfer(4, 0, 2, 0, 8), UNREACHABLE),
        (Transfer(1, 0, 4, 0, 8), UNREACHABLE),
        (Transfer(1, 0, 5, 0, 8), ["0A/0D/01>07/27/00"]),
        (Transfer(5, 0, 1, 0, 8), ["GOOD"]),
    ],
    ids=["hidden source", "hidden destination", "read-only destination", "read-only source"],
)
def test_access_decides_who_is_read_and_written(transfer: Transfer, ends: list[str]) -> None:
    assert outcomes(predicted(transfer)) == ends


def test_a_reserved_unit_is_neither_read_nor_written_nor_takes_the_command() -> None:
    taken = replace(UNITS[1], access=Access.RESERVED)
    target = replace(TARGET, units=(UNITS[0], taken))
    order = extended_copy(listed([COPY]).encode())
    assert outcomes(predict(order, 1, target)) == ["0A/0D/01"]
    assert outcomes(predict(order, 2, target)) == ["RESERVATION_CONFLICT"]


def test_a_list_identifier_in_use_is_refused() -> None:
    assert outcomes(predicted(COPY, target=replace(TARGET, active=frozenset({0})))) == ["05/00/16"]


def test_a_segment_must_keep_to_the_granularity() -> None:
    coarse = replace(TARGET, parameters=replace(LIMITS, granularity=8192))
    assert outcomes(predicted(COPY, target=coarse)) == ["0A/26/0D"]
    assert outcomes(predicted(replace(COPY, blocks=16), target=coarse)) == ["GOOD"]


def test_units_of_different_block_lengths_leave_the_destination_unknown_and_nothing_else() -> None:
    large = replace(TARGET, units=(UNITS[0], replace(UNITS[1], block_size=4096)))
    order = replace(listed([COPY]), cscds=tuple(replace(cscd, block_length=0) for cscd in listed([COPY]).cscds))
    model = ReferenceModel({1: 8192, 2: 8192})
    model.write(2, 1990, 30, generation=1)
    settle(model, predict(extended_copy(order.encode()), 1, large), Outcome.parse("GOOD"))
    assert [(extent.lba, extent.count, bool(extent.origins)) for extent in model.slice(2, 1990, 30)] == [
        (1990, 10, True),
        (2000, 1, False),
        (2001, 19, True),
    ]


def test_a_descriptor_type_that_the_model_does_not_know_leaves_everything_open() -> None:
    able = replace(TARGET, parameters=replace(LIMITS, descriptors=(0x02, 0x0A, 0xE4)))
    prediction = predicted(COPY, spoiler=spoil("segment[0].type", 0x0A), target=able)
    assert prediction.outcomes == ()
    assert len(prediction.branches[0].perhaps) == len(UNITS)


@given(st.data())
@settings(max_examples=300)
def test_no_bytes_are_too_wild_to_predict_and_to_settle(data: st.DataObject) -> None:
    raw = bytearray(data.draw(copies())[1].encode())
    for _ in range(data.draw(st.integers(0, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    prediction = predict(extended_copy(bytes(raw), data.draw(st.integers(0, 31))), 1, TARGET)
    assert prediction.branches
    for seen in (None, *prediction.outcomes, Outcome.parse("04/44/00")):
        model = ReferenceModel({unit.volume: unit.blocks for unit in UNITS})
        branch = settle(model, prediction, seen, residual=data.draw(st.none() | st.integers(0, 2**32)))
        assert (branch is not None) == bool(seen and (seen in prediction.outcomes or not prediction.outcomes))
