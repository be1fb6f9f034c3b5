"""Host I/O on a logical unit's block node: direct, in large aligned pieces, past the page cache."""

from __future__ import annotations

import errno
import mmap
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from copyproof.blocks.arrays import U8
from copyproof.errors import DeviceError, TargetLost

#: Bytes moved at most by one system call.
PIECE = 4 << 20
#: Bytes of one read of a stream: less, since all its buffers together should stay in a cache.
AHEAD = 2 << 20
#: Two reads are under way, so that the disk has work while a thread waits for a core.
READERS = 2
#: Buffers of a stream: one is checked, one is full, the others are being filled.
BUFFERS = READERS + 2
_GONE = {errno.ENODEV, errno.ENXIO, errno.ENOENT}
#: What Linux makes of sense data that speaks of the blocks (block/blk-core.c, blk_errors; drivers/scsi/scsi_lib.c,
#: scsi_result_to_blk_status): any I/O error, a medium error, a wrong label, an error of the target.
_OF_BLOCKS = {errno.EIO, errno.ENODATA, errno.EILSEQ, errno.EREMOTEIO}


Range = tuple[int, int]
"""First LBA and count of blocks."""


class Volume(ABC):
    """The blocks of one unit as the host reads and writes them. `block_size` is in bytes; LBAs and counts are in
    blocks."""

    def __init__(self, block_size: int) -> None:
        self.block_size = block_size

    @property
    @abstractmethod
    def name(self) -> str:
        """What the record calls the way by which the blocks are read."""

    @abstractmethod
    def read(self, lba: int, count: int) -> U8:
        """Return (count, block_size) bytes as uint8; at most one piece.

        Raises UnreadableBlocks when the unit reports that they cannot be read, TargetLost when it is gone, DeviceError
        for anything else.
        """

    @abstractmethod
    def write(self, lba: int, data: U8) -> None:
        """Write (n, block_size) bytes at an LBA; raises SafetyRefusal, TargetLost or DeviceError."""

    @abstractmethod
    def stream(self, ranges: Iterable[Range], piece: int = AHEAD) -> Generator[Streamed, None, None]:
        """Read ranges piece by piece; `piece` is in bytes, a multiple of 4096.

        A piece's data is there until the next one is asked for. Pieces that cannot be read come as the problem. Raises
        TargetLost and DeviceError as `read` does.
        """

    def pieces(self, lba: int, count: int) -> Iterator[Range]:
        """Cut a range into (lba, count) pieces of at most PIECE bytes."""
        step = PIECE // self.block_size
        for first in range(lba, lba + count, step):
            yield first, min(step, lba + count - first)

    def aligned(self, ranges: Iterable[Range], piece: int = AHEAD) -> Iterator[Range]:
        """Cut ranges where the LBA is a multiple of a piece of that many bytes, so that most reads are whole pieces.

        >>> list(HostVolume(Path("sda"), 512, lambda: 0).aligned([(4, 8), (12, 1)], piece=4096))
        [(4, 4), (8, 4), (12, 1)]
        """
        step = piece // self.block_size
        for lba, count in ranges:
            end = lba + count
            while lba < end:
                many = min(step - lba % step, end - lba)
                yield lba, many
                lba += many


class HostVolume(Volume):
    """A unit by its block node. `open_for_write` must be the safety check's opener: this class never opens a node for
    writing by itself."""

    def __init__(self, node: Path, block_size: int, open_for_write: Callable[[], int]) -> None:
        super().__init__(block_size)
        self.node = node
        self._open_for_write = open_for_write
        self._buffer = mmap.mmap(-1, PIECE)

    @property
    def name(self) -> str:
        """The block node."""
        return str(self.node)

    def stream(self, ranges: Iterable[Range], piece: int = AHEAD) -> Generator[Streamed, None, None]:
        """Read ranges piece by piece, the next ones while one is looked at."""
        pieces = self.aligned(ranges, piece)
        buffers = cycle([mmap.mmap(-1, piece) for _ in range(BUFFERS)])
        ahead: deque[Future[Streamed]] = deque()
        with self._opened(self.open_to_read) as handle, ThreadPoolExecutor(READERS) as readers:
            try:
                for lba, count in pieces:
                    ahead.append(readers.submit(self._streamed, handle, next(buffers), lba, count))
                    if len(ahead) == BUFFERS:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for waiting in ahead:
                    waiting.cancel()

    def read(self, lba: int, count: int) -> U8:
        """Read past the page cache; blocks are unreadable where the kernel reports an I/O error."""
        with self._opened(self.open_to_read) as handle:
            return self._read(handle, self._buffer, lba, count).copy()

    def write(self, lba: int, data: U8) -> None:
        """Write past the page cache, in pieces."""
        count = len(data)
        with self._opened(self._open_for_write) as handle:
            for first, many in self.pieces(0, count):
                self._write(handle, lba + first, data[first : first + many])

    def open_to_read(self) -> int:
        """Return a descriptor for reading past the page cache, to be closed by the caller; raises OSError."""
        return os.open(self.node, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)

    def _streamed(self, handle: int, buffer: mmap.mmap, lba: int, count: int) -> Streamed:
        try:
            return Streamed(lba, count, self._read(handle, buffer, lba, count))
        except UnreadableBlocks as problem:
            return Streamed(lba, count, problem)

    def _read(self, handle: int, buffer: mmap.mmap, lba: int, count: int) -> U8:
        """Return a view of the buffer with the blocks."""
        length = count * self.block_size
        view = memoryview(buffer)[:length]
        try:
            got = os.preadv(handle, [view], lba * self.block_size)
        except OSError as problem:
            raise _named(problem, f"reading {count} blocks at LBA {lba} of {self.node}", lba, count) from None
        if got != length:
            raise DeviceError(f"reading {count} blocks at LBA {lba} of {self.node} gave {got} of {length} bytes")
        return np.frombuffer(view, np.uint8).reshape(count, self.block_size)

    def _write(self, handle: int, lba: int, data: np.ndarray) -> None:
        raw = np.ascontiguousarray(data, np.uint8).tobytes()
        self._buffer[: len(raw)] = raw
        try:
            put = os.pwritev(handle, [memoryview(self._buffer)[: len(raw)]], lba * self.block_size)
        except OSError as problem:
            raise _named(problem, f"writing {len(data)} blocks at LBA {lba} of {self.node}", lba, len(data)) from None
        if put != len(raw):
            raise DeviceError(f"writing at LBA {lba} of {self.node} took {put} of {len(raw)} bytes")

    @contextmanager
    def _opened(self, opener: Callable[[], int]) -> Iterator[int]:
        try:
            handle = opener()
        except OSError as problem:
            raise _named(problem, f"opening {self.node}", 0, 0) from None
        try:
            yield handle
        finally:
            os.close(handle)


class UnreadableBlocks(DeviceError):
    """These blocks could not be read, for the errno `code`; on a protected unit a check of the labels may have refused
    them."""

    def __init__(self, text: str, lba: int, count: int, code: int) -> None:
        super().__init__(text)
        self.lba, self.count, self.code = lba, count, code


@dataclass(frozen=True, slots=True)
class Streamed:
    """One piece of a stream: bytes of shape (count, block_size), or why they could not be read."""

    lba: int
    count: int
    data: U8 | UnreadableBlocks


def united(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in ascending order, those that meet or overlap as one.

    >>> united([(8, 4), (0, 4), (4, 2), (10, 6)])
    [(0, 6), (8, 8)]
    """
    joined: list[Range] = []
    for lba, count in sorted(ranges):
        if joined and sum(joined[-1]) >= lba:
            first, held = joined.pop()
            lba, count = first, max(held, lba + count - first)
        joined.append((lba, count))
    return joined


def _named(problem: OSError, doing: str, lba: int, count: int) -> DeviceError:
    text = f"{doing}: {problem.strerror}"
    if problem.errno in _GONE:
        return TargetLost(text)
    if problem.errno in _OF_BLOCKS and count:
        return UnreadableBlocks(text, lba, count, problem.errno)
    if problem.errno == errno.EBADE:
        return DeviceError(f"{doing}: reservation conflict: another initiator has reserved the unit")
    return DeviceError(text)
