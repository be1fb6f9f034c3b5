"""What a target offers to random sequences: its units and limits, and which commands it has, asked for and tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from copyproof.errors import DeviceError, MalformedAnswer
from copyproof.fuzz.pair_ground import PairGround, survey_pairs
from copyproof.plugin.bench import NUMBERS, Bench
from copyproof.scsi.cdb import inquiry, opcode_name
from copyproof.scsi.command import Command, Result
from copyproof.scsi.copylist import COUNT_LIMIT, CSCD_LENGTH, SEGMENT
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.provisioning import (
    LOGICAL_BLOCK_PROVISIONING,
    Provisioning,
    provisioning,
    unmap,
    write_same16,
)
from copyproof.scsi.sense import SenseKey
from copyproof.scsi.vpd import BlockLimits, Page, block_limits
from copyproof.targets.live import Role
from copyproof.transport.base import drain

PLAYED = (Role.SOURCE, Role.DESTINATION)
"""The units that are written to."""

LIO_WILL_NOT = "02/08/00"

BY_COMMAND = 64
"""The most blocks that one WRITE command carries; larger host writes go through the block node."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Volume numbers with their sizes in blocks, and limits: `longest` in blocks a segment, `segments` a list, `same`
    blocks a WRITE SAME, `unmapped` blocks an UNMAP; 0 where the target has no such command.

    `zeros` says that unmapped blocks read zeros, surely in whole granules of `granule` blocks (0: not known) from
    `granules_from` on; `resets` that the units may be reset, `strange` holds a segment
    descriptor type and a CSCD descriptor type that are not advertised. `pairs` is None where there are none.
    """

    volumes: tuple[tuple[int, int], ...]
    block_size: int = 512
    longest: int = COUNT_LIMIT
    segments: int = 1
    same: int = 0
    unmapped: int = 0
    zeros: bool = False
    granule: int = 0
    granules_from: int = 0
    resets: bool = False
    strange: tuple[int, int] | None = None
    pairs: PairGround | None = None

    def blocks(self, volume: int) -> int:
        """The size of a volume in blocks."""
        return dict((*self.volumes, *(self.pairs.volumes if self.pairs else ())))[volume]


def survey(bench: Bench) -> Ground:
    """Ask and try what the target offers; writes the first blocks of the source. Raises DeviceError."""
    device = bench.unit(Role.SOURCE).lun.device
    room = min(COUNT_LIMIT, *(bench.unit(role).blocks // 2 for role in PLAYED))
    limits = _limits(bench)
    thin = _thin(bench) if not device.protection else None
    zeros = bytes(device.block_size)
    return Ground(
        volumes=tuple((NUMBERS[role], bench.unit(role).blocks) for role in PLAYED),
        block_size=device.block_size,
        longest=max(1, min(_longest(bench), room)),
        segments=_segments(bench),
        same=_tried(bench, lambda blocks: write_same16(0, blocks, zeros), min(limits.max_write_same or room, room)),
        unmapped=_tried(bench, lambda blocks: unmap(0, blocks), min(limits.max_unmap, room)) if thin else 0,
        zeros=bool(thin and thin.reads_zeros),
        granule=limits.unmap_granularity,
        granules_from=limits.unmap_alignment,
        resets=_own(bench),
        strange=_strange(bench),
        pairs=survey_pairs(bench),
    )


def _longest(bench: Bench) -> int:
    parameters = bench.capabilities.parameters
    length = parameters.max_segment_length if parameters else 0
    return min(COUNT_LIMIT, length // bench.stamper.block_size) if length else COUNT_LIMIT


def _segments(bench: Bench) -> int:
    """Segments that fit in a list of two CSCD descriptors; where the target names no limit, one is sure."""
    parameters = bench.capabilities.parameters
    if parameters is None:
        return 1
    room = (parameters.max_list_length - 2 * CSCD_LENGTH) // SEGMENT.size if parameters.max_list_length else COUNT_LIMIT
    return max(1, min(parameters.max_segments or 1, room))


def _limits(bench: Bench) -> BlockLimits:
    raw = _page(bench, Page.BLOCK_LIMITS)
    return block_limits(raw) if raw else BlockLimits(0, 0, 0, 0, 0)


def _thin(bench: Bench) -> Provisioning | None:
    """Return what page B2h says of a unit that has UNMAP."""
    raw = _page(bench, LOGICAL_BLOCK_PROVISIONING)
    found = provisioning(raw) if raw else None
    return found if found and found.unmap else None


def _page(bench: Bench, page: int) -> bytes:
    """Return a VPD page, empty where the unit has none that can be read."""
    result = _sent(bench, inquiry(page))
    try:
        if result.good:
            block_limits(result.data) if page == Page.BLOCK_LIMITS else provisioning(result.data)
            return result.data
    except MalformedAnswer:
        pass
    return b""


def _tried(bench: Bench, command: Callable[[int], Command], most: int) -> int:
    """Return how many blocks a command takes, 0 where the unit does not carry it out: `most` or, where that is
    refused, the half of it and so on.

    A unit need not name a limit that it has. Raises DeviceError for any other end.
    """
    bench.model.forget(NUMBERS[Role.SOURCE], 0, most)
    while most and not _taken(bench, command(most)):
        most //= 2
    return most


def _taken(bench: Bench, command: Command) -> bool:
    result = _sent(bench, command)
    if not result.good and not _refused(result):
        name = bench.unit(Role.SOURCE).transport.name
        raise DeviceError(f"{name}: {opcode_name(command.cdb)} was tried and ended in {Outcome.of(result)}")
    return result.good


def _refused(result: Result) -> bool:
    """Whether a command is not carried out as it stands.

    LIO's fileio says so of WRITE SAME with labels by LOGICAL UNIT COMMUNICATION FAILURE (fd_execute_write_same).
    """
    illegal = result.sense is not None and result.sense.key is SenseKey.ILLEGAL_REQUEST
    return illegal or str(result.sense) == LIO_WILL_NOT


def _sent(bench: Bench, command: Command) -> Result:
    """Send a command to the source; after a unit attention, with which it was not executed, once more."""
    transport, timeout = bench.unit(Role.SOURCE).transport, bench.spec.command_timeout
    result = transport.execute(command, timeout)
    if result.unit_attention:
        drain(transport, timeout)
        result = transport.execute(command, timeout)
    if not result.executed:
        raise DeviceError(f"{transport.name}: {Outcome.of(result)}: {opcode_name(command.cdb)} was not executed")
    return result


def _own(bench: Bench) -> bool:
    """Whether the run made the units itself: a reset ends the commands of every other initiator."""
    named = (bench.spec.luns[role.value] for role in PLAYED)
    return not any(unit.naa or unit.serial for unit in named)


def _strange(bench: Bench) -> tuple[int, int] | None:
    parameters = bench.capabilities.parameters
    if parameters is None:
        return None
    segment = next((kind for kind in range(0xBE) if kind not in parameters.descriptors), None)
    cscd = next((kind for kind in range(0xE0, 0xFE) if kind not in parameters.descriptors), None)
    return None if segment is None or cscd is None else (segment, cscd)
