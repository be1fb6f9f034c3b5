"""Unit attentions: what an initiator has to hear before its next command is executed (SAM-5 5.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server.part import Part

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer

Code = tuple[int, int]
"""An additional sense code and its qualifier."""

POWER_ON = (0x29, 0x00)
BUS_DEVICE_RESET = (0x29, 0x03)
NEXUS_LOST = (0x29, 0x07)
MODE_CHANGED = (0x2A, 0x01)
RESERVATIONS_PREEMPTED = (0x2A, 0x03)
RESERVATIONS_RELEASED = (0x2A, 0x04)
REGISTRATIONS_PREEMPTED = (0x2A, 0x05)


class Attentions(Part):
    """The queue of each I_T_L nexus; one seen for the first time begins with POWER ON."""

    def __init__(self, server: DeviceServer) -> None:
        super().__init__(server)
        self._queues: dict[tuple[str, int], list[Code]] = {}

    def raise_for(self, initiator: str, volume: int, code: Code) -> None:
        """Put a unit attention last in the queue of a nexus, unless it waits there already."""
        queue = self._queue(initiator, volume)
        if code not in queue:
            queue.append(code)

    def raise_for_others(self, initiator: str, volume: int, code: Code) -> None:
        """Tell every nexus of the volume that is known, except the one that did it."""
        for other, number in list(self._queues):
            if number == volume and other != initiator:
                self.raise_for(other, volume, code)

    def take(self, initiator: str, volume: int) -> Code | None:
        """Take the first unit attention of a nexus out of its queue; None where there is none."""
        queue = self._queue(initiator, volume)
        return queue.pop(0) if queue else None

    def reset(self, volume: int) -> None:
        """Replace what waits, since a reset tells it all (SAM-5 5.14)."""
        for key in self._queues:
            if key[1] == volume:
                self._queues[key] = [BUS_DEVICE_RESET]

    def nexus_lost(self, initiator: str) -> None:
        """Replace what waits for a nexus that is lost, should it come back (SAM-5 6.3.4)."""
        for key in self._queues:
            if key[0] == initiator:
                self._queues[key] = [NEXUS_LOST]

    def _queue(self, initiator: str, volume: int) -> list[Code]:
        nexus = initiator, volume
        if nexus not in self._queues:
            self._queues[nexus] = [POWER_ON]
        return self._queues[nexus]
