"""How a command reaches a device: one verb, and a status is data."""

from __future__ import annotations

from typing import Protocol

from copyproof.scsi.command import Command, Result


class Transport(Protocol):
    """One path to one logical unit.

    `execute` returns whatever status the device gave. It raises TransportTimeout when no answer came within `timeout` seconds (the
    outcome is unknown), TransportError when the path failed, ToolMissing or PermissionDenied when the user can mend it.
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
