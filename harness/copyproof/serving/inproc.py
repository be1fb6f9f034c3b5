"""The software array in this very process: a control unit, its device server and, when asked for, a trace.

>>> from copyproof.array.settings import VolumeSettings
>>> array = Served(ArraySettings(volumes=(VolumeSettings(1, 64),)))
>>> array.handle("host", 1, Command(bytes.fromhex("12000000ff00"), data_in=255)).status.name
'GOOD'
"""

from __future__ import annotations

import threading

from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.inventory import Inventory
from copyproof.array.core.layout import Place
from copyproof.array.core.unit import ControlUnit
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.server import DeviceServer
from copyproof.array.settings import ArraySettings, Exchange
from copyproof.array.trace import Event, Trace
from copyproof.errors import DeviceError
from copyproof.scsi.command import Command


class Served:
    """An array that is up: called, it lets a tick pass with each command, so that its background work goes on. Held,
    it lets pass only the ticks that are asked for. Several threads may send it commands and let time pass."""

    def __init__(self, settings: ArraySettings) -> None:
        self.unit = ControlUnit(settings)
        self.server = DeviceServer(self.unit, settings)
        self._held = False
        self._turn = threading.RLock()

    def handle(self, initiator: str, volume: int, command: Command) -> Reply:
        """Execute one command of an initiator, then let a tick pass."""
        with self._turn:
            reply = self.answer(Request(initiator, volume, command.cdb, command.data_out, command.data_in))
            self.pass_time(1)
        return reply

    def answer(self, request: Request) -> Reply:
        """Execute one command, in no time."""
        return self.server.handle(request)

    def abort(self, initiator: str, volume: int) -> None:
        """ABORT TASK and ABORT TASK SET."""
        self.server.abort(initiator, volume)

    def reset(self, volume: int) -> None:
        """LOGICAL UNIT RESET."""
        with self._turn:
            self.server.reset(volume)

    def nexus_lost(self, initiator: str) -> None:
        """The session of an initiator has ended."""
        self.server.nexus_lost(initiator)

    def run(self, ticks: int) -> None:
        """Let so many ticks pass, held or not."""
        with self._turn:
            self.server.run(ticks)

    def pass_time(self, ticks: int) -> None:
        """Let so many ticks pass that nobody asked for; none while the array is held."""
        if not self._held:
            self.run(ticks)

    def hold(self) -> None:
        """Let no tick pass by itself until `release`."""
        self._held = True

    def release(self) -> None:
        """Let ticks pass by themselves again."""
        self._held = False

    def begin_trace(self) -> None:
        """Record from now on what the controller does, which costs time, and forget what was recorded before."""
        self.unit.trace = Trace()

    def end_trace(self) -> tuple[Event, ...]:
        """Record no longer, and return what was recorded, oldest first; DeviceError where it was more than is kept."""
        trace, self.unit.trace = self.unit.trace, None
        if trace is None:
            return ()
        if trace.dropped:
            raise DeviceError(f"the trace keeps {len(trace.events)} events, {trace.dropped} before them are lost")
        return trace.events

    def exchange_by(self, exchange: Exchange) -> None:
        """Let the address change unit work so from now on."""
        with self._turn:
            self.unit.exchange_by(exchange)

    def inventory(self) -> Inventory:
        """What the array tells of itself."""
        return self.unit.inventory()

    def place(self, volume: int, lba: int) -> Place:
        """Where on the members a block is."""
        return self.unit.place(volume, lba)

    def fail_member(self, member: int) -> None:
        """Let a member fail, with all that it holds; DeviceError where there is no such member."""
        self.unit.fail_member(self._member(member))

    def replace_member(self, member: int) -> None:
        """Put an empty one in its place, which is rebuilt by ticks; DeviceError where there is no such member."""
        self.unit.replace_member(self._member(member))

    def empty_cache(self) -> None:
        """Destage everything and let it go; DeviceError where a block cannot be destaged."""
        with self._turn:
            try:
                self.unit.empty_cache()
            except ArrayFault as fault:
                raise DeviceError(f"the cache cannot be emptied: {fault}") from None

    def parity_errors(self) -> tuple[int, ...]:
        """The stripes whose parity is wrong."""
        return tuple(self.unit.parity_errors())

    def internal_errors(self) -> tuple[str, ...]:
        """The traceback of each error that is the array's own."""
        return tuple(self.server.internal_errors)

    def _member(self, member: int) -> int:
        if not 0 <= member < self.unit.settings.members:
            raise DeviceError(f"there is no member {member}, only 0 to {self.unit.settings.members - 1}")
        return member
