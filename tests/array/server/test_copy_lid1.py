"""EXTENDED COPY(LID1): what is copied, and what each refusal says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from copyproof.array.settings import CopyLimits
from copyproof.scsi import cdb, spoil
from copyproof.scsi.command import Command, Status
from copyproof.scsi.copylist import NULL_LU, SELF, CopyList
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.sense import FieldPointer, Pointed
from tests.array.server.copy_bench import (
    BLOCKS,
    BYSTANDER,
    DESTINATION,
    HIDDEN,
    OTHER,
    READ_ONLY,
    SOURCE,
    Bench,
    bench,
    segment,
)

LIST = 16
CSCDS, SEGMENTS = LIST, LIST + 64


@pytest.fixture
def array() -> Bench:
    return bench()


@pytest.mark.parametrize("via", [SOURCE, DESTINATION, BYSTANDER])
def test_blocks_are_copied_whichever_unit_manages_the_copy(array: Bench, via: int) -> None:
    assert array.copy(array.order(segment()), via).good
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])
    assert np.array_equal(
        np.delete(array.data(DESTINATION), slice(64, 72), 0), np.delete(array.first[2], slice(64, 72), 0)
    )
    assert array.untouched(DESTINATION)


def test_copied_blocks_carry_the_labels_of_their_new_place(array: Bench) -> None:
    array.copy(array.order(segment()))
    labels = array.server.unit.read(DESTINATION, 64, 8).labels
    assert labels["application"].tolist() == [DESTINATION] * 8
    assert labels["reference"].tolist() == list(range(64, 72))


def test_the_second_segment_reads_what_the_first_wrote(array: Bench) -> None:
    chain = array.order(segment(), segment(8, 64, 128, source=1, destination=2), volumes=(1, 2, 3))
    assert array.copy(chain).good
    assert np.array_equal(array.data(BYSTANDER, 128, 8), array.first[SOURCE][16:24])


@pytest.mark.parametrize("shift", [-5, 5])
def test_an_overlapping_copy_writes_what_the_source_held_before(shift: int) -> None:
    array = bench(copy=CopyLimits(chunk_blocks=4))
    assert array.copy(array.order(segment(32, 64, 64 + shift, destination=0))).good
    assert np.array_equal(array.data(SOURCE, 64 + shift, 32), array.first[SOURCE][64:96])


@pytest.mark.parametrize("name", ["dc", "cat", "pad"])
def test_destination_count_cat_and_pad_change_nothing_where_blocks_fit(array: Bench, name: str) -> None:
    fields = {name: True}
    order = array.order(segment(**({} if name == "pad" else fields)))
    if name == "pad":
        order = CopyList(tuple(array.cscd(volume, pad=True) for volume in (1, 2)), order.segments)
    assert array.copy(order).good
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


def test_no_blocks_are_copied_for_a_count_of_0_and_none_is_asked_for(array: Bench) -> None:
    assert array.copy(array.order(segment(0, source_lba=2**40, source=NULL_LU))).good
    assert array.untouched()


def test_an_empty_list_is_no_error(array: Bench) -> None:
    assert array.send(cdb.extended_copy(b"")).good


def test_the_longest_segment_is_copied_and_one_block_more_is_refused() -> None:
    array = bench(copy=CopyLimits(segment_bytes=128 * 512))
    assert array.copy(array.order(segment(128, 0, 128))).good
    assert np.array_equal(array.data(DESTINATION, 128, 128), array.first[SOURCE][:128])
    over = array.copy(array.order(segment(129, 0, 0)))
    assert str(over.sense) == "05/26/00"
    assert over.sense
    assert over.sense.pointer == FieldPointer(Pointed.PARAMETERS, SEGMENTS + 10)


@pytest.mark.parametrize("field", ["nul", "lu_id_type", "relative_port"])
def test_fields_that_do_not_count_in_an_identification_descriptor_are_ignored(array: Bench, field: str) -> None:
    cscds = tuple(array.cscd(volume, **{field: 1}) for volume in (1, 2))
    assert array.copy(CopyList(cscds, (segment(),))).good


def test_a_block_length_of_0_is_found_out_and_ffffh_is_the_unit_itself(array: Bench) -> None:
    plain = array.cscd(DESTINATION)
    order = CopyList((replace(plain, block_length=0),), (segment(source=SELF, destination=0),))
    assert array.copy(order, SOURCE).good
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


REFUSED: list[tuple[str, Callable[[bytes], bytes], str, int | None]] = [
    ("one byte", spoil.cut(1), "05/1A/00", None),
    ("cut header", spoil.cut(15), "05/1A/00", None),
    ("cut CSCD descriptor", spoil.cut(CSCDS + 16), "05/1A/00", None),
    ("cut segment descriptor", spoil.cut(SEGMENTS + 27), "05/1A/00", None),
    ("CSCD list of 33 bytes", spoil.spoil("header.cscd_length", 33), "05/1A/00", None),
    ("segment list of 27 bytes", spoil.spoil("header.segment_length", 27), "05/1A/00", None),
    ("too many CSCD descriptors", spoil.repeat_cscds(17), "05/26/06", 2),
    ("too many segments", spoil.repeat_segments(17), "05/26/08", 8),
    ("list too long", spoil.repeat_cscds(129), "05/1A/00", None),
    ("inline data", spoil.inline(bytes(8)), "05/26/0B", 12),
    ("usage 01b", spoil.spoil("header.list_id_usage", 1), "05/26/00", 1),
    ("CSCD type E5h", spoil.spoil("cscd[0].type", 0xE5), "05/26/07", CSCDS),
    ("CSCD extension", spoil.spoil("cscd[1].type", 0xFF), "05/26/07", CSCDS + 32),
    ("designator type 0Fh", spoil.spoil("cscd[1].designator_type", 0x0F), "05/26/00", CSCDS + 32 + 5),
    ("designator of 21 bytes", spoil.spoil("cscd[1].designator_length", 21), "05/26/00", CSCDS + 32 + 7),
    ("designator of 16 bytes", spoil.spoil("cscd[1].designator_length", 16), "05/26/00", CSCDS + 32 + 7),
    ("association 1", spoil.spoil("cscd[1].association", 1), "05/26/00", CSCDS + 32 + 5),
    ("code set 0Fh", spoil.spoil("cscd[0].code_set", 0x0F), "05/26/00", CSCDS + 4),
    ("block length 1024", spoil.spoil("cscd[1].block_length", 1024), "05/26/00", CSCDS + 32 + 29),
    ("segment type 03h", spoil.spoil("segment[0].type", 0x03), "05/26/09", SEGMENTS),
    ("segment length 17h", spoil.spoil("segment[0].length", 0x17), "05/26/00", SEGMENTS + 2),
    ("segment length 19h", spoil.spoil("segment[0].length", 0x19), "05/26/00", SEGMENTS + 2),
    (
        "an identifier that is none",
        spoil.together(spoil.spoil("header.list_identifier", 7), spoil.spoil("header.list_id_usage", 3)),
        "05/26/00",
        0,
    ),
]


@pytest.mark.parametrize(("edit", "sense", "offset"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_wrong_list_is_refused_before_the_first_segment(
    array: Bench, edit: Callable[[bytes], bytes], sense: str, offset: int | None
) -> None:
    answer = array.send(cdb.extended_copy(edit(array.order(segment()).encode())))
    assert str(answer.sense) == sense
    assert answer.sense
    assert answer.sense.information is None
    assert (answer.sense.pointer.offset if answer.sense.pointer else None) == offset
    assert array.untouched()


ENDED: list[tuple[str, Callable[[bytes], bytes], str, int | None]] = [
    ("nobody's designator", spoil.spoil("cscd[0].designator", 0x5FFF << 144), "0A/08/04", CSCDS),
    ("tape", spoil.spoil("cscd[1].device_type", 1), "0A/0D/03", CSCDS + 32),
    ("null unit", spoil.spoil("segment[0].source_index", NULL_LU), "0A/08/04", SEGMENTS + 4),
    ("source past the list", spoil.spoil("segment[0].source_index", 7), "0A/08/04", SEGMENTS + 4),
    ("destination past the list", spoil.spoil("segment[0].destination_index", 7), "0A/08/04", SEGMENTS + 6),
    ("past the source", spoil.spoil("segment[0].source_lba", BLOCKS - 4), "0A/0D/01>05/21/00", CSCDS),
    ("past the destination", spoil.spoil("segment[0].destination_lba", BLOCKS - 4), "0A/0D/01>05/21/00", CSCDS + 32),
    ("far past the source", spoil.spoil("segment[0].source_lba", 2**64 - 1), "0A/0D/01>05/21/00", CSCDS),
]


@pytest.mark.parametrize(("edit", "outcome", "offset"), [case[1:] for case in ENDED], ids=[case[0] for case in ENDED])
def test_what_is_wrong_with_a_unit_ends_the_copy_at_its_segment(
    array: Bench, edit: Callable[[bytes], bytes], outcome: str, offset: int
) -> None:
    answer = array.send(cdb.extended_copy(edit(array.order(segment()).encode())))
    assert Outcome.of(answer) == Outcome.parse(outcome)
    assert answer.sense
    assert (answer.sense.segment, answer.sense.information) == (0, None)
    assert answer.sense.pointer == FieldPointer(Pointed.PARAMETERS, offset)
    assert array.untouched()


def test_the_number_of_the_segment_is_told_and_what_came_before_is_done(array: Bench) -> None:
    answer = array.copy(array.order(segment(), segment(8, 0, BLOCKS)))
    assert answer.sense
    assert (answer.sense.segment, answer.sense.information) == (1, None)
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


def test_a_hidden_unit_is_neither_read_nor_written(array: Bench) -> None:
    for volumes in ((HIDDEN, DESTINATION), (SOURCE, HIDDEN)):
        assert str(array.copy(array.order(segment(), volumes=volumes), DESTINATION).sense) == "0A/08/04"
    assert array.untouched()
    assert array.copy(array.order(segment(), volumes=(HIDDEN, DESTINATION)), DESTINATION, OTHER).good


def test_a_unit_mapped_read_only_is_read_but_not_written(array: Bench) -> None:
    answer = array.copy(array.order(segment(), volumes=(SOURCE, READ_ONLY)))
    assert Outcome.of(answer) == Outcome.parse("0A/0D/01>07/27/00")
    assert answer.sense
    assert answer.sense.forwarded[0].origin.name == "DESTINATION"
    assert array.untouched()
    assert array.copy(array.order(segment(), volumes=(READ_ONLY, DESTINATION))).good


@pytest.mark.parametrize(("volume", "origin"), [(SOURCE, "SOURCE"), (DESTINATION, "DESTINATION")])
def test_anothers_reservation_ends_the_copy_with_the_status_forwarded(array: Bench, volume: int, origin: str) -> None:
    assert array.send(Command(bytes.fromhex("160000000000")), volume, OTHER).good
    answer = array.copy(array.order(segment()), BYSTANDER)
    assert str(answer.sense) == "0A/0D/01"
    assert answer.sense
    (forwarded,) = answer.sense.forwarded
    assert (forwarded.origin.name, forwarded.status, forwarded.raw) == (origin, Status.RESERVATION_CONFLICT, b"")
    assert array.untouched()


def test_ones_own_reservation_does_not_stand_in_the_way(array: Bench) -> None:
    assert array.send(Command(bytes.fromhex("160000000000")), DESTINATION).good
    assert array.copy(array.order(segment())).good


TAGS = [("guard", "0B/10/01"), ("application", "0B/10/02"), ("reference", "0B/10/03")]


@pytest.mark.parametrize(("tag", "sense"), TAGS)
@pytest.mark.parametrize("bad", [0, 3, 7])
def test_a_wrong_label_in_the_source_ends_the_copy_before_its_block(
    array: Bench, tag: str, sense: str, bad: int
) -> None:
    spoil_label(array, tag, 16 + bad)
    answer = array.copy(array.order(segment()))
    assert Outcome.of(answer) == Outcome.parse(f"0A/0D/01>{sense}")
    assert answer.sense
    assert answer.sense.information == (8 - bad if bad else None)
    assert answer.sense.forwarded[0].sense
    assert answer.sense.forwarded[0].sense.information == 16 + bad
    assert np.array_equal(array.data(DESTINATION, 64, bad), array.first[SOURCE][16 : 16 + bad])
    assert np.array_equal(array.data(DESTINATION, 64 + bad, 8), array.first[DESTINATION][64 + bad : 72 + bad])


def spoil_label(array: Bench, tag: str, lba: int) -> None:
    """Change one tag of a block of the source, as a host does that writes labels with the checks switched off."""
    blocks = array.server.unit.read_raw(SOURCE, lba, 1)
    blocks.labels[tag] ^= 0x5A
    array.server.unit.write(SOURCE, lba, blocks)


def test_the_residual_counts_what_the_segment_lacks_after_several_pieces() -> None:
    array = bench(copy=CopyLimits(chunk_blocks=4))
    spoil_label(array, "guard", 16 + 10)
    answer = array.copy(array.order(segment(1, 0, 0), segment(16)))
    assert answer.sense
    assert (answer.sense.segment, answer.sense.information) == (1, 6)


@pytest.mark.parametrize("ends", [(16, BLOCKS - 8), (BLOCKS - 8, 16)], ids=["destination", "source"])
def test_of_a_segment_past_the_end_no_piece_is_written(ends: tuple[int, int]) -> None:
    array = bench(copy=CopyLimits(chunk_blocks=4))
    answer = array.copy(array.order(segment(16, *ends)))
    assert Outcome.of(answer) == Outcome.parse("0A/0D/01>05/21/00")
    assert array.untouched()


def test_the_first_32_bytes_of_sense_data_hold_key_and_codes_that_are_forwarded(array: Bench) -> None:
    answer = array.copy(array.order(segment(8, 0, BLOCKS)))
    assert answer.sense
    assert answer.sense.raw[18:23] == bytes.fromhex("02 72052100")


@pytest.mark.parametrize("sizes", [{}, {"slot_bytes": 4096, "unit_bytes": 2048}], ids=["one slot", "many slots"])
@pytest.mark.parametrize("shift", [-5, 5])
def test_an_overlapping_copy_that_fails_writes_the_blocks_before_the_wrong_one(
    shift: int, sizes: dict[str, Any]
) -> None:
    array = bench(**sizes)
    spoil_label(array, "guard", 64 + 20)
    answer = array.copy(array.order(segment(32, 64, 64 + shift, destination=0)))
    assert answer.sense
    assert answer.sense.information == 12
    assert np.array_equal(array.data(SOURCE, 64 + shift, 20), array.first[SOURCE][64:84])
    assert np.array_equal(array.data(SOURCE, 84 + shift, 20), array.first[SOURCE][84 + shift : 104 + shift])


def test_a_copy_in_descriptor_format_says_the_same(array: Bench) -> None:
    switch_to_descriptor_format(array)
    answer = array.copy(array.order(segment(), segment(8, BLOCKS, 0)))
    assert answer.sense
    assert answer.sense.raw[0] == 0x72
    assert Outcome.of(answer) == Outcome.parse("0A/0D/01>05/21/00")
    assert answer.sense.segment == 1


def switch_to_descriptor_format(array: Bench) -> None:
    """Set D_SENSE in the control mode page."""
    page = bytearray(array.send(cdb.mode_sense6(0x0A, dbd=True)).data)
    page[0], page[2], page[6] = 0, 0, page[6] | 0x04
    select = Command(bytes([0x15, 0x10, 0, 0, len(page), 0]), data_out=bytes(page))
    assert array.send(select).good


def test_too_few_bytes_for_the_list_are_a_list_length_error(array: Bench) -> None:
    raw = array.order(segment()).encode()
    assert str(array.send(cdb.extended_copy(raw, length=len(raw) + 1)).sense) == "05/1A/00"


def test_a_reserved_service_action_is_refused(array: Bench) -> None:
    refused = array.send(cdb.extended_copy(array.order(segment()).encode(), 0x1F))
    assert str(refused.sense) in ("05/20/00", "05/24/00")
    assert array.untouched()
