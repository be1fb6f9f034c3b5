"""READ and WRITE of every length, with or without labels on the wire (SBC-3 5.10 to 5.14, 5.33 to 5.37, 5.40)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.mode import Modes
from copyproof.array.server.protection import CHECKS, Checks, check_labels, deinterleave, interleave, looked_at
from copyproof.array.server.request import VARIABLE_LENGTH
from copyproof.array.server.sense_data import CheckCondition
from copyproof.array.server.spans import Span, transfer_of
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

UNVERIFIED = 3
"""The protect code 011b: labels are transferred and not looked at."""


def read(server: DeviceServer, request: Request) -> bytes:
    """READ: the blocks, each followed by its label where RDPROTECT is not zero."""
    span = transfer_of(request.cdb, server.unit.volume(request.volume))
    if span.forced:
        server.unit.flush(request.volume, span.lba, span.count)
    if span.protect:
        return interleave(checked_blocks(server, span))
    if span.unit.protection == 2:
        return checked_blocks(server, span).data.tobytes()
    return server.unit.read_payload(span.unit.number, span.lba, span.count)


def checked_blocks(server: DeviceServer, span: Span) -> Blocks:
    """Return the blocks of a span, their labels checked as its protect code asks."""
    checks = CHECKS[span.protect]
    if checks is not Checks.ALL:
        blocks = server.unit.read_raw(span.unit.number, span.lba, span.count)
        check_labels(blocks, span, checks)
        return blocks
    blocks = server.unit.read(span.unit.number, span.lba, span.count)
    if span.unit.protection == 2:
        # Only the command knows which reference tags it expects.
        check_labels(blocks, span, Checks.REFERENCE)
    return blocks


def write(server: DeviceServer, request: Request) -> bytes:
    """WRITE: with WRPROTECT the labels that came, checked first; without, the array's own."""
    span = transfer_of(request.cdb, server.unit.volume(request.volume))
    store(server, span, received(server, span, data_out(request, span.count * span.wire_size)))
    return b""


def data_out(request: Request, length: int) -> bytes:
    """Return the first bytes of the Data-Out Buffer; 05/0E/03 INVALID FIELD IN COMMAND INFORMATION UNIT where the
    initiator sends fewer than its own CDB says (SPC-4 annex E; FCP-4 9.4.2 for a transport that knows)."""
    if len(request.data_out) < length:
        raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x0E, 0x03)
    return request.data_out[:length]


def exact_data_out(request: Request, length: int) -> bytes:
    """As `data_out`, for commands that would do harm with a buffer meant for another length."""
    if len(request.data_out) != length:
        raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x0E, 0x03)
    return request.data_out


def received(server: DeviceServer, span: Span, raw: bytes) -> Blocks:
    """Return the blocks of a Data-Out Buffer, whose labels hold what the span's protect code has checked."""
    if not span.protect:
        return _own_labels(server, span, raw)
    blocks = deinterleave(raw, span.unit.block_size)
    # The array owns the application tag (ATO 0): what a host puts there is neither judged nor kept.
    check_labels(blocks, span, CHECKS[span.protect] & ~Checks.APPLICATION)
    if span.protect != UNVERIFIED:
        blocks.labels["application"][looked_at(blocks, span)] = span.unit.number
    return blocks


def _own_labels(server: DeviceServer, span: Span, raw: bytes) -> Blocks:
    blocks = server.unit.labelled(span.unit.number, span.lba, raw)
    if span.unit.protection == 2 and span.reference is not None:
        count = np.arange(len(blocks), dtype=np.uint64)
        blocks.labels["reference"] = (count + np.uint64(span.reference)).astype(np.uint32)
    return blocks


def store(server: DeviceServer, span: Span, blocks: Blocks) -> None:
    """Write blocks to the span's LBA, and to the medium where FUA asks for it or the write cache is off."""
    server.unit.write(span.unit.number, span.lba, blocks)
    if span.forced or not server.part(Modes).write_back(span.unit.number):
        server.unit.flush(span.unit.number, span.lba, len(blocks))


# A group number is taken and collects nothing (SBC-3 4.23).
_LONG = "7f 00 00 00 00 00 1f ff 00 00 f8 00 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"

ROWS = (
    Row("READ(6)", 0x08, None, "08 1f ff ff ff 00", read, Access.READ),
    Row("READ(10)", 0x28, None, "28 f8 ff ff ff ff 1f ff ff 00", read, Access.READ),
    Row("READ(12)", 0xA8, None, "a8 f8 ff ff ff ff ff ff ff ff 1f 00", read, Access.READ),
    Row("READ(16)", 0x88, None, "88 f8 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", read, Access.READ),
    Row("READ(32)", VARIABLE_LENGTH, 0x09, _LONG, read, Access.READ, format_type=2),
    Row("WRITE(6)", 0x0A, None, "0a 1f ff ff ff 00", write, Access.WRITE),
    Row("WRITE(10)", 0x2A, None, "2a f8 ff ff ff ff 1f ff ff 00", write, Access.WRITE),
    Row("WRITE(12)", 0xAA, None, "aa f8 ff ff ff ff ff ff ff ff 1f 00", write, Access.WRITE),
    Row("WRITE(16)", 0x8A, None, "8a f8 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", write, Access.WRITE),
    Row("WRITE(32)", VARIABLE_LENGTH, 0x0B, _LONG, write, Access.WRITE, format_type=2),
)
