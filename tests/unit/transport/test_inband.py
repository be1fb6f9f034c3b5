"""Labels that a target shows itself, read and changed in band."""

from __future__ import annotations

import re

import numpy as np
import pytest

from copyproof.errors import DeviceError
from copyproof.scsi.command import Command, Status
from copyproof.transport.base import ATTENTIONS_MOST
from copyproof.transport.inband import MOST, InBandLabels
from copyproof.transport.inprocess import Plain
from tests.unit.transport.in_memory import SIZE, WHOLE, Memory, check


def labels(memory: Memory) -> InBandLabels:
    return InBandLabels(memory.way(), SIZE)


def without_labels(command: Command) -> Plain:
    """As some drivers do: the blocks, one after the other, and zeros where they end."""
    count = command.data_in // WHOLE
    return Plain(Status.GOOD, b"", bytes(range(1, count + 1)).ljust(command.data_in, b"\0"))


def test_labels_come_as_they_are_stored() -> None:
    memory = Memory()
    assert labels(memory).read(5, 2)["reference"].tolist() == [5, 6]
    memory.held[5, -4:] = 9
    assert labels(memory).read(5, 1)["reference"].tolist() == [0x09090909]


def test_more_labels_than_a_command_carries_come_by_several() -> None:
    memory = Memory(blocks=3000)
    assert labels(memory).read(10, 2500)["reference"].tolist() == list(range(10, 2510))
    assert len(memory.seen) == -(-2500 // (MOST // WHOLE))


def test_a_wrong_label_is_put_in_place_and_the_data_stay() -> None:
    memory = Memory()
    before = memory.held.copy()
    wrong = labels(memory).read(3, 2)
    wrong["guard"] = 0x5A5A
    labels(memory).write(3, wrong)
    assert (memory.held[:, :SIZE] == before[:, :SIZE]).all()
    changed = (memory.held != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [3, 4]
    assert (labels(memory).read(3, 2)["guard"] == 0x5A5A).all()


def test_a_unit_that_gives_labels_or_escapes_is_not_blind() -> None:
    memory = Memory()
    assert labels(memory).blindness() == ""
    assert labels(memory).rigidity() == ""
    memory.held[:, SIZE:] = 0xFF
    assert labels(memory).blindness() == ""


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (Memory(instead=without_labels), "does not belong to the blocks, the first at LBA 1"),
        (Memory(instead=lambda command: check("05/24/00")), "cannot be read in band: .* 05/24/00"),
        (Memory(instead=lambda command: Plain(Status.GOOD, b"", bytes(SIZE))), "gave 512 of 4160 bytes"),
    ],
)
def test_a_unit_without_labels_to_see_says_why(memory: Memory, words: str) -> None:
    assert re.search(words, labels(memory).blindness())


def test_a_unit_that_checks_what_is_written_unchecked_is_rigid_and_no_block_is_written() -> None:
    memory = Memory(instead=lambda command: check("05/24/00") if command.opcode == 0x8A else None)
    before = memory.held.copy()
    assert "writing labels unchecked" in labels(memory).rigidity()
    assert (memory.held == before).all()


def test_unit_attentions_are_passed_over_up_to_a_limit() -> None:
    attention = check("06/29/00")
    assert labels(Memory(first=[attention] * 3)).read(1, 1)["reference"].tolist() == [1]
    with pytest.raises(DeviceError, match=r"32 unit attentions in a row to READ\(16\)"):
        labels(Memory(first=[attention] * ATTENTIONS_MOST)).read(1, 1)
