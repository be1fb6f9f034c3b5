"""Host I/O on a logical unit's block node: direct, in large aligned pieces, past the page cache."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from copyproof.errors import DeviceError, TargetLost

#: Bytes moved by one system call: large enough to stream, small enough to stay in the second-level cache.
PIECE = 4 << 20
_GONE = {errno.ENODEV, errno.ENXIO, errno.ENOENT}


class HostVolume:
    """The blocks of one unit as the host reads and writes them. `block_size` is in bytes; LBAs and counts are in
    blocks.

    `open_for_write` must be the safety check's opener: this class never opens a node for writing by itself.
    """

    def __init__(self, node: Path, block_size: int, open_for_write: Callable[[], int]) -> None:
        self.node = node
        self.block_size = block_size
        self._open_for_write = open_for_write
        self._buffer = mmap.mmap(-1, PIECE)

    def pieces(self, lba: int, count: int) -> Iterator[tuple[int, int]]:
        """Cut a range into (lba, count) pieces of at most PIECE bytes."""
        step = PIECE // self.block_size
        for first in range(lba, lba + count, step):
            yield first, min(step, lba + count - first)

    def read(self, lba: int, count: int) -> np.ndarray:
        """Return (count, block_size) bytes as uint8; at most one piece.

        Raises UnreadableBlocks when the kernel reports an I/O error, TargetLost when the node is gone, DeviceError for
        anything else.
        """
        with self._opened(lambda: os.open(self.node, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)) as handle:
            return self._read(handle, lba, count)

    def write(self, lba: int, data: np.ndarray) -> None:
        """Write (n, block_size) bytes at an LBA; raises SafetyRefusal, TargetLost or DeviceError."""
        count = len(data)
        with self._opened(self._open_for_write) as handle:
            for first, many in self.pieces(0, count):
                self._write(handle, lba + first, data[first : first + many])

    def _read(self, handle: int, lba: int, count: int) -> np.ndarray:
        length = count * self.block_size
        view = memoryview(self._buffer)[:length]
        try:
            got = os.preadv(handle, [view], lba * self.block_size)
        except OSError as problem:
            raise _named(problem, f"reading {count} blocks at LBA {lba} of {self.node}", lba, count) from None
        if got != length:
            raise DeviceError(f"reading {count} blocks at LBA {lba} of {self.node} gave {got} of {length} bytes")
        return np.frombuffer(view, np.uint8).reshape(count, self.block_size).copy()

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
    """The kernel could not read these blocks; on a protected unit its check of the labels may have refused them."""

    def __init__(self, text: str, lba: int, count: int, code: int) -> None:
        super().__init__(text)
        self.lba, self.count, self.code = lba, count, code


def _named(problem: OSError, doing: str, lba: int, count: int) -> DeviceError:
    text = f"{doing}: {problem.strerror}"
    if problem.errno in _GONE:
        return TargetLost(text)
    if problem.errno in (errno.EIO, errno.EILSEQ, errno.EREMOTEIO) and count:
        return UnreadableBlocks(text, lba, count, problem.errno)
    return DeviceError(text)
