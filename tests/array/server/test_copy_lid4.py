"""EXTENDED COPY(LID4), copies in the background, and their abort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from copyproof.array.server.copy_operations import Phase
from copyproof.array.settings import CopyLimits
from copyproof.scsi import cdb
from copyproof.scsi.answers import CopyState, parse_copy_status
from copyproof.scsi.cdb import CopyOut, ReceiveCopy
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import BlockSegment
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import FieldPointer, Pointed
from tests.array.server.copy_bench import BLOCKS, DESTINATION, HOST, SOURCE, Bench, bench, lid4, segment

STATUS4 = ReceiveCopy.COPY_STATUS_LID4
IDENTIFIER = 0x01020304


@pytest.fixture
def array() -> Bench:
    return bench(copy=CopyLimits(chunk_blocks=4, concurrent=2))


def one(blocks: int = 8, **fields: Any) -> BlockSegment:
    """A segment in a LID4 list, whose descriptors are numbered from 1."""
    return segment(blocks, **({"source": 1, "destination": 2} | fields))


def order(array: Bench, *segments: BlockSegment, usage: int = 0, **header: int) -> Result:
    """Order a copy by EXTENDED COPY(LID4)."""
    raw = lid4(array.order(*segments, list_id_usage=usage), **({"list_identifier": IDENTIFIER} | header))
    return array.send(cdb.extended_copy(raw, CopyOut.EXTENDED_COPY_LID4))


def abort(array: Bench, identifier: int = IDENTIFIER) -> Result:
    return array.send(Command(b"\x83\x1c" + identifier.to_bytes(4, "big") + bytes(10)))


def phase(array: Bench) -> int:
    return array.receive(STATUS4, IDENTIFIER).data[5]


def test_blocks_are_copied_and_descriptors_are_numbered_from_1(array: Bench) -> None:
    assert order(array, one()).good
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])
    assert array.untouched(DESTINATION)


def test_the_reads_and_writes_of_a_copy_are_counted(array: Bench) -> None:
    assert order(array, one(9)).good
    assert array.receive(STATUS4, IDENTIFIER).data[6:8] == bytes([0, 6])


def test_an_empty_list_is_no_error(array: Bench) -> None:
    assert array.send(cdb.extended_copy(b"", CopyOut.EXTENDED_COPY_LID4)).good


def test_descriptor_0_is_the_header_and_no_unit(array: Bench) -> None:
    answer = order(array, one(source=0))
    assert str(answer.sense) == "0A/26/00"
    assert answer.sense
    assert answer.sense.pointer == FieldPointer(Pointed.PARAMETERS, 48 + 64 + 4)
    assert array.untouched()


def test_field_pointers_are_moved_by_the_header(array: Bench) -> None:
    answer = order(array, one(source_lba=BLOCKS))
    assert Outcome.of(answer) == Outcome.parse("0A/0D/01>05/21/00")
    assert answer.sense
    assert answer.sense.pointer == FieldPointer(Pointed.PARAMETERS, 48)


@pytest.mark.parametrize(
    ("field", "value", "offset"),
    [
        ("format", 0, 0),
        ("format", 2, 0),
        ("header_cscd_length", 0x40, 2),
        ("header_cscd_type", 0xE4, 16),
        ("list_id_usage", 1, 1),
        ("inline_length", 8, 46),
    ],
)
def test_a_wrong_header_is_refused(array: Bench, field: str, value: int, offset: int) -> None:
    answer = order(array, one(), **{field: value})
    assert answer.sense
    assert (answer.sense.key, answer.sense.asc) == (5, 0x26)
    assert answer.sense.pointer
    assert answer.sense.pointer.offset == offset
    assert array.untouched()


@pytest.mark.parametrize("length", [1, 16, 47])
def test_a_list_shorter_than_its_header_is_refused(array: Bench, length: int) -> None:
    raw = lid4(array.order(one()))[:length]
    assert str(array.send(cdb.extended_copy(raw, CopyOut.EXTENDED_COPY_LID4)).sense) == "05/1A/00"


def test_a_list_in_the_other_format_is_not_taken_for_this_one(array: Bench) -> None:
    wrong = array.send(cdb.extended_copy(array.order(segment()).encode(), CopyOut.EXTENDED_COPY_LID4))
    assert wrong.sense
    assert wrong.sense.key == 5
    assert array.untouched()


@pytest.mark.parametrize(("good_sense", "usage"), [(1, 0), (0, 3)])
def test_immed_goes_neither_with_g_sense_nor_without_identifier(array: Bench, good_sense: int, usage: int) -> None:
    identifier = 0 if usage else IDENTIFIER
    answer = order(array, one(), immediate=1, good_sense=good_sense, usage=usage, list_identifier=identifier)
    assert str(answer.sense) == "05/24/00"
    assert array.untouched()


def test_g_sense_asks_for_sense_with_good_that_counts_the_segments(array: Bench) -> None:
    answer = order(array, one(), one(3), good_sense=1)
    assert answer.good
    assert str(answer.sense) == "0F/00/20"
    assert answer.sense
    assert answer.sense.specific == 2
    assert order(array, one()).sense is None


def test_a_copy_in_the_background_goes_on_by_ticks_until_it_is_done(array: Bench) -> None:
    assert order(array, one(), immediate=1).good
    assert array.untouched()
    assert phase(array) == Phase.IN_BACKGROUND
    array.server.run(1)
    assert np.array_equal(array.data(DESTINATION, 64, 4), array.first[SOURCE][16:20])
    assert np.array_equal(array.data(DESTINATION, 68, 4), array.first[DESTINATION][68:72])
    array.server.run(2)
    assert phase(array) == Phase.DONE
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


def test_a_copy_that_fails_in_the_background_tells_its_sense_with_the_status(array: Bench) -> None:
    assert order(array, one(), one(8, destination_lba=BLOCKS), immediate=1).good
    array.server.run(9)
    status = array.receive(STATUS4, IDENTIFIER).data
    assert (status[4], status[5], status[12]) == (0x01, Phase.FAILED, Status.CHECK_CONDITION)
    assert status[32] == 0x70
    assert status[32 + 2] == 0x0A
    assert status[32 + 11] == 1


def test_an_identifier_in_use_is_refused_in_either_format(array: Bench) -> None:
    assert order(array, one(), immediate=1, list_identifier=9).good
    assert str(order(array, one(), list_identifier=9).sense) == "05/00/16"
    assert str(array.copy(array.order(segment(), list_identifier=9)).sense) == "05/00/16"
    assert array.untouched()
    array.server.run(3)
    assert order(array, one(), list_identifier=9).good


def test_one_copy_more_than_may_be_at_once_finds_the_manager_busy(array: Bench) -> None:
    for identifier in (1, 2):
        assert order(array, one(), immediate=1, list_identifier=identifier).good
    assert order(array, one(), list_identifier=3).status is Status.BUSY
    assert array.untouched()


def test_what_is_asked_of_a_copy_in_progress_discards_nothing(array: Bench) -> None:
    assert order(array, one(), immediate=1, list_identifier=9).good
    for _ in range(2):
        assert parse_copy_status(array.receive(ReceiveCopy.COPY_STATUS_LID1, 9).data).state == CopyState.IN_PROGRESS
    assert str(array.receive(ReceiveCopy.FAILURE_DETAILS_LID1, 9).sense) == "05/24/00"
    assert str(array.receive(ReceiveCopy.COPY_DATA_LID1, 9).sense) == "05/24/00"
    assert array.receive(ReceiveCopy.COPY_DATA_LID4, 9).data[32:] == bytes(4)


def test_an_aborted_copy_writes_no_more_and_says_that_it_was_terminated(array: Bench) -> None:
    order(array, one(), immediate=1)
    array.server.run(1)
    assert abort(array).good
    array.server.run(9)
    status = array.receive(STATUS4, IDENTIFIER).data
    assert (status[5], status[12], status[14]) == (Phase.TERMINATED, Status.TASK_ABORTED, 0)
    assert np.array_equal(array.data(DESTINATION, 68, 4), array.first[DESTINATION][68:72])


def test_a_copy_that_has_ended_or_is_unknown_cannot_be_aborted(array: Bench) -> None:
    order(array, one())
    for identifier in (IDENTIFIER, 5):
        refused = abort(array, identifier)
        assert str(refused.sense) == "05/24/00"
        assert refused.sense
        assert refused.sense.pointer
        assert refused.sense.pointer.offset == 2
    assert phase(array) == Phase.DONE


def test_a_copy_goes_on_when_the_nexus_is_lost_and_ends_with_a_reset(array: Bench) -> None:
    order(array, one(), immediate=1)
    array.server.nexus_lost(HOST)
    array.server.run(1)
    assert np.array_equal(array.data(DESTINATION, 64, 4), array.first[SOURCE][16:20])
    array.server.reset(SOURCE)
    array.server.run(9)
    assert np.array_equal(array.data(DESTINATION, 68, 4), array.first[DESTINATION][68:72])


def interrupted(
    array: Bench, monkeypatch: pytest.MonkeyPatch, what: Callable[[], object], named: bool = True
) -> Result:
    """Order a copy in the foreground; something happens between its first two pieces."""
    copy = array.server.unit.copy

    def once(*piece: int) -> None:
        copy(*piece)
        what()

    monkeypatch.setattr(array.server.unit, "copy", once)
    return order(array, one(12)) if named else order(array, one(12), usage=3, list_identifier=0)


@pytest.mark.parametrize("named", [True, False], ids=["with an identifier", "without"])
@pytest.mark.parametrize("how", ["abort", "reset"])
def test_a_copy_in_the_foreground_ends_after_the_piece_in_which_it_is_aborted(
    array: Bench, monkeypatch: pytest.MonkeyPatch, how: str, named: bool
) -> None:
    events: dict[str, Callable[[], object]] = {
        "abort": lambda: array.server.abort(HOST, SOURCE),
        "reset": lambda: array.server.reset(SOURCE),
    }
    answer = interrupted(array, monkeypatch, events[how], named)
    assert str(answer.sense) == "0A/2F/02"
    assert answer.sense
    assert answer.sense.information == 8
    assert np.array_equal(array.data(DESTINATION, 68, 8), array.first[DESTINATION][68:76])


def test_an_abort_of_the_task_leaves_a_copy_in_the_background_alone(array: Bench) -> None:
    order(array, one(), immediate=1)
    array.server.abort(HOST, SOURCE)
    array.server.run(3)
    assert phase(array) == Phase.DONE
