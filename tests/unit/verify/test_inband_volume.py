"""Blocks of a unit that has no block node."""

from __future__ import annotations

import errno
from collections.abc import Callable

import numpy as np
import pytest

from copyproof.errors import DeviceError
from copyproof.scsi.command import Command, Status
from copyproof.transport.inband import MOST
from copyproof.transport.inprocess import Plain
from copyproof.verify.apart import apart
from copyproof.verify.inband import CommandVolume
from copyproof.verify.volume import UnreadableBlocks
from tests.unit.transport.in_memory import SIZE, Memory, check


def volume(memory: Memory) -> CommandVolume:
    return CommandVolume(memory.way(), SIZE)


def bad(lba: int, sense: str) -> Callable[[Command], Plain | None]:
    """A unit with one bad block."""

    def answer(command: Command) -> Plain | None:
        first, count = int.from_bytes(command.cdb[2:10], "big"), int.from_bytes(command.cdb[10:14], "big")
        return check(sense) if first <= lba < first + count else None

    return answer


def test_what_is_written_is_read_back_and_no_other_block_changes() -> None:
    memory = Memory()
    before = memory.held.copy()
    data = np.full((3, SIZE), 0xEE, np.uint8)
    volume(memory).write(5, data)
    assert (volume(memory).read(5, 3) == data).all()
    assert np.flatnonzero((memory.held != before).any(axis=1)).tolist() == [5, 6, 7]


def test_a_large_range_goes_by_several_commands() -> None:
    step = MOST // SIZE
    memory = Memory(blocks=2 * step + 10)
    data = np.arange(memory.blocks, dtype=np.uint32)[:, None].repeat(SIZE // 4, axis=1).view(np.uint8)
    volume(memory).write(0, data)
    assert len(memory.seen) == 3
    assert (volume(memory).read(0, memory.blocks) == data).all()
    parts = list(volume(memory).stream([(0, memory.blocks)], MOST))
    assert [(part.lba, part.count) for part in parts] == [(0, step), (step, step), (2 * step, 10)]
    read = [part.data for part in parts if not isinstance(part.data, UnreadableBlocks)]
    assert (np.concatenate(read) == data).all()


@pytest.mark.parametrize(("sense", "code"), [("03/11/00", errno.ENODATA), ("0b/10/01", errno.EILSEQ)])
def test_a_block_that_the_unit_cannot_give_is_unreadable_and_is_found(sense: str, code: int) -> None:
    spoilt = volume(Memory(instead=bad(21, sense)))
    with pytest.raises(UnreadableBlocks) as caught:
        spoilt.read(8, 40)
    assert (caught.value.lba, caught.value.count, caught.value.code) == (8, 40, code)
    lost = [part for part in apart(spoilt, caught.value) if isinstance(part.data, UnreadableBlocks)]
    assert [(part.lba, part.count) for part in lost] == [(21, 1)]
    streamed = list(spoilt.stream([(16, 8)]))
    assert isinstance(streamed[0].data, UnreadableBlocks)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (check("05/21/00"), "05/21/00"),
        (Plain(Status.RESERVATION_CONFLICT, b"", b""), "another initiator has reserved the unit"),
        (Plain(Status.GOOD, b"", bytes(SIZE)), "gave 512 of 1024 bytes"),
    ],
)
def test_any_other_answer_than_the_blocks_is_an_error(answer: Plain, words: str) -> None:
    with pytest.raises(DeviceError, match=words) as caught:
        volume(Memory(first=[answer])).read(0, 2)
    assert not isinstance(caught.value, UnreadableBlocks)


def test_a_write_that_is_refused_is_an_error() -> None:
    with pytest.raises(DeviceError, match="writing at LBA 4 by inprocess:source: 07/27/00"):
        volume(Memory(first=[check("07/27/00")])).write(4, np.zeros((1, SIZE), np.uint8))


def test_a_unit_attention_is_passed_over_as_the_kernel_does() -> None:
    assert (volume(Memory(first=[check("06/29/00")])).read(9, 1) == 9).all()
