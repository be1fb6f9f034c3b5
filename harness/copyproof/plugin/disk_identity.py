"""The identity of a disk, as a host that boots or imports it would read it: made, and looked for on a copy.

An MBR's disk signature is 4 bytes at 1B8h of LBA 0, behind which 55h AAh at 1FEh make it one; a GPT's disk GUID is 16
bytes at 38h of both its headers, in LBA 1 and the last block, each of which has a CRC-32 of itself at 10h (UEFI 2.10,
5.2.1, 5.3.2).

>>> before = blank_disk(64, 512, b"SIGN", bytes(range(1, 17)))
>>> breach(before, before, resigned=False), breach(before, before, resigned=True)
('', 'the MBR signature of the copy is that of its source')
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from zlib import crc32

SIGNATURE, GUID, CHECKSUM = slice(0x1B8, 0x1BC), slice(0x38, 0x48), slice(0x10, 0x14)
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_REVISION, _ENTRIES, _ENTRY = 0x00010000, 128, 128
_BOOT = b"\x55\xaa"

Disk = Mapping[int, bytes]
"""Blocks by LBA."""


def blank_disk(blocks: int, block_size: int, signature: bytes, guid: bytes) -> dict[int, bytes]:
    """Return the blocks that give a disk of `blocks` blocks an identity: an MBR and both GPT headers."""
    first = bytearray(block_size)
    first[SIGNATURE], first[0x1FE:0x200] = signature, _BOOT
    last = blocks - 1
    return {
        0: bytes(first),
        1: _header(1, last, 2, blocks, block_size, guid),
        last: _header(last, 1, last - _table(block_size), blocks, block_size, guid),
    }


def breach(source: Disk, copy: Disk, *, resigned: bool) -> str:
    """Say where the identity on a copy is not what it must be; empty where it is.

    Where the S-VOL is resigned, signature and GUID are others than the source's, the GUID is the same in both headers,
    their checksums are right, and all other bytes are the source's. Where it is not, all bytes are.
    """
    return next(filter(None, _resigned(source, copy) if resigned else _alike(source, copy)), "")


def _alike(source: Disk, copy: Disk) -> Iterator[str]:
    for lba in source:
        if copy[lba] != source[lba]:
            at = next(at for at, (one, other) in enumerate(zip(source[lba], copy[lba], strict=True)) if one != other)
            yield f"LBA {lba} of the copy differs from its source in byte {at:#x}"


def _resigned(source: Disk, copy: Disk) -> Iterator[str]:
    first, *headers = sorted(source)
    if copy[first][SIGNATURE] == source[first][SIGNATURE]:
        yield "the MBR signature of the copy is that of its source"
    if not any(copy[first][SIGNATURE]):
        yield "the copy has no MBR signature"
    for lba in headers:
        if copy[lba][GUID] == source[lba][GUID]:
            yield f"the GPT header in LBA {lba} of the copy has the disk GUID of its source"
        if copy[lba][CHECKSUM] != checksum(copy[lba]):
            yield f"the checksum of the GPT header in LBA {lba} of the copy is wrong"
    if len({copy[lba][GUID] for lba in headers}) != 1:
        yield "the GPT headers of the copy have different disk GUIDs"
    if not any(copy[headers[0]][GUID]):
        yield "the GPT headers of the copy have no disk GUID"
    expected = {lba: bytearray(block) for lba, block in source.items()}
    expected[first][SIGNATURE] = copy[first][SIGNATURE]
    for lba in headers:
        expected[lba][GUID], expected[lba][CHECKSUM] = copy[lba][GUID], copy[lba][CHECKSUM]
    yield from _alike({lba: bytes(block) for lba, block in expected.items()}, copy)


def checksum(header: bytes) -> bytes:
    """Return the checksum that a GPT header must have: over its own size, the field itself taken as zero."""
    size = int.from_bytes(header[0x0C:0x10], "little")
    whole = bytearray(header[:size])
    whole[CHECKSUM] = bytes(4)
    return crc32(whole).to_bytes(4, "little")


def _table(block_size: int) -> int:
    """How many blocks the partition entries take."""
    return _ENTRIES * _ENTRY // block_size


def _header(lba: int, other: int, table: int, blocks: int, block_size: int, guid: bytes) -> bytes:
    usable = 2 + _table(block_size), blocks - 2 - _table(block_size)
    entries = crc32(bytes(_ENTRIES * _ENTRY))
    fields = (b"EFI PART", _REVISION, _HEADER.size, 0, 0, lba, other, *usable, guid, table, _ENTRIES, _ENTRY, entries)
    header = bytearray(_HEADER.pack(*fields).ljust(block_size, b"\0"))
    header[CHECKSUM] = checksum(bytes(header))
    return bytes(header)
