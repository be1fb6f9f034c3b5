"""The kernel's end of a TCMU ring, written from include/uapi/linux/target_core_user.h: what the program's end is shown
on where there is no kernel."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from copyproof.serving.tcmu.job import Port
from copyproof.serving.tcmu.ring import Ring
from copyproof.serving.tcmu.server import Station

MAILBOX, RING, SIZE, DATA, WHOLE = 128, 128, 4096, 8192, 65536
PAD, COMMAND, MANAGEMENT = 0, 1, 2


@dataclass(frozen=True)
class Response:
    """What the program left in an entry."""

    status: int
    read: int
    sense: bytes
    uflags: int


class Kernel:
    """A ring in plain memory. Commands are queued as the kernel does; `data` is where their buffers begin."""

    def __init__(self, version: int = 2, flags: int = 0x7) -> None:
        self.memory = bytearray(WHOLE)
        struct.pack_into("=HHII", self.memory, 0, version, flags, RING, SIZE)
        self.head, self.free = 0, DATA

    @property
    def tail(self) -> int:
        return int(struct.unpack_from("=I", self.memory, 64)[0])

    def queue(self, cdb: bytes, *pieces: int, holding: bytes = b"") -> int:
        """Queue a command whose buffer is in pieces of so many bytes; return the offset of its entry."""
        placed = [self._take(length) for length in pieces]
        for offset, length in zip(placed, pieces, strict=True):
            self.memory[offset : offset + length] = holding[:length].ljust(length, b"\xee")
            holding = holding[length:]
        at_cdb = self._take(260)
        self.memory[at_cdb : at_cdb + len(cdb)] = cdb
        body = struct.pack("=IIIIQQQ", len(pieces), 0, 0, 0, at_cdb, 0, 0)
        body += b"".join(struct.pack("=QQ", offset, length) for offset, length in zip(placed, pieces, strict=True))
        return self.put(COMMAND, body.ljust(112, b"\0"))

    def put(self, operation: int, body: bytes) -> int:
        """Put an entry at the head, behind padding where it would not fit before the end of the ring."""
        length = 8 + len(body)
        if self.head + length > SIZE:
            struct.pack_into("=IHBB", self.memory, RING + self.head, SIZE - self.head | PAD, 0, 0, 0)
            self._advance(SIZE - self.head)
        at = RING + self.head
        self.memory[at : at + length] = struct.pack("=IHBB", length | operation, 7, 0, 0) + body
        self._advance(length)
        return at

    def response(self, at: int) -> Response:
        status, _, _, read, sense = struct.unpack_from("=BBHI96s", self.memory, at + 8)
        return Response(status, read, sense, self.memory[at + 7])

    def _advance(self, length: int) -> None:
        self.head = (self.head + length) % SIZE
        struct.pack_into("=I", self.memory, 12, self.head)

    def _take(self, length: int) -> int:
        at, self.free = self.free, self.free + length
        if self.free > WHOLE:
            at, self.free = DATA, DATA + length
        return at


class Wired(Station):
    """A port whose ring is plain memory; a pipe stands for the uio node."""

    def __init__(self, kernel: Kernel, port: Port) -> None:
        self.port, self.ring, self.kicks, self.taken_away = port, Ring(kernel.memory), 0, False
        self.handle, self._far = os.pipe()

    def woken(self) -> bool:
        return not self.taken_away

    def kick(self) -> None:
        self.kicks += 1

    def close(self) -> None:
        os.close(self.handle)
        os.close(self._far)
