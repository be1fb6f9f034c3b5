"""Parameter data of the commands that describe a unit and a copy manager (SPC-4 clause 6, SBC-3 clause 5).

Every parser raises MalformedAnswer for data that is too short, or whose lengths do not add up.

>>> parse_capacity16(bytes.fromhex("00000000000007ff 00000200 01 00 0000")).blocks
2048
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from copyproof.errors import MalformedAnswer
from copyproof.scsi.layout import counted, need, number
from copyproof.scsi.sense import Sense, decode_sense


@dataclass(frozen=True, slots=True)
class Capacity:
    """READ CAPACITY data: how many blocks of how many user bytes.

    `protection` is the T10 PI type, 0 for none. `intervals` counts the protection intervals of a logical block and
    `physical` the logical blocks of a physical one, each a power of two. `thin` is LBPME, `zeroed` LBPRZ, `aligned` the
    lowest aligned LBA.
    """

    blocks: int
    block_size: int
    protection: int = 0
    intervals: int = 1
    physical: int = 1
    thin: bool = False
    zeroed: bool = False
    aligned: int = 0


def parse_capacity10(raw: bytes) -> Capacity:
    """Read READ CAPACITY(10) data (SBC-3 5.15.2); 2**32 blocks mean that only READ CAPACITY(16) can tell.

    >>> parse_capacity10(bytes.fromhex("000007ff00000200")).block_size
    512
    """
    need(raw, 8, "READ CAPACITY(10) data")
    return Capacity(number(raw, 0, 4) + 1, _block_size(raw, 4))


def parse_capacity16(raw: bytes) -> Capacity:
    """Read READ CAPACITY(16) data (SBC-3 5.16.2); of an old answer of 12 bytes the rest counts as zero.

    P_TYPE is meaningful only where PROT_EN is one; its value plus one is the protection type.
    """
    need(raw, 12, "READ CAPACITY(16) data")
    flags, exponents = raw[12:14].ljust(2, b"\0")
    provisioning = number(raw[14:16].ljust(2, b"\0"), 0, 2)
    return Capacity(
        blocks=number(raw, 0, 8) + 1,
        block_size=_block_size(raw, 8),
        protection=(flags >> 1 & 0x07) + 1 if flags & 0x01 else 0,
        intervals=1 << (exponents >> 4),
        physical=1 << (exponents & 0x0F),
        thin=bool(provisioning & 0x8000),
        zeroed=bool(provisioning & 0x4000),
        aligned=provisioning & 0x3FFF,
    )


def _block_size(raw: bytes, offset: int) -> int:
    """Everything that follows divides by the block length, so a length of zero stops here."""
    size = number(raw, offset, 4)
    if not size:
        raise MalformedAnswer("READ CAPACITY data: a block length of 0 bytes")
    return size


@dataclass(frozen=True, slots=True)
class OperatingParameters:
    """What a copy manager says it can do (84h/03h, SPC-4 6.22).

    Lengths and granularities are in bytes. `max_segment_length` 0 means no limit. `available` is the AVAILABLE DATA
    field as it came, `length` the number of bytes that came: 4 more than `available` when nothing was truncated.
    """

    available: int
    length: int
    no_list_identifier: bool
    max_cscds: int
    max_segments: int
    max_list_length: int
    max_segment_length: int
    max_inline_length: int
    held_data_limit: int
    max_stream_transfer: int
    total_copies: int
    max_copies: int
    granularity: int
    inline_granularity: int
    held_granularity: int
    descriptors: tuple[int, ...]

    @property
    def consistent(self) -> bool:
        """Whether AVAILABLE DATA counts exactly the fields and the descriptor list (n−3)."""
        return self.available == 40 + len(self.descriptors)


def parse_operating_parameters(raw: bytes) -> OperatingParameters:
    """Read 84h/03h data; AVAILABLE DATA is reported, not believed, for a test to judge."""
    need(raw, 44, "operating parameters")
    return OperatingParameters(
        available=number(raw, 0, 4),
        length=len(raw),
        no_list_identifier=bool(raw[4] & 0x01),
        max_cscds=number(raw, 8, 2),
        max_segments=number(raw, 10, 2),
        max_list_length=number(raw, 12, 4),
        max_segment_length=number(raw, 16, 4),
        max_inline_length=number(raw, 20, 4),
        held_data_limit=number(raw, 24, 4),
        max_stream_transfer=number(raw, 28, 4),
        total_copies=number(raw, 34, 2),
        max_copies=raw[36],
        granularity=1 << raw[37],
        inline_granularity=1 << raw[38],
        held_granularity=1 << raw[39],
        descriptors=tuple(counted(raw, 43, 1, "implemented descriptor types")),
    )


class CopyState(IntEnum):
    """COPY COMMAND STATUS (SPC-4 table 254)."""

    IN_PROGRESS = 0
    DONE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """Copy status for LID1 (84h/00h, SPC-4 6.25).

    `state` may be a reserved number; `written` counts in `units`, a code of SPC-4 table 251.
    """

    state: int
    held_discarded: bool
    segments: int
    units: int
    written: int


def parse_copy_status(raw: bytes) -> CopyStatus:
    """Read 84h/00h data.

    >>> parse_copy_status(bytes.fromhex("00000008 01 0001 f1 00000008")).written
    8
    """
    need(raw, 12, "copy status")
    return CopyStatus(raw[4] & 0x7F, bool(raw[4] & 0x80), number(raw, 5, 2), raw[7], number(raw, 8, 4))


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """Failed segment details (84h/04h, SPC-4 6.23): the status and the sense data of the copy that failed."""

    status: int
    sense: Sense | None


def parse_failure_details(raw: bytes) -> FailureDetails | None:
    """Read 84h/04h data; None where AVAILABLE DATA is zero, which says that no details are held.

    >>> parse_failure_details(bytes(4)) is None
    True
    """
    need(raw, 4, "failed segment details")
    if not number(raw, 0, 4):
        return None
    sense = counted(raw, 58, 2, "failed segment details")
    return FailureDetails(raw[56], decode_sense(sense))


@dataclass(frozen=True, slots=True)
class SupportedCommand:
    """One entry of REPORT SUPPORTED OPERATION CODES; `action` is None for a command without service actions."""

    opcode: int
    action: int | None
    cdb_length: int


def parse_supported_opcodes(raw: bytes) -> tuple[SupportedCommand, ...]:
    """Read the all-commands form of REPORT SUPPORTED OPERATION CODES (SPC-4 6.35.2), passing over time-out descriptors.

    >>> parse_supported_opcodes(bytes.fromhex("00000008 8300 0000 00 01 0010"))
    (SupportedCommand(opcode=131, action=0, cdb_length=16),)
    """
    body = counted(raw, 0, 4, "supported operation codes")
    found, start = [], 0
    while start < len(body):
        need(body, start + 8, "command descriptor")
        flags = body[start + 5]
        action = number(body, start + 2, 2) if flags & 0x01 else None
        found.append(SupportedCommand(body[start], action, number(body, start + 6, 2)))
        start += 20 if flags & 0x02 else 8
    return tuple(found)


def parse_reservation_keys(raw: bytes) -> tuple[int, ...]:
    """Read PERSISTENT RESERVE IN, READ KEYS: the registered keys, one for each registration (SPC-4 6.15.2).

    >>> parse_reservation_keys(bytes.fromhex("00000001 00000008 00000000000000ab"))
    (171,)
    """
    body = counted(raw, 4, 4, "registered keys")
    if len(body) % 8:
        raise MalformedAnswer(f"registered keys: {len(body)} bytes are no whole number of keys")
    return tuple(number(body, at, 8) for at in range(0, len(body), 8))


@dataclass(frozen=True, slots=True)
class Reservation:
    """The persistent reservation that is held: its key, scope and type (SPC-4 table 221)."""

    key: int
    scope: int
    type: int


def parse_reservation(raw: bytes) -> Reservation | None:
    """Read PERSISTENT RESERVE IN, READ RESERVATION; None where nobody holds one (SPC-4 6.15.3).

    >>> parse_reservation(bytes.fromhex("0000000100000000")) is None
    True
    """
    body = counted(raw, 4, 4, "reservation")
    if not body:
        return None
    need(body, 16, "reservation descriptor")
    return Reservation(number(body, 0, 8), body[13] >> 4, body[13] & 0x0F)


def parse_luns(raw: bytes) -> tuple[int, ...]:
    """Read REPORT LUNS data: each LUN as its 64-bit number (SPC-4 6.33).

    >>> parse_luns(bytes.fromhex("00000008 00000000 0001000000000000"))
    (281474976710656,)
    """
    need(raw, 8, "REPORT LUNS data")
    length = number(raw, 0, 4)
    need(raw, 8 + length, "REPORT LUNS data")
    if length % 8:
        raise MalformedAnswer(f"REPORT LUNS data: {length} bytes are no whole number of LUNs")
    return tuple(number(raw, at, 8) for at in range(8, 8 + length, 8))


def write_protected(raw: bytes, *, long: bool = False) -> bool:
    """Read the WP bit in the header of MODE SENSE(6) data, with `long` of MODE SENSE(10) data (SBC-3 6.4.1).

    >>> write_protected(bytes.fromhex("03008000"))
    True
    """
    at = 3 if long else 2
    need(raw, at + 1, "mode parameter header")
    return bool(raw[at] & 0x80)
