"""The medium and its cache: READ CAPACITY, SYNCHRONIZE CACHE, PRE-FETCH, READ DEFECT DATA (SBC-3 5.7 to 5.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server.commands import Access, Row
from copyproof.array.server.spans import span_of, to_end
from copyproof.scsi.layout import number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer


def read_capacity_10(server: DeviceServer, request: Request) -> bytes:
    """The last LBA, FFFFFFFFh where it does not fit, and the block size without label."""
    unit = server.unit.volume(request.volume)
    return min(unit.blocks - 1, 0xFFFFFFFF).to_bytes(4, "big") + unit.block_size.to_bytes(4, "big")


def read_capacity_16(server: DeviceServer, request: Request) -> bytes:
    """The last LBA, the block size, the protection type, and that unmapped blocks read zeros."""
    unit = server.unit.volume(request.volume)
    raw = bytearray(32)
    raw[0:8] = (unit.blocks - 1).to_bytes(8, "big")
    raw[8:12] = unit.block_size.to_bytes(4, "big")
    if unit.protection:
        raw[12] = unit.protection - 1 << 1 | 1
    raw[14] = 0xC0
    return bytes(raw[: number(request.cdb, 10, 4)])


def synchronize_cache(server: DeviceServer, request: Request) -> bytes:
    """Destage the blocks; IMMED changes nothing, since the answer may come as late as the work ends."""
    span = span_of(request.cdb, server.unit.volume(request.volume))
    server.unit.flush(request.volume, span.lba, to_end(span))
    return b""


def pre_fetch(server: DeviceServer, request: Request) -> bytes:
    """GOOD: nothing is promised that the cache could not hold to. CONDITION MET would promise all of the blocks."""
    span_of(request.cdb, server.unit.volume(request.volume))
    return b""


def read_defects_10(server: DeviceServer, request: Request) -> bytes:
    """No block is defective: an empty list, of the lists and in the format asked for."""
    return bytes([0, request.cdb[2] & 0x1F, 0, 0])[: number(request.cdb, 7, 2)]


def read_defects_12(server: DeviceServer, request: Request) -> bytes:
    """As with ten bytes, with the longer header."""
    return bytes([0, request.cdb[1] & 0x1F, 0, 0, 0, 0, 0, 0])[: number(request.cdb, 6, 4)]


ROWS = (
    Row("READ CAPACITY(10)", 0x25, None, "25 00 00 00 00 00 00 00 00 00", read_capacity_10, Access.ALWAYS),
    Row(
        "READ CAPACITY(16)",
        0x9E,
        0x10,
        "9e 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00",
        read_capacity_16,
        Access.ALWAYS,
    ),
    Row("SYNCHRONIZE CACHE(10)", 0x35, None, "35 02 ff ff ff ff 1f ff ff 00", synchronize_cache, Access.HOLDER),
    Row(
        "SYNCHRONIZE CACHE(16)",
        0x91,
        None,
        "91 02 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00",
        synchronize_cache,
        Access.HOLDER,
    ),
    Row("PRE-FETCH(10)", 0x34, None, "34 02 ff ff ff ff 1f ff ff 00", pre_fetch, Access.READ),
    Row("PRE-FETCH(16)", 0x90, None, "90 02 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", pre_fetch, Access.READ),
    Row("READ DEFECT DATA(10)", 0x37, None, "37 00 1f 00 00 00 00 ff ff 00", read_defects_10, Access.READ),
    Row("READ DEFECT DATA(12)", 0xB7, None, "b7 1f ff ff ff ff ff ff ff ff 00 00", read_defects_12, Access.READ),
)
