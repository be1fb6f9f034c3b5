"""The copy operations that a copy manager knows: those in progress, and what is kept of those that ended.

A list identifier names an operation among those that its I_T nexus ordered from this logical unit, and has 32 bits
whatever the command that names it (SPC-4 5.17.4.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from copyproof.array.server.sense_data import CheckCondition
from copyproof.scsi.command import Status
from copyproof.scsi.sense import SenseKey


class Phase(IntEnum):
    """COPY OPERATION STATUS (SPC-4 table 249)."""

    DONE = 0x01
    FAILED = 0x02
    PARTIAL_TOKEN = 0x03
    IN_FOREGROUND = 0x11
    IN_BACKGROUND = 0x12
    TERMINATED = 0x60


class Kept(Enum):
    """What is kept of an operation that ended, until it is fetched or given up (SPC-4 6.20 to 6.26)."""

    STATUS_LID1 = "for RECEIVE COPY STATUS(LID1), once"
    STATUS_LID4 = "for RECEIVE COPY STATUS(LID4)"
    DETAILS = "for RECEIVE COPY FAILURE DETAILS(LID1), once"
    DATA = "the held data, once"
    TOKENS = "the ROD tokens, once"


RECORDS = 64
"""Of how many operations that ended something is kept (SPC-4 6.23 e, 6.24 c)."""

Name = tuple[str, int, int]
"""Initiator, logical unit, list identifier."""


@dataclass(slots=True)
class Operation:
    """One copy operation. `action` is the service action that ordered it.

    `written` counts destination blocks, `segments` the segments begun, `commands` the reads and writes that went well;
    of the segment in process, `segment_blocks` are to be written and `segment_written` are. `steps` are what is left to
    do. A copy that failed ended with `failure`, or as the bytes that were sent with `sense`.
    """

    name: Name
    action: int
    steps: Iterator[None] = field(default_factory=lambda: iter(()))
    phase: Phase = Phase.IN_FOREGROUND
    status: Status = Status.GOOD
    sense: bytes = b""
    failure: CheckCondition | None = None
    written: int = 0
    segments: int = 0
    segment_blocks: int = 0
    segment_written: int = 0
    commands: int = 0
    partial: bool = False
    held: bytearray = field(default_factory=bytearray)
    held_discarded: bool = False
    tokens: list[bytes] = field(default_factory=list)
    kept: set[Kept] = field(default_factory=set)

    @property
    def in_progress(self) -> bool:
        """Whether the copy has not ended."""
        return self.phase in (Phase.IN_FOREGROUND, Phase.IN_BACKGROUND)

    @property
    def succeeded(self) -> bool:
        """Whether the copy ended without errors (SPC-4 table 249)."""
        return self.phase in (Phase.DONE, Phase.PARTIAL_TOKEN)

    @property
    def residual(self) -> int | None:
        """Blocks that the segment in process lacks; None where none of it was written (SPC-4 5.17.7.4 c)."""
        return self.segment_blocks - self.segment_written if self.segment_written else None

    def enter(self, blocks: int) -> None:
        """Begin with the next segment, of so many destination blocks."""
        self.segments += 1
        self.segment_blocks, self.segment_written = blocks, 0

    def wrote(self, blocks: int, commands: int = 2) -> None:
        """Count blocks that were moved by so many commands, a read and a write unless it is said otherwise."""
        self.commands += commands
        self.written += blocks
        self.segment_written += blocks

    def cleared(self) -> CheckCondition:
        """What a copy in the foreground ends with that COPY OPERATION ABORT ends (SPC-4 5.17.4.7)."""
        return CheckCondition(
            SenseKey.COPY_ABORTED, 0x2F, 0x02, information=self.residual, specific=max(self.segments - 1, 0)
        )

    def succeed(self) -> None:
        """Note that all is done."""
        self._end(Phase.PARTIAL_TOKEN if self.partial else Phase.DONE, Status.GOOD)

    def fail(self, failure: CheckCondition, sense: bytes) -> None:
        """Note what the copy ended with."""
        self.failure, self.sense = failure, sense
        self._end(Phase.FAILED, Status.CHECK_CONDITION)

    def terminate(self) -> None:
        """End the copy where it is: nothing of it is written from now on."""
        self._end(Phase.TERMINATED, Status.TASK_ABORTED)

    def _end(self, phase: Phase, status: Status) -> None:
        if self.in_progress:
            self.phase, self.status = phase, status
            self.kept = set(Kept)
            self.steps = iter(())


class Operations:
    """The operations by name.

    >>> known = Operations()
    >>> operation = Operation(("host", 1, 7), 0x01)
    >>> known.begin(operation, listed=True)
    >>> known.find(("host", 1, 7)) is operation, known.find(("host", 1, 8))
    (True, None)
    """

    def __init__(self) -> None:
        self._known: dict[Name, Operation] = {}
        self._unlisted: list[Operation] = []

    def begin(self, operation: Operation, *, listed: bool) -> None:
        """Take up an operation; `listed` when its identifier may be asked for. What was kept under the name is lost.

        Raises CheckCondition: 05/00/16 OPERATION IN PROGRESS where the identifier is in use.
        """
        if not listed:
            self._unlisted = [item for item in self._unlisted if item.in_progress] + [operation]
            return
        earlier = self._known.get(operation.name)
        if earlier is not None and earlier.in_progress:
            raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x00, 0x16)
        self._known.pop(operation.name, None)
        self._known[operation.name] = operation
        self._forget()

    def _forget(self) -> None:
        """Keep the newest results only: any initiator may use any identifier."""
        ended = [item for item in self._known.values() if not item.in_progress]
        for item in ended[: max(len(ended) - RECORDS, 0)]:
            del self._known[item.name]

    def find(self, name: Name) -> Operation | None:
        """Return the operation of this name, in progress or ended, as long as something of it is kept."""
        return self._known.get(name)

    def discard(self, operation: Operation, *kept: Kept) -> None:
        """Give up what was kept of an operation; when nothing is left it has never been."""
        operation.kept.difference_update(kept)
        if not operation.kept and not operation.in_progress:
            self._known.pop(operation.name, None)

    def all(self) -> tuple[Operation, ...]:
        """Return every operation that is known, those with an identifier first."""
        return (*self._known.values(), *self._unlisted)

    def in_progress(self) -> tuple[Operation, ...]:
        """Return the operations that have not ended."""
        return tuple(item for item in self.all() if item.in_progress)

    def of(self, volume: int) -> tuple[Operation, ...]:
        """Return the operations that were ordered from a logical unit."""
        return tuple(item for item in self.all() if item.name[1] == volume)
