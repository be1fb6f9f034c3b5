"""Sense data, both formats, as one value (SPC-4 4.5).

>>> str(Sense(SenseKey.ILLEGAL_REQUEST, 0x26, 0x06))
'05/26/06'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class SenseKey(IntEnum):
    """Sense keys (SPC-4 table 53)."""

    NO_SENSE = 0x0
    RECOVERED_ERROR = 0x1
    NOT_READY = 0x2
    MEDIUM_ERROR = 0x3
    HARDWARE_ERROR = 0x4
    ILLEGAL_REQUEST = 0x5
    UNIT_ATTENTION = 0x6
    DATA_PROTECT = 0x7
    BLANK_CHECK = 0x8
    VENDOR_SPECIFIC = 0x9
    COPY_ABORTED = 0xA
    ABORTED_COMMAND = 0xB
    RESERVED = 0xC
    VOLUME_OVERFLOW = 0xD
    MISCOMPARE = 0xE
    COMPLETED = 0xF


@dataclass(frozen=True, slots=True)
class Sense:
    """Decoded sense data; `raw` keeps the bytes it came from.

    `information` is the INFORMATION field where VALID is one, else None; `specific` is the COMMAND-SPECIFIC INFORMATION field.
    """

    key: SenseKey
    asc: int
    ascq: int
    deferred: bool = False
    information: int | None = None
    specific: int = 0
    raw: bytes = b""

    def __str__(self) -> str:
        return f"{self.key:02X}/{self.asc:02X}/{self.ascq:02X}"
