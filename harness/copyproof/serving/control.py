"""The array's control socket: one JSON object a line each way, for its trace, its clock and its own errors.

A request is `{"do": NAME}`, with what that needs (`ticks`, `volume` and `lba`, `member`); the answer is
`{"done": VALUE}` or `{"refused": WHY}`.

>>> from copyproof.array.settings import ArraySettings, VolumeSettings
>>> from copyproof.serving.inproc import Served
>>> array = Served(ArraySettings(volumes=(VolumeSettings(1, 64),)))
>>> answered(array, b'{"do": "internal_errors"}'), answered(array, b'{"do": "dance"}')[:12]
(b'{"done":[]}\\n', b'{"refused":"')
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.inventory import Inventory
from copyproof.array.core.layout import Place
from copyproof.array.settings import Exchange
from copyproof.array.trace import Event
from copyproof.errors import DeviceError, TargetLost, UsageError
from copyproof.serving.inproc import Served

T = TypeVar("T")
LINE_MOST = 1 << 16
"""Bytes of a request."""
PATIENCE = 120.0
"""Seconds that an answer may take: the array works on one thing at a time."""
TICKS_MOST = 100_000
"""Ticks of one request: nothing else is answered while they pass."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A request."""

    do: str
    ticks: Annotated[int, msgspec.Meta(ge=0, le=TICKS_MOST)] = 0
    volume: int = 0
    lba: int = 0
    member: Annotated[int, msgspec.Meta(ge=0)] = 0
    exchange: Exchange = Exchange.IN_BUFFER


_CALLS: Mapping[str, Callable[[Served, Asked], object]] = {
    "begin_trace": lambda array, _: array.begin_trace(),
    "end_trace": lambda array, _: array.end_trace(),
    "run": lambda array, asked: array.run(asked.ticks),
    "hold": lambda array, _: array.hold(),
    "release": lambda array, _: array.release(),
    "exchange_by": lambda array, asked: array.exchange_by(asked.exchange),
    "inventory": lambda array, _: array.inventory(),
    "place": lambda array, asked: array.place(asked.volume, asked.lba),
    "fail_member": lambda array, asked: array.fail_member(asked.member),
    "replace_member": lambda array, asked: array.replace_member(asked.member),
    "empty_cache": lambda array, _: array.empty_cache(),
    "parity_errors": lambda array, _: array.parity_errors(),
    "internal_errors": lambda array, _: array.internal_errors(),
}


def answered(array: Served, line: bytes) -> bytes:
    """Do what a line asks for and return the line that answers it; whatever comes, there is an answer.

    What the array should have refused and did not is an error of its own, which fails the run.
    """
    try:
        asked = msgspec.json.decode(line, type=Asked)
    except (msgspec.MsgspecError, ValueError) as problem:
        return _line({"refused": f"not understood: {problem}"})
    call = _CALLS.get(asked.do)
    if call is None:
        return _line({"refused": f"there is {', '.join(_CALLS)}"})
    try:
        return _line({"done": call(array, asked)})
    except (DeviceError, UsageError, ArrayFault) as problem:
        return _line({"refused": str(problem)})
    except Exception as problem:
        array.server.internal_errors.append(traceback.format_exc())
        return _line({"refused": f"the array met an error of its own: {problem!r}"})


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


class Conversation:
    """One connection of the serving side: bytes in, whole lines answered. It never waits for the other side, since
    nothing else is answered meanwhile."""

    def __init__(self, connection: socket.socket, array: Served) -> None:
        connection.setblocking(False)
        self.connection, self._array = connection, array
        self._heard = b""
        self._unsent = memoryview(b"")

    @property
    def sending(self) -> bool:
        """Whether an answer waits until the other side reads; nothing more is heard before."""
        return bool(self._unsent)

    def go_on(self) -> bool:
        """Send on, or read what has come and answer it; False when the other side has gone or says too much."""
        try:
            if not self.sending and not self._hear():
                return False
            self._unsent = self._unsent[self.connection.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return len(self._heard) <= LINE_MOST

    def _hear(self) -> bool:
        more = self.connection.recv(LINE_MOST)
        *lines, self._heard = (self._heard + more).split(b"\n")
        self._unsent = memoryview(b"".join(answered(self._array, line) for line in lines))
        return bool(more)


class Remote:
    """The array of another process by its control socket, connected with the first call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: socket.socket | None = None
        self._heard = b""

    def begin_trace(self) -> None:
        """Record from now on what the controller does, and forget what was recorded before; raises DeviceError."""
        self._ask(object, do="begin_trace")

    def end_trace(self) -> tuple[Event, ...]:
        """Record no longer, and return what was recorded, oldest first; raises DeviceError."""
        return self._ask(tuple[Event, ...], do="end_trace")

    def run(self, ticks: int) -> None:
        """Let so many ticks pass, beside those of the clock; raises DeviceError."""
        self._ask(object, do="run", ticks=ticks)

    def hold(self) -> None:
        """Let no tick pass by itself until `release`; raises DeviceError."""
        self._ask(object, do="hold")

    def release(self) -> None:
        """Let ticks pass as time does; raises DeviceError."""
        self._ask(object, do="release")

    def exchange_by(self, exchange: Exchange) -> None:
        """Let the address change unit work so from now on; raises DeviceError."""
        self._ask(object, do="exchange_by", exchange=exchange)

    def inventory(self) -> Inventory:
        """What the array tells of itself; raises DeviceError."""
        return self._ask(Inventory, do="inventory")

    def place(self, volume: int, lba: int) -> Place:
        """Where on the members a block is; raises DeviceError."""
        return self._ask(Place, do="place", volume=volume, lba=lba)

    def fail_member(self, member: int) -> None:
        """Let a member fail, with all that it holds; raises DeviceError."""
        self._ask(object, do="fail_member", member=member)

    def replace_member(self, member: int) -> None:
        """Put an empty one in its place, which is rebuilt by ticks; raises DeviceError."""
        self._ask(object, do="replace_member", member=member)

    def empty_cache(self) -> None:
        """Destage everything and let it go, so that what is read next comes from the members; raises DeviceError."""
        self._ask(object, do="empty_cache")

    def parity_errors(self) -> tuple[int, ...]:
        """The stripes whose parity is wrong; raises DeviceError."""
        return self._ask(tuple[int, ...], do="parity_errors")

    def internal_errors(self) -> tuple[str, ...]:
        """The traceback of each error that is the array's own; raises DeviceError."""
        return self._ask(tuple[str, ...], do="internal_errors")

    def close(self) -> None:
        """Hang up; what was heard of an answer is of no use to the next connection."""
        connection, self._connection = self._connection, None
        self._heard = b""
        if connection is not None:
            connection.close()

    def _ask(self, kind: type[T], **asked: object) -> T:
        try:
            raw = msgspec.json.decode(self._said(_line(asked)), type=dict[str, Any])
            if "refused" not in raw:
                return msgspec.convert(raw.get("done"), kind)
        except (OSError, msgspec.MsgspecError) as problem:
            self.close()
            raise TargetLost(f"the array's control socket {self.path} gives no answer: {problem}") from None
        raise DeviceError(f"the array refuses {asked['do']}: {raw['refused']}")

    def _said(self, line: bytes) -> bytes:
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.settimeout(PATIENCE)
            self._connection.connect(str(self.path))
        self._connection.sendall(line)
        while b"\n" not in self._heard:
            more = self._connection.recv(1 << 20)
            if not more:
                raise OSError("it was closed")
            self._heard += more
        answer, _, self._heard = self._heard.partition(b"\n")
        return answer
