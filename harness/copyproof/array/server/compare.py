"""Commands that compare or combine what came with what is there: VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE
(SBC-3 5.3, 5.9, 5.29 to 5.32, 5.38 to 5.41)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from copyproof.array.core.blocks import Blocks, joined
from copyproof.array.core.errors import LabelKind
from copyproof.array.server import limits
from copyproof.array.server.block_io import checked_blocks, data_out, received, store
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.faults import label_check_failed
from copyproof.array.server.protection import CHECKS, Checks, check_labels, deinterleave, interleave, repeated
from copyproof.array.server.sense_data import CheckCondition, invalid_cdb
from copyproof.array.server.spans import Span, span_of, transfer_of
from copyproof.scsi.layout import Field
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

_NOTHING, _EACH, _RESERVED, _ONE = range(4)
"""BYTCHK: compare nothing, each block with its own, or all blocks with the one that came."""
_GUARD_ASIDE = 2
"""The protect code 010b."""


def verify(server: DeviceServer, request: Request) -> bytes:
    """Read the blocks from the medium and check their labels; compare them as BYTCHK says."""
    mode = request.cdb[1] >> 1 & 3
    if mode == _RESERVED:
        raise invalid_cdb(1, 2)
    unit = server.unit.volume(request.volume)
    span = transfer_of(request.cdb, unit) if mode else span_of(request.cdb, unit)
    raw = data_out(request, {_NOTHING: 0, _EACH: span.count, _ONE: min(span.count, 1)}[mode] * span.wire_size)
    for piece in _pieces(span):
        if mode:
            came = _came(server, piece, raw)
            _compare(server, piece, repeated(came, 0, span.count) if mode == _ONE else came)
        else:
            checked_blocks(server, piece)
    return b""


def _compare(server: DeviceServer, span: Span, came: Blocks) -> None:
    """Compare the blocks with what came. With labels on the wire, those that came are checked, and those of the medium
    are compared with them and not checked (SBC-3 5.29, the tables of VRPROTECT with BYTCHK 01b and 11b)."""
    if not span.protect:
        _refuse_difference(span, checked_blocks(server, span), came, Checks.NONE)
        return
    check_labels(came, span, CHECKS[span.protect] & ~Checks.APPLICATION)
    held = server.unit.read_raw(span.unit.number, span.lba, span.count)
    _refuse_difference(span, held, came, Checks.NONE)
    _refuse_other_labels(span, held, came)


def _refuse_other_labels(span: Span, held: Blocks, came: Blocks) -> None:
    """Raise 0E/10/01 or 03 for the first block whose guard, unless the code is 010b, or reference tag is another."""
    compared = (LabelKind.REFERENCE,) if span.protect == _GUARD_ASIDE else (LabelKind.GUARD, LabelKind.REFERENCE)
    for kind in compared:
        other = np.flatnonzero(held.labels[kind.value] != came.labels[kind.value])
        if other.size:
            raise label_check_failed(kind, span.lba + int(other[0]), SenseKey.MISCOMPARE)


def _pieces(span: Span) -> list[Span]:
    """Cut what may be a whole volume into what is read at once."""
    size = limits.transfer(span.unit)
    return [span.part(at, min(size, span.count - at)) for at in range(0, span.count, size)]


def _came(server: DeviceServer, span: Span, raw: bytes) -> Blocks:
    """Return what to compare with, as it came."""
    if span.protect:
        return deinterleave(raw, span.unit.block_size)
    return server.unit.labelled(span.unit.number, span.lba, raw)


def _refuse_difference(span: Span, held: Blocks, came: Blocks, fields: Checks) -> None:
    """Raise 0E/1D/00 with the offset of the first byte of the Data-Out Buffer that differs as INFORMATION; of labels
    only `fields` are compared, and never the array's own application tag."""
    if not span.protect:
        _refuse_bytes(held.data.tobytes(), came.data.tobytes())
        return
    labels = came.labels.copy()
    for name, check in (("guard", Checks.GUARD), ("reference", Checks.REFERENCE)):
        if check in fields:
            labels[name] = held.labels[name]
    _refuse_bytes(interleave(joined(held.data, labels)), interleave(came))


def _refuse_bytes(held: bytes, came: bytes) -> None:
    if held != came:
        differing = np.frombuffer(held, np.uint8) != np.frombuffer(came, np.uint8)
        raise CheckCondition(SenseKey.MISCOMPARE, 0x1D, 0x00, information=int(differing.argmax()))


def write_and_verify(server: DeviceServer, request: Request) -> bytes:
    """WRITE, destage, read again; the bytes are compared whatever BYTCHK says, since they are at hand."""
    if request.cdb[1] & 0x04:
        raise invalid_cdb(1, 2)
    span = transfer_of(request.cdb, server.unit.volume(request.volume))
    blocks = received(server, span, data_out(request, span.count * span.wire_size))
    store(server, span, blocks)
    server.unit.flush(request.volume, span.lba, span.count)
    _refuse_bytes(checked_blocks(server, span).data.tobytes(), blocks.data.tobytes())
    return b""


def compare_and_write(server: DeviceServer, request: Request) -> bytes:
    """Compare the blocks with the first half of the Data-Out Buffer, and write the second half where all are equal."""
    span = _compared(request, server)
    half = span.count * span.wire_size
    if len(request.data_out) != 2 * half:
        # The count is one byte: a host that means 256 blocks says 0, and is to be shown where it went wrong.
        raise invalid_cdb(span.count_at)
    raw = request.data_out
    if span.count:
        blocks = received(server, span, raw[half:])
        _refuse_difference(span, checked_blocks(server, span), _came(server, span, raw[:half]), CHECKS[span.protect])
        store(server, span, blocks)
    return b""


def _compared(request: Request, server: DeviceServer) -> Span:
    """The count of blocks is where no other command has it (SBC-3 5.3)."""
    return span_of(request.cdb, server.unit.volume(request.volume), blocks=Field("blocks", 13))


def or_write(server: DeviceServer, request: Request) -> bytes:
    """Set in the blocks the bits that are set in the Data-Out Buffer; their labels are made anew (SBC-3 5.9)."""
    span = transfer_of(request.cdb, server.unit.volume(request.volume))
    came = received(server, span, data_out(request, span.count * span.wire_size))
    held = checked_blocks(server, span)
    store(server, span, server.unit.labelled(request.volume, span.lba, held.data | came.data))
    return b""


ROWS = (
    Row("VERIFY(10)", 0x2F, None, "2f f6 ff ff ff ff 1f ff ff 00", verify, Access.READ),
    Row("VERIFY(12)", 0xAF, None, "af f6 ff ff ff ff ff ff ff ff 1f 00", verify, Access.READ),
    Row("VERIFY(16)", 0x8F, None, "8f f6 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", verify, Access.READ),
    Row("WRITE AND VERIFY(10)", 0x2E, None, "2e f6 ff ff ff ff 1f ff ff 00", write_and_verify, Access.WRITE),
    Row("WRITE AND VERIFY(12)", 0xAE, None, "ae f6 ff ff ff ff ff ff ff ff 1f 00", write_and_verify, Access.WRITE),
    Row(
        "WRITE AND VERIFY(16)",
        0x8E,
        None,
        "8e f6 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00",
        write_and_verify,
        Access.WRITE,
    ),
    Row(
        "COMPARE AND WRITE",
        0x89,
        None,
        "89 f8 ff ff ff ff ff ff ff ff 00 00 00 ff 1f 00",
        compare_and_write,
        Access.WRITE,
    ),
    Row("ORWRITE(16)", 0x8B, None, "8b f8 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00", or_write, Access.WRITE),
)
