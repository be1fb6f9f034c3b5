"""Whatever a test does to a list, no designator leaves unseen."""

from __future__ import annotations

import pytest

from copyproof.scsi import cdb
from copyproof.scsi.cdb import extended_copy
from copyproof.scsi.command import Command
from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.scsi.spoil import Spoiler, cut, inline, repeat_cscds, spoil, together
from copyproof.scsi.vetting import designators_of, is_extended_copy, writes

FIRST, SECOND = "6001405aabbccddeeff0011223344501", "6001405aabbccddeeff0011223344502"
UNITS = tuple(Cscd(Designator.of_naa(naa)) for naa in (FIRST, SECOND))
RAW = CopyList(UNITS, (BlockSegment(8, 0, 64, 0, 1), BlockSegment(8, 0, 64, 0, 1))).encode()


def naas(raw: bytes, service_action: int = 0) -> list[str]:
    """The units that a list names; what is looked at and names none is left out."""
    return [slot.naa for slot in designators_of(extended_copy(b"", service_action).cdb, raw) if slot.naa]


def places(raw: bytes) -> list[int]:
    return [slot.offset for slot in designators_of(extended_copy(b"").cdb, raw)]


@pytest.mark.parametrize(
    "spoiler",
    [
        spoil("header.cscd_length", 0),
        spoil("header.cscd_length", 32),
        spoil("header.cscd_length", 0xFFFF),
        spoil("header.segment_length", 0xFFFFFFFF),
        spoil("header.inline_length", 0xFFFFFFFF),
        spoil("cscd[1].designator_type", 0),
        spoil("cscd[1].designator_length", 0),
        spoil("cscd[1].designator_length", 255),
        spoil("cscd[1].association", 2),
        spoil("cscd[1].code_set", 2),
        spoil("cscd[1].type", 0xE0),
        spoil("cscd[1].type", 0xEC),
        spoil("cscd[1].type", 0xFF),
        spoil("cscd[1].type", 0xC0),
        spoil("cscd[1].type", 0x02),
        together(spoil("cscd[1].type", 0xC0), spoil("header.cscd_length", 32)),
        spoil("segment[0].destination_index", 7),
        inline(bytes(64)),
    ],
    ids=str,
)
@pytest.mark.parametrize("service_action", [0x00, 0x01, 0x02, 0x1C, 0x1F])
def test_both_designators_are_seen_in_a_spoilt_list(spoiler: Spoiler, service_action: int) -> None:
    assert naas(spoiler(RAW), service_action) == [FIRST, SECOND]


def test_designators_past_the_declared_length_are_seen() -> None:
    more = repeat_cscds(40)(RAW)
    assert naas(spoil("header.cscd_length", 64)(more)) == [FIRST, SECOND] * 20


def test_a_descriptor_hidden_in_inline_data_is_seen() -> None:
    raw = CopyList(UNITS[:1], (BlockSegment(8, 0, 64),)).encode()
    hidden = bytes(4) + UNITS[1].encode()
    assert naas(inline(hidden)(raw)) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("spoiler", "seen"),
    [
        (spoil("header.priority", 1), [16, 48]),
        (spoil("segment[0].length", 0x19), [16, 48]),
        (inline(bytes(64)), [16, 48]),
        (spoil("header.segment_length", 0xFFFFFFFF), [16, 48]),
        (cut(16 + 64 + 1), [16, 48]),
        (cut(16 + 64), [16, 48]),
        (cut(16 + 63), [16, 48]),
        (cut(15), []),
        (spoil("header.cscd_length", 0), [16, 48, 80, 112]),
        (spoil("header.cscd_length", 32), [16, 48, 80, 112]),
        (spoil("header.cscd_length", 65), [16, 48, 80, 112]),
        (spoil("header.cscd_length", 0xFFE0), [16, 48, 80, 112]),
        (spoil("segment[0].type", 0xC0), [16, 48, 80, 112]),
        (spoil("segment[0].type", 0xBF), [16, 48]),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value),
)
def test_only_a_length_that_can_be_believed_ends_the_cscd_list(spoiler: Spoiler, seen: list[int]) -> None:
    assert places(spoiler(RAW)) == seen


def test_a_lid4_list_is_seen_through() -> None:
    header = bytearray(48)
    header[0:4] = bytes.fromhex("01000020")
    header[16] = 0xFF
    assert naas(bytes(header) + UNITS[0].encode() + UNITS[1].encode(), 1) == [FIRST, SECOND]


def test_what_a_cut_leaves_of_a_designator_is_seen_and_called_incomplete() -> None:
    first, second = designators_of(extended_copy(b"").cdb, cut(48 + 12)(RAW))
    assert (first.complete, second.complete) == (True, False)
    assert (second.raw.hex(), second.naa) == ("6001405a", "")


def test_a_slot_tells_what_the_list_claims() -> None:
    raw = spoil("cscd[0].designator_length", 4)(spoil("cscd[0].code_set", 2)(RAW))
    slot = designators_of(extended_copy(b"").cdb, raw)[0]
    assert (slot.offset, slot.type, slot.code_set, slot.length) == (16, 0xE4, 2, 4)
    assert slot.designator == Designator(2, 0, 3, bytes.fromhex("6001405a"))
    assert slot.naa == FIRST


def test_token_lists_and_other_commands_have_no_cscds() -> None:
    for service_action in (cdb.CopyOut.POPULATE_TOKEN, cdb.CopyOut.WRITE_USING_TOKEN):
        assert naas(RAW, service_action) == []
    write = cdb.write10(0, RAW.ljust(512, b"\0"), 512)
    assert not is_extended_copy(write)
    assert designators_of(write.cdb, write.data_out) == ()


HARMLESS = [
    cdb.test_unit_ready(),
    cdb.request_sense(),
    cdb.inquiry(),
    cdb.inquiry(0x83),
    cdb.mode_sense6(),
    cdb.mode_sense10(),
    cdb.read_capacity10(),
    cdb.read_capacity16(),
    cdb.read10(0, 1, 512),
    cdb.read16(0, 1, 512),
    cdb.report_luns(),
    cdb.report_supported_opcodes(),
    cdb.persistent_reserve_in(),
    cdb.receive_copy_results(cdb.ReceiveCopy.OPERATING_PARAMETERS),
]


@pytest.mark.parametrize("command", HARMLESS, ids=lambda command: cdb.opcode_name(command.cdb))
def test_commands_that_only_ask_do_not_count_as_writes(command: Command) -> None:
    assert not writes(command)


@pytest.mark.parametrize(
    "command",
    [
        cdb.write10(0, bytes(512), 512),
        cdb.write16(0, bytes(512), 512),
        cdb.extended_copy(b""),
        cdb.synchronize_cache10(),
        *(
            Command(bytes([opcode]) + bytes(15))
            for opcode in (0x04, 0x15, 0x16, 0x1B, 0x41, 0x42, 0x5F, 0x89, 0x93, 0xC1)
        ),
        Command(bytes.fromhex("9e13") + bytes(14)),
        Command(bytes.fromhex("a306") + bytes(10)),
    ],
    ids=lambda command: cdb.opcode_name(command.cdb),
)
def test_everything_else_counts_as_a_write(command: Command) -> None:
    assert writes(command)


def test_only_what_is_listed_as_harmless_is_harmless() -> None:
    opcodes = {opcode for opcode in range(256) if not writes(Command(bytes([opcode]) + bytes(15)))}
    assert opcodes == {
        *(0x00, 0x03, 0x08, 0x12, 0x1A, 0x25, 0x28, 0x2F, 0x4D, 0x5A, 0x5E, 0x84, 0x88, 0x8F, 0xA0, 0xA8, 0xAF),
    }
