"""What holds for all bytes: what is written is read back, and garbage never breaks a reader."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.data import folder
from copyproof.errors import MalformedAnswer
from copyproof.scsi import answers, copylist, inquiry, vpd
from copyproof.scsi.cdb import extended_copy, opcode_name
from copyproof.scsi.copylist import CSCD, HEADER, SEGMENT, BlockSegment, CopyList, Cscd, ListIdUsage, MalformedList
from copyproof.scsi.designator import Designator, naa_in, printable
from copyproof.scsi.layout import Layout
from copyproof.scsi.sense import decode_sense
from copyproof.scsi.spoil import cut, spoil
from copyproof.scsi.vetting import designators_of


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


designators = st.builds(Designator, unsigned(4), unsigned(2), unsigned(4), st.binary(max_size=20))

cscds = st.builds(
    Cscd,
    designators,
    block_length=unsigned(24),
    device_type=unsigned(5),
    lu_id_type=unsigned(2),
    nul=st.booleans(),
    relative_port=unsigned(16),
    pad=st.booleans(),
)

segments = st.builds(
    BlockSegment,
    blocks=unsigned(16),
    source_lba=unsigned(64),
    destination_lba=unsigned(64),
    source=unsigned(16),
    destination=unsigned(16),
    dc=st.booleans(),
    cat=st.booleans(),
    fco=st.booleans(),
)

copy_lists = st.builds(
    CopyList,
    st.lists(cscds, max_size=5).map(tuple),
    st.lists(segments, max_size=5).map(tuple),
    list_identifier=unsigned(8),
    list_id_usage=st.sampled_from(ListIdUsage),
    str_=st.booleans(),
    priority=unsigned(3),
    inline=st.binary(max_size=40),
)


PARSERS: list[Callable[[bytes], object]] = [
    inquiry.parse_inquiry,
    vpd.supported_pages,
    vpd.unit_serial,
    vpd.designators,
    vpd.unit_naa,
    vpd.third_party_copy,
    vpd.block_limits,
    vpd.page_length,
    answers.parse_capacity10,
    answers.parse_capacity16,
    answers.parse_operating_parameters,
    answers.parse_copy_status,
    answers.parse_failure_details,
    answers.parse_supported_opcodes,
    answers.parse_reservation_keys,
    answers.parse_reservation,
    answers.parse_luns,
    answers.write_protected,
]


def golden_bytes() -> list[bytes]:
    cases = [
        case for file in (folder("fixtures") / "golden").iterdir() for case in tomllib.loads(file.read_text())["case"]
    ]
    return [bytes.fromhex("".join(line.partition(";")[0] for line in case["bytes"].splitlines())) for case in cases]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Golden bytes of any kind, cut short and with a few bytes changed: nearer to the truth than noise is."""
    raw = bytearray(draw(st.sampled_from(golden_bytes())))
    for _ in range(draw(st.integers(0, 3))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))])


ANY = st.one_of(st.binary(max_size=200), damaged())


@given(copy_lists)
def test_every_copy_list_is_read_back_as_written(order: CopyList) -> None:
    assert copylist.decode(order.encode()) == order


@given(ANY)
def test_what_is_read_as_a_copy_list_writes_the_same_bytes(raw: bytes) -> None:
    try:
        order = copylist.decode(raw)
    except MalformedList:
        return
    assert order.encode() == raw


@pytest.mark.parametrize("layout", [HEADER, CSCD, SEGMENT], ids=lambda layout: layout.name)
@given(data=st.data())
def test_every_layout_reads_back_what_it_wrote(layout: Layout, data: st.DataObject) -> None:
    values = {name: data.draw(st.integers(0, field.limit), name) for name, field in layout.fields.items()}
    assert layout.decode(layout.encode(values)) == values


@pytest.mark.parametrize("layout", [HEADER, CSCD, SEGMENT], ids=lambda layout: layout.name)
@given(data=st.data())
def test_putting_one_field_leaves_all_other_bits(layout: Layout, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.binary(min_size=layout.size, max_size=layout.size)))
    before = bytes(raw)
    field = layout[data.draw(st.sampled_from(sorted(layout.fields)))]
    field.put(raw, data.draw(st.integers(0, field.limit)))
    field.put(raw, field.get(before))
    assert bytes(raw) == before


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(raw=ANY)
def test_a_parser_raises_nothing_but_malformed_answer(parse: Callable[[bytes], object], raw: bytes) -> None:
    with suppress(MalformedAnswer):
        parse(raw)


@given(ANY)
def test_sense_is_decoded_from_any_bytes_without_an_exception(raw: bytes) -> None:
    sense = decode_sense(raw)
    assert sense is None or (0 <= sense.asc <= 255 and sense.text and sense.raw == raw)
    for forwarded in sense.forwarded if sense else ():
        assert forwarded.sense is None or len(forwarded.sense.raw) < len(raw)


@given(ANY)
def test_any_bytes_can_be_named_and_vetted(raw: bytes) -> None:
    assert opcode_name(raw)
    for slot in designators_of(b"\x83" + bytes(15), raw):
        assert raw[slot.offset] == slot.type
        assert slot.designator.naa in ("", naa_in(slot.raw[: slot.length]))


@given(st.binary(max_size=60))
def test_device_text_is_always_printable(raw: bytes) -> None:
    assert printable(raw).isprintable()
    assert Designator(2, 0, 8, raw).text.isprintable()


@given(copy_lists, st.integers(0, 300))
def test_cutting_keeps_the_beginning(order: CopyList, length: int) -> None:
    raw = order.encode()
    assert cut(length)(raw) == raw[:length]


@given(copy_lists, st.integers(0, 0xFFFF))
def test_no_length_in_the_header_hides_a_cscd(order: CopyList, length: int) -> None:
    raw = spoil("header.cscd_length", length)(order.encode())
    seen = [slot.raw for slot in designators_of(extended_copy(b"").cdb, raw)]
    assert seen[: len(order.cscds)] == [cscd.designator.data.ljust(20, b"\0") for cscd in order.cscds]
