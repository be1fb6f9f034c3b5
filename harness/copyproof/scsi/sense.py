"""Sense data, both formats, as one value (SPC-4 4.5).

>>> str(Sense(SenseKey.ILLEGAL_REQUEST, 0x26, 0x06))
'05/26/06'
>>> decode_sense(bytes.fromhex("70000500000000 0a 00000000 2606 00 000000")).text
'ILLEGAL REQUEST: TOO MANY TARGET DESCRIPTORS'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from copyproof.scsi.asc import additional_name
from copyproof.scsi.layout import number


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


class Pointed(Enum):
    """Where a field pointer's offset counts from."""

    CDB = "CDB"
    PARAMETERS = "parameter list"
    SEGMENT = "segment descriptor"


@dataclass(frozen=True, slots=True)
class FieldPointer:
    """The byte in error, and its highest bit in error (0 to 7) where given (SPC-4 4.5.2.4.2 and 4.5.2.4.5)."""

    within: Pointed
    offset: int
    bit: int | None = None

    def __str__(self) -> str:
        bit = "" if self.bit is None else f" bit {self.bit}"
        return f"byte {self.offset}{bit} of the {self.within.value}"


class Origin(IntEnum):
    """Which end of a copy reported the forwarded sense data (SPC-4 4.5.2.7); UNKNOWN stands for what is reserved."""

    UNKNOWN = 0
    SOURCE = 1
    DESTINATION = 2


#: Where fixed (70h, 71h) and descriptor format (72h, 73h) keep sense key, ASC and ASCQ.
_CODES = {0x70: (2, 12, 13), 0x71: (2, 12, 13), 0x72: (1, 2, 3), 0x73: (1, 2, 3)}


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A status byte and sense data that a copy manager received and passes on (SPC-4 5.17.7.4).

    `truncated` where some of it is missing; `cut` where that is so because less sense data came here than the device
    says it has, as a tool with little room leaves it.

    >>> str(Forwarded(Origin.SOURCE, 2, bytes.fromhex("72052100")))
    '05/21/00'
    >>> str(Forwarded(Origin.SOURCE, 2, bytes.fromhex("720521"), truncated=True, cut=True))
    '05/21/??'
    """

    origin: Origin
    status: int
    raw: bytes
    truncated: bool = False
    cut: bool = False

    @property
    def sense(self) -> Sense | None:
        """The forwarded sense data, decoded; None where there is none to read, or where the ASCQ is missing: it must
        not be taken for zero."""
        return None if _lacks_code(self.raw) else decode_sense(self.raw)

    def __str__(self) -> str:
        """Key/ASC/ASCQ in hex; what was cut off on the way is `??`, what the device itself left out is `--`. Empty
        where no sense data was forwarded."""
        if self.sense:
            return str(self.sense)
        missing = "??" if self.cut else "--"
        places = _CODES.get(self.raw[0] & 0x7F, ()) if self.raw else ()
        if not places:
            return "/".join([missing] * 3) if self.cut and not self.raw else ""
        masks = (0x0F, 0xFF, 0xFF)
        pairs = zip(places, masks, strict=True)
        return "/".join(f"{self.raw[at] & mask:02X}" if at < len(self.raw) else missing for at, mask in pairs)


def _lacks_code(raw: bytes) -> bool:
    """Whether sense data in a known format ends before its ASCQ."""
    places = _CODES.get(raw[0] & 0x7F) if raw else None
    return places is not None and len(raw) <= places[-1]


@dataclass(frozen=True, slots=True)
class Sense:
    """Decoded sense data; `raw` keeps the bytes it came from.

    `information` is the INFORMATION field where VALID is one, else None; `specific` is the COMMAND-SPECIFIC INFORMATION
    field; `pointer` is there for ILLEGAL REQUEST and COPY ABORTED, `forwarded` for copies only.
    """

    key: SenseKey
    asc: int
    ascq: int
    deferred: bool = False
    information: int | None = None
    specific: int = 0
    raw: bytes = b""
    pointer: FieldPointer | None = None
    forwarded: tuple[Forwarded, ...] = ()

    def __str__(self) -> str:
        return f"{self.key:02X}/{self.asc:02X}/{self.ascq:02X}"

    @property
    def text(self) -> str:
        """What it means, in the words of the standard."""
        return describe(self.key, self.asc, self.ascq)

    @property
    def segment(self) -> int | None:
        """For COPY ABORTED the number of the segment in process, 0 being the first; else None.

        It is in the third and fourth bytes of the COMMAND-SPECIFIC INFORMATION field (SPC-4 5.17.7.4). That field has
        eight bytes in descriptor format, where some put the four of the fixed format last: both places are read.
        """
        if self.key is not SenseKey.COPY_ABORTED:
            return None
        return (self.specific >> 32 or self.specific) & 0xFFFF


def describe(key: int, asc: int, ascq: int) -> str:
    """Name a sense key and additional sense code as the standard does; what this project has no name for stays hex.

    >>> describe(5, 0x26, 0), describe(9, 0x80, 1)
    ('ILLEGAL REQUEST: INVALID FIELD IN PARAMETER LIST', 'VENDOR SPECIFIC: 80h/01h')
    """
    name = SenseKey(key).name.replace("_", " ") if 0 <= key <= 15 else f"sense key {key}"
    return f"{name}: {additional_name(asc, ascq)}"


def decode_sense(raw: bytes) -> Sense | None:
    """Decode fixed (70h, 71h) or descriptor format (72h, 73h) sense data, as far as it goes.

    Returns None when there is no sense key to read; never raises, whatever the bytes.

    >>> decode_sense(bytes.fromhex("720a0d02")).segment
    0
    >>> decode_sense(b"") is None
    True
    """
    code = raw[0] & 0x7F if raw else 0
    if code in (0x70, 0x71) and len(raw) >= 3:
        return _fixed(raw, deferred=code == 0x71)
    if code in (0x72, 0x73) and len(raw) >= 2:
        return _descriptors(raw, deferred=code == 0x73)
    return None


def _fixed(raw: bytes, *, deferred: bool) -> Sense:
    """Fixed format (SPC-4 4.5.3). Bytes past the additional sense length are not sense data, and count as zero."""
    end = 8 + raw[7] if len(raw) > 7 else len(raw)
    held = raw[:end]
    padded = held.ljust(18, b"\0")
    key = SenseKey(padded[2] & 0x0F)
    return Sense(
        key=key,
        asc=padded[12],
        ascq=padded[13],
        deferred=deferred,
        information=number(padded, 3, 4) if padded[0] & 0x80 else None,
        specific=number(padded, 8, 4),
        raw=raw,
        pointer=_pointer(key, padded[15:18]),
        forwarded=_areas(held, end) if key is SenseKey.COPY_ABORTED else (),
    )


def _areas(held: bytes, claimed: int) -> tuple[Forwarded, ...]:
    """The areas that bytes 8 (source) and 9 (destination) point to; each ends where the other begins, or last, after
    the bytes that the sense data claim to have."""
    head = held.ljust(10, b"\0")
    starts = {origin: head[7 + origin] for origin in (Origin.SOURCE, Origin.DESTINATION)}
    found = []
    for origin, start in starts.items():
        if 18 <= start < len(held):
            end = min([claimed, *(other for other in starts.values() if other > start)])
            found.append(_passed_on(origin, held[start], held[start + 1 : end], cut=end > len(held)))
    return tuple(found)


def _passed_on(origin: Origin, status: int, raw: bytes, *, cut: bool, shortened: bool = False) -> Forwarded:
    return Forwarded(origin, status, raw, truncated=cut or shortened or _lacks_code(raw), cut=cut)


def _descriptors(raw: bytes, *, deferred: bool) -> Sense:
    """Descriptor format (SPC-4 4.5.2): a header of eight bytes, then descriptors of type, length and contents."""
    head = raw[:8].ljust(8, b"\0")
    key = SenseKey(head[1] & 0x0F)
    information, specific, pointer = None, 0, None
    forwarded: list[Forwarded] = []
    came, claimed = raw[8 : 8 + head[7]], head[7]
    for kind, body, whole in _bodies(came):
        if kind == 0x00 and len(body) >= 10 and body[0] & 0x80:
            information = number(body, 2, 8)
        elif kind == 0x01 and len(body) >= 10:
            specific = number(body, 2, 8)
        elif kind == 0x02 and len(body) >= 5:
            pointer = _pointer(key, body[2:5])
        elif kind == 0x0C and len(body) >= 2:
            forwarded.append(_forwarded(body, cut=not whole and len(came) < claimed))
    return Sense(key, head[2], head[3], deferred, information, specific, raw, pointer, tuple(forwarded))


def _bodies(raw: bytes) -> list[tuple[int, bytes, bool]]:
    """Split sense descriptors into type, contents, and whether these are whole; the last may be cut short."""
    found, start = [], 0
    while start + 2 <= len(raw):
        end = start + 2 + raw[start + 1]
        found.append((raw[start], raw[start + 2 : end], end <= len(raw)))
        start = end
    return found


def _forwarded(body: bytes, *, cut: bool) -> Forwarded:
    source = body[0] & 0x0F
    origin = Origin(source) if source in (Origin.SOURCE, Origin.DESTINATION) else Origin.UNKNOWN
    return _passed_on(origin, body[1], body[2:], cut=cut, shortened=bool(body[0] & 0x80))


def _pointer(key: SenseKey, specific: bytes) -> FieldPointer | None:
    """The SENSE KEY SPECIFIC bytes where they are valid and point at a field (SPC-4 tables 34 and 37)."""
    if not specific[0] & 0x80:
        return None
    offset = number(specific, 1, 2)
    bit = specific[0] & 0x07 if specific[0] & 0x08 else None
    if key is SenseKey.ILLEGAL_REQUEST:
        return FieldPointer(Pointed.CDB if specific[0] & 0x40 else Pointed.PARAMETERS, offset, bit)
    if key is SenseKey.COPY_ABORTED:
        return FieldPointer(Pointed.SEGMENT if specific[0] & 0x20 else Pointed.PARAMETERS, offset, bit)
    return None
