"""A command that goes out and the result that comes back: plain frozen values (SAM-5 5.1).

>>> Command(cdb=bytes(6)).opcode
0
>>> Result(status=Status.GOOD).good
True
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from copyproof.scsi.sense import Sense


class Status(IntEnum):
    """SCSI status codes (SAM-5 table 33)."""

    GOOD = 0x00
    CHECK_CONDITION = 0x02
    CONDITION_MET = 0x04
    BUSY = 0x08
    RESERVATION_CONFLICT = 0x18
    TASK_SET_FULL = 0x28
    ACA_ACTIVE = 0x30
    TASK_ABORTED = 0x40


@dataclass(frozen=True, slots=True)
class Command:
    """One SCSI command: a CDB of 6 to 260 bytes and at most one direction of data.

    `data_out` is the Data-Out Buffer; `data_in` is how many bytes the Data-In Buffer holds. Both at once: ValueError.
    """

    cdb: bytes
    data_out: bytes = b""
    data_in: int = 0

    def __post_init__(self) -> None:
        if self.data_out and self.data_in:
            raise ValueError("a command moves data in one direction: give data_out or data_in, not both")

    @property
    def opcode(self) -> int:
        """Byte 0 of the CDB, 0 to 255."""
        return self.cdb[0]

    @property
    def service_action(self) -> int:
        """Bits 4 to 0 of byte 1, where commands with service actions carry it (SPC-4 4.2.2)."""
        return self.cdb[1] & 0x1F


@dataclass(frozen=True, slots=True)
class Result:
    """What the device answered. `residual` is in bytes of the buffer; `duration` in seconds."""

    status: Status
    sense: Sense | None = None
    data: bytes = b""
    residual: int = 0
    duration: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the status is GOOD."""
        return self.status is Status.GOOD

    @property
    def executed(self) -> bool:
        """Whether the unit began with the command: not where it was busy or had to tell a unit attention (SAM-5 5.3.1,
        5.14).

        >>> Result(Status.BUSY).executed
        False
        """
        return self.status not in (Status.BUSY, Status.TASK_SET_FULL) and not self.unit_attention

    @property
    def unit_attention(self) -> bool:
        """Whether this is a CHECK CONDITION with sense key UNIT ATTENTION (SPC-4 table 53)."""
        return self.status is Status.CHECK_CONDITION and self.sense is not None and self.sense.key == 6
