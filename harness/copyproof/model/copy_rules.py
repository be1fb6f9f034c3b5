"""The checks of an EXTENDED COPY(LID1) parameter list, one small function each, in the order of the list.

Each returns a `Breach` or None. The standard names no order among errors that are there at once, so all are collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from copyproof.model.copy_view import SEGMENT_LENGTHS, ListView, Part, SegmentType
from copyproof.model.known import KnownTarget
from copyproof.scsi.copylist import (
    CSCD_LENGTH,
    DESIGNATOR_ROOM,
    HEADER,
    HEADER_LENGTH,
    IDENTIFICATION_CSCD,
    ListIdUsage,
)
from copyproof.scsi.outcome import Outcome

#: What a copy manager that does not tell its descriptor types is taken to have.
COMMON_TYPES = (int(SegmentType.BLOCK_TO_BLOCK), IDENTIFICATION_CSCD)


@dataclass(frozen=True, slots=True)
class Breach:
    """What is wrong, the outcomes it may end in, and the clause. A copy manager may pass over one that is not
    `binding`; of a segment that fails in its course, up to `written` blocks may have been written."""

    outcomes: tuple[Outcome, ...]
    rule: str
    binding: bool = True
    written: int = 0


def breach(outcomes: str, rule: str, *, binding: bool = True, written: int = 0) -> Breach:
    """Make a breach of outcomes separated by spaces.

    >>> [str(outcome) for outcome in breach("05/26/00 0A/26/00", "SPC-4 6.4.6.1").outcomes]
    ['05/26/00', '0A/26/00']
    """
    return Breach(tuple(Outcome.parse(text) for text in outcomes.split()), rule, binding, written)


def supported(target: KnownTarget) -> tuple[int, ...]:
    """Return the descriptor type codes that the copy manager has (SPC-4 6.22)."""
    return target.parameters.descriptors if target.parameters else COMMON_TYPES


def _header_is_there(view: ListView, _: KnownTarget) -> Breach | None:
    if len(view.raw) >= HEADER_LENGTH:
        return None
    return breach("05/1A/00", "SPC-4 6.4.1: the list ends within its header")


def _list_is_whole(view: ListView, _: KnownTarget) -> Breach | None:
    if len(view.raw) >= view.end:
        return None
    return breach("05/1A/00", f"SPC-4 6.4.1: the header counts {view.end} bytes, {len(view.raw)} came")


def _nothing_follows(view: ListView, _: KnownTarget) -> Breach | None:
    if len(view.raw) <= view.end:
        return None
    return breach("05/1A/00", "SPC-4 6.4.1: bytes follow that the header does not count", binding=False)


def _cscds_are_whole(view: ListView, _: KnownTarget) -> Breach | None:
    if not view.header["cscd_length"] % CSCD_LENGTH:
        return None
    return breach("05/26/00 05/1A/00 05/26/07", "SPC-4 6.4.5.1: a CSCD descriptor has a multiple of 32 bytes")


def _cscds_are_few(view: ListView, target: KnownTarget) -> Breach | None:
    limit = target.parameters.max_cscds if target.parameters else 0
    if not limit or view.header["cscd_length"] <= limit * CSCD_LENGTH:
        return None
    return breach("05/26/06", f"SPC-4 6.4.3.4: at most {limit} CSCD descriptors")


def _segments_are_few(view: ListView, target: KnownTarget) -> Breach | None:
    limit = target.parameters.max_segments if target.parameters else 0
    if not limit or sum(part.whole for part in view.segments) <= limit:
        return None
    return breach("05/26/08", f"SPC-4 6.4.3.5: at most {limit} segment descriptors")


def _descriptors_are_short(view: ListView, target: KnownTarget) -> Breach | None:
    limit = target.parameters.max_list_length if target.parameters else 0
    if not limit or view.inline_at - HEADER_LENGTH <= limit:
        return None
    return breach("05/1A/00", f"SPC-4 6.4.3.5: at most {limit} bytes of descriptors")


def _inline_data_is_short(view: ListView, target: KnownTarget) -> Breach | None:
    length = view.header["inline_length"]
    if not length or target.parameters is None or length <= target.parameters.max_inline_length:
        return None
    limit = target.parameters.max_inline_length
    return breach("05/26/0B", f"SPC-4 6.4.3.6, 6.22: at most {limit} bytes of inline data")


def _usage_is_defined(view: ListView, _: KnownTarget) -> Breach | None:
    if view.header["list_id_usage"] != ListIdUsage.RESERVED:
        return None
    return breach("05/26/00", "SPC-4 6.4.3.2 table 129: LIST ID USAGE 01b is reserved")


def _identifier_is_unused(view: ListView, target: KnownTarget) -> Breach | None:
    if view.header["list_id_usage"] != ListIdUsage.NONE:
        return None
    if target.parameters is None or not target.parameters.no_list_identifier:
        return breach("05/26/00", "SPC-4 6.4.3.2 table 129: LIST ID USAGE 11b without SNLID", binding=False)
    if not view.header["list_identifier"]:
        return None
    return breach("05/26/00", "SPC-4 6.4.3.2 table 129: LIST ID USAGE 11b with a list identifier")


def _identifier_is_free(view: ListView, target: KnownTarget) -> Breach | None:
    used = view.header["list_id_usage"] in (ListIdUsage.HOLD, ListIdUsage.DISCARD)
    if not used or view.header["list_identifier"] not in target.active:
        return None
    return breach("05/00/16", "SPC-4 5.17.4.2: a copy with this list identifier is in progress")


def _held_data_has_an_identifier(view: ListView, _: KnownTarget) -> Breach | None:
    held = any(part["type"] == SegmentType.BLOCK_TO_BLOCK_HELD for part in view.segments)
    if not held or view.header["list_id_usage"] != ListIdUsage.NONE:
        return None
    return breach("05/26/00", "SPC-4 6.4.3.2 table 129: LIST ID USAGE 11b with a segment that holds data")


def _something_is_ordered(view: ListView, _: KnownTarget) -> Breach | None:
    if view.segments:
        return None
    return breach("05/26/00", "SPC-4 5.17.7.1: the list has no segment descriptor", binding=False)


def _reserved_bits_are_zero(view: ListView, _: KnownTarget) -> Breach | None:
    if not any(part.reserved for part in (view.header, *view.cscds, *view.segments) if _readable(part)):
        return None
    return breach("05/26/00", "SPC-4 3.3: a reserved bit is set", binding=False)


def _readable(part: Part) -> bool:
    """Whether the model knows the fields of a structure by its type."""
    return part.layout is HEADER or part["type"] in (*COMMON_TYPES, SegmentType.BLOCK_TO_BLOCK_HELD)


ListCheck: TypeAlias = Callable[[ListView, KnownTarget], Breach | None]

#: Without these nothing more can be read: of a list that is cut short, only what its header says.
LENGTH_CHECKS: tuple[ListCheck, ...] = (_header_is_there, _list_is_whole)
HEADER_CHECKS: tuple[ListCheck, ...] = (
    _nothing_follows,
    _cscds_are_whole,
    _cscds_are_few,
    _descriptors_are_short,
    _inline_data_is_short,
    _usage_is_defined,
    _identifier_is_unused,
    _identifier_is_free,
)
CONTENT_CHECKS: tuple[ListCheck, ...] = (
    _segments_are_few,
    _held_data_has_an_identifier,
    _something_is_ordered,
    _reserved_bits_are_zero,
)


def _cscd_type(part: Part, target: KnownTarget) -> Breach | None:
    if part["type"] in supported(target):
        return None
    return breach("05/26/07", f"SPC-4 6.4.5.1: CSCD descriptor type {part['type']:02X}h is not supported")


def _designator_fits(part: Part, _: KnownTarget) -> Breach | None:
    if part["type"] != IDENTIFICATION_CSCD or part["designator_length"] <= DESIGNATOR_ROOM:
        return None
    return breach("05/26/00", "SPC-4 6.4.5.6: the designator length shall be 20 or less", binding=False)


#: Checks of each CSCD descriptor, referenced or not.
CSCD_CHECKS: tuple[Callable[[Part, KnownTarget], Breach | None], ...] = (_cscd_type, _designator_fits)


def _segment_type(part: Part, target: KnownTarget) -> Breach | None:
    if part["type"] in supported(target):
        return None
    return breach("05/26/09", f"SPC-4 6.4.6.1: segment descriptor type {part['type']:02X}h is not supported")


def _segment_length(part: Part, target: KnownTarget) -> Breach | None:
    if part.whole or _segment_type(part, target):
        return None
    due = SEGMENT_LENGTHS.get(part["type"], len(part.raw) - 4)
    rule = f"SPC-4 6.4.6.1, 5.17.7.2: DESCRIPTOR LENGTH {part['length']:04X}h, where {max(0, due):04X}h belongs"
    return breach("05/26/00 0A/26/00", rule)


#: Checks of each segment descriptor by itself.
SEGMENT_CHECKS: tuple[Callable[[Part, KnownTarget], Breach | None], ...] = (_segment_type, _segment_length)


def length_breach(view: ListView, target: KnownTarget) -> Breach | None:
    """Return why a list is cut short, None where it is not."""
    return next((found for check in LENGTH_CHECKS if (found := check(view, target))), None)


def list_breaches(view: ListView, target: KnownTarget) -> Iterator[Breach]:
    """Give what is wrong with the list as a whole, as far as it is there."""
    short = length_breach(view, target)
    if short:
        yield short
    if len(view.raw) >= HEADER_LENGTH:
        checks = HEADER_CHECKS if short else (*HEADER_CHECKS, *CONTENT_CHECKS)
        yield from (found for check in checks if (found := check(view, target)))


def cscd_breaches(view: ListView, target: KnownTarget) -> Iterator[Breach]:
    """Give what is wrong with CSCD descriptors, whether or not a segment refers to them."""
    yield from (found for part in view.cscds for check in CSCD_CHECKS if (found := check(part, target)))


def segment_breaches(part: Part, target: KnownTarget) -> Iterator[Breach]:
    """Give what is wrong with one segment descriptor by itself."""
    yield from (found for check in SEGMENT_CHECKS if (found := check(part, target)))
