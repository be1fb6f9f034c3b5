"""Designators: how a logical unit names itself, in VPD page 83h and in CSCD descriptors (SPC-4 7.8.6.1).

>>> Designator.of_naa("6001405aabbccddeeff0011223344556").naa
'6001405aabbccddeeff0011223344556'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class CodeSet(IntEnum):
    """How a designator is coded (SPC-4 4.3.3)."""

    BINARY = 1
    ASCII = 2
    UTF8 = 3


class Association(IntEnum):
    """What a designator names (SPC-4 7.8.6.1)."""

    LOGICAL_UNIT = 0
    TARGET_PORT = 1
    TARGET_DEVICE = 2


class DesignatorType(IntEnum):
    """The kind of a designator (SPC-4 7.8.6.1)."""

    VENDOR = 0
    T10_VENDOR = 1
    EUI64 = 2
    NAA = 3
    RELATIVE_PORT = 4
    PORT_GROUP = 5
    UNIT_GROUP = 6
    MD5 = 7
    NAME_STRING = 8
    PROTOCOL_PORT = 9


#: How many bytes a NAA designator of each format has (SPC-4 7.8.6.6).
NAA_LENGTHS = {2: 8, 3: 8, 5: 8, 6: 16}


@dataclass(frozen=True, slots=True)
class Designator:
    """One designator. The numbers (0-15, 0-3, 0-15) may be reserved ones; `data` is 0 to 255 bytes."""

    code_set: int
    association: int
    type: int
    data: bytes

    @classmethod
    def of_naa(cls, naa: str) -> Designator:
        """Make the NAA designator of a logical unit from 16 or 32 hex digits; raises ValueError for anything else."""
        data = bytes.fromhex(naa)
        if not naa or naa_in(data) != naa.lower():
            raise ValueError(f"{naa!r} is no NAA: 32 hex digits that begin with 6, or 16 that begin with 2, 3 or 5")
        return cls(CodeSet.BINARY, Association.LOGICAL_UNIT, DesignatorType.NAA, data)

    @property
    def naa(self) -> str:
        """The NAA of a logical unit in lower-case hex without prefix; empty when this designator is none."""
        if (self.code_set, self.association, self.type) != (
            CodeSet.BINARY,
            Association.LOGICAL_UNIT,
            DesignatorType.NAA,
        ):
            return ""
        return self.data.hex() if naa_in(self.data) == self.data.hex() else ""

    @property
    def text(self) -> str:
        """The designator for a reader: printable text for ASCII and UTF-8, hex for the rest."""
        if self.code_set in (CodeSet.ASCII, CodeSet.UTF8):
            return printable(self.data)
        return self.data.hex()


def naa_in(raw: bytes) -> str:
    """Return the NAA that bytes begin with, as hex; its format nibble says how long it is. Empty where there is none.

    >>> naa_in(bytes.fromhex("5001405aabbccdde00000000"))
    '5001405aabbccdde'
    """
    length = NAA_LENGTHS.get(raw[0] >> 4, 0) if raw else 0
    return raw[:length].hex() if length and len(raw) >= length else ""


def printable(raw: bytes) -> str:
    """Return a device's text without padding; what is not printable becomes `?` and never reaches a terminal.

    >>> printable(b"LIO-ORG \\x1b[2J ")
    'LIO-ORG ?[2J'
    """
    text = raw.decode("utf-8", errors="replace").rstrip("\0 ").lstrip(" ")
    return "".join(sign if sign.isprintable() and sign != "\ufffd" else "?" for sign in text)
