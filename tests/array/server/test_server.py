"""The way of every command: who may send it, which bits it may have, and what sense data say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from copyproof.array.core.errors import ArrayFault, LabelFault, LabelKind, MediumFault
from copyproof.array.server.commands import Access, Row, table
from copyproof.array.server.faults import refusal
from copyproof.array.server.request import Request
from copyproof.array.server.sense_data import CheckCondition, encode_sense
from copyproof.array.server.server import DeviceServer
from copyproof.array.server.table import COMMANDS
from copyproof.array.settings import Mapped
from copyproof.scsi.command import Status
from copyproof.scsi.sense import FieldPointer, Forwarded, Origin, Pointed, SenseKey, decode_sense
from tests.array.server.host import HOST, OTHER, SECOND, VOLUME, Host, host, payload

ROWS = [pytest.param(row, id=row.name) for row in COMMANDS.values()]


def cdb_of(row: Row) -> bytearray:
    """The CDB of a command with all of its fields zero."""
    cdb = bytearray(row.length)
    usage = row.identified(row.action or 0)
    cdb[0] = row.opcode
    if row.opcode == 0x7F:
        cdb[7:10] = bytes([row.length - 8]) + usage[8:10]
    elif row.action is not None:
        cdb[1] = row.action
    return cdb


@pytest.mark.parametrize("row", ROWS)
def test_each_reserved_bit_is_refused_with_a_pointer_at_it(row: Row) -> None:
    sender = host(protection=2)
    usage = row.identified(0xFFFF)
    for offset in range(1, row.length):
        for bit in range(8):
            if usage[offset] >> bit & 1:
                continue
            cdb = cdb_of(row)
            cdb[offset] |= 1 << bit
            assert sender.refused(bytes(cdb)) == f"05/24/00@{offset}.{bit}"


@pytest.mark.parametrize("row", ROWS)
def test_a_cdb_that_ends_too_early_is_refused(row: Row) -> None:
    short = bytes(cdb_of(row)[:-1])
    assert host(protection=2).refused(short) == f"05/24/00@{row.length - 1}"


def test_no_two_rows_stand_for_one_command() -> None:
    row = COMMANDS[(0x00, None)]
    with pytest.raises(ValueError, match="two rows"):
        table((row,), (row,))


@pytest.mark.parametrize(
    ("cdb", "outcome"),
    [
        ("", "GOOD"),
        ("e0", "05/20/00"),
        ("a31f", "05/24/00@1.4"),
        ("7f000000000000180000" + "00" * 22, "05/24/00@8"),
        ("7f000000000000180009" + "00" * 22, "05/20/00"),
    ],
)
def test_an_unknown_command_is_told_from_an_unknown_service_action(cdb: str, outcome: str) -> None:
    assert host().refused(bytes.fromhex(cdb).ljust(6, b"\0")) == outcome


def test_a_volume_that_is_not_mapped_is_no_logical_unit() -> None:
    sender = host(mapped=(Mapped(HOST, VOLUME), Mapped(OTHER, SECOND)))
    assert sender.refused("000000000000", volume=SECOND) == "05/25/00"
    assert sender.refused("000000000000", volume=77) == "05/25/00"
    assert sender.send("120000006000", volume=SECOND)[0] == 0x7F
    assert sender.refused("120183006000", volume=SECOND) == "05/24/00@2"
    assert sender.send("120100006000", volume=SECOND)[:5].hex() == "7f00000100"
    assert sender.send("03000000ff00", volume=SECOND)[12:14].hex() == "2500"
    assert sender.send("a00000000000000001000000").hex() == "00000008000000000001000000000000"


def test_a_volume_mapped_to_read_only_is_read_and_not_written() -> None:
    sender = host(mapped=(Mapped(HOST, VOLUME, read_only=True),))
    before = sender.fill()
    assert sender.refused("2a000000000000000100", payload(1)) == "07/27/00"
    assert sender.refused("93080000000000000000000000010000", payload(1, 0)) == "07/27/00"
    assert sender.send("28000000000000000100") == before[0].tobytes()
    assert sender.send("1a000800ff00")[2] & 0x80


class Broken(ArrayFault):
    """A fault that nobody has given sense data."""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (LabelFault(LabelKind.GUARD, 1, 7), "0B/10/01"),
        (LabelFault(LabelKind.APPLICATION, 1, 7), "0B/10/02"),
        (LabelFault(LabelKind.REFERENCE, 1, 7), "0B/10/03"),
        (MediumFault(1, 7), "03/11/00"),
        (Broken(), "04/3E/01"),
    ],
)
def test_faults_inside_the_array_become_sense_data(fault: ArrayFault, said: str) -> None:
    assert str(refusal(fault).sense) == said
    assert refusal(fault).sense.information == (None if said.startswith("04") else 7)


def failing(server: DeviceServer, request: Request) -> bytes:
    """A handler with an error of its own."""
    raise KeyError(request.volume)


def faulty(server: DeviceServer, request: Request) -> bytes:
    """A handler that meets a lost block."""
    raise MediumFault(request.volume, 9)


def with_handler(handler: object) -> Host:
    """A host of a server whose TEST UNIT READY is done by another handler."""
    sender = host()
    row = replace(COMMANDS[(0x00, None)], handler=handler)  # type: ignore[arg-type]  # any callable will do here
    sender.server.commands = {(0x00, None): row}
    return sender


def test_an_error_of_the_program_is_answered_and_kept() -> None:
    server = with_handler(failing).server
    reply = server.handle(Request(HOST, VOLUME, bytes(6)))
    assert str(decode_sense(reply.sense)) == "04/44/00"
    assert "KeyError: 1" in server.internal_errors[0]


def test_a_fault_that_a_handler_meets_is_no_error_of_the_program() -> None:
    assert with_handler(faulty).sense("000000000000").information == 9


def test_data_beyond_the_buffer_are_counted_and_not_sent() -> None:
    sender = host()
    data = sender.fill()
    reply = sender.raw("28000000000000000200", data_in=700)
    assert (reply.data, reply.overflow) == (data[:2].tobytes()[:700], 324)


def aborted() -> CheckCondition:
    """COPY ABORTED with everything that sense data may say."""
    return CheckCondition(
        SenseKey.COPY_ABORTED,
        0x0D,
        0x01,
        pointer=FieldPointer(Pointed.SEGMENT, 12),
        information=5,
        specific=3,
        forwarded=(Forwarded(Origin.DESTINATION, 2, bytes.fromhex("70000500000000 0a 00000000 2100 00 000000")),),
    )


@pytest.mark.parametrize("descriptor", [False, True])
def test_both_formats_of_sense_data_say_the_same(descriptor: bool) -> None:
    sense = aborted().sense
    found = decode_sense(encode_sense(sense, descriptor=descriptor))
    assert found is not None
    assert (str(found), found.segment, found.information, found.pointer) == ("0A/0D/01", 3, 5, sense.pointer)
    assert str(found.forwarded[0]) == "05/21/00"


def test_fixed_format_leaves_out_information_that_does_not_fit() -> None:
    sense = CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x21, 0, information=1 << 40).sense
    fixed, described = (decode_sense(encode_sense(sense, descriptor=way)) for way in (False, True))
    assert fixed is not None
    assert described is not None
    assert (fixed.information, described.information) == (None, 1 << 40)


def test_command_specific_information_is_in_both_formats() -> None:
    sense = CheckCondition(SenseKey.ABORTED_COMMAND, 0x4B, 0, specific=0x1234).sense
    for descriptor in (False, True):
        found = decode_sense(encode_sense(sense, descriptor=descriptor))
        assert found is not None
        assert found.specific == 0x1234


def test_sense_data_hold_at_most_what_their_length_can_tell() -> None:
    forwarded = Forwarded(Origin.SOURCE, 2, bytes(300))
    sense = CheckCondition(SenseKey.COPY_ABORTED, 0x0D, 1, forwarded=(forwarded,)).sense
    assert len(encode_sense(sense, descriptor=False)) == 252
    assert encode_sense(sense, descriptor=True)[8 + 12 + 2] & 0x80


def test_every_class_of_access_is_used() -> None:
    assert {row.access for row in COMMANDS.values()} == set(Access)


def test_a_command_after_a_reset_is_told_of_it_and_tells_nothing_else() -> None:
    sender = host(attentions=True)
    sender.server.reset(VOLUME)
    assert sender.refused("000000000000") == "06/29/00"
    sender.server.reset(VOLUME)
    assert sender.refused("000000000000") == "06/29/03"
    assert sender.raw("000000000000").status is Status.GOOD


def test_a_nexus_that_was_lost_is_told_so_and_no_other() -> None:
    sender = host()
    other = sender.beside()
    sender.server.nexus_lost(HOST)
    assert [sender.refused("000000000000") for _ in range(2)] == ["06/29/07", "GOOD"]
    assert other.refused("000000000000") == "GOOD"
