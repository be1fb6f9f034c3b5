"""What a host moves, counted where its commands leave the harness: bytes of blocks, and bytes of all else.

>>> tally = Tally()
>>> tally.add(0x88, 4096)
>>> tally.add(0x12, 36)
>>> tally
Tally(blocks=4096, others=36)
"""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.scsi.command import Command, Result
from copyproof.transport.base import Transport

CARRIERS = frozenset(
    {
        0x08, 0x28, 0xA8, 0x88,  # READ(6), (10), (12), (16)
        0x0A, 0x2A, 0xAA, 0x8A,  # WRITE(6), (10), (12), (16)
        0x2E, 0xAE, 0x8E,  # WRITE AND VERIFY(10), (12), (16)
        0x2F, 0xAF, 0x8F,  # VERIFY(10), (12), (16)
        0x41, 0x93, 0x89, 0x8B,  # WRITE SAME(10), (16), COMPARE AND WRITE, ORWRITE(16)
        0x7F,  # the 32-byte forms of these
    }
)  # fmt: skip
"""Operation codes whose data are blocks of the unit (SBC-3 table 13)."""


@dataclass(slots=True)
class Tally:
    """Bytes that crossed, in either direction: of blocks, and of parameter lists and answers."""

    blocks: int = 0
    others: int = 0

    def add(self, opcode: int, size: int) -> None:
        """Count what a command carried."""
        if opcode in CARRIERS:
            self.blocks += size
        else:
            self.others += size


class Counted:
    """A transport whose data are counted; what got no answer counts as if all of it had crossed."""

    def __init__(self, transport: Transport, tally: Tally) -> None:
        self._transport, self._tally = transport, tally

    @property
    def name(self) -> str:
        """The name of the transport behind it."""
        return self._transport.name

    def repeat_by_hand(self, command: Command) -> str:
        """Return the line of the transport behind it."""
        return self._transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command and count its data; raises what the transport raises."""
        came = command.data_in
        try:
            result = self._transport.execute(command, timeout)
            came = len(result.data)
        finally:
            self._tally.add(command.opcode, len(command.data_out) + came)
        return result
