"""The identity of a disk on a copy: each byte that must change, and each that must not, is looked at."""

from __future__ import annotations

import pytest

from copyproof.array.core.pair_identity import exchange, fresh, identity_on
from copyproof.plugin.disk_identity import CHECKSUM, GUID, SIGNATURE, Disk, blank_disk, breach, checksum

BLOCKS, LAST = 128, 127
SOURCE = blank_disk(BLOCKS, 512, b"SIGN", bytes(range(1, 17)))


class Listed:
    """A disk that holds zeros but for some blocks."""

    blocks = BLOCKS

    def __init__(self, held: Disk) -> None:
        self.held = dict(held)

    def read(self, lba: int, /) -> bytes:
        return self.held.get(lba, bytes(512))

    def write(self, lba: int, block: bytes, /) -> None:
        self.held[lba] = block


def resigned() -> dict[int, bytes]:
    """What the array itself makes of the disk."""
    disk = Listed(SOURCE)
    old = identity_on(disk)
    assert sorted(exchange(disk, old, fresh(old, 2, 1))) == [0, 1, LAST]
    return {lba: disk.read(lba) for lba in SOURCE}


def changed(lba: int, part: slice, value: bytes, *, sealed: bool = False) -> dict[int, bytes]:
    """A resigned copy with one field changed, its header's checksum made right again if so."""
    copy = resigned()
    block = bytearray(copy[lba])
    block[part] = value
    if sealed:
        block[CHECKSUM] = checksum(bytes(block))
    return copy | {lba: bytes(block)}


def without_guid() -> dict[int, bytes]:
    """A resigned copy whose headers agree on no GUID at all."""
    return changed(1, GUID, bytes(16), sealed=True) | {LAST: changed(LAST, GUID, bytes(16), sealed=True)[LAST]}


def test_the_disk_that_is_made_is_one_for_the_array_too() -> None:
    identity = identity_on(Listed(SOURCE))
    assert (identity.signature, identity.guid) == (b"SIGN", bytes(range(1, 17)))


def test_a_copy_with_an_identity_of_its_own_is_right_where_that_is_declared_and_only_there() -> None:
    assert breach(SOURCE, resigned(), resigned=True) == ""
    assert breach(SOURCE, resigned(), resigned=False).startswith(
        "LBA 0 of the copy differs from its source in byte 0x1b8"
    )
    assert breach(SOURCE, SOURCE, resigned=False) == ""


@pytest.mark.parametrize(
    ("copy", "said"),
    [
        (changed(0, SIGNATURE, b"SIGN"), "the MBR signature of the copy is that of its source"),
        (changed(0, SIGNATURE, bytes(4)), "the copy has no MBR signature"),
        (changed(0, slice(0, 1), b"x"), "LBA 0 of the copy differs from its source in byte 0x0"),
        (changed(1, GUID, SOURCE[1][GUID], sealed=True), "the GPT header in LBA 1 of the copy has the disk GUID"),
        (without_guid(), "the GPT headers of the copy have no disk GUID"),
        (changed(LAST, GUID, bytes(16), sealed=True), "the GPT headers of the copy have different disk GUIDs"),
        (changed(LAST, CHECKSUM, bytes(4)), f"the checksum of the GPT header in LBA {LAST} of the copy is wrong"),
        (changed(1, slice(0x48, 0x49), b"\xff", sealed=True), "LBA 1 of the copy differs from its source in byte 0x48"),
    ],
)
def test_every_field_is_looked_at(copy: Disk, said: str) -> None:
    assert breach(SOURCE, copy, resigned=True).startswith(said)
