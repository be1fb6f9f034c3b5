"""The gate: what passes, what is refused before anything is sent, and when the unit is asked who it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.errors import DeviceError, SafetyRefusal, TargetLost, TransportTimeout
from copyproof.safety import NOBODY, WITHIN_UNIT, Gate, Permitted, refusals, unit_naas
from copyproof.scsi.cdb import extended_copy, inquiry, read10, test_unit_ready, write10
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd
from copyproof.scsi.designator import Designator
from copyproof.scsi.pair import PairCommand
from copyproof.scsi.pair_wire import PAIR_OPCODE, PairList, pair_order
from copyproof.scsi.sense import Sense, SenseKey
from copyproof.scsi.vetting import writes

HERE = "6001405aaaaaaaa00004000800000000"
OTHER = "6001405bbbbbbbb00004000800000000"
STRANGER = "6005076801810523a000000000000017"
PERMITTED = Permitted(frozenset({HERE, OTHER}))
GOOD = Result(Status.GOOD)
WRITE = write10(0, bytes(512), 512)


def page(*naas: str) -> bytes:
    body = b"".join(b"\x01\x03\x00" + bytes([len(naa) // 2]) + bytes.fromhex(naa) for naa in naas)
    return b"\x00\x83" + len(body).to_bytes(2, "big") + body


@dataclass
class Unit:
    """A unit that says who it is and writes down what it is sent; `answers` are for what is no INQUIRY."""

    naas: list[str]
    answers: list[Result | Exception] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    name: str = "unit"

    def execute(self, command: Command, timeout: float) -> Result:
        del timeout
        self.sent.append(command.cdb)
        if command.opcode == 0x12:
            return Result(Status.GOOD, data=page(*self.naas)[: command.data_in])
        answer = self.answers.pop(0) if self.answers else GOOD
        if isinstance(answer, Exception):
            raise answer
        return answer

    def repeat_by_hand(self, command: Command) -> str:
        return f"send {command.cdb.hex()}"

    @property
    def opcodes(self) -> list[int]:
        return [cdb[0] for cdb in self.sent]


def gate(unit: Unit, naa: str = HERE, permitted: Permitted = PERMITTED) -> Gate:
    return Gate(unit, naa, permitted)


def copy(source: str, destination: str, **fields: int) -> Command:
    cscds = (Cscd(Designator.of_naa(source)), Cscd(Designator.of_naa(destination)))
    segment = BlockSegment(8, 0, 64, fields.get("source_index", 0), fields.get("destination_index", 1))
    return extended_copy(CopyList(cscds, (segment,)).encode())


def test_reading_passes_without_a_question_even_on_a_unit_that_is_not_named() -> None:
    unit = Unit([STRANGER])
    for command in (test_unit_ready(), inquiry(), read10(0, 1, 512)):
        gate(unit, STRANGER).execute(command, 1)
    assert unit.opcodes == [0x00, 0x12, 0x28]


def test_a_write_to_a_unit_that_is_not_named_is_refused_with_nothing_sent() -> None:
    unit = Unit([STRANGER])
    with pytest.raises(SafetyRefusal, match=rf"WRITE\(10\) to unit \({STRANGER}\).*name it there"):
        gate(unit, STRANGER).execute(WRITE, 1)
    assert unit.sent == []


def test_the_unit_is_asked_before_each_write() -> None:
    unit = Unit([HERE])
    behind = gate(unit)
    for _ in range(3):
        behind.execute(WRITE, 1)
    assert unit.opcodes == [0x12, 0x2A] * 3


@pytest.mark.parametrize("command", [WRITE, copy(HERE, OTHER)], ids=["WRITE", "EXTENDED COPY"])
def test_a_unit_that_changed_without_a_word_gets_no_write(command: Command) -> None:
    unit = Unit([HERE])
    behind = gate(unit)
    assert behind.execute(command, 1).good
    unit.naas, unit.sent = [STRANGER], []
    with pytest.raises(TargetLost, match=f"was {HERE} and is now {STRANGER}; nothing more is written"):
        behind.execute(command, 1)
    assert unit.opcodes == [0x12]


def test_to_recognise_a_unit_sends_nothing_but_the_question() -> None:
    unit = Unit([HERE])
    gate(unit).recognise()
    assert unit.opcodes == [0x12]
    unit.naas = [STRANGER]
    with pytest.raises(TargetLost):
        gate(unit).recognise()


def test_another_unit_behind_the_node_gets_no_write() -> None:
    unit = Unit([STRANGER])
    for _ in range(2):
        with pytest.raises(TargetLost, match=f"was {HERE} and is now {STRANGER}"):
            gate(unit).execute(WRITE, 1)
    assert set(unit.opcodes) == {0x12}


def test_after_a_failure_of_the_path_the_unit_is_asked_again() -> None:
    unit = Unit([HERE], answers=[TransportTimeout("late")])
    behind = gate(unit)
    with pytest.raises(TransportTimeout):
        behind.execute(WRITE, 1)
    behind.execute(WRITE, 1)
    assert unit.opcodes == [0x12, 0x2A, 0x12, 0x2A]


def test_a_unit_with_several_designators_is_known_by_any() -> None:
    many = [f"6005076801810523a0000000000000{number:02x}" for number in range(30)]
    unit = Unit([*many, HERE])
    assert unit_naas(unit, 1) == {*many, HERE}
    assert [int.from_bytes(cdb[3:5], "big") for cdb in unit.sent] == [255, 4 + 31 * 20]


def test_a_unit_that_will_not_say_who_it_is_gets_no_write() -> None:
    class Mute(Unit):
        def execute(self, command: Command, timeout: float) -> Result:
            self.sent.append(command.cdb)
            return Result(Status.CHECK_CONDITION, Sense(SenseKey.ILLEGAL_REQUEST, 0x24, 0))

    unit = Mute([HERE])
    with pytest.raises(DeviceError, match="no VPD page 83h: CHECK_CONDITION 05/24/00"):
        gate(unit).execute(WRITE, 1)
    assert unit.opcodes == [0x12]


@pytest.mark.parametrize("opcode", [0x04, 0x3B, 0x48, 0x1D, 0xA4, 0xB5, 0x7F, *range(0xC0, 0x100)])
def test_what_may_reach_beyond_its_unit_needs_its_own_permission(opcode: int) -> None:
    command = Command(bytes([opcode]) + bytes(9))
    unit = Unit([HERE])
    with pytest.raises(SafetyRefusal, match=f"permit operation code {opcode:02X}h"):
        gate(unit).execute(command, 1)
    assert unit.sent == []
    assert gate(unit, permitted=Permitted(PERMITTED.naas, frozenset({opcode}))).execute(command, 1).good


def test_no_command_within_a_unit_is_taken_for_a_reading_one() -> None:
    assert all(writes(Command(bytes([opcode]) + bytes(15))) for opcode in WITHIN_UNIT)


@pytest.mark.parametrize(("source", "destination"), [(HERE, OTHER), (OTHER, HERE), (HERE, NOBODY), (NOBODY, HERE)])
def test_a_copy_between_named_units_passes(source: str, destination: str) -> None:
    unit = Unit([HERE])
    assert gate(unit).execute(copy(source, destination), 1).good
    assert unit.opcodes == [0x12, 0x83]


@pytest.mark.parametrize(("source", "destination", "offset"), [(HERE, STRANGER, 48), (STRANGER, HERE, 16)])
def test_a_copy_that_names_another_unit_is_refused_with_nothing_sent(
    source: str, destination: str, offset: int
) -> None:
    unit = Unit([HERE])
    with pytest.raises(
        SafetyRefusal, match=rf"EXTENDED COPY.*at byte {offset} names {STRANGER}, which the target file"
    ):
        gate(unit).execute(copy(source, destination), 1)
    assert unit.sent == []


def edited(command: Command, *edits: tuple[int, int], keep: int | None = None, action: int = 0) -> Command:
    data = bytearray(command.data_out)
    for at, value in edits:
        data[at] = value
    sent = bytes(data[:keep])
    return Command(bytes([0x83, action]) + bytes(8) + len(sent).to_bytes(4, "big") + bytes(2), sent)


@pytest.mark.parametrize(
    "command",
    [
        edited(copy(HERE, STRANGER), (3, 32)),
        edited(copy(HERE, STRANGER), (3, 0), (2, 0)),
        edited(copy(HERE, STRANGER), (2, 0xFF)),
        edited(copy(HERE, STRANGER), (11, 0xFF)),
        edited(copy(HERE, STRANGER), (48, 0xE0)),
        edited(copy(HERE, STRANGER), (48, 0xF3)),
        edited(copy(HERE, STRANGER), (48, 0xFE)),
        edited(copy(HERE, STRANGER), (48, 0xC0)),
        edited(copy(HERE, STRANGER), (48, 0xC0), (3, 32)),
        edited(copy(HERE, STRANGER), (48, 0x02)),
        edited(copy(HERE, STRANGER), (52, 0x02), (53, 0x18)),
        edited(copy(HERE, STRANGER), (55, 8)),
        edited(copy(HERE, STRANGER), keep=79),
        edited(copy(HERE, STRANGER), action=1),
        edited(copy(HERE, STRANGER), action=0x1F),
        edited(copy(HERE, STRANGER), (87, 0)),
    ],
    ids=[
        "the header hides it",
        "the header has no CSCDs",
        "the header claims too many",
        "the segment length lies",
        "another type",
        "a reserved type",
        "a ROD",
        "a vendor's type",
        "a vendor's type, and the header hides it",
        "a segment's type",
        "an ASCII designator",
        "a short designator",
        "a truncated list",
        "LID4",
        "a reserved service action",
        "an index that leaves it out",
    ],
)
def test_a_malformed_list_does_not_smuggle_a_designator(command: Command) -> None:
    unit = Unit([HERE])
    with pytest.raises(SafetyRefusal, match="CSCD descriptor at byte 48"):
        gate(unit).execute(command, 1)
    assert unit.sent == []


@pytest.mark.parametrize(
    "command",
    [
        edited(copy(HERE, OTHER), (53, 0x1F)),
        edited(copy(HERE, OTHER), (55, 21)),
        edited(copy(HERE, OTHER), (85, 7)),
        edited(copy(HERE, OTHER), (83, 0x19)),
        edited(copy(HERE, OTHER), (80, 0x16)),
        edited(copy(HERE, OTHER), action=0x1F),
        *(edited(copy(HERE, OTHER), keep=length) for length in range(1, 109)),
    ],
)
def test_a_malformed_list_of_named_units_passes(command: Command) -> None:
    assert list(refusals(command, HERE, PERMITTED)) == []


OTHER_TYPES = [kind for kind in range(0x100) if kind != 0xE4]


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_another_type_than_an_identification_passes_over_nobodys_bytes_alone(kind: int) -> None:
    (reason,) = refusals(edited(copy(HERE, OTHER), (48, kind)), HERE, PERMITTED)
    assert reason == f"the CSCD descriptor at byte 48 is of type {kind:02X}h and does not name {NOBODY}"
    assert list(refusals(edited(copy(HERE, NOBODY), (48, kind)), HERE, PERMITTED)) == []


@pytest.mark.parametrize("at", range(52, 76))
def test_another_type_may_not_hold_a_byte_that_is_not_nobodys(at: int) -> None:
    neutral = edited(copy(HERE, NOBODY), (48, 0xE1))
    reasons = list(refusals(edited(neutral, (at, neutral.data_out[at] ^ 1)), HERE, PERMITTED))
    assert len(reasons) == 1
    assert "the CSCD descriptor at byte 48" in reasons[0]


@pytest.mark.parametrize("length", range(49, 108))
def test_another_type_that_the_end_cuts_short_may_hold_nobodys_bytes_alone(length: int) -> None:
    assert list(refusals(edited(copy(HERE, NOBODY), (48, 0xE1), keep=length), HERE, PERMITTED)) == []
    assert bool(list(refusals(edited(copy(HERE, OTHER), (48, 0xE1), keep=length), HERE, PERMITTED))) == (length > 56)


@pytest.mark.parametrize("declared", [0, 32, 65, 0xFFE0])
def test_where_the_list_ends_out_of_place_segments_are_taken_for_descriptors(declared: int) -> None:
    high, low = declared.to_bytes(2, "big")
    (reason,) = refusals(edited(copy(HERE, OTHER), (2, high), (3, low)), HERE, PERMITTED)
    assert "the CSCD descriptor at byte 80" in reason


@pytest.mark.parametrize("length", range(16))
def test_a_designator_that_claims_to_be_shorter_could_be_another_units(length: int) -> None:
    with pytest.raises(SafetyRefusal, match=f"gives only {length} bytes"):
        gate(Unit([HERE])).execute(edited(copy(HERE, OTHER), (55, length)), 1)


@given(
    slot=st.integers(0, 6),
    kind=st.integers(0xC0, 0xFF),
    head=st.binary(min_size=16, max_size=16),
    around=st.binary(max_size=64),
    action=st.sampled_from([0x00, 0x01, 0x02, 0x1F]),
)
def test_wherever_a_target_may_look_for_a_descriptor_a_stranger_is_seen(
    slot: int, kind: int, head: bytes, around: bytes, action: int
) -> None:
    named = bytes([kind, 0, 0, 0, 1, 3, 0, 16]) + bytes.fromhex(STRANGER) + bytes(8)
    data = head + Cscd(Designator.of_naa(HERE)).encode() * slot + named + around
    command = Command(bytes([0x83, action]) + bytes(14), data)
    assert any(STRANGER in reason for reason in refusals(command, HERE, PERMITTED))


def test_nobody_is_a_designator_that_the_ieee_cannot_have_assigned() -> None:
    company = int(NOBODY[1:7], 16)
    assert Designator.of_naa(NOBODY).naa == NOBODY
    assert company >> 16 & 1, "the group bit of the company identifier's first byte"


def test_the_gate_is_called_what_is_behind_it() -> None:
    assert (gate(Unit([HERE])).name, gate(Unit([HERE])).repeat_by_hand(test_unit_ready())) == (
        "unit",
        "send 000000000000",
    )


@pytest.mark.parametrize("role", ["primary", "secondary"])
def test_a_pair_command_that_is_permitted_may_name_permitted_units_only(role: str) -> None:
    unit = Unit([HERE])
    guarded = gate(unit, permitted=Permitted(PERMITTED.naas, frozenset({PAIR_OPCODE})))
    right = PairList(Designator.of_naa(HERE), Designator.of_naa(OTHER))
    guarded.execute(pair_order(PairCommand.CREATE, right), 1.0)
    guarded.execute(pair_order(PairCommand.CREATE, replace(right, secondary=Designator.of_naa(NOBODY))), 1.0)
    for strange in (Designator.of_naa(STRANGER), Designator(1, 0, 3, b"")):
        wrong = replace(right, primary=strange) if role == "primary" else replace(right, secondary=strange)
        with pytest.raises(SafetyRefusal, match="pair list"):
            guarded.execute(pair_order(PairCommand.CREATE, wrong), 1.0)
    assert unit.opcodes.count(PAIR_OPCODE) == 2
