"""What RECEIVE COPY RESULTS tells of a copy operation, once or for as long as it is kept (SPC-4 6.20 to 6.26).

>>> status_lid1(Operation(("host", 1, 7), 0)).hex()
'00000008000000f100000000'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.defects import Defect
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.copy_manager import CopyManager
from copyproof.array.server.copy_operations import Kept, Operation, Phase
from copyproof.array.server.copy_page import operating_parameters
from copyproof.array.server.sense_data import invalid_cdb
from copyproof.scsi.answers import CopyState
from copyproof.scsi.cdb import CopyOut, Opcode
from copyproof.scsi.layout import Field, Layout, number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

DESTINATION_BLOCKS = 0xF1
"""TRANSFER COUNT UNITS: blocks of the copy destination (SPC-4 table 251)."""

UPDATE_DELAY = 1000
"""How many milliseconds to wait before asking again; an operation that ended says FFFFFFFEh (SPC-4 6.24)."""

_LID1 = Layout(
    "copy status LID1",
    12,
    Field("available", 0, 4),
    Field("discarded", 4, mask=0x80),
    Field("state", 4, mask=0x7F),
    Field("segments", 5, 2),
    Field("units", 7),
    Field("count", 8, 4),
)

_LID4 = Layout(
    "copy status LID4",
    32,
    Field("available", 0, 4),
    Field("action", 4, mask=0x1F),
    Field("discarded", 5, mask=0x80),
    Field("phase", 5, mask=0x7F),
    Field("commands", 6, 2),
    Field("delay", 8, 4),
    Field("status", 12),
    Field("sense_room", 13),
    Field("sense_length", 14),
    Field("units", 15),
    Field("count", 16, 8),
    Field("segments", 24, 2),
)

_DETAILS = Layout("failed segment details", 60, Field("available", 0, 4), Field("status", 56), Field("sense", 58, 2))


def status_lid1(operation: Operation) -> bytes:
    """Return the parameter data of 84h/00h."""
    state = CopyState.FAILED
    if operation.in_progress or operation.succeeded:
        state = CopyState.IN_PROGRESS if operation.in_progress else CopyState.DONE
    return _LID1.encode(
        {
            "available": _LID1.size - 4,
            "discarded": int(operation.held_discarded),
            "state": state,
            "segments": operation.segments,
            "units": DESTINATION_BLOCKS,
            "count": min(operation.written, 0xFFFFFFFF),
        }
    )


def status_lid4(operation: Operation, tail: bytes = b"", *, discarded: bool = False) -> bytes:
    """Return the parameter data of 84h/05h, and of 06h and 07h with what these have behind it."""
    padded = operation.sense + bytes(-len(operation.sense) % 4)
    head = _LID4.encode(
        {
            "available": _LID4.size - 4 + len(padded) + len(tail),
            "action": operation.action,
            "discarded": int(discarded),
            "phase": operation.phase,
            "commands": operation.commands & 0xFFFF,
            "delay": UPDATE_DELAY if operation.in_progress else 0xFFFFFFFE,
            "status": operation.status,
            "sense_room": len(padded),
            "sense_length": len(operation.sense),
            "units": DESTINATION_BLOCKS,
            "count": operation.written,
            "segments": operation.segments,
        }
    )
    return head + padded + tail


def details(operation: Operation) -> bytes:
    """Return the parameter data of 84h/04h; four zeros where no segment failed."""
    if operation.phase is not Phase.FAILED or Kept.DETAILS not in operation.kept:
        return bytes(4)
    available = _DETAILS.size - 4 + len(operation.sense)
    fields = {"available": available, "status": operation.status, "sense": len(operation.sense)}
    return _DETAILS.encode(fields) + operation.sense


def _find(server: DeviceServer, request: Request, width: int) -> Operation:
    """Find the operation of a list identifier in byte 2, or in bytes 2 to 5; raises 05/24/00."""
    name = (request.initiator, request.volume, number(request.cdb, 2, width))
    found = server.part(CopyManager).operations.find(name)
    if found is None:
        raise invalid_cdb(2)
    return found


def _ended(server: DeviceServer, request: Request) -> Operation:
    """Find an operation by its 8-bit identifier that is not in progress any more; raises 05/24/00."""
    found = _find(server, request, 1)
    if found.in_progress:
        raise invalid_cdb(2)
    return found


def _allocated(request: Request) -> int:
    return number(request.cdb, 10, 4)


def _once(server: DeviceServer, request: Request, operation: Operation, data: bytes, *kept: Kept) -> bytes:
    """Answer, and discard when all was transferred, or none was asked for (SPC-4 6.23, 6.26, 5.17.4.5)."""
    length = _allocated(request)
    if not operation.in_progress and (not length or length >= len(data)):
        server.part(CopyManager).operations.discard(operation, *kept)
    return data[:length]


def receive_status_lid1(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY STATUS(LID1) (SPC-4 6.25): told once, however much of it was asked for."""
    operation = _find(server, request, 1)
    data = status_lid1(operation)[: _allocated(request)]
    if not operation.in_progress:
        if Kept.STATUS_LID1 not in operation.kept:
            raise invalid_cdb(2)
        if Defect.COPY_STATUS_STAYS not in server.settings.defects:
            server.part(CopyManager).operations.discard(operation, Kept.STATUS_LID1)
    return data


def receive_data_lid1(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY DATA(LID1) (SPC-4 6.21)."""
    operation = _ended(server, request)
    held = _held(operation)
    return _once(server, request, operation, len(held).to_bytes(4, "big") + held, Kept.DATA)


def receive_parameters(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.22)."""
    block_size = server.unit.volume(request.volume).block_size
    return operating_parameters(server.settings.copy, block_size)[: _allocated(request)]


def receive_details(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY FAILURE DETAILS(LID1) (SPC-4 6.23): of EXTENDED COPY(LID1) only."""
    operation = _ended(server, request)
    if operation.action != CopyOut.EXTENDED_COPY_LID1:
        raise invalid_cdb(2)
    return _once(server, request, operation, details(operation), Kept.DETAILS)


def receive_status_lid4(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY STATUS(LID4) (SPC-4 6.24): kept until the identifier is used again."""
    return status_lid4(_find(server, request, 4))[: _allocated(request)]


def receive_data_lid4(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE COPY DATA(LID4) (SPC-4 6.20)."""
    operation = _find(server, request, 4)
    held = _held(operation) if operation.succeeded else b""
    tail = len(held).to_bytes(4, "big") + held
    data = status_lid4(operation, tail, discarded=operation.held_discarded)
    return _once(server, request, operation, data, Kept.DATA)


def receive_token_information(server: DeviceServer, request: Request) -> bytes:
    """RECEIVE ROD TOKEN INFORMATION (SPC-4 6.26): two bytes that are reserved stand before each token."""
    operation = _find(server, request, 4)
    told = operation.succeeded and Kept.TOKENS in operation.kept
    tokens = b"".join(bytes(2) + token for token in operation.tokens) if told else b""
    data = status_lid4(operation, len(tokens).to_bytes(4, "big") + tokens)
    return _once(server, request, operation, data, Kept.TOKENS)


def _held(operation: Operation) -> bytes:
    return bytes(operation.held) if Kept.DATA in operation.kept else b""


_BY_LID1 = "84 00 ff 00 00 00 00 00 00 00 ff ff ff ff 00 00"
_BY_LID4 = "84 00 ff ff ff ff 00 00 00 00 ff ff ff ff 00 00"
_BY_NONE = "84 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00"
_IN = Opcode.THIRD_PARTY_COPY_IN

ROWS = (
    Row("RECEIVE COPY STATUS(LID1)", _IN, 0x00, _BY_LID1, receive_status_lid1, Access.HOLDER),
    Row("RECEIVE COPY DATA(LID1)", _IN, 0x01, _BY_LID1, receive_data_lid1, Access.HOLDER),
    Row("RECEIVE COPY OPERATING PARAMETERS", _IN, 0x03, _BY_NONE, receive_parameters, Access.HOLDER),
    Row("RECEIVE COPY FAILURE DETAILS(LID1)", _IN, 0x04, _BY_LID1, receive_details, Access.HOLDER),
    Row("RECEIVE COPY STATUS(LID4)", _IN, 0x05, _BY_LID4, receive_status_lid4, Access.HOLDER),
    Row("RECEIVE COPY DATA(LID4)", _IN, 0x06, _BY_LID4, receive_data_lid4, Access.HOLDER),
    Row("RECEIVE ROD TOKEN INFORMATION", _IN, 0x07, _BY_LID4, receive_token_information, Access.HOLDER),
)
