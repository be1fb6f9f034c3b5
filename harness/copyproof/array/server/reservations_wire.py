"""PERSISTENT RESERVE IN and OUT, RESERVE and RELEASE: their bytes (SPC-4 6.15, 6.16; SPC-2 7.21, 7.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server.commands import Access, Handler, Row
from copyproof.array.server.reservations import Kind, Reservations, Table, conflict
from copyproof.array.server.sense_data import invalid_cdb, invalid_parameter, list_length_error
from copyproof.scsi.layout import number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

_LIST_LENGTH = 24
_KINDS = frozenset(Kind)
_TYPE_MASK = bytes.fromhex("ea01")
"""All six types (SPC-4 table 196)."""


def _table(server: DeviceServer, request: Request) -> Table:
    """Return the table; while RESERVE of SPC-2 holds the unit, persistent reservations conflict (SPC-4 5.13.3)."""
    table = server.part(Reservations).table(request.volume)
    if table.reserved_by is not None:
        raise conflict()
    return table


def _in(table: Table, body: bytes, request: Request) -> bytes:
    answer = table.generation.to_bytes(4, "big") + len(body).to_bytes(4, "big") + body
    return answer[: number(request.cdb, 7, 2)]


def read_keys(server: DeviceServer, request: Request) -> bytes:
    """Every registered key, once for each nexus."""
    table = _table(server, request)
    return _in(table, b"".join(key.to_bytes(8, "big") for key in table.keys.values()), request)


def read_reservation(server: DeviceServer, request: Request) -> bytes:
    """The reservation's key (0 where all registrants hold it), scope and type; nothing where there is none."""
    table = _table(server, request)
    if table.kind is None:
        return _in(table, b"", request)
    key = 0 if table.kind.held_by_all else table.keys[table.holder]
    return _in(table, key.to_bytes(8, "big") + bytes([0, 0, 0, 0, 0, table.kind, 0, 0]), request)


def report_capabilities(server: DeviceServer, request: Request) -> bytes:
    """All six types; no APTPL, no SPEC_I_PT, no ALL_TG_PT."""
    _table(server, request)
    return (bytes.fromhex("00080080") + _TYPE_MASK + bytes(2))[: number(request.cdb, 7, 2)]


def read_full_status(server: DeviceServer, request: Request) -> bytes:
    """One descriptor for each registered nexus, with an iSCSI TransportID of its name (SPC-4 6.15.5, 7.6.4.6)."""
    table = _table(server, request)
    return _in(table, b"".join(_status(table, name, key) for name, key in table.keys.items()), request)


def _status(table: Table, initiator: str, key: int) -> bytes:
    name = initiator.encode()[:223] + b"\0"
    name = name.ljust(max(20, -(-len(name) // 4) * 4), b"\0")
    transport = b"\x05\x00" + len(name).to_bytes(2, "big") + name
    holds = table.holds(initiator)
    kind = table.kind if holds and table.kind is not None else 0
    head = key.to_bytes(8, "big") + bytes([0, 0, 0, 0, holds, kind, 0, 0, 0, 0, 0, 1])
    return head + len(transport).to_bytes(4, "big") + transport


def _keys(server: DeviceServer, request: Request) -> tuple[int, int]:
    """Check the parameter list; return reservation key and service action reservation key."""
    _table(server, request)
    raw = request.data_out
    if number(request.cdb, 5, 4) != _LIST_LENGTH or len(raw) < _LIST_LENGTH:
        raise list_length_error()
    for bit in (3, 2, 0):  # SPEC_I_PT, ALL_TG_PT, APTPL
        if raw[20] >> bit & 1:
            raise invalid_parameter(20, bit)
    return number(raw, 0, 8), number(raw, 8, 8)


def _kind(request: Request) -> Kind:
    scope, kind = request.cdb[2] >> 4, request.cdb[2] & 0x0F
    if scope:
        raise invalid_cdb(2, 7)
    if kind not in _KINDS:
        raise invalid_cdb(2, 3)
    return Kind(kind)


def register(server: DeviceServer, request: Request) -> bytes:
    """REGISTER: the reservation key must be the one registered so far, 0 where none is."""
    old, new = _keys(server, request)
    server.part(Reservations).register(request.initiator, request.volume, old, new)
    return b""


def register_and_ignore(server: DeviceServer, request: Request) -> bytes:
    """REGISTER AND IGNORE EXISTING KEY."""
    _, new = _keys(server, request)
    server.part(Reservations).register(request.initiator, request.volume, None, new)
    return b""


def reserve(server: DeviceServer, request: Request) -> bytes:
    """RESERVE of the logical unit."""
    key, _ = _keys(server, request)
    server.part(Reservations).reserve(request.initiator, request.volume, key, _kind(request))
    return b""


def release(server: DeviceServer, request: Request) -> bytes:
    """RELEASE."""
    key, _ = _keys(server, request)
    server.part(Reservations).release(request.initiator, request.volume, key, _kind(request))
    return b""


def clear(server: DeviceServer, request: Request) -> bytes:
    """CLEAR."""
    key, _ = _keys(server, request)
    server.part(Reservations).clear(request.initiator, request.volume, key)
    return b""


def preempt(server: DeviceServer, request: Request) -> bytes:
    """PREEMPT."""
    _preempt(server, request)
    return b""


def preempt_and_abort(server: DeviceServer, request: Request) -> bytes:
    """PREEMPT AND ABORT: the tasks of the nexuses that lost their registration end too."""
    for name in _preempt(server, request):
        server.abort(name, request.volume)
    return b""


def _preempt(server: DeviceServer, request: Request) -> tuple[str, ...]:
    key, other = _keys(server, request)
    return server.part(Reservations).preempt(request.initiator, request.volume, key, other, _kind(request))


def reserve_whole(server: DeviceServer, request: Request) -> bytes:
    """RESERVE of SPC-2."""
    server.part(Reservations).reserve_whole(request.initiator, request.volume)
    return b""


def release_whole(server: DeviceServer, request: Request) -> bytes:
    """RELEASE of SPC-2."""
    server.part(Reservations).release_whole(request.initiator, request.volume)
    return b""


def _read(name: str, action: int, handler: Handler) -> Row:
    return Row(f"PERSISTENT RESERVE IN, {name}", 0x5E, action, "5e 00 00 00 00 00 00 ff ff 00", handler, Access.ALWAYS)


def _change(name: str, action: int, handler: Handler) -> Row:
    return Row(f"PERSISTENT RESERVE OUT, {name}", 0x5F, action, "5f 00 ff 00 00 ff ff ff ff 00", handler, Access.ALWAYS)


ROWS = (
    _read("READ KEYS", 0x00, read_keys),
    _read("READ RESERVATION", 0x01, read_reservation),
    _read("REPORT CAPABILITIES", 0x02, report_capabilities),
    _read("READ FULL STATUS", 0x03, read_full_status),
    _change("REGISTER", 0x00, register),
    _change("RESERVE", 0x01, reserve),
    _change("RELEASE", 0x02, release),
    _change("CLEAR", 0x03, clear),
    _change("PREEMPT", 0x04, preempt),
    _change("PREEMPT AND ABORT", 0x05, preempt_and_abort),
    _change("REGISTER AND IGNORE EXISTING KEY", 0x06, register_and_ignore),
    Row("RESERVE(6)", 0x16, None, "16 00 00 00 00 00", reserve_whole, Access.ALWAYS),
    Row("RELEASE(6)", 0x17, None, "17 00 00 00 00 00", release_whole, Access.ALWAYS),
    Row("RESERVE(10)", 0x56, None, "56 00 00 00 00 00 00 00 00 00", reserve_whole, Access.ALWAYS),
    Row("RELEASE(10)", 0x57, None, "57 00 00 00 00 00 00 00 00 00", release_whole, Access.ALWAYS),
)
