"""Commands through a local socket to an array that another process holds, such as one served in process there."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import BinaryIO, cast

from copyproof.errors import MalformedAnswer, TargetLost, TransportError, TransportTimeout
from copyproof.scsi.command import Command, Result
from copyproof.scsi.frames import Asked, Told, read_frame
from copyproof.transport.inprocess import result_of
from copyproof.transport.sg3 import by_hand


class SocketPath:
    """The way to the unit with a NAA (lower-case hex) through a socket; nothing is opened before the first command."""

    def __init__(self, path: Path, naa: str) -> None:
        self._path, self._naa = path, naa
        self._stream: BinaryIO | None = None
        self._connection: socket.socket | None = None

    @property
    def name(self) -> str:
        """`socket:` and the NAA."""
        return f"socket:{self._naa}"

    def execute(self, command: Command, timeout: float) -> Result:
        """Send one command and wait at most `timeout` seconds for its result.

        Raises TransportTimeout, after which nothing more is read of this connection; TargetLost where nobody serves
        the socket or no such unit; TransportError for an answer that no device may give.
        """
        began = time.perf_counter()
        told = self._asked(Asked(self._naa, command), timeout)
        if told.refused:
            raise TargetLost(f"{self.name}: {told.refused}")
        return result_of(told, command, self.name, time.perf_counter() - began)

    def repeat_by_hand(self, command: Command) -> str:
        """Return a shell line that sends the same command, with the NAA in the place of a node: there is none."""
        return by_hand(Path(f"naa.{self._naa}"), command)

    def close(self) -> None:
        """Hang up."""
        stream, self._stream = self._stream, None
        connection, self._connection = self._connection, None
        for end in (stream, connection):
            if end is not None:
                # What could not be sent is tried once more by a close, and the other side may be gone.
                with contextlib.suppress(OSError):
                    end.close()

    def _asked(self, asked: Asked, timeout: float) -> Told:
        try:
            stream = self._open(timeout)
            stream.write(asked.encode())
            stream.flush()
            told = read_frame(stream.read, Told)
        except TimeoutError:
            self.close()
            raise TransportTimeout(f"{self.name}: no answer within {timeout:g} s; the outcome is unknown") from None
        except OSError as problem:
            self.close()
            raise TargetLost(f"{self.name}: nobody serves {self._path}: {problem.strerror or problem}") from None
        except MalformedAnswer as problem:
            self.close()
            raise TransportError(f"{self.name}: {problem}") from None
        if told is None:
            self.close()
            raise TargetLost(f"{self.name}: {self._path} was closed before the answer; the outcome is unknown")
        return told

    def _open(self, timeout: float) -> BinaryIO:
        if self._stream is None or self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.settimeout(timeout)
            self._connection.connect(str(self._path))
            self._stream = cast(BinaryIO, self._connection.makefile("rwb"))
        self._connection.settimeout(timeout)
        return self._stream
