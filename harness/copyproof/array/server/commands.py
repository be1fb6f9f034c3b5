"""One row for each command that the device server knows: handler, CDB usage, and what a reservation does to it.

>>> row = Row("TEST UNIT READY", 0x00, None, "00 00 00 00 00 00", lambda server, request: b"", Access.PRESENCE)
>>> row.key, row.length
((0, None), 6)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from copyproof.array.server.request import VARIABLE_LENGTH
from copyproof.array.server.sense_data import invalid_cdb

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

Key = tuple[int, int | None]
"""An operation code, and the service action for those that have some."""

Handler = Callable[["DeviceServer", "Request"], bytes]
"""Executes a command and returns its Data-In; raises CheckCondition or Ended for every other end."""


class Access(Enum):
    """What a command asks of the medium: reservations (SPC-4 5.13.1, SBC-3 4.17) and mappings decide by it."""

    ALWAYS = "executed whoever holds a reservation"
    PRESENCE = "conflicts with another's RESERVE of SPC-2 only"
    READ = "conflicts with another's exclusive access"
    HOLDER = "conflicts with another's reservation of any type"
    WRITE = "as HOLDER, and refused where the logical unit is write protected"


@dataclass(frozen=True)
class Row:
    """A command. `usage` is the CDB USAGE DATA in hex, one byte a CDB byte, a one for each bit that is looked at (SPC-4
    6.35.3); operation code and service action are added to it. The other bits are reserved, and refused when set.

    `format_type` is the protection type that the command needs, None where it needs none.
    """

    name: str
    opcode: int
    action: int | None
    usage: str
    handler: Handler
    access: Access
    format_type: int | None = None

    @property
    def key(self) -> Key:
        """What the table is asked by."""
        return self.opcode, self.action

    @property
    def length(self) -> int:
        """How many bytes the CDB has."""
        return len(self.identified(0))

    @cached_property
    def reserved(self) -> tuple[int, int]:
        """How many bytes the CDB has, and its reserved bits as a number: every command asks for them."""
        usage = bytearray(self.identified(0xFFFF))
        usage[0] = 0xFF
        return len(usage), int.from_bytes(usage, "big") ^ (1 << 8 * len(usage)) - 1

    def identified(self, action: int) -> bytes:
        """Return the CDB USAGE DATA with the operation code, and `action` where the service action is.

        >>> Row("READ KEYS", 0x5E, 0x00, "5e 00 00 00 00 00 00 ff ff 00", print, Access.ALWAYS).identified(0x1F).hex()
        '5e1f0000000000ffff00'
        """
        bits = bytearray(bytes.fromhex(self.usage))
        bits[0] = self.opcode
        if self.opcode == VARIABLE_LENGTH:
            bits[8:10] = action.to_bytes(2, "big")
        elif self.action is not None:
            bits[1] |= action & 0x1F
        return bytes(bits)


def refuse_reserved_bits(cdb: bytes, row: Row) -> None:
    """Raise 05/24/00 for the first bit that is set and has no meaning, or where the CDB ends too early.

    SPC-4 4.2.1 leaves it open whether reserved bits are looked at; an array that ignores them hides a host's mistakes.
    """
    length, reserved = row.reserved
    if len(cdb) < length:
        raise invalid_cdb(len(cdb))
    if row.opcode == VARIABLE_LENGTH and cdb[7] != length - 8:
        raise invalid_cdb(7)
    if strange := int.from_bytes(cdb[:length], "big") & reserved:
        from_end, bit = divmod(strange.bit_length() - 1, 8)
        raise invalid_cdb(length - 1 - from_end, bit)


def table(*rooms: tuple[Row, ...]) -> Mapping[Key, Row]:
    """Put rows together; raises ValueError where two stand for one command.

    >>> table((), ())
    {}
    """
    rows = {row.key: row for room in rooms for row in room}
    if len(rows) != sum(map(len, rooms)):
        raise ValueError("two rows for one command")
    return rows
