"""The software array in this very process: a control unit, its device server and their trace.

>>> from copyproof.array.settings import VolumeSettings
>>> array = Served(ArraySettings(volumes=(VolumeSettings(1, 64),)))
>>> array.handle("host", 1, Command(bytes.fromhex("12000000ff00"), data_in=255)).status.name
'GOOD'
"""

from __future__ import annotations

from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.settings import ArraySettings
from copyproof.array.trace import Event, Trace
from copyproof.scsi.command import Command


class Served:
    """An array that is up: called, it lets a tick pass with each command, so that its background work goes on."""

    def __init__(self, settings: ArraySettings) -> None:
        self.trace = Trace()
        self.unit = ControlUnit(settings, self.trace)
        self.server = DeviceServer(self.unit, settings)

    def handle(self, initiator: str, volume: int, command: Command) -> Reply:
        """Execute one command of an initiator, then let a tick pass."""
        reply = self.answer(Request(initiator, volume, command.cdb, command.data_out, command.data_in))
        self.run(1)
        return reply

    def answer(self, request: Request) -> Reply:
        """Execute one command, in no time."""
        return self.server.handle(request)

    def abort(self, initiator: str, volume: int) -> None:
        """ABORT TASK and ABORT TASK SET."""
        self.server.abort(initiator, volume)

    def reset(self, volume: int) -> None:
        """LOGICAL UNIT RESET."""
        self.server.reset(volume)

    def run(self, ticks: int) -> None:
        """Let so many ticks pass."""
        self.server.run(ticks)

    def events(self) -> tuple[Event, ...]:
        """What the controller did since the trace was last cleared, oldest first."""
        return self.trace.events

    def clear(self) -> None:
        """Forget the trace."""
        self.trace.clear()

    def internal_errors(self) -> tuple[str, ...]:
        """The traceback of each error that is the array's own."""
        return tuple(self.server.internal_errors)
