"""Transports with a tape: one that records another, and one that needs no device."""

from __future__ import annotations

from pathlib import Path

from copyproof.errors import UsageError
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result
from copyproof.transport.base import Transport
from copyproof.transport.sg3 import by_hand
from copyproof.transport.tape import Failure, Recorded, Sent, TapeWriter, sent


class Recorder:
    """Puts every command that passes on a tape, with its result or what it failed of.

    Beneath the safety check it records what was really sent, that check's own questions to the unit included.
    """

    def __init__(self, transport: Transport, role: str, tape: TapeWriter) -> None:
        self._transport, self._role, self._tape = transport, role, tape

    @property
    def name(self) -> str:
        """The name of the transport behind it."""
        return self._transport.name

    def repeat_by_hand(self, command: Command) -> str:
        """Return the line of the transport behind it."""
        return self._transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command and record it; raises what the transport raises, and UsageError for a tape that cannot be
        written."""
        try:
            result = self._transport.execute(command, timeout)
        except ValueError:
            # The transport cannot carry it: nothing was sent.
            raise
        except BaseException as problem:
            failure = Failure(kind=type(problem).__name__, text=str(problem).encode(errors="replace").decode())
            self._tape.add(sent(self._role, command, timeout, None, failure))
            raise
        self._tape.add(sent(self._role, command, timeout, result))
        return result


class Playback:
    """A tape being played: all units' transports go forward on it together, so that their order is checked too."""

    def __init__(self, recorded: Recorded) -> None:
        self._name = recorded.name
        self.left = [event for event in recorded.events if isinstance(event, Sent)]
        self._played = 0

    def transport(self, role: str) -> Tape:
        """Return the transport to the unit in a role."""
        return Tape(self, role)

    def take(self, role: str, command: Command) -> Sent:
        """Return the next recorded command; raises UsageError when that is another one than was asked for."""
        self._played += 1
        asked = f"{opcode_name(command.cdb)} to {role}, {command.cdb.hex(' ')}"
        if not self.left:
            raise UsageError(f"{self._name} is at its end after {self._played - 1} commands, and was asked {asked}")
        due = self.left.pop(0)
        if (due.role, due.command) != (role, command):
            recorded = f"command {self._played} is {due}, {due.command.cdb.hex(' ')}"
            data = "" if due.command.data_out == command.data_out else " (with other data)"
            raise UsageError(f"{self._name}: {recorded}; it was asked {asked}{data}: record the tape anew")
        return due


class Tape:
    """The way to a unit that is only on a tape: it answers what was recorded, in that order, and nothing else."""

    def __init__(self, playback: Playback, role: str) -> None:
        self._playback, self._role = playback, role

    @property
    def name(self) -> str:
        """`tape:` and the role."""
        return f"tape:{self._role}"

    def execute(self, command: Command, timeout: float) -> Result:  # noqa: ARG002
        """Return the recorded result or raise the recorded error; raises UsageError when another command was
        recorded."""
        due = self._playback.take(self._role, command)
        if due.failure:
            raise due.failure.error(self.name)
        return due.result

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line that sends the same command, with the role in the place of the node."""
        return by_hand(Path(self._role), command)
