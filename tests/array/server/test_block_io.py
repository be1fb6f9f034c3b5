"""READ and WRITE of every length, without labels on the wire."""

from __future__ import annotations

import pytest

from copyproof.array.server import limits
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.scsi.command import Status
from tests.array.server.host import BLOCKS, SIZE, Host, host, payload

READS = {6: "08{lba:06x}{count:02x}00", 10: "2800{lba:08x}00{count:04x}00", 12: "a800{lba:08x}{count:08x}0000"}
READS[16] = "8800{lba:016x}{count:08x}0000"
WRITES = {6: "0a{lba:06x}{count:02x}00", 10: "2a00{lba:08x}00{count:04x}00", 12: "aa00{lba:08x}{count:08x}0000"}
WRITES[16] = "8a00{lba:016x}{count:08x}0000"
SHORT = "05/0E/03"

lengths = pytest.mark.parametrize("length", [6, 10, 12, 16])
sizes = pytest.mark.parametrize("size", [512, 4096])


def read(length: int, lba: int, count: int) -> str:
    return READS[length].format(lba=lba, count=count)


def write(length: int, lba: int, count: int) -> str:
    return WRITES[length].format(lba=lba, count=count)


@lengths
@sizes
def test_what_is_written_is_read_and_nothing_else_is_touched(length: int, size: int) -> None:
    sender = host(block_size=size)
    data = bytes(range(256)) * (size // 128)
    sender.send(write(length, 7, 2), data)
    assert sender.send(read(length, 7, 2)) == data
    assert not sender.held(0, 7).data.any()
    assert not sender.held(9, BLOCKS - 9).data.any()


@lengths
def test_blocks_beyond_the_end_are_refused_whatever_the_command(length: int) -> None:
    sender = host()
    before = sender.fill()
    for lba, count in ((BLOCKS, 1), (BLOCKS - 1, 2), (BLOCKS + 5, 1)):
        assert sender.refused(read(length, lba, count)) == "05/21/00"
        found = sender.sense(write(length, lba, count), payload(count))
        assert (str(found), found.information) == ("05/21/00", lba)
    assert (sender.held().data == before).all()
    assert sender.refused(read(length, BLOCKS - 1, 1)) == "GOOD"


def test_the_highest_lba_of_sixteen_bytes_is_no_wrap_around() -> None:
    assert host().refused(read(16, 2**64 - 1, 2)) == "05/21/00"


@pytest.mark.parametrize("length", [10, 12, 16])
def test_a_length_of_zero_moves_nothing(length: int) -> None:
    sender = host()
    assert sender.send(read(length, 0, 0)) == b""
    assert sender.send(write(length, BLOCKS, 0)) == b""
    assert sender.refused(read(length, BLOCKS + 1, 0)) == "05/21/00"


def test_a_length_of_zero_in_six_bytes_is_256_blocks() -> None:
    sender = host()
    sender.send(write(6, 0, 0), payload(256))
    assert sender.send(read(6, 0, 0)) == payload(256)


@lengths
def test_too_few_bytes_from_the_host_are_refused(length: int) -> None:
    sender = host()
    before = sender.fill()
    assert sender.refused(write(length, 0, 2), payload(2)[:-1]) == SHORT
    assert (sender.held().data == before).all()


def test_more_bytes_than_the_command_says_are_left_alone() -> None:
    sender = host()
    sender.send(write(10, 0, 1), payload(3))
    assert not sender.held(1, 2).data.any()


@pytest.mark.parametrize(("length", "at"), [(12, 6), (16, 10)])
def test_more_than_the_maximum_transfer_length_is_refused_with_a_pointer(length: int, at: int) -> None:
    array = ArraySettings(volumes=(VolumeSettings(1, 1 << 17), VolumeSettings(2, 8)))
    sender = host()
    sender.server.unit = type(sender.server.unit)(array)
    most = limits.transfer(sender.server.unit.volume(1))
    assert sender.refused(read(length, 0, most + 1)) == f"05/24/00@{at}"
    assert sender.refused(write(length, 0, most + 1), b"") == f"05/24/00@{at}"
    assert len(sender.send(READS[length].format(lba=0, count=most))) <= most * SIZE


@pytest.mark.parametrize("protect", range(1, 8))
def test_labels_asked_of_a_unit_without_protection_are_refused(protect: int) -> None:
    sender = host(protection=0)
    for cdb in (f"28{protect << 5:02x}00000000 00 0001 00", f"2a{protect << 5:02x}00000000 00 0001 00"):
        assert sender.refused(cdb, payload(1)) == "05/24/00@1.7"


def test_dpo_fua_and_a_group_number_are_taken() -> None:
    sender = host()
    sender.send("2a180000000003000100", payload(1))
    assert sender.send("28180000000003000100") == payload(1)
    assert sender.send("8818 0000000000000000 00000001 1f00") == payload(1)


def test_blocks_never_written_read_as_zeros() -> None:
    assert host().send(read(16, 3, 4)) == bytes(4 * SIZE)


def test_two_hosts_see_the_same_blocks_and_units_hold_their_own() -> None:
    sender = host()
    other: Host = sender.beside()
    sender.send(write(10, 0, 1), payload(1))
    assert other.send(read(10, 0, 1)) == payload(1)
    assert other.send(read(10, 0, 1), volume=2) == payload(1, 0)


def test_a_read_into_no_buffer_ends_good() -> None:
    reply = host().raw(read(10, 0, 1), data_in=0)
    assert (reply.status, reply.data, reply.overflow) == (Status.GOOD, b"", SIZE)
