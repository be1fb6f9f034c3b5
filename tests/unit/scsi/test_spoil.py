"""A spoiler changes what it names, where it says, and nothing else."""

from __future__ import annotations

import pytest

from copyproof.scsi import copylist
from copyproof.scsi.copylist import CSCD, HEADER, SEGMENT, BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.scsi.spoil import inline, repeat_cscds, repeat_segments, spoil, together

UNITS = tuple(Cscd(Designator.of_naa(f"6001405aabbccddeeff00112233445{digit:02x}")) for digit in (1, 2))
ORDER = CopyList(UNITS, (BlockSegment(8, 0, 64), BlockSegment(4, 64, 128, 1, 0)), inline=b"\xaa\xbb")
RAW = ORDER.encode()

PATHS = [
    *(f"header.{name}" for name in HEADER.fields),
    *(f"cscd[{index}].{name}" for index in (0, 1) for name in CSCD.fields),
    *(f"segment[{index}].{name}" for index in (0, 1) for name in SEGMENT.fields),
]


@pytest.mark.parametrize("path", PATHS)
def test_every_field_is_set_at_its_offset_and_nothing_else_changes(path: str) -> None:
    part, _, name = path.partition(".")
    field = {"header": HEADER, "cscd": CSCD, "segment": SEGMENT}[part.partition("[")[0]][name]
    base = {"header": 0, "cscd[0]": 16, "cscd[1]": 48, "segment[0]": 80, "segment[1]": 108}[part]
    spoiler = spoil(path, field.limit)
    spoilt = spoiler(RAW)
    assert spoiler.offset(RAW) == base + field.offset
    assert field.get(spoilt, base) == field.limit
    expected = bytearray(RAW)
    field.put(expected, field.limit, base)
    assert spoilt == bytes(expected)
    assert spoil(path, field.get(RAW, base))(spoilt) == RAW


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("header.list_id_usage", 1),
        ("header.cscd_length", 2),
        ("header.inline_length", 12),
        ("cscd[1].designator_length", 55),
        ("cscd[0].block_length", 45),
        ("segment[0].source_index", 84),
        ("segment[1].destination_lba", 128),
    ],
)
def test_offsets_are_the_standards(path: str, offset: int) -> None:
    assert spoil(path, 1).offset(RAW) == offset


def test_names_read_well() -> None:
    assert spoil("cscd[0].type", 0xE0).name == "cscd[0].type = E0h"
    assert str(spoil("segment[0].blocks", 5)) == "segment[0].blocks = 5"


@pytest.mark.parametrize("path", ["head.priority", "cscd.type", "header[0].str", "cscd[x].type", "segment[0]", ""])
def test_a_path_that_no_list_has_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"is no path: header\.FIELD"):
        spoil(path, 0)


def test_an_unknown_field_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="it has type, lu_id_type"):
        spoil("cscd[0].colour", 0)


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 0 to 0x3, not 0x4"):
        spoil("header.list_id_usage", 4)


@pytest.mark.parametrize("path", ["cscd[2].type", "segment[2].type"])
def test_a_descriptor_that_the_list_lacks_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="this list has 2 of"):
        spoil(path, 0)(RAW)


def test_inline_data_is_added_and_counted() -> None:
    assert copylist.decode(inline(b"\xcc")(RAW)).inline == b"\xaa\xbb\xcc"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 33])
def test_descriptors_are_repeated_in_turn(count: int) -> None:
    many = copylist.decode(repeat_cscds(count)(RAW))
    assert many.cscds == (UNITS * 17)[:count]
    assert (many.segments, many.inline) == (ORDER.segments, ORDER.inline)
    many = copylist.decode(repeat_segments(count)(RAW))
    assert many.segments == (ORDER.segments * 17)[:count]
    assert (many.cscds, many.inline) == (ORDER.cscds, ORDER.inline)


def test_spoilers_work_in_order() -> None:
    both = together(repeat_segments(3), spoil("segment[2].blocks", 77))
    assert copylist.decode(both(RAW)).segments[2].blocks == 77
    assert both.name == "3 segment descriptors, segment[2].blocks = 4Dh"
    with pytest.raises(ValueError, match="this list has 2 of segment"):
        together(spoil("segment[2].blocks", 77), repeat_segments(3))(RAW)


def test_a_segment_behind_one_of_false_length_is_found_as_declared() -> None:
    longer = spoil("segment[0].length", SEGMENT.size)(RAW)
    assert spoil("segment[1].type", 0).offset(longer) == 80 + 4 + SEGMENT.size
