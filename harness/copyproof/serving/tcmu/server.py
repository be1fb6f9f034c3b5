"""The loop that answers all rings of an array, its control socket and its clock, in one thread."""

from __future__ import annotations

import mmap
import os
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from copyproof.array.server.request import VARIABLE_LENGTH, Request
from copyproof.errors import DeviceError
from copyproof.serving.control import Conversation
from copyproof.serving.inproc import Served
from copyproof.serving.tcmu.job import Job, Port
from copyproof.serving.tcmu.ring import Entry, Management, Ring, Task
from copyproof.serving.tcmu.sessions import Sessions

UIO = Path("/sys/class/uio")
_RESETS = {Management.LUN_RESET, Management.TARGET_WARM_RESET, Management.TARGET_COLD_RESET}
_READS = frozenset({0x08, 0x28, 0xA8, 0x88})
"""READ(6), (10), (12), (16): the bulk of what comes, and nothing goes out with them."""
_WRITES = frozenset({0x0A, 0x2A, 0xAA, 0x8A})
"""WRITE(6), (10), (12), (16): the rest of the bulk, and nothing comes in with them."""
_TRANSFERS = {
    0x28: (7, 2, 1),
    0x2A: (7, 2, 1),
    0xA8: (6, 4, 1),
    0xAA: (6, 4, 1),
    0x88: (10, 4, 1),
    0x8A: (10, 4, 1),
    0x097F: (28, 4, 10),
    0x0B7F: (28, 4, 10),
}
"""READ and WRITE (10), (12), (16) and (32), these by their service action too: where the CDB has its count of blocks,
in how many bytes, and where RDPROTECT or WRPROTECT."""
_PROTECT = 0xE0
CONNECTIONS_MOST = 64
"""Connections to the control socket: one that finds no descriptor left would end the array."""


def unprotected(cdb: bytes, room: int, block_size: int) -> bytes:
    """Return a CDB that asks for no labels where the buffer has no room for them.

    For a protected unit behind an adapter that is said to strip and insert labels, as tcm_loop is, sd sets RDPROTECT
    and WRPROTECT in its own reads and writes (sd_setup_protect_cmnd), and the buffer holds blocks alone. For type 2
    these are READ(32) and WRITE(32).

    >>> unprotected(bytes.fromhex("28200000000000000100"), 512, 512).hex()
    '28000000000000000100'
    """
    at, length, flags = _TRANSFERS.get(_kind(cdb), (0, 0, 0))
    if not room or int.from_bytes(cdb[at : at + length], "big") * block_size != room:
        return cdb
    return cdb[:flags] + bytes([cdb[flags] & ~_PROTECT]) + cdb[flags + 1 :]


def _kind(cdb: bytes) -> int:
    return int.from_bytes(cdb[8:10], "big") << 8 | cdb[0] if cdb[0] == VARIABLE_LENGTH else cdb[0]


class Station:
    """One port, its ring mapped. Raises DeviceError where the kernel has no such device."""

    def __init__(self, port: Port, uio: Path = UIO) -> None:
        self.port = port
        node = _node(port.device, uio)
        self.handle = os.open(f"/dev/{node}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        size = int((uio / node / "maps/map0/size").read_text(), 16)
        self._memory = mmap.mmap(self.handle, size)
        self.ring = Ring(self._memory)

    def close(self) -> None:
        """Let go of the device."""
        self.ring.close()
        self._memory.close()
        os.close(self.handle)

    def woken(self) -> bool:
        """Take what woke us, if there is anything; False when the kernel has taken the device away."""
        try:
            os.read(self.handle, 4)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def kick(self) -> None:
        """Tell the kernel that there are answers."""
        os.write(self.handle, (1).to_bytes(4, "little"))


def _node(device: str, uio: Path) -> str:
    found = [path.parent.name for path in uio.glob("uio*/name") if path.read_text().strip() == device]
    if len(found) != 1:
        raise DeviceError(f"{len(found)} uio devices are called {device}")
    return found[0]


class Desk:
    """Serves until it is told to stop. `clock` counts seconds."""

    def __init__(
        self, array: Served, sessions: Sessions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._array, self._sessions, self._clock = array, sessions or Sessions(), clock
        self._selector = selectors.DefaultSelector()
        self._tick = 1 / array.server.settings.copy.ticks_per_second
        self._due = clock() + self._tick
        self._open = True
        self._connections: set[socket.socket] = set()

    def watch(self, handle: int | socket.socket, call: Callable[[], object]) -> None:
        """Call something whenever a descriptor can be read."""
        self._selector.register(handle, selectors.EVENT_READ, call)

    def stop(self) -> None:
        """End the loop after what is being done."""
        self._open = False

    def serve(self) -> None:
        """Answer what comes, and let ticks pass as time does."""
        while self._open:
            for key, _ in self._selector.select(max(0.0, self._due - self._clock())):
                key.data()
            self._pass_time()

    def answer(self, station: Station) -> None:
        """Answer all that waits on a ring. Each command comes after whatever session ended before it was sent."""
        if not station.woken():
            self._selector.unregister(station.handle)
            return
        for entry in station.ring.waiting():
            for initiator in self._sessions.lost():
                self._array.nexus_lost(initiator)
            if isinstance(entry, Task):
                self._manage(station.port, entry)
            else:
                self._execute(station, entry)
        station.kick()

    def listen(self, listening: socket.socket) -> None:
        """Take a connection to the control socket, or hang up at once where there are as many as may be."""
        connection, _ = listening.accept()
        if len(self._connections) >= CONNECTIONS_MOST:
            connection.close()
            return
        talk = Conversation(connection, self._array)

        def go_on() -> None:
            if not talk.go_on():
                self._hang_up(connection)
            else:
                waits_for = selectors.EVENT_WRITE if talk.sending else selectors.EVENT_READ
                self._selector.modify(connection, waits_for, go_on)

        self._connections.add(connection)
        self.watch(connection, go_on)

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in list(self._connections):
            self._hang_up(connection)
        self._selector.close()

    def _hang_up(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._connections.remove(connection)
        connection.close()

    def _execute(self, station: Station, entry: Entry) -> None:
        port, ring, settings = station.port, station.ring, self._array.server.settings
        # sd asks no unprotected unit for labels: whoever does is to hear that there are none.
        cdb = unprotected(entry.cdb, entry.room, settings.block_size) if settings.protection else entry.cdb
        out = b"" if cdb[0] in _READS else ring.data(entry)
        reply = self._array.answer(Request(port.initiator, port.volume, cdb, out, entry.room))
        # Whatever else ends without data may have a buffer for some, full of earlier commands' data.
        ring.answer(entry, reply.status, reply.sense, None if cdb[0] in _WRITES else reply.data)

    def _manage(self, port: Port, task: Task) -> None:
        if task.function in _RESETS:
            self._array.reset(port.volume)
        elif task.function is not Management.LUN_RESET_PRO:
            self._array.abort(port.initiator, port.volume)

    def _pass_time(self) -> None:
        now = self._clock()
        if now >= self._due:
            ticks = 1 + int((now - self._due) / self._tick)
            self._array.pass_time(ticks)
            self._due += ticks * self._tick


def serve(job: Job, lifeline: int, ready: Callable[[], object]) -> None:
    """Serve a job until `lifeline`, a descriptor, ends: then whoever started this process is gone, or has done.

    `ready` is called when every ring is answered. Raises DeviceError and OSError where something is not there.
    """
    desk = Desk(Served(job.settings), Sessions(job.logins))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(job.control))
    listening.listen()
    stations = [Station(port) for port in job.ports]
    for station in stations:
        desk.watch(station.handle, partial(desk.answer, station))
        # What came before the node was opened woke nobody.
        desk.answer(station)
    desk.watch(listening, lambda: desk.listen(listening))
    desk.watch(lifeline, lambda: desk.stop() if not os.read(lifeline, 1 << 12) else None)
    ready()
    desk.serve()
    desk.close()
    for station in stations:
        station.close()
