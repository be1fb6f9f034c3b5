"""WRITE SAME, UNMAP, GET LBA STATUS, and the commands of the medium that move no blocks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from copyproof.array.server import limits
from copyproof.array.server.protection import interleave
from copyproof.scsi import provisioning
from tests.array.server.host import BLOCKS, SIZE, VOLUME, Host, host, payload
from tests.array.server.test_compare import own

UNMAP, NO_DATA = 0x08, 0x01


def same(lba: int, count: int, flags: int = 0, length: int = 16) -> str:
    if length == 10:
        return f"41{flags:02x}{lba:08x}00{count:04x}00"
    return f"93{flags:02x}{lba:016x}{count:08x}0000"


def status(sender: Host, lba: int = 0, length: int = 1024) -> list[tuple[int, int, int]]:
    """GET LBA STATUS: LBA, count and provisioning status of each run."""
    raw = sender.send(f"9e12{lba:016x}{length:08x}0000")
    assert int.from_bytes(raw[:4], "big") == len(raw) - 4
    return [
        (int.from_bytes(raw[at : at + 8], "big"), int.from_bytes(raw[at + 8 : at + 12], "big"), raw[at + 12] & 0x0F)
        for at in range(8, len(raw), 16)
    ]


@pytest.mark.parametrize("length", [10, 16])
def test_write_same_fills_and_touches_nothing_else(length: int) -> None:
    sender = host()
    before = sender.fill()
    sender.send(same(100, 5, length=length), payload(1))
    assert sender.held(100, 5).data.tobytes() == payload(5)
    assert sender.held(100, 5).labels.tolist() == own(payload(5), 100).labels.tolist()
    assert (sender.held(0, 100).data == before[:100]).all()
    assert (sender.held(105, BLOCKS - 105).data == before[105:]).all()


@pytest.mark.parametrize("length", [10, 16])
def test_write_same_must_say_how_many_blocks_it_means(length: int) -> None:
    sender = host()
    before = sender.fill()
    refusal = f"05/24/00@{7 if length == 10 else 10}"
    assert [sender.refused(same(lba, 0, UNMAP, length), payload(1)) for lba in (0, BLOCKS - 3)] == [refusal] * 2
    assert (sender.held(0, BLOCKS).data == before).all()
    assert sender.send("1201b0004000")[4] & 0x01


@pytest.mark.parametrize("size", [0, SIZE // 2, 2 * SIZE])
def test_write_same_takes_exactly_one_block(size: int) -> None:
    sender = host()
    assert sender.refused(same(0, 4), bytes(size)) == "05/0E/03"
    assert sender.refused(same(0, 4, UNMAP, 10), bytes(size)) == "05/0E/03"
    assert sender.refused(same(0, 4, NO_DATA), bytes(SIZE)) == "05/0E/03"


def test_write_same_without_data_writes_zeros() -> None:
    sender = host()
    sender.fill()
    sender.send(same(3, 2, NO_DATA))
    sender.send(same(8, 2, NO_DATA | UNMAP))
    assert sender.held(3, 2).data.tobytes() == bytes(2 * SIZE)
    assert status(sender) == [(0, 8, 0), (8, 2, 1), (10, BLOCKS - 10, 0)]


@pytest.mark.parametrize("length", [10, 16])
def test_write_same_unmaps_where_the_block_is_zero_and_else_writes(length: int) -> None:
    sender = host()
    sender.fill()
    sender.send(same(3, 2, UNMAP, length), bytes(SIZE))
    sender.send(same(5, 2, UNMAP, length), payload(1))
    assert status(sender) == [(0, 3, 0), (3, 2, 1), (5, BLOCKS - 5, 0)]
    assert sender.held(5, 2).data.tobytes() == payload(2)


@dataclass(frozen=True)
class _Small:
    """Limits so small that a volume of the tests is larger."""

    bytes: int = 4 * SIZE


def test_write_same_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE_SAME_BYTES", _Small().bytes)
    sender = host()
    assert sender.refused(same(0, 5), payload(1)) == "05/24/00@10"
    assert sender.refused(same(0, 5, length=10), payload(1)) == "05/24/00@7"
    assert sender.refused(same(0, 4), payload(1)) == "GOOD"


def test_write_same_in_pieces_labels_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRANSFER_BYTES", _Small().bytes)
    sender = host()
    one = interleave(own(payload(1), 7))
    sender.send(same(7, 10, 0x20), one)
    assert sender.held(7, 10).labels.tolist() == own(payload(10), 7).labels.tolist()
    assert sender.refused(same(8, 2, 0x20), one) == "0B/10/03"
    assert sender.refused(same(8, 2, 0x20 | UNMAP), one) == "0B/10/03"


def test_anchors_are_not_offered() -> None:
    assert host().refused(same(0, 1, 0x10 | UNMAP), bytes(SIZE)) == "05/24/00@1.4"
    assert host().refused("42010000000000001800", bytes(24)) == "05/24/00@1.0"


def unmapping(*extents: tuple[int, int]) -> tuple[str, bytes]:
    described = b"".join(lba.to_bytes(8, "big") + count.to_bytes(4, "big") + bytes(4) for lba, count in extents)
    raw = (len(described) + 6).to_bytes(2, "big") + len(described).to_bytes(2, "big") + bytes(4) + described
    return f"42000000000000{len(raw):04x}00", raw


def test_unmap_gives_up_every_extent() -> None:
    sender = host()
    sender.fill()
    sender.send(*unmapping((3, 2), (10, 0), (20, 1)))
    assert status(sender) == [(0, 3, 0), (3, 2, 1), (5, 15, 0), (20, 1, 1), (21, BLOCKS - 21, 0)]
    assert not sender.held(3, 2).data.any()
    sender.order(provisioning.unmap(0, BLOCKS))
    assert status(sender, 7) == [(7, BLOCKS - 7, 1)]


def test_a_status_ends_where_to_look_on_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LBA_STATUS_BLOCKS", 8)
    sender = host()
    sender.send("2a000000000500000200", payload(2))
    assert status(sender) == [(0, 5, 1), (5, 2, 0), (7, 1, 1)]
    assert status(sender, 6) == [(6, 1, 0), (7, 7, 1)]
    assert status(sender, BLOCKS - 3) == [(BLOCKS - 3, 3, 1)]


def test_unmap_of_nothing_is_good() -> None:
    sender = host()
    assert sender.refused("42000000000000000000") == "GOOD"
    assert sender.refused(*unmapping()) == "GOOD"


@pytest.mark.parametrize(
    ("cdb", "raw", "outcome"),
    [
        pytest.param("42000000000000000700", bytes(7), "05/1A/00", id="header cut"),
        pytest.param("42000000000000001800", bytes(23), "05/1A/00", id="fewer bytes than told"),
        pytest.param("42000000000000001800", bytes.fromhex("00260020") + bytes(20), "05/1A/00", id="truncated"),
        pytest.param(*unmapping(*[(0, 1)] * 257), "05/26/00@2", id="too many descriptors"),
        pytest.param(*unmapping((0, 2), (BLOCKS, 1)), "05/21/00", id="beyond the end"),
    ],
)
def test_a_wrong_unmap_list_unmaps_nothing(cdb: str, raw: bytes, outcome: str) -> None:
    sender = host()
    sender.fill()
    assert sender.refused(cdb, raw) == outcome
    assert status(sender) == [(0, BLOCKS, 0)]


def test_an_unmap_descriptor_that_is_cut_does_not_count() -> None:
    sender = host()
    sender.fill()
    cdb, raw = unmapping((3, 2))
    cut = raw[:2] + (20).to_bytes(2, "big") + raw[4:] + bytes(4)
    sender.send(cdb[:14] + "001c00", cut)
    assert status(sender)[1] == (3, 2, 1)


def test_unmap_has_a_limit_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNMAP_BLOCKS", 8)
    sender = host()
    sender.fill()
    assert sender.refused(*unmapping((0, 5), (0, 4))) == "05/26/00@16"
    assert status(sender) == [(0, BLOCKS, 0)]
    sender.send(*unmapping((0, 8)))


def test_lba_status_is_cut_at_the_allocation_length_and_ends_with_the_unit() -> None:
    sender = host()
    sender.send("2a000000000500000100", payload(1))
    whole = sender.send("9e12000000000000000000000400" + "0000")
    assert sender.send("9e12000000000000000000000018" + "0000") == whole[:24]
    assert sender.refused(f"9e12{BLOCKS:016x}000000180000") == "05/21/00"


@pytest.mark.parametrize("cdb", ["35{b}{lba:08x}00{n:04x}00", "91{b}{lba:016x}{n:08x}0000"])
def test_synchronize_cache_destages_what_it_names(cdb: str) -> None:
    sender = host()
    destaged: list[tuple[int, int, int]] = []
    sender.server.unit.flush = lambda *asked: destaged.append(asked)  # type: ignore[method-assign]
    sender.send(cdb.format(b="00", lba=5, n=3))
    sender.send(cdb.format(b="02", lba=9, n=0))
    assert destaged == [(VOLUME, 5, 3), (VOLUME, 9, BLOCKS - 9)]
    assert sender.refused(cdb.format(b="00", lba=BLOCKS, n=1)) == "05/21/00"


@pytest.mark.parametrize("cdb", ["34{b}{lba:08x}03{n:04x}00", "90{b}{lba:016x}{n:08x}0300"])
def test_pre_fetch_promises_nothing_and_stays_on_the_unit(cdb: str) -> None:
    sender = host()
    assert sender.refused(cdb.format(b="00", lba=0, n=3)) == "GOOD"
    assert sender.refused(cdb.format(b="02", lba=0, n=0)) == "GOOD"
    assert sender.refused(cdb.format(b="00", lba=BLOCKS, n=1)) == "05/21/00"


def test_no_block_is_defective() -> None:
    sender = host()
    assert sender.send("37001d00000000002000").hex() == "001d0000"
    assert sender.send("b71d00000000000000200000").hex() == "001d000000000000"
