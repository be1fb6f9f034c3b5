"""MAINTENANCE IN: which commands and task management functions there are (SPC-4 6.35, 6.36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server.commands import Access, Row
from copyproof.array.server.sense_data import invalid_cdb
from copyproof.scsi.layout import number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

_ALL, _OPCODE, _ACTION, _EITHER = range(4)
_UNSUPPORTED, _STANDARD = 0x01, 0x03
_TIMEOUTS = bytes.fromhex("000a") + bytes(10)
"""A command timeouts descriptor that promises nothing (SPC-4 6.35.4)."""


def report_opcodes(server: DeviceServer, request: Request) -> bytes:
    """List all commands, or describe one; RCTD adds command timeouts descriptors."""
    options, timeouts = request.cdb[2] & 0x07, bool(request.cdb[2] & 0x80)
    if options > _EITHER:
        raise invalid_cdb(2, 2)
    answer = _list(server, request, timeouts) if options == _ALL else _one(server, request, options, timeouts)
    return answer[: number(request.cdb, 6, 4)]


def _list(server: DeviceServer, request: Request, timeouts: bool) -> bytes:
    rows = [row for row in server.commands.values() if server.formatted_for(row, request.volume)]
    described = b"".join(_entry(row, timeouts) for row in rows)
    return len(described).to_bytes(4, "big") + described


def _entry(row: Row, timeouts: bool) -> bytes:
    flags = 0x02 * timeouts | (row.action is not None)
    head = bytes([row.opcode, 0]) + (row.action or 0).to_bytes(2, "big") + bytes([0, flags])
    return head + row.length.to_bytes(2, "big") + (_TIMEOUTS if timeouts else b"")


def _one(server: DeviceServer, request: Request, options: int, timeouts: bool) -> bytes:
    row = _asked(server, request, options)
    if row is None or not server.formatted_for(row, request.volume):
        return bytes([0, _UNSUPPORTED, 0, 0])
    usage = row.identified(row.action or 0)
    head = bytes([0, 0x80 * timeouts | _STANDARD]) + len(usage).to_bytes(2, "big")
    return head + usage + (_TIMEOUTS if timeouts else b"")


def _asked(server: DeviceServer, request: Request, options: int) -> Row | None:
    """Return the row asked for. To ask by operation code alone for one that has service actions is an error, and so is
    the other way round."""
    opcode, action = request.cdb[3], number(request.cdb, 4, 2)
    plain = server.commands.get((opcode, None))
    branched = any(key[0] == opcode for key in server.commands) and plain is None
    if (options == _OPCODE and branched) or (options == _ACTION and plain):
        raise invalid_cdb(2, 2)
    if options == _EITHER and plain and action:
        return None
    return plain or server.commands.get((opcode, action))


def report_task_management(server: DeviceServer, request: Request) -> bytes:
    """ABORT TASK, ABORT TASK SET, LOGICAL UNIT RESET; with REPD four times as many bytes, and no time-outs."""
    extended = bool(request.cdb[2] & 0x80)
    answer = bytes([0xC8, 0, 0, 12 if extended else 0]) + (bytes(12) if extended else b"")
    return answer[: number(request.cdb, 6, 4)]


ROWS = (
    Row(
        "REPORT SUPPORTED OPERATION CODES",
        0xA3,
        0x0C,
        "a3 00 87 ff ff ff ff ff ff ff 00 00",
        report_opcodes,
        Access.READ,
    ),
    Row(
        "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
        0xA3,
        0x0D,
        "a3 00 80 00 00 00 ff ff ff ff 00 00",
        report_task_management,
        Access.READ,
    ),
)
