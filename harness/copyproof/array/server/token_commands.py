"""POPULATE TOKEN, WRITE USING TOKEN and REPORT ALL ROD TOKENS (SBC-4 5.12 and 5.59, SPC-4 6.31)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from copyproof.array.defects import Defect
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.copy_admission import admit
from copyproof.array.server.copy_manager import CopyManager, parameter_list
from copyproof.array.server.copy_operations import Operation
from copyproof.array.server.sense_data import invalid_parameter
from copyproof.array.server.token_lists import PopulateOrder, WriteOrder, check_ranges, read_populate, read_write
from copyproof.array.server.tokens import Token, Tokens, Trouble, zeros
from copyproof.blocks.arrays import U8
from copyproof.scsi.cdb import CopyOut, Opcode
from copyproof.scsi.layout import number
from copyproof.scsi.token import CDB, POPULATE, TOKEN, TOKEN_LENGTH_FIELD, WRITE_USING, Range, RodType

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer


def populate(server: DeviceServer, request: Request) -> bytes:
    """POPULATE TOKEN; an empty list is no error."""
    raw = parameter_list(request)
    if not raw:
        return b""
    limits = server.settings.copy
    order = read_populate(raw, limits)
    check_ranges(order.ranges, server.unit.volume(request.volume), POPULATE, limits)
    operation = _operation(request, CopyOut.POPULATE_TOKEN)
    operation.steps = _populating(server, operation, order)
    server.part(CopyManager).begin(operation, background=order.immediate)
    return b""


def write_using(server: DeviceServer, request: Request) -> bytes:
    """WRITE USING TOKEN; an empty list is no error."""
    raw = parameter_list(request)
    if not raw:
        return b""
    limits = server.settings.copy
    order = read_write(raw, limits)
    check_ranges(order.ranges, server.unit.volume(request.volume), WRITE_USING, limits)
    token = _token(server, order)
    operation = _operation(request, CopyOut.WRITE_USING_TOKEN)
    operation.steps = _writing(server, operation, order, token)
    server.part(CopyManager).begin(operation, background=order.immediate)
    return b""


def report_tokens(server: DeviceServer, request: Request) -> bytes:
    """REPORT ALL ROD TOKENS: a ROD management token for each that is valid."""
    listed = server.part(Tokens).management()
    answer = (4 + len(listed)).to_bytes(4, "big") + bytes(4) + listed
    return answer[: number(request.cdb, 10, 4)]


def _operation(request: Request, action: CopyOut) -> Operation:
    return Operation((request.initiator, request.volume, CDB["list_identifier"].get(request.cdb)), action)


def _token(server: DeviceServer, order: WriteOrder) -> Token | None:
    """Find the token, None for the zero token; raises CheckCondition where it is none, or ends before the offset."""
    values = TOKEN.decode(order.token)
    if values["rod_type"] == RodType.BLOCK_DEVICE_ZERO and values["length"] == TOKEN_LENGTH_FIELD:
        return None
    token = server.part(Tokens).find(order.token)
    if order.offset >= len(token.data):
        raise invalid_parameter(WRITE_USING["offset"].offset)
    return token


def _populating(server: DeviceServer, operation: Operation, order: PopulateOrder) -> Iterator[None]:
    """Read all at once: what is written between two pieces must not get in."""
    initiator, volume, _ = operation.name
    admit(server, initiator, volume, Access.READ)
    parts = [server.unit.read(volume, item.lba, item.blocks).data for item in order.ranges if item.blocks]
    data = np.concatenate([zeros(0, server.settings.block_size), *parts])
    operation.wrote(len(data), commands=len(parts))
    raw = server.part(Tokens).make(volume, order.ranges, data, order.rod_type, order.timeout)
    operation.tokens.append(raw)
    yield


def _writing(server: DeviceServer, operation: Operation, order: WriteOrder, token: Token | None) -> Iterator[None]:
    """Write as many blocks as the token has from the offset on, range after range, a piece at a time."""
    initiator, volume, _ = operation.name
    asked = sum(item.blocks for item in order.ranges)
    data = None if token is None else _contents(server, token)[order.offset : order.offset + asked]
    for piece, start in _pieces(order.ranges, asked if data is None else len(data), server.settings.copy.chunk_blocks):
        admit(server, initiator, volume, Access.WRITE)
        if data is None:
            server.unit.zero(volume, piece.lba, piece.blocks)
        else:
            taken = data[start : start + piece.blocks]
            server.unit.write(volume, piece.lba, server.unit.labelled(volume, piece.lba, taken))
        operation.wrote(piece.blocks, commands=1)
        yield
    operation.partial = operation.written < asked
    _done_with(server, order, token)


def _pieces(ranges: tuple[Range, ...], available: int, size: int) -> Iterator[tuple[Range, int]]:
    """Cut ranges into pieces of at most `size` blocks, each with its offset in the data, as far as that goes."""
    start = 0
    for item in ranges:
        for at in range(0, item.blocks, size):
            blocks = min(size, item.blocks - at, available - start)
            if blocks <= 0:
                return
            yield Range(item.lba + at, blocks), start
            start += blocks


def _contents(server: DeviceServer, token: Token) -> U8:
    if Defect.TOKEN_STALE not in server.settings.defects:
        return token.data
    return np.concatenate([server.unit.read(token.volume, item.lba, item.blocks).data for item in token.ranges])


def _done_with(server: DeviceServer, order: WriteOrder, token: Token | None) -> None:
    if token is not None and order.delete:
        token.end(Trouble.DELETED)
    elif token is not None:
        server.part(Tokens).used(token)


_OUT = Opcode.THIRD_PARTY_COPY_OUT
_USAGE = "83 00 00 00 00 00 ff ff ff ff ff ff ff ff 1f 00"

ROWS = (
    Row("POPULATE TOKEN", _OUT, CopyOut.POPULATE_TOKEN, _USAGE, populate, Access.READ),
    Row("WRITE USING TOKEN", _OUT, CopyOut.WRITE_USING_TOKEN, _USAGE, write_using, Access.WRITE),
    Row(
        "REPORT ALL ROD TOKENS",
        Opcode.THIRD_PARTY_COPY_IN,
        0x08,
        "84 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00",
        report_tokens,
        Access.HOLDER,
    ),
)
