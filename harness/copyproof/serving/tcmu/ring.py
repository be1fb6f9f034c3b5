"""The ring that the kernel's TCMU shares with a program (Linux include/uapi/linux/target_core_user.h).

A mailbox at the beginning, the ring of entries, and the data area; all numbers are in the machine's own byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap
from typing import NamedTuple

from copyproof.errors import DeviceError

VERSION = 2
CAN_READ_LENGTH = 0x2
"""TCMU_MAILBOX_FLAG_CAP_READ_LEN: the kernel takes how many bytes came."""

_MAILBOX = struct.Struct("=HHIII")
_HEAD_WORD, _TAIL_WORD = 12 // 4, 64 // 4
"""`cmd_head` and `cmd_tail`, counted in words of 4 bytes: each must be read and written in one go."""

_BODY = struct.calcsize("=IHBB")
"""Bytes before what an entry says: its length with its operation, its identifier, and two bytes of flags."""
_OPERATION, _LENGTH = 0x7, 0xFFFFFFF8
_REQUEST = struct.Struct("=IIIIQQQQQ")
"""With the first iovec, which an entry has room for in any case."""
_IOVECS = _BODY + struct.calcsize("=IIIIQQQ")
_RESPONSE = struct.Struct("=BBHI96s")
_UFLAGS = 7
_UNKNOWN_OPERATION, _READ_LENGTH = 0x1, 0x2
_MANAGEMENT = struct.Struct("=BBHIQQ")

CDB_MOST = 260
_CDB_LENGTHS = (6, 10, 10, 12, 16, 12, 10, 10)
"""Bytes of a CDB by its group code, as Linux takes them (scsi_command_size_tbl): those of vendors have 10."""
_VARIABLE = 0x7F


class Operation(IntEnum):
    """What an entry is."""

    PAD = 0
    COMMAND = 1
    MANAGEMENT = 2


class Management(IntEnum):
    """Task management functions (tcmu_tmr_type)."""

    UNKNOWN = 0
    ABORT_TASK = 1
    ABORT_TASK_SET = 2
    CLEAR_ACA = 3
    CLEAR_TASK_SET = 4
    LUN_RESET = 5
    TARGET_WARM_RESET = 6
    TARGET_COLD_RESET = 7
    LUN_RESET_PRO = 128


class Entry(NamedTuple):
    """One command that waits: its CDB, and where its data buffer of `room` bytes lies in the mapping, as (offset,
    bytes) pieces."""

    at: int
    cdb: bytes
    pieces: tuple[tuple[int, int], ...]
    room: int


@dataclass(frozen=True, slots=True)
class Task:
    """One task management function that was done, which needs no answer."""

    function: Management


class Ring:
    """The program's end of a ring. `memory` is the whole mapping.

    Raises DeviceError where it is of another version, or cannot tell how much was read.
    """

    def __init__(self, memory: mmap | bytearray) -> None:
        self._memory = memoryview(memory)
        self._words = self._memory[: len(self._memory) // 4 * 4].cast("I")
        version, flags, self._start, self._size, _ = _MAILBOX.unpack_from(self._memory)
        if version != VERSION or not flags & CAN_READ_LENGTH:
            raise DeviceError(f"TCMU ring of version {version}, flags {flags:#x}: only version 2 with READ_LEN serves")

    def close(self) -> None:
        """Let go of the mapping."""
        self._words.release()
        self._memory.release()

    def waiting(self) -> Iterator[Entry | Task]:
        """Give what waits, in order. An entry is the kernel's again when the next is asked for: answer it before.

        Raises DeviceError where the ring is corrupt: an entry without a length would be given for ever.
        """
        while (tail := self._words[_TAIL_WORD]) != self._words[_HEAD_WORD]:
            at = self._start + tail
            word = self._words[at // 4]
            if not word & _LENGTH:
                raise DeviceError(f"TCMU ring: the entry at {tail} has no length")
            operation = word & _OPERATION
            if operation == Operation.COMMAND:
                yield self._entry(at)
            elif operation == Operation.MANAGEMENT:
                yield Task(_function(_MANAGEMENT.unpack_from(self._memory, at + _BODY)[0]))
            elif operation != Operation.PAD:
                self._memory[at + _UFLAGS] |= _UNKNOWN_OPERATION
            self._words[_TAIL_WORD] = (tail + (word & _LENGTH)) % self._size

    def data(self, entry: Entry) -> bytes:
        """Return what lies in an entry's buffer."""
        return b"".join(bytes(self._memory[at : at + length]) for at, length in entry.pieces)

    def answer(self, entry: Entry, status: int, sense: bytes = b"", data: bytes | None = None) -> None:
        """Write status, sense data and, for a command that reads, the data, which fill the buffer or end before."""
        if data is not None:
            self._fill(entry, data)
            self._memory[entry.at + _UFLAGS] |= _READ_LENGTH
        _RESPONSE.pack_into(self._memory, entry.at + _BODY, status, 0, 0, len(data or b""), sense)

    def _fill(self, entry: Entry, data: bytes) -> None:
        """What is left of the buffer is zeroed: a length of 0 does not count, and there lie earlier commands' data."""
        if len(entry.pieces) == 1 and len(data) == entry.room:
            at = entry.pieces[0][0]
            self._memory[at : at + len(data)] = data
            return
        done = 0
        for at, length in entry.pieces:
            part = data[done : done + length]
            self._memory[at : at + len(part)] = part
            if len(part) < length:
                self._memory[at + len(part) : at + length] = bytes(length - len(part))
            done += length

    def _entry(self, at: int) -> Entry:
        count, _, _, _, cdb, _, _, offset, length = _REQUEST.unpack_from(self._memory, at + _BODY)
        if count == 1:
            return Entry(at, self._cdb(cdb), ((offset, length),), length)
        iovecs = struct.unpack_from(f"={2 * count}Q", self._memory, at + _IOVECS)
        offsets, lengths = iovecs[::2], iovecs[1::2]
        return Entry(at, self._cdb(cdb), tuple(zip(offsets, lengths, strict=True)), sum(lengths))

    def _cdb(self, at: int) -> bytes:
        opcode = self._memory[at]
        length = self._memory[at + 7] + 8 if opcode == _VARIABLE else _CDB_LENGTHS[opcode >> 5]
        return bytes(self._memory[at : at + min(length, CDB_MOST)])


def _function(number: int) -> Management:
    known = {int(member) for member in Management}
    return Management(number) if number in known else Management.UNKNOWN
