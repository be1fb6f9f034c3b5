"""Truncated and lying answers are refused with a reason; sense is read as far as it goes."""

from __future__ import annotations

import pytest

from copyproof.errors import DeviceError, MalformedAnswer
from copyproof.scsi import answers, cdb, copylist, vpd
from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd, MalformedList
from copyproof.scsi.designator import Designator
from copyproof.scsi.layout import Field, Layout
from copyproof.scsi.sense import SenseKey, decode_sense

NAA = "6001405aabbccddeeff0011223344556"
RAW = CopyList((Cscd(Designator.of_naa(NAA)),), (BlockSegment(8, 0, 64),)).encode()


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("00830010 01030010 600140", "11 bytes came, at least 20 are needed"),
        ("00830006 01030010 6001", "descriptor: 6 bytes came, at least 20 are needed"),
        ("00830002 0103", "descriptor: 2 bytes came, at least 4 are needed"),
        ("00800000", "page 83h was asked for, page 80h came"),
        ("0083", "2 bytes came, at least 4"),
    ],
)
def test_a_page_with_a_lying_length_is_refused(page: str, reason: str) -> None:
    with pytest.raises(MalformedAnswer, match=reason):
        vpd.designators(bytes.fromhex(page))


def test_malformed_answers_are_the_devices_fault() -> None:
    assert issubclass(MalformedAnswer, DeviceError)


def test_a_longer_page_can_be_asked_for_again() -> None:
    assert vpd.page_length(bytes.fromhex("00830210")) == 0x214


def test_the_longest_naa_names_the_unit() -> None:
    page = bytes.fromhex("0083002001030008 5001405abcdef012 01030010 " + NAA)
    assert vpd.unit_naa(page) == NAA


def test_a_block_length_of_zero_is_refused() -> None:
    with pytest.raises(MalformedAnswer, match="block length of 0"):
        answers.parse_capacity16(bytes(32))
    with pytest.raises(MalformedAnswer, match="block length of 0"):
        answers.parse_capacity10(bytes(8))


def test_a_false_available_data_is_read_and_shown() -> None:
    raw = bytearray(46)
    raw[3], raw[43] = 41, 2
    assert not answers.parse_operating_parameters(bytes(raw)).consistent
    raw[3] = 42
    assert answers.parse_operating_parameters(bytes(raw)).consistent
    with pytest.raises(MalformedAnswer, match="45 bytes came, at least 46"):
        answers.parse_operating_parameters(bytes(raw[:45]))


@pytest.mark.parametrize("digits", ["", "00", "4001405aabbccdde", NAA[:30], NAA + "00", NAA[:16]])
def test_what_is_no_naa_makes_no_designator(digits: str) -> None:
    with pytest.raises(ValueError, match="is no NAA"):
        Designator.of_naa(digits)


@pytest.mark.parametrize("association", [1, 2])
def test_the_naa_of_a_port_does_not_name_a_unit(association: int) -> None:
    assert Designator(1, association, 3, bytes.fromhex(NAA)).naa == ""


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (3, 64, "the header counts 108 bytes, the list has 76"),
        (4, 1, "a reserved bit of the header is set"),
        (16, 0xE0, "cscd.type is 0xe0, not 0xe4"),
        (20, 0xF1, "a reserved bit of the cscd is set"),
        (23, 21, "a designator of 21 bytes does not fit"),
        (23, 15, "or is not padded with zeros"),
        (48, 7, "segment.type is 0x7, not 0x2"),
        (51, 0x19, "segment.length is 0x19, not 0x18"),
    ],
)
def test_an_ill_formed_list_is_refused_with_its_place(offset: int, value: int, reason: str) -> None:
    raw = bytearray(RAW)
    raw[offset] = value
    with pytest.raises(MalformedList, match=reason):
        copylist.decode(bytes(raw))


def test_a_segment_cut_short_is_refused() -> None:
    raw = bytearray(RAW[:-1])
    raw[11] -= 1
    with pytest.raises(MalformedList, match="a segment has 28 bytes, not 27"):
        copylist.decode(bytes(raw))


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks holds 0 to 65535, not 65536"):
        BlockSegment(65536, 0, 0).encode()
    with pytest.raises(ValueError, match="a designator of 20 bytes, not 21"):
        Cscd(Designator(1, 0, 3, bytes(21))).encode()
    with pytest.raises(ValueError, match="no whole number of 512-byte blocks"):
        cdb.write10(0, bytes(513), 512)
    with pytest.raises(ValueError, match="lba holds 0 to 4294967295"):
        cdb.read10(1 << 32, 1, 512)


def test_the_length_in_the_cdb_can_be_falsified() -> None:
    command = cdb.extended_copy(RAW, length=15)
    assert (command.cdb[10:14].hex(), command.data_out) == ("0000000f", RAW)


def test_a_layout_refuses_fields_outside_of_it_and_names_used_twice() -> None:
    with pytest.raises(ValueError, match="outside"):
        Layout("page", 4, Field("length", 3, 2))
    with pytest.raises(ValueError, match="twice"):
        Layout("page", 4, Field("a", 0), Field("a", 1))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("700005", "05/00/00"),
        ("70000500000000", "05/00/00"),
        ("700005000000000400000000 2600", "05/00/00"),
        ("700005000000000a0000000026", "05/26/00"),
        ("7205", "05/00/00"),
        ("7205260000000008 000a", "05/26/00"),
    ],
)
def test_sense_cut_short_is_read_as_far_as_it_goes(raw: str, code: str) -> None:
    assert str(decode_sense(bytes.fromhex(raw))) == code


@pytest.mark.parametrize("raw", ["", "70", "7000", "72", "00", "7f000500", "7400050000"])
def test_what_holds_no_sense_key_is_no_sense(raw: str) -> None:
    assert decode_sense(bytes.fromhex(raw)) is None


def test_valid_zero_means_no_information() -> None:
    fixed = decode_sense(bytes.fromhex("70000a000000070a000000000d0200000000"))
    descriptor = decode_sense(bytes.fromhex("720a0d020000000c000a00000000000000000007"))
    assert fixed is not None
    assert descriptor is not None
    assert fixed.information is descriptor.information is None


def test_the_segment_number_is_found_where_either_format_keeps_it() -> None:
    literal = decode_sense(bytes.fromhex("720a0d020000000c010a00000000000300000000"))
    last = decode_sense(bytes.fromhex("720a0d020000000c010a00000000000000000003"))
    assert literal is not None
    assert last is not None
    assert literal.segment == last.segment == 3


def test_only_an_aborted_copy_has_a_segment_number_and_forwarded_sense() -> None:
    sense = decode_sense(bytes.fromhex("7000050000000010 12000003 2600 00 000000 02720511 0000"))
    assert sense is not None
    assert (sense.key, sense.segment, sense.forwarded) == (SenseKey.ILLEGAL_REQUEST, None, ())


FIXED = "70000a00000000 1e 12000000 0d01 00 000000"
INNER_FIXED = "02 70000500000000 0a 00000000 2100 00 000000"
DESCRIPTOR = "720a0d01 0000000c 0c0a0202"
INNER_DESCRIPTOR = "72052100 00000000"


@pytest.mark.parametrize(
    ("raw", "length", "shown"),
    [
        (FIXED + INNER_FIXED, 37, "05/21/00"),
        (FIXED + INNER_FIXED, 33, "05/21/00"),
        (FIXED + INNER_FIXED, 32, "05/21/??"),
        (FIXED + INNER_FIXED, 31, "05/??/??"),
        (FIXED + INNER_FIXED, 21, "??/??/??"),
        (FIXED + INNER_FIXED, 20, "??/??/??"),
        (FIXED + INNER_FIXED, 19, "??/??/??"),
        (DESCRIPTOR + INNER_DESCRIPTOR, 20, "05/21/00"),
        (DESCRIPTOR + INNER_DESCRIPTOR, 16, "05/21/00"),
        (DESCRIPTOR + INNER_DESCRIPTOR, 15, "05/21/??"),
        (DESCRIPTOR + INNER_DESCRIPTOR, 14, "05/??/??"),
        (DESCRIPTOR + INNER_DESCRIPTOR, 12, "??/??/??"),
    ],
)
def test_forwarded_sense_that_a_tool_cut_off_is_never_completed_with_zeros(raw: str, length: int, shown: str) -> None:
    whole = bytes.fromhex(raw)
    sense = decode_sense(whole[:length])
    assert sense is not None
    (forwarded,) = sense.forwarded
    assert str(forwarded) == shown
    assert (forwarded.sense is None) == ("?" in shown)
    assert forwarded.truncated is forwarded.cut is (length < (20 if whole[0] == 0x72 else 38))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("70000a00000000 0e 12000000 0d01 00 000000 02 720521 ffffff", "05/21/--"),
        ("70000a00000000 16 12160000 0d01 00 000000 02 720311 02 72072700 000000", "03/11/--"),
        ("720a0d01 00000007 0c050202 720521", "05/21/--"),
        ("720a0d01 00000007 0c0a0202 720521", "05/21/--"),
        ("720a0d01 00000004 0c020208", ""),
    ],
    ids=["sense data end", "the other area begins", "the descriptor ends", "the descriptor lies", "only a status"],
)
def test_forwarded_sense_that_the_device_shortened_is_told_apart(raw: str, shown: str) -> None:
    sense = decode_sense(bytes.fromhex(raw))
    assert sense is not None
    first = sense.forwarded[0]
    assert (str(first), first.sense, first.truncated, first.cut) == (shown, None, bool(shown), False)
