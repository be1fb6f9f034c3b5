"""RECEIVE COPY RESULTS, VPD page 8Fh, and what they keep of a copy for how long."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from copyproof.array.server.copy_operations import RECORDS
from copyproof.array.settings import CopyLimits
from copyproof.process import run
from copyproof.scsi import cdb
from copyproof.scsi.answers import (
    CopyState,
    parse_copy_status,
    parse_failure_details,
    parse_operating_parameters,
    parse_supported_opcodes,
)
from copyproof.scsi.cdb import ReceiveCopy
from copyproof.scsi.layout import number
from copyproof.scsi.token import Range, populate_token
from copyproof.scsi.vpd import third_party_copy
from tests.array.server.copy_bench import BLOCKS, DESTINATION, HOST, OTHER, SIZE, SOURCE, Bench, bench, lid4, segment

STATUS, DATA, PARAMETERS, DETAILS = (
    ReceiveCopy.COPY_STATUS_LID1,
    ReceiveCopy.COPY_DATA_LID1,
    ReceiveCopy.OPERATING_PARAMETERS,
    ReceiveCopy.FAILURE_DETAILS_LID1,
)
HELD = 0x0D


@pytest.fixture
def array() -> Bench:
    return bench()


def failed(array: Bench, identifier: int = 7) -> bytes:
    """Order a copy whose second segment is past the end; return its sense data."""
    answer = array.copy(array.order(segment(), segment(8, BLOCKS, 0), list_identifier=identifier))
    assert answer.sense
    return answer.sense.raw


def held(array: Bench, *segments: object, identifier: int = 7, usage: int = 0) -> bytes:
    """An order whose segments all ask to hold what they copy."""
    raw = bytearray(array.order(*segments, list_identifier=identifier, list_id_usage=usage).encode())  # type: ignore[arg-type]
    for at in range(80, len(raw), 28):
        raw[at] = HELD
    return bytes(raw)


def test_the_status_of_a_copy_that_is_done_counts_segments_and_blocks(array: Bench) -> None:
    assert array.copy(array.order(segment(), segment(3), list_identifier=7)).good
    status = parse_copy_status(array.receive(STATUS, 7).data)
    assert (status.state, status.segments, status.units, status.written) == (CopyState.DONE, 2, 0xF1, 11)


def test_the_status_of_a_copy_that_failed_counts_what_was_written(array: Bench) -> None:
    failed(array)
    status = parse_copy_status(array.receive(STATUS, 7).data)
    assert (status.state, status.segments, status.written) == (CopyState.FAILED, 2, 8)


def test_a_status_is_told_once(array: Bench) -> None:
    array.copy(array.order(segment(), list_identifier=7))
    assert array.receive(STATUS, 7).good
    assert str(array.receive(STATUS, 7).sense) == "05/24/00"


@pytest.mark.parametrize("action", [STATUS, DATA, DETAILS, ReceiveCopy.COPY_STATUS_LID4, ReceiveCopy.COPY_DATA_LID4, 7])
def test_an_identifier_that_no_copy_has_is_refused(array: Bench, action: ReceiveCopy) -> None:
    array.copy(array.order(segment(), list_identifier=7))
    refused = array.receive(action, 8)
    assert str(refused.sense) == "05/24/00"
    assert refused.sense
    assert refused.sense.pointer
    assert refused.sense.pointer.offset == 2


def test_an_identifier_belongs_to_its_nexus_and_its_unit(array: Bench) -> None:
    array.copy(array.order(segment(), list_identifier=7))
    assert str(array.send(cdb.receive_copy_results(STATUS, 7), SOURCE, OTHER).sense) == "05/24/00"
    assert str(array.receive(STATUS, 7, volume=DESTINATION).sense) == "05/24/00"
    assert array.receive(STATUS, 7).good


def test_nothing_is_kept_of_a_copy_without_identifier(array: Bench) -> None:
    assert array.copy(array.order(segment(), list_id_usage=3)).good
    assert str(array.receive(STATUS, 0).sense) == "05/24/00"


def test_details_are_the_status_and_sense_of_the_copy_and_are_told_once(array: Bench) -> None:
    sense = failed(array)
    details = parse_failure_details(array.receive(DETAILS, 7).data)
    assert details
    assert details.sense
    assert (details.status, details.sense.raw) == (2, sense)
    assert parse_failure_details(array.receive(DETAILS, 7).data) is None


def test_details_that_were_cut_short_are_kept_and_an_allocation_of_0_discards_them(array: Bench) -> None:
    failed(array)
    assert len(array.receive(DETAILS, 7, 60).data) == 60
    assert parse_failure_details(array.receive(DETAILS, 7).data)
    failed(array)
    assert array.receive(DETAILS, 7, 0).good
    assert parse_failure_details(array.receive(DETAILS, 7).data) is None


def test_details_are_discarded_when_exactly_as_much_is_asked_for_as_there_is(array: Bench) -> None:
    length = 60 + len(failed(array))
    assert len(array.receive(DETAILS, 7, length).data) == length
    assert parse_failure_details(array.receive(DETAILS, 7).data) is None


def test_there_are_no_details_but_of_a_copy_by_lid1(array: Bench) -> None:
    order = array.order(segment(source=1, destination=7))
    raw = lid4(order, list_identifier=7)
    assert str(array.send(cdb.extended_copy(raw, cdb.CopyOut.EXTENDED_COPY_LID4)).sense) == "0A/08/04"
    assert str(array.receive(DETAILS, 7).sense) == "05/24/00"
    assert array.send(populate_token([Range(0, 8)], 9)).good
    assert str(array.receive(DETAILS, 9).sense) == "05/24/00"


def test_of_a_copy_that_failed_lid4_tells_no_held_data_and_lid1_what_there_is(array: Bench) -> None:
    array.send(cdb.extended_copy(held(array, segment(1), segment(8, BLOCKS, 0))))
    # Less than all is asked for, and so nothing is discarded.
    told = array.receive(ReceiveCopy.COPY_DATA_LID4, 7, 32).data
    assert (told[5], number(told, 0, 4)) == (2, 32 + told[13])
    assert array.receive(DATA, 7).data[4:] == array.first[SOURCE][16:17].tobytes()


def test_there_are_no_details_of_a_copy_that_is_done(array: Bench) -> None:
    array.copy(array.order(segment(), list_identifier=7))
    assert array.receive(DETAILS, 7).data == bytes(4)


def test_a_new_copy_takes_the_place_of_one_with_its_identifier(array: Bench) -> None:
    failed(array)
    array.copy(array.order(segment(), list_identifier=7))
    assert parse_failure_details(array.receive(DETAILS, 7).data) is None
    assert parse_copy_status(array.receive(STATUS, 7).data).state == CopyState.DONE


@pytest.mark.parametrize("how", ["reset", "nexus_lost"])
def test_a_reset_discards_what_is_kept_and_so_does_the_loss_of_the_nexus(array: Bench, how: str) -> None:
    failed(array)
    if how == "reset":
        array.server.reset(SOURCE)
    else:
        array.server.nexus_lost(HOST)
    while (answer := array.receive(STATUS, 7)).unit_attention:
        pass
    assert str(answer.sense) == "05/24/00"


def test_an_abort_of_the_task_discards_nothing(array: Bench) -> None:
    failed(array)
    array.server.abort(HOST, SOURCE)
    assert array.receive(STATUS, 7).good


def test_the_oldest_results_make_room_for_new_ones(array: Bench) -> None:
    for identifier in range(RECORDS + 2):
        array.copy(array.order(segment(1), list_identifier=identifier))
    assert str(array.receive(STATUS, 0).sense) == "05/24/00"
    assert array.receive(STATUS, 1).good


def test_held_data_is_what_was_copied_and_is_told_once(array: Bench) -> None:
    assert array.send(cdb.extended_copy(held(array, segment(2), segment(1, 100, 0)))).good
    told = array.receive(DATA, 7).data
    first = array.first[SOURCE]
    assert told == (3 * SIZE).to_bytes(4, "big") + first[16:18].tobytes() + first[100].tobytes()
    assert array.receive(DATA, 7).data == bytes(4)
    assert not parse_copy_status(array.receive(STATUS, 7).data).held_discarded


def test_of_held_data_the_newest_bytes_are_kept() -> None:
    array = bench(copy=CopyLimits(held_bytes=2 * SIZE, chunk_blocks=3))
    assert array.send(cdb.extended_copy(held(array, segment(8)))).good
    assert array.receive(DATA, 7).data[4:] == array.first[SOURCE][22:24].tobytes()
    assert parse_copy_status(array.receive(STATUS, 7).data).held_discarded


def test_data_cannot_be_held_without_an_identifier(array: Bench) -> None:
    refused = array.send(cdb.extended_copy(held(array, segment(), identifier=0, usage=3)))
    assert str(refused.sense) == "05/26/00"
    assert array.untouched()


def test_status_and_data_by_32_bits_have_a_common_head(array: Bench) -> None:
    sense = failed(array)
    status = array.receive(ReceiveCopy.COPY_STATUS_LID4, 7).data
    assert number(status, 0, 4) == len(status) - 4
    assert (status[4], status[5], status[12], status[15]) == (0, 0x02, 0x02, 0xF1)
    assert (number(status, 8, 4), number(status, 16, 8), number(status, 24, 2)) == (0xFFFFFFFE, 8, 2)
    assert status[13] % 4 == 0
    assert status[32 : 32 + status[14]] == sense
    data = array.receive(ReceiveCopy.COPY_DATA_LID4, 7).data
    assert data[4 : 32 + status[13]] == status[4:]
    assert data[32 + status[13] :] == bytes(4)


def test_held_data_by_32_bits(array: Bench) -> None:
    array.send(cdb.extended_copy(held(array, segment(1))))
    data = array.receive(ReceiveCopy.COPY_DATA_LID4, 7).data
    assert data[32:] == SIZE.to_bytes(4, "big") + array.first[SOURCE][16].tobytes()
    assert array.receive(ReceiveCopy.COPY_DATA_LID4, 7).data[32:] == bytes(4)


@pytest.mark.parametrize("length", [0, 4, 16, 43, 47])
def test_a_short_allocation_length_truncates_the_operating_parameters(array: Bench, length: int) -> None:
    whole = array.receive(PARAMETERS).data
    assert array.receive(PARAMETERS, length=length).data == whole[:length]


def test_each_descriptor_of_page_8fh_has_a_length_of_whole_words(array: Bench) -> None:
    page, at = array.send(cdb.inquiry(0x8F, 4096)).data, 4
    while at < len(page):
        assert number(page, at + 2, 2) % 4 == 0
        at += 4 + number(page, at + 2, 2)
    assert at == len(page)


def test_the_operating_parameters_are_complete_and_page_8fh_says_the_same(array: Bench) -> None:
    told = parse_operating_parameters(array.receive(PARAMETERS).data)
    page = third_party_copy(array.send(cdb.inquiry(0x8F, 4096)).data)
    assert told.consistent
    assert told.descriptors == page.descriptors == (0x02, 0x0D, 0xE4)
    for name in ("max_cscds", "max_segments", "max_list_length", "max_inline_length", "max_segment_length"):
        assert getattr(told, name) == getattr(page, name)
    assert (told.total_copies, told.max_copies) == (page.total_copies, page.max_copies) == (8, 8)
    assert (told.held_data_limit, told.granularity) == (page.held_data_limit, page.granularity) == (1 << 20, SIZE)


def test_page_8fh_lists_its_descriptors_in_order_and_the_commands_there_are(array: Bench) -> None:
    page = third_party_copy(array.send(cdb.inquiry(0x8F, 4096)).data)
    assert list(page.kinds) == sorted(page.kinds)
    listed = parse_supported_opcodes(array.send(cdb.report_supported_opcodes()).data)
    assert page.commands is not None
    assert page.commands == frozenset((item.opcode, item.action or 0) for item in listed if item.opcode in (0x83, 0x84))
    assert len(page.commands) == 13


@pytest.mark.skipif(not shutil.which("sg_vpd", path="/usr/bin:/usr/sbin"), reason="sg3_utils is not installed")
def test_sg_vpd_reads_the_same_limits_from_page_8fh(array: Bench, tmp_path: Path) -> None:
    file = tmp_path / "page.hex"
    file.write_text(array.send(cdb.inquiry(0x8F, 4096)).data.hex(" "))
    told = run(["sg_vpd", "-p", "0x8f", "-I", str(file)], timeout=10).text
    limits = array.server.settings.copy
    for line in (
        f"Maximum range descriptors: {limits.ranges}",
        f"Default inactivity timeout: {limits.default_timeout} seconds",
        f"Maximum CSCD descriptor count: {limits.cscds}",
        f"Maximum descriptor list length: {limits.list_bytes}",
        f"Maximum Bytes in block ROD: {limits.token_bytes}",
        f"Maximum segment length: {limits.segment_bytes}",
        f"Held data limit: {limits.held_bytes}",
        "CSCD: Identification Descriptor [0xe4]",
        "Report all ROD tokens",
        "ROD type: block device zero [0xffff0001]",
    ):
        assert line in told
