"""What the device server keeps beside the blocks: reservations, unit attentions, mode pages, copies under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer


class Part:
    """A room's state in the device server: made with the server alone when `DeviceServer.part` is first asked for it,
    and told what happens to nexuses and logical units. What a part does not care for stays as it is here."""

    def __init__(self, server: DeviceServer) -> None:
        self.server = server

    def reset(self, volume: int) -> None:
        """LOGICAL UNIT RESET (SAM-5 6.3.3)."""

    def abort(self, initiator: str, volume: int) -> None:
        """End the tasks of this I_T_L nexus without a word (ABORT TASK and ABORT TASK SET, SAM-5 7.2, 7.3)."""

    def nexus_lost(self, initiator: str) -> None:
        """I_T nexus loss (SAM-5 6.3.4)."""

    def run(self, ticks: int) -> None:
        """Do what goes on with no command, for so many ticks."""
