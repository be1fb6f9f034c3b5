"""The program's end of a TCMU ring."""

from __future__ import annotations

import struct

import pytest

from copyproof.errors import DeviceError
from copyproof.serving.tcmu.ring import Entry, Management, Ring, Task
from tests.unit.serving.kernel import COMMAND, MANAGEMENT, PAD, Kernel

READ = bytes.fromhex("28000000000000000100")
READ_LENGTH, UNKNOWN = 0x2, 0x1


def entries(ring: Ring) -> list[Entry]:
    return [entry for entry in ring.waiting() if isinstance(entry, Entry)]


def test_what_waits_comes_in_order_and_then_nothing_waits() -> None:
    kernel = Kernel()
    cdbs = [bytes([0x12, 1, page, 0, 255, 0]) for page in range(3)]
    for cdb in cdbs:
        kernel.queue(cdb, 255)
    ring = Ring(kernel.memory)
    assert [entry.cdb for entry in entries(ring)] == cdbs
    assert kernel.tail == kernel.head
    assert entries(ring) == []


def test_an_entry_is_the_kernels_again_only_when_the_next_is_asked_for() -> None:
    kernel = Kernel()
    kernel.queue(READ, 512)
    waiting = Ring(kernel.memory).waiting()
    next(waiting)
    assert kernel.tail == 0
    assert list(waiting) == []
    assert kernel.tail == kernel.head


@pytest.mark.parametrize(
    ("cdb", "length"),
    [
        ("00", 6), ("28", 10), ("5e", 10), ("a0", 12), ("88", 16), ("83", 16), ("c1", 10), ("e0", 10),
    ],
)  # fmt: skip
def test_a_cdb_is_as_long_as_its_group_code_says(cdb: str, length: int) -> None:
    kernel = Kernel()
    kernel.queue(bytes.fromhex(cdb) + bytes(31))
    assert len(entries(Ring(kernel.memory))[0].cdb) == length


def test_a_cdb_of_variable_length_is_as_long_as_it_says() -> None:
    kernel = Kernel()
    kernel.queue(bytes.fromhex("7f00000000000018") + bytes(range(24)))
    assert entries(Ring(kernel.memory))[0].cdb == bytes.fromhex("7f00000000000018") + bytes(range(24))


def test_a_cdb_that_says_more_than_there_can_be_is_cut() -> None:
    kernel = Kernel()
    kernel.queue(bytes.fromhex("7f000000000000ff"))
    assert len(entries(Ring(kernel.memory))[0].cdb) == 260


def test_padding_is_passed_over_and_not_marked() -> None:
    kernel = Kernel()
    at = kernel.put(PAD, bytes(112))
    assert list(Ring(kernel.memory).waiting()) == []
    assert kernel.response(at).uflags == 0


def test_data_come_from_all_pieces_of_a_buffer() -> None:
    kernel = Kernel()
    sent = bytes(range(256)) * 4
    kernel.queue(READ, 700, 24, 300, holding=sent)
    ring = Ring(kernel.memory)
    (entry,) = entries(ring)
    assert (entry.room, ring.data(entry)) == (1024, sent)


def answered(data: bytes | None, *pieces: int) -> tuple[Kernel, int, bytes]:
    """Answer a command with a buffer full of an earlier one's data; return what it then holds."""
    kernel = Kernel()
    at = kernel.queue(READ, *pieces)
    ring = Ring(kernel.memory)
    for entry in ring.waiting():
        assert isinstance(entry, Entry)
        ring.answer(entry, 0, data=data)
        held = ring.data(entry)
    return kernel, at, held


def test_data_fill_the_buffer_and_their_length_is_told() -> None:
    kernel, at, held = answered(b"abcdef", 4, 2)
    assert held == b"abcdef"
    assert (kernel.response(at).read, kernel.response(at).uflags) == (6, READ_LENGTH)


@pytest.mark.parametrize("data", [b"", b"a", b"abcde"])
def test_of_a_short_answer_no_earlier_commands_data_are_left_in_the_buffer(data: bytes) -> None:
    kernel, at, held = answered(data, 4, 4)
    assert held == data.ljust(8, b"\0")
    assert kernel.response(at).read == len(data)


def test_a_command_that_writes_leaves_its_buffer_alone() -> None:
    kernel, at, held = answered(None, 8)
    assert held == b"\xee" * 8
    assert (kernel.response(at).read, kernel.response(at).uflags) == (0, 0)


def test_status_and_sense_data_take_the_place_of_the_request() -> None:
    kernel = Kernel()
    at = kernel.queue(READ, 16)
    ring = Ring(kernel.memory)
    for entry in ring.waiting():
        assert isinstance(entry, Entry)
        ring.answer(entry, 2, b"\x72\x05\x24\x00", b"")
    assert kernel.response(at).status == 2
    assert kernel.response(at).sense == b"\x72\x05\x24\x00".ljust(96, b"\0")


def test_the_ring_goes_round_over_padding() -> None:
    kernel = Kernel()
    ring = Ring(kernel.memory)
    for number in range(200):
        kernel.queue(bytes([0x12, 0, 0, 0, number, 0]), 16)
        assert [entry.cdb[4] for entry in entries(ring)] == [number]
    assert kernel.head < 200 * 120


def test_task_management_is_told_and_needs_no_answer() -> None:
    kernel = Kernel()
    kernel.put(MANAGEMENT, struct.pack("=BBHIQQHHHH", 5, 0, 0, 2, 0, 0, 8, 9, 0, 0))
    kernel.put(MANAGEMENT, struct.pack("=BBHIQQ", 77, 0, 0, 0, 0, 0))
    assert list(Ring(kernel.memory).waiting()) == [Task(Management.LUN_RESET), Task(Management.UNKNOWN)]


def test_an_entry_of_an_unknown_kind_is_given_back_as_unknown() -> None:
    kernel = Kernel()
    at = kernel.put(5, bytes(112))
    last = kernel.queue(READ, 8)
    ring = Ring(kernel.memory)
    assert [entry.at for entry in entries(ring)] == [last]
    assert kernel.response(at).uflags == UNKNOWN
    assert COMMAND != 5


@pytest.mark.parametrize(("version", "flags"), [(1, 0x7), (3, 0x7), (2, 0x5)])
def test_a_ring_that_would_not_take_the_length_of_what_was_read_is_refused(version: int, flags: int) -> None:
    with pytest.raises(DeviceError, match=f"version {version}, flags {flags:#x}"):
        Ring(Kernel(version, flags).memory)


def test_an_entry_without_a_length_is_not_given_for_ever() -> None:
    kernel = Kernel()
    at = kernel.queue(READ, 8)
    struct.pack_into("=I", kernel.memory, at, 1)
    with pytest.raises(DeviceError, match="the entry at 0 has no length"):
        next(Ring(kernel.memory).waiting())
