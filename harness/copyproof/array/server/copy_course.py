"""How a copy operation goes: segment after segment, piece after piece, and what it says where it fails.

Everything wrong that is found here ends the copy with COPY ABORTED, the number of the segment, and, where the source or
the destination reported it, that unit's status and sense (SPC-4 5.17.7.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from copyproof.array.core.errors import ArrayFault
from copyproof.array.defects import Defect
from copyproof.array.server.commands import Access
from copyproof.array.server.copy_admission import admit, named_by, within
from copyproof.array.server.copy_defects import Move, spoilt
from copyproof.array.server.copy_lists import CopyOrder, CscdDescriptor, SegmentDescriptor
from copyproof.array.server.faults import refusal
from copyproof.array.server.sense_data import CheckCondition, Ended, encode_sense, invalid_parameter
from copyproof.scsi.command import Status
from copyproof.scsi.copylist import CSCD, NULL_LU, SEGMENT, SELF
from copyproof.scsi.sense import FieldPointer, Forwarded, Origin, Pointed, SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.copy_operations import Operation
    from copyproof.array.server.server import DeviceServer

UNREACHABLE, DEVICE_FAILURE, WRONG_DEVICE_TYPE, BAD_LIST = (0x08, 0x04), (0x0D, 0x01), (0x0D, 0x03), (0x26, 0x00)
"""Additional sense codes of COPY ABORTED."""

_FIELDS = {Origin.SOURCE: "source_index", Origin.DESTINATION: "destination_index"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a segment: the volume, and where the list describes it, None for the copy manager's own unit."""

    origin: Origin
    volume: int
    offset: int | None


class Course:
    """The processing of one list for one operation, which it keeps up to date.

    `steps` yields after each piece of at most `chunk` blocks; what raises CheckCondition ends the operation.
    """

    def __init__(self, server: DeviceServer, order: CopyOrder, operation: Operation) -> None:
        self._server = server
        self._order = order
        self._operation = operation
        self._initiator, self._own, _ = operation.name

    def steps(self) -> Iterator[None]:
        """Process the segments in order; raises CheckCondition with key COPY ABORTED."""
        for segment in self._order.segments:
            self._operation.enter(segment.blocks)
            ends = [self._end(segment, origin) for origin in _FIELDS]
            if segment.blocks:
                yield from self._pieces(segment, *ends)

    def _end(self, segment: SegmentDescriptor, origin: Origin) -> End:
        """Find the unit that a CSCD descriptor ID stands for (SPC-4 table 148)."""
        field = SEGMENT[_FIELDS[origin]]
        identifier = segment.source if origin is Origin.SOURCE else segment.destination
        # Where nothing is moved, no command is sent, and the null logical unit will do (SPC-4 table 148, note b).
        if identifier == SELF or (identifier == NULL_LU and not segment.blocks):
            return End(origin, self._own, None)
        cscd = self._order.cscds.get(identifier)
        if cscd is not None:
            return self._described(segment, origin, cscd)
        at_field = FieldPointer(Pointed.PARAMETERS, segment.offset + field.offset)
        # The LID4 header stands where descriptor 0 would, as a descriptor extension, FFh (SPC-4 6.4.2, 6.4.5.2).
        is_header = identifier < self._order.form.first_identifier
        raise self._failure(segment, *(BAD_LIST if is_header else UNREACHABLE), pointer=at_field)

    def _described(self, segment: SegmentDescriptor, origin: Origin, cscd: CscdDescriptor) -> End:
        volume = named_by(self._server, self._initiator, cscd.designator)
        at_descriptor = FieldPointer(Pointed.PARAMETERS, cscd.offset)
        if volume is None:
            raise self._failure(segment, *UNREACHABLE, pointer=at_descriptor)
        if cscd.device_type:
            raise self._failure(segment, *WRONG_DEVICE_TYPE, pointer=at_descriptor)
        return End(origin, volume, cscd.offset)

    def _pieces(self, segment: SegmentDescriptor, source: End, destination: End) -> Iterator[None]:
        """Move a segment in pieces; one that overlaps its own source in one piece, so that it reads what was there."""
        whole = Move(source.volume, segment.source_lba, destination.volume, segment.destination_lba, segment.blocks)
        size = whole.count if whole.overlaps else self._server.settings.copy.chunk_blocks
        for piece in whole.pieces(size):
            self._admit(segment, source, whole.source_lba, whole.count)
            self._admit(segment, destination, whole.destination_lba, whole.count)
            self._move(segment, piece, source, destination)
            yield

    def _admit(self, segment: SegmentDescriptor, end: End, lba: int, count: int) -> None:
        """Let the unit judge the command that the copy manager would send it, as if the initiator had sent it."""
        access = Access.READ if end.origin is Origin.SOURCE else Access.WRITE
        try:
            admit(self._server, self._initiator, end.volume, access)
            within(self._server, end.volume, lba, count)
        except CheckCondition as refused:
            raise self._reported(segment, end, refused) from refused
        except Ended as ended:
            raise self._reported(segment, end, ended) from ended

    def _move(self, segment: SegmentDescriptor, piece: Move, source: End, destination: End) -> None:
        """Move a piece; of one whose source has a block that cannot be read, those before it (5.17.7.4 c)."""
        try:
            if piece.overlaps:
                # Where a block is both read and written, nothing may be written before all of it is known to be good.
                self._server.unit.read(piece.source, piece.source_lba, piece.count)
            self._copy(piece, segment.held)
        except ArrayFault as fault:
            end = destination if _is_at_destination(fault, piece) else source
            if end is source and (good := _good_before(fault, piece)):
                self._move(segment, piece.first(good), source, destination)
            raise self._reported(segment, end, refusal(fault)) from fault

    def _copy(self, piece: Move, held: bool) -> None:
        unit = self._server.unit
        kept = unit.read(piece.source, piece.source_lba, piece.count).data.tobytes() if held else b""
        for move in spoilt(piece, self._server.settings):
            unit.copy(move.source, move.source_lba, move.destination, move.destination_lba, move.count)
        self._operation.wrote(piece.count)
        self._hold(kept)

    def _hold(self, data: bytes) -> None:
        """Keep the newest bytes up to the limit (SPC-4 5.17.4.5)."""
        operation, limit = self._operation, self._server.settings.copy.held_bytes
        operation.held += data
        operation.held_discarded |= len(operation.held) > limit
        del operation.held[: max(len(operation.held) - limit, 0)]

    def _reported(self, segment: SegmentDescriptor, end: End, why: CheckCondition | Ended) -> CheckCondition:
        """COPY ABORTED for what an end of the copy reported: its status and sense go along unchanged."""
        if isinstance(why, CheckCondition):
            # Descriptor format has key and codes first: they are within the 32 bytes that some tools have room for.
            forwarded = Forwarded(end.origin, Status.CHECK_CONDITION, encode_sense(why.sense, descriptor=True))
        else:
            forwarded = Forwarded(end.origin, why.status, b"")
        pointer = None if end.offset is None else FieldPointer(Pointed.PARAMETERS, end.offset)
        return self._failure(segment, *DEVICE_FAILURE, pointer=pointer, forwarded=(forwarded,))

    def _failure(
        self,
        segment: SegmentDescriptor,
        asc: int,
        ascq: int,
        *,
        pointer: FieldPointer | None,
        forwarded: tuple[Forwarded, ...] = (),
    ) -> CheckCondition:
        """The residual, in destination blocks, is told only where data of this segment was written."""
        return CheckCondition(
            SenseKey.COPY_ABORTED,
            asc,
            ascq,
            pointer=pointer,
            information=self._residual(),
            specific=segment.number,
            forwarded=forwarded,
        )

    def _residual(self) -> int | None:
        residual = self._operation.residual
        wrong = residual is not None and Defect.COPY_RESIDUAL_WRONG in self._server.settings.defects
        return residual - 1 if residual is not None and wrong else residual


def check_units(server: DeviceServer, order: CopyOrder, initiator: str, own: int) -> None:
    """Find before the first segment what the list says wrongly of the units: a block length, a segment too long.

    Raises CheckCondition (ILLEGAL REQUEST).
    """
    for cscd in order.cscds.values():
        volume = named_by(server, initiator, cscd.designator)
        if volume is None or cscd.device_type or not cscd.block_length:
            continue
        if cscd.block_length != server.unit.volume(volume).block_size:
            raise invalid_parameter(cscd.offset + CSCD["block_length"].offset)
    limit = server.settings.copy.segment_bytes // server.unit.volume(own).block_size
    for segment in order.segments:
        if segment.blocks > limit:
            raise invalid_parameter(segment.offset + SEGMENT["blocks"].offset)


def _is_at_destination(fault: ArrayFault, piece: Move) -> bool:
    """Whether a fault is the destination's: within one volume, where the block that it names is written to."""
    if piece.source != piece.destination:
        return getattr(fault, "volume", piece.source) == piece.destination
    lba = getattr(fault, "lba", piece.source_lba)
    return not piece.source_lba <= lba < piece.source_lba + piece.count


def _good_before(fault: ArrayFault, piece: Move) -> int:
    """How many blocks of a piece come before the one that a fault of the source names; 0 where it names none."""
    lba = getattr(fault, "lba", None)
    return lba - piece.source_lba if lba is not None and 0 < lba - piece.source_lba < piece.count else 0
