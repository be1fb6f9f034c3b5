"""An array of this process, served to other processes of this user by a local socket.

Whoever can open the socket can write to the array, so its folder has to be private; the frames are those of
`copyproof.scsi.frames`, and a unit is named by its NAA.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from copyproof.array.server.request import Reply
from copyproof.errors import MalformedAnswer, UsageError
from copyproof.scsi.command import Command
from copyproof.scsi.frames import Asked, Told, read_frame

POLL = 0.02
"""Seconds after which the end of serving is noticed."""
PATH_MOST = 107
"""Bytes of a socket's path (`sun_path` of unix(7), which ends with a zero)."""


class Handles(Protocol):
    """An array that takes commands from several threads."""

    def handle(self, initiator: str, volume: int, command: Command) -> Reply:
        """Execute one command of an initiator."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """As whom a command reaches which volume."""

    initiator: str
    volume: int


class ServedSocket:
    """Serves an array's units, by NAA in lower-case hex, from when it is entered until it is left.

    Raises UsageError for a path that is too long for a socket, or whose folder others may enter.
    """

    def __init__(self, path: Path, array: Handles, units: Mapping[str, Seat]) -> None:
        if len(bytes(path)) > PATH_MOST:
            raise UsageError(f"{path}: a socket's path has at most {PATH_MOST} bytes; set TMPDIR to a shorter one")
        if path.parent.stat().st_mode & 0o077:
            raise UsageError(f"{path.parent} is open to other users: chmod go= {path.parent}")
        self._path, self._array, self._units = path, array, units

    def __enter__(self) -> ServedSocket:
        """Begin to answer."""
        self._server = _Server(str(self._path), _handler(self._array, self._units))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer no more, and take the socket away."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread a connection; one whose asker says nothing does not keep the process from ending."""

    daemon_threads = True


def _handler(array: Handles, units: Mapping[str, Seat]) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Answer one command after the other; whoever says what is no frame is hung up on."""
            try:
                while (asked := read_frame(self.rfile.read, Asked)) is not None:
                    self.wfile.write(told(array, units, asked).encode())
            except (MalformedAnswer, OSError):
                return

    return Handler


def told(array: Handles, units: Mapping[str, Seat], asked: Asked) -> Told:
    """Have a command executed and return the answer; a unit that is not there is said to be so.

    >>> told(None, {}, Asked("6020000000000000000000000000000a", Command(bytes(6)))).refused
    'no unit has the NAA 6020000000000000000000000000000a'
    """
    seat = units.get(asked.naa)
    if seat is None:
        return Told(refused=f"no unit has the NAA {asked.naa}")
    reply = array.handle(seat.initiator, seat.volume, asked.command)
    return Told(reply.status, reply.sense, reply.data)
