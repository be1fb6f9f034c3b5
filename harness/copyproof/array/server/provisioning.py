"""Commands that fill or give up blocks: WRITE SAME, UNMAP, GET LBA STATUS (SBC-3 5.4, 5.28, 5.42, 5.43)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from copyproof.array.server import limits
from copyproof.array.server.block_io import exact_data_out, received, store
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.protection import repeated
from copyproof.array.server.sense_data import invalid_cdb, invalid_parameter, list_length_error, out_of_range
from copyproof.array.server.spans import Span, span_of
from copyproof.scsi.layout import number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

_UNMAP, _NO_DATA = 0x08, 0x01
_HEADER, _DESCRIPTOR = 8, 16


def write_same(server: DeviceServer, request: Request) -> bytes:
    """Write one block to all of the span; UNMAP gives the blocks up instead, where that reads the same."""
    span = _filled(server, request)
    unmap = bool(request.cdb[1] & _UNMAP)
    if request.cdb[0] == 0x93 and request.cdb[1] & _NO_DATA:
        exact_data_out(request, 0)
        (server.unit.unmap if unmap else server.unit.zero)(request.volume, span.lba, span.count)
        return b""
    raw = exact_data_out(request, span.wire_size)
    if unmap and not any(raw[: span.unit.block_size]):
        received(server, span.part(0, 1), raw)
        server.unit.unmap(request.volume, span.lba, span.count)
        return b""
    _fill(server, span, raw)
    return b""


def _filled(server: DeviceServer, request: Request) -> Span:
    """The span, with a limit of its own; a count of 0, all up to the end, is not offered (WSNZ, SBC-4 6.6.4)."""
    span = span_of(request.cdb, server.unit.volume(request.volume))
    if not 0 < span.count <= limits.write_same(span.unit):
        raise invalid_cdb(span.count_at)
    # What is FUA elsewhere is UNMAP here.
    return replace(span, forced=False)


def _fill(server: DeviceServer, span: Span, raw: bytes) -> None:
    """Write the block in pieces; its label goes with it from LBA to LBA."""
    one = received(server, span.part(0, 1), raw)
    size = limits.transfer(span.unit)
    for at in range(0, span.count, size):
        count = min(size, span.count - at)
        store(server, span.part(at, count), repeated(one, at, count))


def unmap(server: DeviceServer, request: Request) -> bytes:
    """Give up the blocks of every descriptor, or, where one of them is refused, of none."""
    length = number(request.cdb, 7, 2)
    if length == 0:
        return b""
    extents = list(_extents(request.data_out[:length], length))
    blocks = server.unit.volume(request.volume).blocks
    for lba, count in extents:
        if lba + count > blocks:
            raise out_of_range(lba)
    if sum(count for _, count in extents) > limits.UNMAP_BLOCKS:
        raise invalid_parameter(_HEADER + 8)
    for lba, count in extents:
        server.unit.unmap(request.volume, lba, count)
    return b""


def _extents(raw: bytes, length: int) -> Iterator[tuple[int, int]]:
    """LBA and count of each descriptor; one that is cut at the end does not count (SBC-3 5.28.2)."""
    if len(raw) < max(length, _HEADER):
        raise list_length_error()
    described = number(raw, 2, 2)
    if _HEADER + described > length:
        raise list_length_error()
    if described // _DESCRIPTOR > limits.UNMAP_DESCRIPTORS:
        raise invalid_parameter(2)
    for at in range(_HEADER, _HEADER + described // _DESCRIPTOR * _DESCRIPTOR, _DESCRIPTOR):
        yield number(raw, at, 8), number(raw, at + 8, 4)


def get_lba_status(server: DeviceServer, request: Request) -> bytes:
    """Runs of mapped and unmapped blocks from the starting LBA on, as many as are soon found (SBC-4 5.6)."""
    lba, blocks = number(request.cdb, 2, 8), server.unit.volume(request.volume).blocks
    if lba >= blocks:
        raise out_of_range(lba)
    runs = server.unit.mapped(request.volume, lba, min(limits.LBA_STATUS_BLOCKS, blocks - lba))
    described = b"".join(
        start.to_bytes(8, "big") + count.to_bytes(4, "big") + bytes([not held, 0, 0, 0]) for start, count, held in runs
    )
    answer = (4 + len(described)).to_bytes(4, "big") + bytes(4) + described
    return answer[: number(request.cdb, 10, 4)]


ROWS = (
    Row("WRITE SAME(10)", 0x41, None, "41 e8 ff ff ff ff 1f ff ff 00", write_same, Access.WRITE),
    Row("WRITE SAME(16)", 0x93, None, "93 e9 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", write_same, Access.WRITE),
    Row("UNMAP", 0x42, None, "42 00 00 00 00 00 1f ff ff 00", unmap, Access.WRITE),
    Row(
        "GET LBA STATUS",
        0x9E,
        0x12,
        "9e 00 ff ff ff ff ff ff ff ff ff ff ff ff 00 00",
        get_lba_status,
        Access.READ,
    ),
)
