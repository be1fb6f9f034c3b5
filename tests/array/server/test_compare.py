"""VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE: what they compare, what they write, what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core.blocks import Blocks, joined
from copyproof.array.server.protection import interleave
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.blocks.label import make_labels
from tests.array.server.host import BLOCKS, SIZE, VOLUME, Host, host, payload

VERIFY = {
    10: "2f{b:02x}{lba:08x}00{n:04x}00",
    12: "af{b:02x}{lba:08x}{n:08x}0000",
    16: "8f{b:02x}{lba:016x}{n:08x}0000",
}
WRITE_VERIFY = {
    length: cdb.replace(cdb[:2], new, 1) for (length, cdb), new in zip(VERIFY.items(), ("2e", "ae", "8e"), strict=True)
}
LBA = 30

lengths = pytest.mark.parametrize("length", [10, 12, 16])


def verify(length: int, count: int, bytchk: int = 1, protect: int = 0, lba: int = LBA) -> str:
    return VERIFY[length].format(b=protect << 5 | bytchk << 1, lba=lba, n=count)


def caw(count: int, protect: int = 0, lba: int = LBA) -> str:
    return f"89{protect << 5:02x}{lba:016x}000000{count:02x}0000"


def flipped(raw: bytes, at: int) -> bytes:
    """The bytes with one bit turned over."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def own(data: bytes, lba: int = LBA) -> Blocks:
    """Blocks with the labels that the array gives them."""
    raw = np.frombuffer(data, np.uint8).reshape(-1, SIZE).copy()
    return joined(raw, make_labels(raw, lba, VOLUME))


@lengths
def test_verify_compares_each_block_with_its_own(length: int) -> None:
    sender = host()
    data = sender.fill()[LBA : LBA + 4].tobytes()
    assert sender.refused(verify(length, 4), data) == "GOOD"
    found = sender.sense(verify(length, 4), flipped(data, 1000))
    assert (str(found), found.information) == ("0E/1D/00", 1000)


@lengths
def test_verify_compares_all_blocks_with_one(length: int) -> None:
    sender = host()
    sender.send("93000000000000000000000000640000", payload(1))
    assert sender.refused(verify(length, 4, 3), payload(1)) == "GOOD"
    sender.send("2a000000002100000100", payload(1, 1))
    assert sender.sense(verify(length, 4, 3), payload(1)).information == 3 * SIZE


@lengths
def test_verify_without_comparison_looks_at_the_labels(length: int) -> None:
    sender = host()
    assert sender.refused(verify(length, 4, 0)) == "GOOD"
    wrong = own(payload(1), LBA + 2)
    wrong.labels["guard"] ^= 1
    sender.server.unit.write(VOLUME, LBA + 2, wrong)
    assert sender.refused(verify(length, 4, 0)) == "0B/10/01"
    assert sender.refused(verify(length, 4, 0, protect=3)) == "GOOD"


@lengths
def test_verify_refuses_what_it_cannot_do(length: int) -> None:
    sender = host()
    assert sender.refused(verify(length, 1, 2)) == "05/24/00@1.2"
    assert sender.refused(verify(length, 2), payload(1)) == "05/0E/03"
    assert sender.refused(verify(length, 1, 0, lba=BLOCKS)) == "05/21/00"
    assert sender.refused(verify(length, 0, 3)) == "GOOD"


def test_verify_reads_a_whole_volume_in_pieces() -> None:
    sender = host()
    big = ArraySettings(volumes=(VolumeSettings(VOLUME, 100_000),))
    sender.server.unit = type(sender.server.unit)(big)
    blocks = own(payload(1), 99_999)
    blocks.labels["guard"] ^= 1
    sender.server.unit.write(VOLUME, 99_999, blocks)
    assert sender.sense(verify(16, 100_000, 0, lba=0)).information == 99_999
    assert sender.refused(verify(16, 70_000, 1, lba=0)) == "05/24/00@10"


CHECKED = {1: ("0B/10/01", "0B/10/03"), 2: ("GOOD", "0B/10/03"), 3: ("0E/10/01", "0E/10/03")}
CHECKED |= {4: ("0B/10/01", "0E/10/03"), 5: CHECKED[1]}
"""How VERIFY ends by its protect code where guard or reference tag that came is wrong: it is checked, or compared."""

codes = pytest.mark.parametrize("protect", [1, 2, 3, 4, 5])


@codes
@pytest.mark.parametrize("field", ["guard", "application", "reference"])
def test_verify_checks_the_labels_that_come_and_compares_them(protect: int, field: str) -> None:
    sender, mine, wrong = host(), own(payload(2)), own(payload(2))
    sender.send("2a000000001e00000200", payload(2))
    wrong.labels[field][1] ^= 1
    how = {"guard": CHECKED[protect][0], "application": "GOOD", "reference": CHECKED[protect][1]}[field]
    assert sender.refused(verify(10, 2, 1, protect), interleave(wrong)) == how
    if how != "GOOD":
        assert sender.sense(verify(10, 2, 1, protect), interleave(wrong)).information == LBA + 1
    assert sender.refused(verify(10, 2, 1, protect), interleave(mine)) == "GOOD"
    assert sender.refused(verify(10, 2, 3, protect), interleave(own(payload(1)))) == "GOOD"


@codes
def test_verify_with_labels_tells_the_byte_that_differs_where_it_is_in_the_buffer(protect: int) -> None:
    sender = host()
    sender.send("2a000000001e00000200", payload(2))
    found = sender.sense(verify(10, 2, 1, protect), interleave(own(flipped(payload(2), SIZE + 9))))
    assert (str(found), found.information) == ("0E/1D/00", SIZE + 8 + 9)


@codes
def test_verify_compares_a_wrong_label_of_the_medium_and_does_not_check_it(protect: int) -> None:
    sender, wrong = host(), own(payload(2))
    wrong.labels["guard"][1] ^= 1
    sender.server.unit.write(VOLUME, LBA, wrong)
    right = interleave(own(payload(2)))
    assert sender.refused(verify(10, 2, 1, protect), right) == ("GOOD" if protect == 2 else "0E/10/01")
    assert sender.refused(verify(10, 2, 1, 0), payload(2)) == "0B/10/01"


@lengths
def test_write_and_verify_writes(length: int) -> None:
    sender = host()
    cdb = WRITE_VERIFY[length].format(b=2, lba=LBA, n=2)
    sender.send(cdb, payload(2))
    assert sender.held(LBA, 2).data.tobytes() == payload(2)
    assert sender.refused(WRITE_VERIFY[length].format(b=4, lba=LBA, n=2), payload(2)) == "05/24/00@1.2"
    assert sender.refused(cdb, payload(1)) == "05/0E/03"


def test_write_and_verify_tells_of_a_block_that_did_not_arrive() -> None:
    sender = host()
    unit = sender.server.unit
    unit.write = lambda *given: None  # type: ignore[method-assign]  # a medium that loses what it is given
    assert sender.sense("2e020000001e00000100", payload(1)).information == 0


def test_compare_and_write_writes_where_all_is_equal() -> None:
    sender = host()
    old = sender.fill()[LBA : LBA + 2].tobytes()
    sender.send(caw(2), old + payload(2))
    assert sender.held(LBA, 2).data.tobytes() == payload(2)


def test_compare_and_write_tells_the_first_byte_that_differs_and_writes_nothing() -> None:
    sender = host()
    before = sender.fill()
    old = before[LBA : LBA + 2].tobytes()
    found = sender.sense(caw(2), flipped(old, 777) + payload(2))
    assert (str(found), found.information) == ("0E/1D/00", 777)
    assert (sender.held().data == before).all()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 6])
def test_compare_and_write_takes_exactly_two_blocks_a_block(length: int) -> None:
    sender: Host = host()
    sender.fill()
    sent = payload(length)
    assert sender.refused(caw(3), sent) == ("0E/1D/00" if length == 6 else "05/24/00@13")


def test_compare_and_write_of_no_block_is_good() -> None:
    assert host().refused(caw(0)) == "GOOD"
    assert host().refused(caw(2, lba=BLOCKS - 1), payload(4)) == "05/21/00"


def test_compare_and_write_with_labels_compares_and_writes_them() -> None:
    sender = host()
    sender.send("2a000000001e00000100", payload(1))
    old, new = interleave(own(payload(1))), interleave(own(payload(1, 7)))
    stale = own(payload(1))
    stale.labels["reference"] += 1
    assert sender.refused(caw(1, 1), interleave(stale) + new) == "0E/1D/00"
    assert sender.refused(caw(1, 1), old + interleave(stale)) == "0B/10/03"
    assert sender.send("28200000001e00000100") == old
    sender.send(caw(1, 1), old + new)
    assert sender.send("28200000001e00000100") == new


def test_orwrite_sets_bits_and_clears_none() -> None:
    sender = host()
    sender.send("2a000000001e00000200", payload(2, 0xA0))
    sender.send("8b00000000000000001e000000020000", payload(2, 0x25))
    assert sender.held(LBA, 2).data.tobytes() == payload(2, 0xA5)
    assert sender.send("28200000001e00000200") == interleave(own(payload(2)))


def test_orwrite_judges_the_labels_that_come() -> None:
    sender = host()
    wrong = own(payload(1))
    wrong.labels["guard"] ^= 1
    assert sender.refused("8b20000000000000001e000000010000", interleave(wrong)) == "0B/10/01"
    assert not sender.held(LBA, 1).data.any()
