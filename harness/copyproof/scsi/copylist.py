"""The parameter list of EXTENDED COPY(LID1): header, CSCDs, segments, inline data (SPC-4 6.5, 6.4.3 to 6.4.6).

>>> unit = Cscd(Designator.of_naa("6001405aabbccddeeff0011223344556"), block_length=512)
>>> order = CopyList((unit,), (BlockSegment(blocks=8, source_lba=0, destination_lba=64),))
>>> order == decode(order.encode())
True
>>> len(order.encode())
76
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

from copyproof.scsi.designator import Designator
from copyproof.scsi.layout import Field, Layout

#: CSCD descriptor ID of the null logical unit of block type (SPC-4 table 148).
NULL_LU = 0xC000
#: CSCD descriptor ID of the logical unit that the command is sent to (SPC-4 table 148).
SELF = 0xFFFF

HEADER_LENGTH = 16
CSCD_LENGTH = 32
DESIGNATOR_ROOM = 20

IDENTIFICATION_CSCD = 0xE4
BLOCK_TO_BLOCK = 0x02

HEADER = Layout(
    "header",
    HEADER_LENGTH,
    Field("list_identifier", 0),
    Field("str", 1, mask=0x20),
    Field("list_id_usage", 1, mask=0x18),
    Field("priority", 1, mask=0x07),
    Field("cscd_length", 2, 2),
    Field("segment_length", 8, 4),
    Field("inline_length", 12, 4),
)

#: The header of an EXTENDED COPY(LID4) list (SPC-4 table 126): its first CSCD descriptor has the identifier 1.
HEADER_LID4 = Layout(
    "header",
    48,
    Field("format", 0),
    Field("str", 1, mask=0x20),
    Field("list_id_usage", 1, mask=0x18),
    Field("priority", 1, mask=0x07),
    Field("header_cscd_length", 2, 2),
    Field("good_sense", 15, mask=0x02),
    Field("immediate", 15, mask=0x01),
    Field("header_cscd_type", 16),
    Field("list_identifier", 20, 4),
    Field("cscd_length", 42, 2),
    Field("segment_length", 44, 2),
    Field("inline_length", 46, 2),
)

CSCD = Layout(
    "cscd",
    CSCD_LENGTH,
    Field("type", 0),
    Field("lu_id_type", 1, mask=0xC0),
    Field("nul", 1, mask=0x20),
    Field("device_type", 1, mask=0x1F),
    Field("relative_port", 2, 2),
    Field("code_set", 4, mask=0x0F),
    Field("association", 5, mask=0x30),
    Field("designator_type", 5, mask=0x0F),
    Field("designator_length", 7),
    Field("designator", 8, DESIGNATOR_ROOM),
    Field("pad", 28, mask=0x04),
    Field("block_length", 29, 3),
)

SEGMENT = Layout(
    "segment",
    28,
    Field("type", 0),
    Field("fco", 1, mask=0x04),
    Field("dc", 1, mask=0x02),
    Field("cat", 1, mask=0x01),
    Field("length", 2, 2),
    Field("source_index", 4, 2),
    Field("destination_index", 6, 2),
    Field("blocks", 10, 2),
    Field("source_lba", 12, 8),
    Field("destination_lba", 20, 8),
)


#: The largest count of a block to block segment descriptor (SPC-4 table 151).
COUNT_LIMIT = 0xFFFF


class MalformedList(ValueError):
    """Bytes that are no well-formed parameter list; the message names the place."""


class ListIdUsage(IntEnum):
    """What the list identifier is used for (SPC-4 table 129). 01b is reserved."""

    HOLD = 0
    RESERVED = 1
    DISCARD = 2
    NONE = 3


@dataclass(frozen=True, slots=True)
class Cscd:
    """An identification descriptor CSCD descriptor, E4h (SPC-4 6.4.5.6).

    The designator has at most 20 bytes. `block_length` is in bytes without protection information; with 0 the copy
    manager finds it out.
    """

    designator: Designator
    block_length: int = 512
    device_type: int = 0
    lu_id_type: int = 0
    nul: bool = False
    relative_port: int = 0
    pad: bool = False

    def encode(self) -> bytes:
        """Return 32 bytes; raises ValueError when a value does not fit its field."""
        named = self.designator
        if len(named.data) > DESIGNATOR_ROOM:
            raise ValueError(f"a CSCD descriptor holds a designator of {DESIGNATOR_ROOM} bytes, not {len(named.data)}")
        own = {field.name: int(getattr(self, field.name)) for field in fields(self) if field.name != "designator"}
        return CSCD.encode(
            own
            | {
                "type": IDENTIFICATION_CSCD,
                "code_set": named.code_set,
                "association": named.association,
                "designator_type": named.type,
                "designator_length": len(named.data),
                "designator": int.from_bytes(named.data.ljust(DESIGNATOR_ROOM, b"\0"), "big"),
            }
        )

    @classmethod
    def decode(cls, raw: bytes) -> Cscd:
        """Read 32 bytes; raises MalformedList."""
        values = _exact(CSCD, raw, type=IDENTIFICATION_CSCD)
        room = values["designator"].to_bytes(DESIGNATOR_ROOM, "big")
        length = values["designator_length"]
        if length > DESIGNATOR_ROOM or any(room[length:]):
            raise MalformedList(f"a designator of {length} bytes does not fit, or is not padded with zeros")
        named = Designator(values["code_set"], values["association"], values["designator_type"], room[:length])
        return cls(
            named,
            block_length=values["block_length"],
            device_type=values["device_type"],
            lu_id_type=values["lu_id_type"],
            nul=bool(values["nul"]),
            relative_port=values["relative_port"],
            pad=bool(values["pad"]),
        )


@dataclass(frozen=True, slots=True)
class BlockSegment:
    """A block device to block device segment descriptor, 02h (SPC-4 6.4.6.4).

    `blocks` (0 to 65535) counts source blocks, or destination blocks where `dc` is set; `source` and `destination` are
    CSCD descriptor IDs.
    """

    blocks: int
    source_lba: int
    destination_lba: int
    source: int = 0
    destination: int = 0
    dc: bool = False
    cat: bool = False
    fco: bool = False

    def encode(self) -> bytes:
        """Return 28 bytes; raises ValueError when a value does not fit its field."""
        values = {field.name: int(getattr(self, field.name)) for field in fields(self)}
        indices = {"source_index": values.pop("source"), "destination_index": values.pop("destination")}
        return SEGMENT.encode({**values, **indices, "type": BLOCK_TO_BLOCK, "length": SEGMENT.size - 4})

    @classmethod
    def decode(cls, raw: bytes) -> BlockSegment:
        """Read 28 bytes; raises MalformedList."""
        values = _exact(SEGMENT, raw, type=BLOCK_TO_BLOCK, length=SEGMENT.size - 4)
        return cls(
            blocks=values["blocks"],
            source_lba=values["source_lba"],
            destination_lba=values["destination_lba"],
            source=values["source_index"],
            destination=values["destination_index"],
            dc=bool(values["dc"]),
            cat=bool(values["cat"]),
            fco=bool(values["fco"]),
        )


@dataclass(frozen=True, slots=True)
class CopyList:
    """A whole parameter list. The header's lengths follow from the contents; `copyproof.scsi.spoil` falsifies them."""

    cscds: tuple[Cscd, ...]
    segments: tuple[BlockSegment, ...]
    list_identifier: int = 0
    list_id_usage: int = ListIdUsage.HOLD
    str_: bool = False
    priority: int = 0
    inline: bytes = b""

    def encode(self) -> bytes:
        """Return the parameter list; raises ValueError when a value does not fit its field."""
        cscds = b"".join(cscd.encode() for cscd in self.cscds)
        segments = b"".join(segment.encode() for segment in self.segments)
        header = HEADER.encode(
            {
                "list_identifier": self.list_identifier,
                "str": int(self.str_),
                "list_id_usage": self.list_id_usage,
                "priority": self.priority,
                "cscd_length": len(cscds),
                "segment_length": len(segments),
                "inline_length": len(self.inline),
            }
        )
        return header + cscds + segments + self.inline


def decode(raw: bytes) -> CopyList:
    """Read a parameter list strictly: known descriptors only, lengths that add up, reserved bits zero.

    Raises MalformedList. What can be read in an ill-formed list is for `copyproof.scsi.vetting` to say.
    """
    header = _exact(HEADER, raw[:HEADER_LENGTH])
    segments_at = HEADER_LENGTH + header["cscd_length"]
    inline_at = segments_at + header["segment_length"]
    if len(raw) != inline_at + header["inline_length"]:
        raise MalformedList(f"the header counts {inline_at + header['inline_length']} bytes, the list has {len(raw)}")
    return CopyList(
        cscds=tuple(Cscd.decode(part) for part in _parts(raw[HEADER_LENGTH:segments_at], CSCD)),
        segments=tuple(BlockSegment.decode(part) for part in _parts(raw[segments_at:inline_at], SEGMENT)),
        list_identifier=header["list_identifier"],
        list_id_usage=ListIdUsage(header["list_id_usage"]),
        str_=bool(header["str"]),
        priority=header["priority"],
        inline=raw[inline_at:],
    )


def _exact(layout: Layout, raw: bytes, **fixed: int) -> dict[str, int]:
    """Decode one structure, and refuse it when a fixed field differs or a reserved bit is set."""
    if len(raw) != layout.size:
        raise MalformedList(f"a {layout.name} has {layout.size} bytes, not {len(raw)}")
    values = layout.decode(raw)
    for name, value in fixed.items():
        if values[name] != value:
            raise MalformedList(f"{layout.name}.{name} is {values[name]:#x}, not {value:#x}")
    if layout.encode(values) != raw:
        raise MalformedList(f"a reserved bit of the {layout.name} is set")
    return values


def _parts(raw: bytes, layout: Layout) -> list[bytes]:
    """Split a list of descriptors of equal size; the last part may be short, and is then refused by who reads it."""
    return [raw[start : start + layout.size] for start in range(0, len(raw), layout.size)]
