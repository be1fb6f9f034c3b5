"""How a command reaches a device: one verb, and a status is data."""

from __future__ import annotations

from typing import Protocol

from copyproof.errors import DeviceError
from copyproof.scsi.cdb import test_unit_ready
from copyproof.scsi.command import Command, Result
from copyproof.scsi.sense import Sense


class Transport(Protocol):
    """One path to one logical unit.

    `execute` returns whatever status the device gave. It raises TransportTimeout when no answer came within `timeout`
    seconds (the outcome is unknown), TransportError when the path failed, TargetLost when the device is gone,
    ToolMissing or PermissionDenied when the user can mend it.
    """

    @property
    def name(self) -> str:
        """What reports call this path, for example `sg3:/dev/sg2`."""
        ...

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command and wait at most `timeout` seconds for its result."""
        ...

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line of sg3_utils that sends the same command."""
        ...


class Direct(Transport, Protocol):
    """A path that needs no node, to a unit that can be reset by it."""

    def reset(self) -> None:
        """Reset the unit, and no other; every initiator is told by a unit attention."""
        ...


ATTENTIONS_MOST = 32
"""Unit attentions a device may report one after the other before that counts as a fault."""


def drain(transport: Transport, timeout: float) -> tuple[Sense, ...]:
    """Send TEST UNIT READY until no unit attention is reported, and return the ones that were (SAM-5 5.14).

    `timeout` is in seconds for each command. Whatever else the unit answers ends the draining: it is not for this
    function to judge. Raises DeviceError after `ATTENTIONS_MOST` of them, and what `execute` raises.
    """
    drained: list[Sense] = []
    for _ in range(ATTENTIONS_MOST):
        result = transport.execute(test_unit_ready(), timeout)
        if not result.unit_attention:
            return tuple(drained)
        assert result.sense is not None
        drained.append(result.sense)
    raise DeviceError(f"{transport.name}: {ATTENTIONS_MOST} unit attentions in a row, the last {drained[-1]}")
