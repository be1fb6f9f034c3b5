"""The disk identity on an S-VOL: the MBR's disk signature and the GPT's disk GUID, exchanged when it is split.

The MBR's signature is four bytes at 1B8h of LBA 0, without a checksum; zero means that there is none, as in the
protective MBR of a GPT disk. The disk GUID is 16 bytes at 38h of both GPT headers, each covered by the CRC-32 at 10h
of its own (UEFI 2.10, 5.2.1, 5.2.3, 5.3.2). Nothing else is changed, and of what is no valid header nothing at all.

>>> class Listed(list[bytes]):
...     blocks = property(len)
...     read = list.__getitem__
...     write = list.__setitem__
>>> disk = Listed([bytes(0x1B8) + b"OLDS" + bytes(66) + bytes.fromhex("55aa"), bytes(512)])
>>> old = identity_on(disk)
>>> exchange(disk, old, fresh(old, volume=2, generation=1)), disk[0][0x1B8:0x1BC] == b"OLDS"
([0], False)
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count
from typing import Protocol
from zlib import crc32

MBR_SIGNATURE = slice(0x1B8, 0x1BC)
GPT_GUID = slice(0x38, 0x48)
_BOOT_MARK = slice(0x1FE, 0x200)
_GPT_SIZE = slice(0x0C, 0x10)
_GPT_CRC = slice(0x10, 0x14)
_GPT_OWN_LBA = slice(0x18, 0x20)
_GPT_OTHER_LBA = slice(0x20, 0x28)
_GPT_LEAST = 92


class Disk(Protocol):
    """A volume, block by block."""

    @property
    def blocks(self) -> int:
        """How many blocks it has."""

    def read(self, lba: int, /) -> bytes:
        """Return a block."""

    def write(self, lba: int, block: bytes, /) -> None:
        """Replace a block."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A disk's MBR signature (4 bytes) and GPT disk GUID (16 bytes) as they lie on it; empty where it has none."""

    signature: bytes = b""
    guid: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.signature or self.guid)


def identity_on(disk: Disk) -> Identity:
    """Return the identity that a disk has: the GUID by its primary GPT header, or else by the one in its last block."""
    first = disk.read(0)
    headers = [block for lba in (1, disk.blocks - 1) if _is_header(block := _block(disk, lba), lba)]
    return Identity(_signature(first), headers[0][GPT_GUID] if headers else b"")


def fresh(old: Identity, volume: int, generation: int) -> Identity:
    """Return another identity for what an S-VOL's `old` one has; the same arguments give the same."""
    seed = old.signature + old.guid + f"{volume} {generation}".encode()
    for attempt in count():
        salt = blake2b(seed, digest_size=20, salt=attempt.to_bytes(8, "little")).digest()
        signature, guid = salt[:4], uuid.UUID(bytes=salt[4:], version=4).bytes_le
        # Zero would stand for no signature.
        if any(signature) and signature != old.signature and guid != old.guid:
            break
    return Identity(signature if old.signature else b"", guid if old.guid else b"")


def exchange(disk: Disk, old: Identity, new: Identity) -> list[int]:
    """Put `new` wherever a disk carries `old`, header checksums included; return the LBAs of the blocks changed."""
    changed = []
    first = disk.read(0)
    if old.signature and _signature(first) == old.signature:
        disk.write(0, _patched(first, MBR_SIGNATURE, new.signature))
        changed.append(0)
    for lba in _header_lbas(disk) if old.guid else ():
        block = _block(disk, lba)
        if _is_header(block, lba) and block[GPT_GUID] == old.guid:
            disk.write(lba, _sealed(_patched(block, GPT_GUID, new.guid)))
            changed.append(lba)
    return changed


def _block(disk: Disk, lba: int) -> bytes:
    return disk.read(lba) if 0 < lba < disk.blocks else b""


def _header_lbas(disk: Disk) -> list[int]:
    """Where a GPT header may lie: in LBA 1, where that says that the other one is, and in the last block."""
    first = _block(disk, 1)
    told = [_number(first, _GPT_OTHER_LBA)] if _is_header(first, 1) else []
    return sorted({1, disk.blocks - 1, *told})


def _signature(block: bytes) -> bytes:
    """The signature of an MBR; empty where the block is none, or has none."""
    held = block[MBR_SIGNATURE]
    return held if block[_BOOT_MARK] == b"\x55\xaa" and any(held) else b""


def _is_header(block: bytes, lba: int) -> bool:
    """Whether a block is a GPT header that belongs at `lba` and whose checksum is right."""
    size = _number(block, _GPT_SIZE)
    if not (block.startswith(b"EFI PART") and _GPT_LEAST <= size <= len(block)):
        return False
    return _number(block, _GPT_OWN_LBA) == lba and _sealed(block) == block


def _sealed(header: bytes) -> bytes:
    """The header with the checksum that it should have: over its size, its own checksum taken as zero."""
    covered = _patched(header, _GPT_CRC, bytes(4))[: _number(header, _GPT_SIZE)]
    return _patched(header, _GPT_CRC, crc32(covered).to_bytes(4, "little"))


def _patched(block: bytes, where: slice, value: bytes) -> bytes:
    return block[: where.start] + value + block[where.stop :]


def _number(block: bytes, where: slice) -> int:
    return int.from_bytes(block[where], "little")
