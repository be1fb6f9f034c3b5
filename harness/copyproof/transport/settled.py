"""Answers that commands beside the judged ones must give; loads light."""

from __future__ import annotations

from copyproof.errors import DeviceError
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result, Status
from copyproof.transport.base import ATTENTIONS_MOST, Transport

#: Seconds that one command may take.
PATIENCE = 60.0


def settled(transport: Transport, command: Command) -> Result:
    """Return the first answer that is no unit attention; raises DeviceError after many of them, and as `execute`."""
    for _ in range(ATTENTIONS_MOST):
        result = transport.execute(command, PATIENCE)
        if not result.unit_attention:
            return result
    raise DeviceError(f"{transport.name}: {ATTENTIONS_MOST} unit attentions in a row to {opcode_name(command.cdb)}")


def need(result: Result, doing: str, name: str) -> None:
    """Raise DeviceError unless the status is GOOD."""
    if result.status is Status.RESERVATION_CONFLICT:
        raise DeviceError(f"{doing} by {name}: reservation conflict: another initiator has reserved the unit")
    if not result.good:
        raise DeviceError(f"{doing} by {name}: {result.sense or result.status.name}")
