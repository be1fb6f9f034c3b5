"""Commands other than a copy list, predicted from their bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from copyproof.model.controller import Transfer
from copyproof.model.held import Label
from copyproof.model.known import Access, Fault, KnownTarget
from copyproof.model.predict import predict
from copyproof.model.prediction import Forgetting, HostWrite, Prediction, Zeroing
from copyproof.scsi import cdb
from copyproof.scsi.command import Command
from tests.model.lists import TARGET, UNITS, listed

HEAD = bytes(2)


def outcomes(command: Command, target: KnownTarget = TARGET, receiver: int = 1) -> list[str]:
    prediction = predict(command, receiver, target)
    assert not any(branch.changes for branch in prediction.branches)
    return [str(outcome) for outcome in prediction.outcomes]


def same(lba: int, blocks: int, block: bytes = bytes(512), flags: int = 0) -> Command:
    return Command(bytes([0x93, flags]) + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + HEAD, data_out=block)


def unmap(*pieces: tuple[int, int]) -> Command:
    body = b"".join(lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(4) for lba, blocks in pieces)
    raw = (len(body) + 6).to_bytes(2, "big") + len(body).to_bytes(2, "big") + bytes(4) + body
    return Command(bytes([0x42, *bytes(6)]) + len(raw).to_bytes(2, "big") + b"\0", data_out=raw)


@pytest.mark.parametrize(
    "command",
    [
        cdb.test_unit_ready(),
        cdb.inquiry(),
        cdb.inquiry(0x00),
        cdb.inquiry(0x83),
        cdb.report_luns(),
        cdb.request_sense(),
        cdb.read_capacity10(),
        cdb.read_capacity16(),
        cdb.synchronize_cache10(),
        cdb.read10(0, 8, 512),
        cdb.read16(8184, 8, 512),
        cdb.extended_copy(b""),
        cdb.receive_copy_results(cdb.ReceiveCopy.OPERATING_PARAMETERS),
        cdb.receive_copy_results(cdb.ReceiveCopy.OPERATING_PARAMETERS, allocation_length=4),
    ],
    ids=lambda command: command.cdb.hex(),
)
def test_what_every_unit_answers_ends_good_and_changes_nothing(command: Command) -> None:
    assert outcomes(command) == ["GOOD"]


@pytest.mark.parametrize(
    ("command", "ends"),
    [
        (Command(bytes.fromhex("120083ff0000"), data_in=255), ["05/24/00"]),
        (cdb.extended_copy(b"", 0x1F), ["05/24/00", "05/20/00"]),
        (cdb.extended_copy(b"", 0x1C), ["05/24/00", "05/20/00"]),
        (cdb.receive_copy_results(0x02), ["05/24/00", "05/20/00"]),
        (cdb.receive_copy_results(cdb.ReceiveCopy.COPY_STATUS_LID1, 9), ["05/24/00"]),
        (cdb.receive_copy_results(cdb.ReceiveCopy.FAILURE_DETAILS_LID1, 9), ["05/24/00"]),
        (cdb.read16(8185, 8, 512), ["05/21/00"]),
        (cdb.write16(2**63, bytes(512), 512), ["05/21/00"]),
        (cdb.write10(0, bytes(520), 520, protect=1), ["05/24/00"]),
        (same(8192, 1), ["05/21/00"]),
        (unmap((0, 8), (8190, 8)), ["05/21/00"]),
    ],
    ids=lambda value: value.cdb.hex() if isinstance(value, Command) else "",
)
def test_what_no_unit_takes_is_refused_and_changes_nothing(command: Command, ends: list[str]) -> None:
    assert outcomes(command) == ends


@pytest.mark.parametrize(("there", "ends"), [(True, ["GOOD"]), (False, ["05/24/00"]), (None, ["GOOD", "05/24/00"])])
def test_an_optional_page_is_as_it_was_probed(there: bool | None, ends: list[str]) -> None:
    assert outcomes(cdb.inquiry(0x8F), replace(TARGET, pages={0x8F: there})) == ends


def test_optional_commands_are_as_they_were_probed() -> None:
    opcodes = cdb.report_supported_opcodes()
    assert outcomes(opcodes, replace(TARGET, lists_opcodes=True)) == ["GOOD"]
    assert "GOOD" not in outcomes(opcodes, replace(TARGET, lists_opcodes=False))
    assert "GOOD" in outcomes(opcodes)
    order = cdb.extended_copy(listed([Transfer(1, 0, 2, 0, 8)]).encode())
    assert outcomes(order, replace(TARGET, copies=False)) == ["05/24/00", "05/20/00"]


def test_the_status_of_a_copy_that_was_sent_may_be_known_or_discarded() -> None:
    asked = cdb.receive_copy_results(cdb.ReceiveCopy.COPY_STATUS_LID1, 9)
    assert outcomes(asked, replace(TARGET, identifiers=frozenset({9}))) == ["GOOD", "05/24/00"]


def steps(command: Command, target: KnownTarget = TARGET) -> Prediction:
    prediction = predict(command, 1, target)
    assert str(prediction.branches[0].outcomes[0]) == "GOOD"
    return prediction


def test_a_write_is_the_hosts() -> None:
    assert steps(cdb.write10(8190, bytes(1024), 512)).branches[0].done == (HostWrite(1, 8190, 2),)
    assert steps(cdb.write16(0, b"", 512)).branches[0].done == ()


def test_write_same_of_zeros_zeroes_and_any_other_block_is_not_known() -> None:
    zeroed = replace(TARGET, units=(replace(UNITS[0], zeroed=True), *UNITS[1:]))
    assert steps(same(8, 4)).branches[0].done == (Zeroing(1, 8, 4),)
    assert steps(same(8000, 0)).branches[0].done == (Zeroing(1, 8000, 192),)
    assert steps(same(8, 4, b"\1" * 512)).branches[0].done == (Forgetting(1, 8, 4),)
    assert steps(same(8, 4, flags=0x08)).branches[0].done == (Forgetting(1, 8, 4),)
    assert steps(same(8, 4, flags=0x08), zeroed).branches[0].done == (Zeroing(1, 8, 4, Label.UNKNOWN),)


def test_unmap_zeroes_where_the_unit_says_so_and_leaves_the_rest_unknown() -> None:
    zeroed = replace(TARGET, units=(replace(UNITS[0], zeroed=True, granule=1), *UNITS[1:]))
    pieces = unmap((0, 8), (100, 1), (5, 0))
    assert steps(pieces, zeroed).branches[0].done == (
        Zeroing(1, 0, 8, Label.ESCAPE),
        Zeroing(1, 100, 1, Label.ESCAPE),
    )
    assert steps(pieces).branches[0].done == (Forgetting(1, 0, 8), Forgetting(1, 100, 1))


@pytest.mark.parametrize(
    ("granule", "begin", "sure", "perhaps"),
    [
        (8, 0, [(8, 16)], [(5, 3), (24, 1)]),
        (8, 3, [(11, 8)], [(5, 6), (19, 6)]),
        (5, 0, [(5, 20)], []),
        (32, 0, [], [(5, 20)]),
        (0, 0, [], [(5, 20)]),
    ],
)
def test_an_unmap_zeroes_whole_granules_and_the_rest_perhaps(
    granule: int, begin: int, sure: list[tuple[int, int]], perhaps: list[tuple[int, int]]
) -> None:
    unit = replace(UNITS[0], zeroed=True, granule=granule, granules_from=begin)
    branch = steps(unmap((5, 20)), replace(TARGET, units=(unit, *UNITS[1:]))).branches[0]
    assert branch.done == tuple(Zeroing(1, *piece, Label.ESCAPE) for piece in sure)
    assert branch.perhaps == tuple(Zeroing(1, *piece, Label.ESCAPE) for piece in perhaps)


def test_an_unmap_descriptor_that_is_cut_off_is_ignored() -> None:
    whole = unmap((0, 8), (100, 4))
    cut = (len(whole.data_out) - 2).to_bytes(2, "big") + (24).to_bytes(2, "big") + whole.data_out[4:]
    short = whole.data_out[:32]
    for raw in (cut, short):
        assert steps(replace(whole, data_out=raw)).branches[0].done == (Forgetting(1, 0, 8),)


@pytest.mark.parametrize("length", range(9))
def test_an_unmap_list_that_ends_in_its_header_is_refused_and_an_empty_one_does_nothing(length: int) -> None:
    first = "05/1A/00" if 0 < length < 8 else "GOOD"
    assert outcomes(replace(unmap((0, 8)), data_out=unmap((0, 8)).data_out[:length])) == [first, "05/20/00"]


def test_a_read_only_unit_takes_no_write() -> None:
    for command in (cdb.write10(0, bytes(512), 512), same(0, 1), unmap((0, 1))):
        assert outcomes(command, receiver=5) == ["07/27/00"]
    assert outcomes(cdb.read10(0, 1, 512), receiver=5) == ["GOOD"]


def test_a_read_of_a_bad_block_ends_in_its_sense_and_a_write_does_not() -> None:
    bad = replace(TARGET, faults=(Fault(1, 7, 1, "03/11/00"),))
    assert outcomes(cdb.read10(0, 8, 512), bad) == ["03/11/00"]
    assert outcomes(cdb.read10(8, 8, 512), bad) == ["GOOD"]
    assert steps(cdb.write10(7, bytes(512), 512), bad).outcomes


def test_a_unit_reserved_for_another_initiator_answers_only_who_it_is() -> None:
    taken = replace(TARGET, units=(replace(UNITS[0], access=Access.RESERVED), *UNITS[1:]))
    assert outcomes(cdb.write10(0, bytes(512), 512), taken) == ["RESERVATION_CONFLICT"]
    assert outcomes(cdb.inquiry(), taken) == ["GOOD"]


def test_of_an_unknown_command_any_outcome_is_allowed_and_a_writing_one_leaves_no_block_sure() -> None:
    vendors = predict(Command(b"\xc1" + bytes(9)), 1, TARGET)
    assert vendors.outcomes == ()
    assert {step.volume for step in vendors.branches[0].perhaps if isinstance(step, Forgetting)} == {1, 2, 3, 4, 5}
    reading = predict(cdb.mode_sense10(), 1, TARGET)
    assert reading.outcomes == ()
    assert not reading.branches[0].changes


def test_a_volume_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match="the model knows no volume 9"):
        predict(cdb.inquiry(), 9, TARGET)
