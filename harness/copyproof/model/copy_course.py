"""What happens when a segment descriptor is processed: which units it means, and what stops it (SPC-4 5.17.7.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from copyproof.model.controller import Transfer
from copyproof.model.copy_rules import Breach, breach
from copyproof.model.copy_view import ListView, Part, SegmentType
from copyproof.model.known import Access, KnownTarget, KnownUnit
from copyproof.model.prediction import Forgetting, Step
from copyproof.scsi.copylist import IDENTIFICATION_CSCD, NULL_LU, SELF

#: CSCD descriptor IDs of the two null logical units (SPC-4 table 148).
NULL_UNITS = (NULL_LU, NULL_LU + 1)
UNREACHABLE = "0A/08/04 0A/0D/02"
WRITE_PROTECTED = "0A/0D/01>07/27/00"
OUT_OF_RANGE = "0A/0D/01>05/21/00"


class Untold(Exception):
    """A descriptor whose effect the model does not know; the message names it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A block to block segment with its two units and what of it they can hold."""

    source: KnownUnit
    destination: KnownUnit
    transfer: Transfer
    destination_counts: bool

    @property
    def bytes(self) -> int:
        """How many bytes it orders; DC says whose blocks are counted."""
        counted = self.destination if self.destination_counts else self.source
        return self.transfer.blocks * counted.block_size

    @property
    def inside(self) -> int:
        """How many of its blocks lie within both units."""
        part = self.transfer
        source = self.source.room(part.source_lba, part.blocks)
        return min(source, self.destination.room(part.destination_lba, part.blocks))


def processed(part: Part, view: ListView, receiver: KnownUnit, target: KnownTarget) -> tuple[list[Breach], Step | None]:
    """Return what stops one segment and what it does when nothing does; raises Untold where nobody can say.

    Where no block is to be moved, no unit need be asked: then nothing is binding.
    """
    if part["type"] == SegmentType.VERIFY_CSCD:
        return _reached("source_index", part, view, receiver, target)[1], None
    if part["type"] not in tuple(SegmentType):
        raise Untold(f"the effect of segment descriptor type {part['type']:02X}h")
    source, wrong = _reached("source_index", part, view, receiver, target)
    destination, further = _reached("destination_index", part, view, receiver, target)
    found = wrong + further
    if source is None or destination is None:
        return _softened(found, part), None
    ordered = Transfer(source.volume, part["source_lba"], destination.volume, part["destination_lba"], part["blocks"])
    segment = Segment(source, destination, ordered, bool(part["dc"]))
    found += [stop for check in SEGMENT_STOPS for stop in check(segment, target)]
    return _softened(found, part), _step(segment)


def _softened(found: list[Breach], part: Part) -> list[Breach]:
    if part["blocks"]:
        return found
    return [Breach(item.outcomes, item.rule, binding=False) for item in found]


def _step(segment: Segment) -> Step | None:
    if segment.source.block_size != segment.destination.block_size:
        to = segment.transfer
        blocks = -(-segment.bytes // segment.destination.block_size)
        return Forgetting(to.destination, to.destination_lba, blocks)
    return segment.transfer if segment.transfer.blocks else None


def _reached(
    end: str, part: Part, view: ListView, receiver: KnownUnit, target: KnownTarget
) -> tuple[KnownUnit | None, list[Breach]]:
    """Return the unit that a CSCD descriptor ID means, and what is wrong with it (SPC-4 table 148)."""
    index = part[end]
    if index == SELF:
        return receiver, []
    if index in NULL_UNITS:
        return None, [breach(UNREACHABLE, f"SPC-4 6.4.6.1 table 148: {index:04X}h is a null logical unit")]
    if index >= len(view.cscds):
        return None, [breach("0A/08/04", f"SPC-4 6.4.6.1: CSCD descriptor ID {index:04X}h names no descriptor")]
    cscd = view.cscds[index]
    if cscd["type"] != IDENTIFICATION_CSCD:
        raise Untold(f"the unit that CSCD descriptor type {cscd['type']:02X}h means")
    return _identified(cscd, target)


def _identified(cscd: Part, target: KnownTarget) -> tuple[KnownUnit | None, list[Breach]]:
    unit = target.named(cscd.designator)
    if unit is None and not cscd.designator.naa:
        rule = "SPC-4 6.4.5.6: what a designator does that names no single logical unit is unpredictable"
        return None, [breach(f"05/26/00 {UNREACHABLE}", rule)]
    if unit is None or unit.access is Access.UNREACHABLE:
        return None, [breach(UNREACHABLE, "SPC-4 6.4.6.1, 5.17.7.4: the copy manager cannot reach the unit")]
    return unit, list(_mismatches(cscd, unit))


def _mismatches(cscd: Part, unit: KnownUnit) -> Iterator[Breach]:
    """Give what a CSCD descriptor says of its unit and is not so."""
    if cscd["device_type"] != unit.device_type:
        yield breach("0A/0D/03 05/26/00", "SPC-4 5.17.7.4, 5.17.7.2: the device type is not the unit's")
    elif cscd["block_length"] not in (0, unit.block_size):
        yield breach("0A/0D/03 05/26/00", "SPC-4 6.4.5.3, 6.4.5.1: the disk block length is not the unit's")


def _length_limit(segment: Segment, target: KnownTarget) -> Iterator[Breach]:
    limit = target.parameters.max_segment_length if target.parameters else 0
    if limit and segment.bytes > limit:
        # No clause names the sense.
        yield breach(
            "05/26/00 05/26/08 0A/26/00", f"SPC-4 6.22: a segment of {segment.bytes} bytes, {limit} are the maximum"
        )


def _granularity(segment: Segment, target: KnownTarget) -> Iterator[Breach]:
    if target.parameters and segment.bytes % target.parameters.granularity:
        yield breach("0A/26/0D", f"SPC-4 6.22: {segment.bytes} bytes, in steps of {target.parameters.granularity}")


def _whole_blocks(segment: Segment, _: KnownTarget) -> Iterator[Breach]:
    if segment.bytes % segment.destination.block_size or segment.bytes % segment.source.block_size:
        yield breach("0A/26/0A", "SPC-4 5.17.7.2 table 116: no whole number of blocks", binding=False)


def _protected(segment: Segment, _: KnownTarget) -> Iterator[Breach]:
    if segment.destination.access is Access.READ_ONLY:
        yield breach(WRITE_PROTECTED, "SPC-4 5.17.7.4; SBC-3 4.12: the destination is write protected")


def _reserved(segment: Segment, _: KnownTarget) -> Iterator[Breach]:
    if Access.RESERVED in (segment.source.access, segment.destination.access):
        yield breach("0A/0D/01", "SPC-4 5.17.7.4: a unit that another initiator has reserved is a CSCD command failure")


def _out_of_range(segment: Segment, _: KnownTarget) -> Iterator[Breach]:
    if segment.inside < segment.transfer.blocks:
        rule = "SPC-4 5.17.7.4: a segment past the end of a unit is a CSCD command failure"
        yield breach(OUT_OF_RANGE, rule, written=segment.inside)


def _unreadable(segment: Segment, target: KnownTarget) -> Iterator[Breach]:
    part = segment.transfer
    for fault in target.faults:
        good = fault.reached(part.source, part.source_lba, part.blocks)
        if good is not None:
            rule = f"SPC-4 5.17.7.4: the source cannot be read from block {good} of the segment on"
            yield breach(f"0A/0D/01>{fault.sense}", rule, written=min(good, segment.inside))


#: What can stop a segment whose two units are known.
SEGMENT_STOPS: tuple[Callable[[Segment, KnownTarget], Iterator[Breach]], ...] = (
    _length_limit,
    _granularity,
    _whole_blocks,
    _protected,
    _reserved,
    _out_of_range,
    _unreadable,
)
