"""The parameter lists of EXTENDED COPY(LID1) and (LID4), read as a copy manager reads them (SPC-4 6.4.2 to 6.4.6).

What is wrong with a list as such is found here, before the first segment is processed (5.17.7.3): the refusals carry a
field pointer and no sense key COPY ABORTED. What depends on the units is for `copy_course` to find.

>>> read_list(bytes(16), Form.LID1, CopyLimits()).segments
()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from copyproof.array.server.sense_data import CheckCondition, invalid_cdb, invalid_parameter, list_length_error
from copyproof.array.settings import CopyLimits
from copyproof.scsi.copylist import (
    BLOCK_TO_BLOCK,
    CSCD,
    CSCD_LENGTH,
    DESIGNATOR_ROOM,
    HEADER,
    HEADER_LENGTH,
    HEADER_LID4,
    IDENTIFICATION_CSCD,
    SEGMENT,
    ListIdUsage,
)
from copyproof.scsi.designator import NAA_LENGTHS, CodeSet, Designator, DesignatorType
from copyproof.scsi.layout import Field, Layout, number

BLOCK_TO_BLOCK_HELD = 0x0D
"""Block to block, with a copy of the data held for the application client (SPC-4 6.4.6.4)."""

SEGMENT_TYPES = (BLOCK_TO_BLOCK, BLOCK_TO_BLOCK_HELD)
CSCD_TYPES = (IDENTIFICATION_CSCD,)

TOO_MANY_CSCDS, UNSUPPORTED_CSCD, TOO_MANY_SEGMENTS, UNSUPPORTED_SEGMENT, INLINE_EXCEEDED = 0x06, 0x07, 0x08, 0x09, 0x0B
FORMAT_LID4, HEADER_CSCD_LENGTH, HEADER_CSCD_TYPE = 0x01, 0x20, 0xFF


class Form(Enum):
    """The two formats of a parameter list, each with its header."""

    LID1 = HEADER
    LID4 = HEADER_LID4

    @property
    def layout(self) -> Layout:
        """Where the fields of the header lie."""
        return self.value

    @property
    def first_identifier(self) -> int:
        """The CSCD descriptor ID of the first descriptor: an ID stands for byte 16 + 32 times the ID in both formats
        (SPC-4 table 148)."""
        return (self.layout.size - HEADER_LENGTH) // CSCD_LENGTH


@dataclass(frozen=True, slots=True)
class CscdDescriptor:
    """An identification descriptor CSCD descriptor, `offset` bytes from the list's beginning."""

    offset: int
    designator: Designator
    device_type: int
    block_length: int


@dataclass(frozen=True, slots=True)
class SegmentDescriptor:
    """A block to block segment descriptor, `offset` bytes from the list's beginning; `number` counts from 0.

    `blocks` is 0 to 65535; `source` and `destination` are CSCD descriptor IDs; `held` where the data is to be held.
    """

    offset: int
    number: int
    source: int
    destination: int
    blocks: int
    source_lba: int
    destination_lba: int
    held: bool


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """A list that is well formed. `cscds` goes by CSCD descriptor ID; `immediate` and `good_sense` are LID4's."""

    form: Form
    identifier: int
    usage: ListIdUsage
    immediate: bool
    good_sense: bool
    cscds: Mapping[int, CscdDescriptor]
    segments: tuple[SegmentDescriptor, ...]


def read_list(raw: bytes, form: Form, limits: CopyLimits) -> CopyOrder:
    """Read a parameter list; raises CheckCondition (ILLEGAL REQUEST) at the first thing that is wrong with it."""
    layout = form.layout
    if len(raw) < layout.size:
        raise list_length_error()
    header = layout.decode(raw)
    if form is Form.LID4:
        _check_lid4(header)
    _check_usage(header, layout)
    _check_lengths(header, layout, len(raw), limits)
    segments_at = layout.size + header["cscd_length"]
    segments = tuple(_segments(raw, segments_at, header["segment_length"], limits, layout))
    usage = ListIdUsage(header["list_id_usage"])
    _check_held(segments, usage)
    return CopyOrder(
        form=form,
        identifier=header["list_identifier"],
        usage=usage,
        immediate=bool(header.get("immediate", 0)),
        good_sense=bool(header.get("good_sense", 0)),
        cscds=dict(enumerate(_cscds(raw, layout.size, segments_at), form.first_identifier)),
        segments=segments,
    )


def _check_lid4(header: Mapping[str, int]) -> None:
    """The fields by which SPC-3 devices recognise, and refuse, the format (SPC-4 table 126), and IMMED's conflicts."""
    fixed = {"format": FORMAT_LID4, "header_cscd_length": HEADER_CSCD_LENGTH, "header_cscd_type": HEADER_CSCD_TYPE}
    for name, value in fixed.items():
        if header[name] != value:
            raise _misfit(HEADER_LID4[name])
    if header["immediate"] and (header["good_sense"] or header["list_id_usage"] == ListIdUsage.NONE):
        # 6.4.2 asks for INVALID FIELD IN CDB here, though the bits are in the list: what points to none of its bytes.
        raise invalid_cdb(0)


def _check_usage(header: Mapping[str, int], layout: Layout) -> None:
    """LIST ID USAGE (SPC-4 tables 128 and 129); this copy manager sets SNLID."""
    if header["list_id_usage"] == ListIdUsage.RESERVED:
        raise _misfit(layout["list_id_usage"])
    if header["list_id_usage"] == ListIdUsage.NONE and header["list_identifier"]:
        raise _misfit(layout["list_identifier"])


def _check_lengths(header: Mapping[str, int], layout: Layout, length: int, limits: CopyLimits) -> None:
    """The three lengths of the header against the limits, and against the bytes that came (SPC-4 6.4.3.4 to 6.4.3.6,
    6.4.1)."""
    cscds, segments, inline = (header[name] for name in ("cscd_length", "segment_length", "inline_length"))
    if cscds + segments > limits.list_bytes:
        raise list_length_error()
    if inline > limits.inline_bytes:
        raise _misfit(layout["inline_length"], INLINE_EXCEEDED)
    if cscds % CSCD_LENGTH or layout.size + cscds + segments + inline > length:
        raise list_length_error()
    if cscds // CSCD_LENGTH > limits.cscds:
        raise _misfit(layout["cscd_length"], TOO_MANY_CSCDS)


def _check_held(segments: tuple[SegmentDescriptor, ...], usage: ListIdUsage) -> None:
    """Data cannot be held where nothing may be kept (SPC-4 tables 128 and 129, 11b)."""
    for segment in segments:
        if segment.held and usage is ListIdUsage.NONE:
            raise _misfit(SEGMENT["type"], base=segment.offset)


def _cscds(raw: bytes, start: int, end: int) -> Iterator[CscdDescriptor]:
    for at in range(start, end, CSCD_LENGTH):
        values = CSCD.decode(raw, at)
        if values["type"] not in CSCD_TYPES:
            raise _misfit(CSCD["type"], UNSUPPORTED_CSCD, at)
        room = raw[at + CSCD["designator"].offset :][: min(values["designator_length"], DESIGNATOR_ROOM)]
        if flaw := _flaw(values, room):
            raise _misfit(CSCD[flaw], base=at)
        designator = Designator(values["code_set"], values["association"], values["designator_type"], room)
        yield CscdDescriptor(at, designator, values["device_type"], values["block_length"])


#: For each designator type that can name a logical unit: its code sets, and its lengths (SPC-4 7.8.6.3 to 7.8.6.11).
_BINARY, _TEXT = {CodeSet.BINARY}, {CodeSet.ASCII, CodeSet.UTF8}
_DESIGNATORS: Mapping[int, tuple[set[CodeSet], range | set[int]]] = {
    DesignatorType.VENDOR: (_BINARY | _TEXT, range(1, 21)),
    DesignatorType.T10_VENDOR: (_TEXT, range(8, 21)),
    DesignatorType.EUI64: (_BINARY, {8, 12, 16}),
    DesignatorType.NAA: (_BINARY, {8, 16}),
    DesignatorType.MD5: (_BINARY, {16}),
    DesignatorType.NAME_STRING: ({CodeSet.UTF8}, range(4, 21)),
}


def _flaw(values: Mapping[str, int], designator: bytes) -> str:
    """Return the name of the field for which no logical unit's designator can be like this, or an empty string."""
    if values["designator_type"] not in _DESIGNATORS:
        return "designator_type"
    code_sets, lengths = _DESIGNATORS[values["designator_type"]]
    if values["association"]:
        return "association"
    if values["code_set"] not in code_sets:
        return "code_set"
    length = values["designator_length"]
    fits = length in lengths and (
        values["designator_type"] != DesignatorType.NAA or NAA_LENGTHS.get(designator[0] >> 4, length) == length
    )
    return "" if fits else "designator_length"


def _segments(raw: bytes, start: int, length: int, limits: CopyLimits, layout: Layout) -> Iterator[SegmentDescriptor]:
    at, index = start, 0
    while at < start + length:
        if index >= limits.segments:
            raise _misfit(layout["segment_length"], TOO_MANY_SEGMENTS)
        yield _segment(raw[: start + length], at, index)
        at, index = at + SEGMENT.size, index + 1


def _segment(raw: bytes, at: int, index: int) -> SegmentDescriptor:
    """Read one; a type or a DESCRIPTOR LENGTH that is wrong counts more than that the descriptor ends too early."""
    if raw[at] not in SEGMENT_TYPES:
        raise _misfit(SEGMENT["type"], UNSUPPORTED_SEGMENT, at)
    if at + 4 <= len(raw) and number(raw, at + 2, 2) != SEGMENT.size - 4:
        raise _misfit(SEGMENT["length"], base=at)
    if at + SEGMENT.size > len(raw):
        raise list_length_error()
    values = SEGMENT.decode(raw, at)
    return SegmentDescriptor(
        offset=at,
        number=index,
        source=values["source_index"],
        destination=values["destination_index"],
        blocks=values["blocks"],
        source_lba=values["source_lba"],
        destination_lba=values["destination_lba"],
        held=values["type"] == BLOCK_TO_BLOCK_HELD,
    )


def _misfit(field: Field, ascq: int = 0x00, base: int = 0) -> CheckCondition:
    """05/26/`ascq`, pointing at a field of the structure that begins at `base`."""
    highest = field.mask.bit_length() - 1 if field.mask else None
    return invalid_parameter(base + field.offset, highest, ascq=ascq)
