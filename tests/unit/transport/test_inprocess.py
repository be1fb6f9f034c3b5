"""The way to a device server in this process."""

from __future__ import annotations

import pytest

from copyproof.errors import TransportError
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Command, Status
from copyproof.transport.inprocess import Plain
from tests.unit.transport.in_memory import SIZE, Memory, check


def test_a_command_reaches_its_volume_with_its_initiators_name() -> None:
    memory = Memory()
    result = memory.way().execute(read16(3, 2, SIZE), 1)
    assert result.good
    assert result.data == bytes([3]) * SIZE + bytes([4]) * SIZE
    assert memory.seen == [("host", 7)]


def test_data_that_do_not_fill_the_buffer_leave_a_residual() -> None:
    short = Memory(first=[Plain(Status.GOOD, b"", b"ab")])
    assert short.way().execute(Command(bytes(6), data_in=10), 1).residual == 8


def test_sense_data_come_decoded_and_only_with_check_condition() -> None:
    memory = Memory(first=[check("05/24/00"), Plain(Status.BUSY, b"", b"")])
    way = memory.way()
    assert str(way.execute(Command(bytes(6)), 1).sense) == "05/24/00"
    busy = way.execute(Command(bytes(6)), 1)
    assert (busy.status, busy.sense) == (Status.BUSY, None)


@pytest.mark.parametrize("answer", [Plain(0x55, b"", b""), Plain(Status.GOOD, b"", bytes(11))])
def test_what_no_device_may_answer_is_no_answer(answer: Plain) -> None:
    with pytest.raises(TransportError, match=r"inprocess:source: status .* are no answer"):
        Memory(first=[answer]).way().execute(Command(bytes(6), data_in=10), 1)


def test_a_reset_is_of_that_volume_alone() -> None:
    memory = Memory()
    memory.way().reset()
    assert memory.resets == [7]


def test_the_line_to_repeat_a_command_names_the_unit_in_the_place_of_a_node() -> None:
    line = Memory().way().repeat_by_hand(write16(0, bytes(SIZE), SIZE))
    assert "sg_raw" in line
    assert "source 8a 00" in line
