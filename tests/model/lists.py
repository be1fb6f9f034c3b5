"""A target that the model knows, and parameter lists for it, well-formed and spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from copyproof.model.controller import Transfer
from copyproof.model.known import Access, Fault, KnownTarget, KnownUnit
from copyproof.model.predict import predict
from copyproof.model.prediction import Prediction
from copyproof.scsi.answers import OperatingParameters
from copyproof.scsi.cdb import extended_copy
from copyproof.scsi.copylist import SELF, BlockSegment, CopyList, Cscd
from copyproof.scsi.spoil import Spoiler

LIMITS = OperatingParameters(
    available=42,
    length=46,
    no_list_identifier=True,
    max_cscds=4,
    max_segments=8,
    max_list_length=512,
    max_segment_length=1500 * 512,
    max_inline_length=0,
    held_data_limit=0,
    max_stream_transfer=0,
    total_copies=1,
    max_copies=1,
    granularity=512,
    inline_granularity=1,
    held_granularity=1,
    descriptors=(0x02, 0xE4),
)
UNITS = (
    KnownUnit(1, "60000000000000000000000000000001", 8192),
    KnownUnit(2, "60000000000000000000000000000002", 8192, protection=1),
    KnownUnit(3, "5000000000000003", 64),
    KnownUnit(4, "60000000000000000000000000000004", 256, access=Access.UNREACHABLE),
    KnownUnit(5, "60000000000000000000000000000005", 256, access=Access.READ_ONLY),
)
TARGET = KnownTarget(UNITS, LIMITS)
BAD_BLOCK = Fault(1, 1003, 1, "03/11/00")


def listed(transfers: Sequence[Transfer], target: KnownTarget = TARGET) -> CopyList:
    """The list that orders some transfers, a CSCD descriptor a unit."""
    ends = list(dict.fromkeys(number for part in transfers for number in (part.source, part.destination)))
    cscds = tuple(Cscd(target.unit(number).designator) for number in ends)
    return CopyList(cscds, tuple(_segment(part, ends) for part in transfers))


def _segment(part: Transfer, ends: list[int]) -> BlockSegment:
    source, destination = ends.index(part.source), ends.index(part.destination)
    return BlockSegment(part.blocks, part.source_lba, part.destination_lba, source, destination)


def predicted(*transfers: Transfer, spoiler: Spoiler | None = None, target: KnownTarget = TARGET) -> Prediction:
    """What the model says of a list, spoilt or not, that unit 1 gets."""
    raw = listed(transfers).encode()
    return predict(extended_copy(spoiler(raw) if spoiler else raw), 1, target)


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    """A copy between two units that can be read and written, within both."""
    source, destination = draw(st.sampled_from(UNITS[:3])), draw(st.sampled_from(UNITS[:3]))
    blocks = draw(st.integers(1, min(1500, source.blocks, destination.blocks)))
    first = draw(st.integers(0, source.blocks - blocks))
    return Transfer(source.volume, first, destination.volume, draw(st.integers(0, destination.blocks - blocks)), blocks)


@st.composite
def copies(draw: st.DrawFn) -> tuple[tuple[Transfer, ...], CopyList]:
    """Some transfers and a well-formed list that orders them in one of several ways."""
    parts = tuple(draw(st.lists(transfers(), min_size=1, max_size=8)))
    order = listed(parts)
    if draw(st.booleans()):
        order = replace(order, segments=tuple(_own(segment, parts, at) for at, segment in enumerate(order.segments)))
    usage, identifier = draw(st.sampled_from([(0, 7), (2, 255), (3, 0)]))
    unit_says = draw(st.booleans())
    cscds = tuple(replace(cscd, block_length=0 if unit_says else 512) for cscd in order.cscds)
    return parts, replace(order, cscds=cscds, list_id_usage=usage, list_identifier=identifier, priority=1)


def _own(segment: BlockSegment, parts: Sequence[Transfer], at: int) -> BlockSegment:
    """Name the unit that gets the command, number 1, as the copy manager's own."""
    source = SELF if parts[at].source == 1 else segment.source
    return replace(segment, source=source, destination=SELF if parts[at].destination == 1 else segment.destination)
