"""What can be read in a parameter list of EXTENDED COPY(LID1), however ill-formed it is (SPC-4 6.5, 6.4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from copyproof.scsi.copylist import CSCD, CSCD_LENGTH, DESIGNATOR_ROOM, HEADER, HEADER_LENGTH, SEGMENT
from copyproof.scsi.designator import Designator
from copyproof.scsi.layout import Layout


class SegmentType(IntEnum):
    """The segment descriptor types whose effect the model knows (SPC-4 table 146)."""

    BLOCK_TO_BLOCK = 0x02
    VERIFY_CSCD = 0x07
    BLOCK_TO_BLOCK_HELD = 0x0D


#: The DESCRIPTOR LENGTH of these types (SPC-4 tables 151 and 156).
SEGMENT_LENGTHS: Mapping[int, int] = {
    SegmentType.BLOCK_TO_BLOCK: SEGMENT.size - 4,
    SegmentType.VERIFY_CSCD: 8,
    SegmentType.BLOCK_TO_BLOCK_HELD: SEGMENT.size - 4,
}


@dataclass(frozen=True)
class Part:
    """One structure as it lies in a list, cut short where the list ends; what is missing is read as zero."""

    layout: Layout
    raw: bytes

    @cached_property
    def values(self) -> dict[str, int]:
        """Its fields by name."""
        return self.layout.decode(self.raw[: self.layout.size].ljust(self.layout.size, b"\0"))

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    @property
    def reserved(self) -> bool:
        """Whether a reserved bit is set."""
        return self.layout.encode(self.values) != self.raw[: self.layout.size].ljust(self.layout.size, b"\0")

    @property
    def whole(self) -> bool:
        """Whether a segment descriptor has as many bytes as its DESCRIPTOR LENGTH says, and its type must have."""
        length = self["length"]
        return len(self.raw) == 4 + length and SEGMENT_LENGTHS.get(self["type"], length) == length

    @property
    def designator(self) -> Designator:
        """The designator of a CSCD descriptor, cut to the length that it claims."""
        data = self["designator"].to_bytes(DESIGNATOR_ROOM, "big")[: self["designator_length"]]
        return Designator(self["code_set"], self["association"], self["designator_type"], data)


@dataclass(frozen=True)
class ListView:
    """A list of `raw` bytes, as its own header divides it.

    >>> ListView(bytes.fromhex("0000 0040 00000000 0000001c 00000000") + bytes(92)).end
    108
    """

    raw: bytes

    @cached_property
    def header(self) -> Part:
        """The header."""
        return Part(HEADER, self.raw[:HEADER_LENGTH])

    @property
    def segments_at(self) -> int:
        """Where the segment descriptors begin, in bytes."""
        return HEADER_LENGTH + self.header["cscd_length"]

    @property
    def inline_at(self) -> int:
        """Where the inline data begins, in bytes."""
        return self.segments_at + self.header["segment_length"]

    @property
    def end(self) -> int:
        """How many bytes the header counts, itself included."""
        return self.inline_at + self.header["inline_length"]

    @cached_property
    def cscds(self) -> tuple[Part, ...]:
        """The CSCD descriptors that are there in whole."""
        end = min(self.segments_at, len(self.raw)) - CSCD_LENGTH + 1
        return tuple(Part(CSCD, self.raw[at : at + CSCD_LENGTH]) for at in range(HEADER_LENGTH, end, CSCD_LENGTH))

    @cached_property
    def segments(self) -> tuple[Part, ...]:
        """The segment descriptors, up to the first that is not whole: where one ends, the next begins."""
        return tuple(self._segments())

    def _segments(self) -> Iterator[Part]:
        at, end = self.segments_at, min(self.inline_at, len(self.raw))
        while at < end:
            stop = at + 4 + SEGMENT["length"].get(self.raw[at:end].ljust(4, b"\0"))
            part = Part(SEGMENT, self.raw[at : min(stop, end)])
            yield part
            if not part.whole:
                return
            at = stop
