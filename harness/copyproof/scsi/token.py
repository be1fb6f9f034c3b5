"""Commands and parameter lists of ROD tokens: POPULATE TOKEN and WRITE USING TOKEN (SPC-4 5.17.6, SBC-4 5.12 and 5.59).

>>> order = populate_token([Range(0, 8)], list_identifier=7)
>>> order.cdb.hex(), len(order.data_out)
('83100000000000000007000000200000', 32)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from copyproof.scsi.cdb import CopyOut, Opcode
from copyproof.scsi.command import Command
from copyproof.scsi.layout import Field, Layout

#: Bytes of a ROD token whose ROD TOKEN LENGTH field is 01F8h, the only length that block devices know.
TOKEN_SIZE = 512
#: What the ROD TOKEN LENGTH field holds: the bytes that follow it.
TOKEN_LENGTH_FIELD = 0x01F8


class RodType(IntEnum):
    """ROD types (SPC-4 table 110; the zero token SBC-4 4.28.4)."""

    ACCESS_UPON_REFERENCE = 0x00010000
    POINT_IN_TIME_DEFAULT = 0x00800000
    POINT_IN_TIME_CHANGE_VULNERABLE = 0x00800001
    POINT_IN_TIME_PERSISTENT = 0x00800002
    POINT_IN_TIME_ANY = 0x0080FFFF
    BLOCK_DEVICE_ZERO = 0xFFFF0001


CDB = Layout(
    "cdb",
    16,
    Field("opcode", 0),
    Field("service_action", 1, mask=0x1F),
    Field("list_identifier", 6, 4),
    Field("length", 10, 4),
    Field("group", 14, mask=0x1F),
)

POPULATE = Layout(
    "populate",
    16,
    Field("data_length", 0, 2),
    Field("type_valid", 2, mask=0x02),
    Field("immediate", 2, mask=0x01),
    Field("inactivity_timeout", 4, 4),
    Field("rod_type", 8, 4),
    Field("ranges_length", 14, 2),
)

WRITE_USING = Layout(
    "write_using",
    536,
    Field("data_length", 0, 2),
    Field("delete_token", 2, mask=0x02),
    Field("immediate", 2, mask=0x01),
    Field("offset", 8, 8),
    Field("token", 16, TOKEN_SIZE),
    Field("ranges_length", 534, 2),
)

RANGE = Layout("range", 16, Field("lba", 0, 8), Field("blocks", 8, 4))

#: A ROD token's header and body (SPC-4 table 112); what follows is the copy manager's own.
TOKEN = Layout(
    "token",
    TOKEN_SIZE,
    Field("rod_type", 0, 4),
    Field("length", 6, 2),
    Field("identifier", 8, 8),
    Field("creator", 16, 32),
    Field("bytes", 48, 16),
)


@dataclass(frozen=True, slots=True)
class Range:
    """A block device range descriptor: `blocks` (0 to 2**32 - 1) from `lba` on (SBC-4 5.12.3)."""

    lba: int
    blocks: int

    @property
    def end(self) -> int:
        """The LBA after the last."""
        return self.lba + self.blocks

    def encode(self) -> bytes:
        """Return 16 bytes; raises ValueError when a value does not fit its field.

        >>> Range(1, 2).encode().hex()
        '00000000000000010000000200000000'
        """
        return RANGE.encode({"lba": self.lba, "blocks": self.blocks})


def populate_token(
    ranges: Iterable[Range],
    list_identifier: int = 0,
    *,
    rod_type: int | None = None,
    timeout: int = 0,
    immediate: bool = False,
) -> Command:
    """POPULATE TOKEN for the given ranges. `timeout` is in seconds, 0 for the copy manager's default; without
    `rod_type` the copy manager chooses one. Raises ValueError when a value does not fit its field."""
    described = b"".join(item.encode() for item in ranges)
    head = POPULATE.encode(
        {
            "data_length": POPULATE.size - 2 + len(described),
            "type_valid": int(rod_type is not None),
            "immediate": int(immediate),
            "inactivity_timeout": timeout,
            "rod_type": rod_type or 0,
            "ranges_length": len(described),
        }
    )
    return _command(CopyOut.POPULATE_TOKEN, head + described, list_identifier)


def write_using_token(
    token: bytes,
    ranges: Iterable[Range],
    list_identifier: int = 0,
    *,
    offset: int = 0,
    delete: bool = False,
    immediate: bool = False,
) -> Command:
    """WRITE USING TOKEN to the given ranges; `offset` is in blocks of the unit that is written.

    Raises ValueError when a value does not fit its field, or the token has not 512 bytes.

    >>> len(write_using_token(zero_token(), [Range(0, 8)]).data_out)
    552
    """
    if len(token) != TOKEN_SIZE:
        raise ValueError(f"a ROD token has {TOKEN_SIZE} bytes, not {len(token)}")
    described = b"".join(item.encode() for item in ranges)
    head = WRITE_USING.encode(
        {
            "data_length": WRITE_USING.size - 2 + len(described),
            "delete_token": int(delete),
            "immediate": int(immediate),
            "offset": offset,
            "token": int.from_bytes(token, "big"),
            "ranges_length": len(described),
        }
    )
    return _command(CopyOut.WRITE_USING_TOKEN, head + described, list_identifier)


def zero_token() -> bytes:
    """Return the block device zero ROD token, which any unit knows (SBC-4 4.28.4).

    >>> zero_token()[:8].hex()
    'ffff0001000001f8'
    """
    return TOKEN.encode({"rod_type": RodType.BLOCK_DEVICE_ZERO, "length": TOKEN_LENGTH_FIELD})


def _command(action: CopyOut, data: bytes, list_identifier: int) -> Command:
    values = {
        "opcode": Opcode.THIRD_PARTY_COPY_OUT,
        "service_action": action,
        "list_identifier": list_identifier,
        "length": len(data),
    }
    return Command(CDB.encode(values), data_out=data)
