"""Commands to a device server in this very process: no node, no kernel, no root.

>>> class Ready:
...     def handle(self, initiator, volume, command):
...         return Plain(Status.GOOD, b"", b"")
...     def reset(self, volume):
...         pass
>>> InProcess(Ready(), "host", 1, "source").execute(Command(bytes(6)), timeout=1).status.name
'GOOD'
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from copyproof.errors import TransportError
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.sense import decode_sense
from copyproof.transport.sg3 import by_hand


class Answered(Protocol):
    """What a device server answers: a status byte, sense data (empty where there are none), the Data-In Buffer."""

    @property
    def status(self) -> int:
        """The status byte (SAM-5 table 33)."""
        ...

    @property
    def sense(self) -> bytes:
        """Sense data as they would go over a wire."""
        ...

    @property
    def data(self) -> bytes:
        """What came in."""
        ...


class Handles(Protocol):
    """A device server that is called, not reached. A volume is known by its number."""

    def handle(self, initiator: str, volume: int, command: Command) -> Answered:
        """Execute one command of an initiator."""
        ...

    def reset(self, volume: int) -> None:
        """Reset one logical unit (SAM-5 7.7)."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer as plain values."""

    status: int
    sense: bytes
    data: bytes


class InProcess:
    """The way of one initiator to one volume of a device server; `unit` is what reports call the unit.

    No time-out is kept: the server's answer is the call's return.
    """

    def __init__(self, server: Handles, initiator: str, volume: int, unit: str) -> None:
        self._server, self._initiator, self._volume, self._unit = server, initiator, volume, unit

    @property
    def name(self) -> str:
        """`inprocess:` and the unit."""
        return f"inprocess:{self._unit}"

    def execute(self, command: Command, timeout: float) -> Result:  # noqa: ARG002
        """Send one command; raises TransportError for an answer that no device may give."""
        began = time.perf_counter()
        answered = self._server.handle(self._initiator, self._volume, command)
        duration = time.perf_counter() - began
        return result_of(answered, command, self.name, duration)

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line that sends the same command, with the unit in the place of a node: it has none."""
        return by_hand(Path(self._unit), command)

    def reset(self) -> None:
        """Reset the unit, and no other."""
        self._server.reset(self._volume)


def result_of(answered: Answered, command: Command, via: str, duration: float) -> Result:
    """Return an answer of a device server as a result; raises TransportError for one that no device may give.

    `via` names the path in errors; `duration` is in seconds.
    """
    known = {int(status) for status in Status}
    if answered.status not in known or len(answered.data) > command.data_in:
        got = f"status {answered.status:02X}h and {len(answered.data)} of at most {command.data_in} bytes"
        raise TransportError(f"{via}: {got} are no answer")
    status = Status(answered.status)
    sense = decode_sense(answered.sense) if status is Status.CHECK_CONDITION else None
    return Result(status, sense, answered.data, command.data_in - len(answered.data), duration)
