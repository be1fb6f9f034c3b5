"""Members in sparse files, one for the payload and one for the labels of each; what they hold outlives the array."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8, U64
from copyproof.errors import DeviceError, UsageError

ERASED = 1 << 20
"""Bytes of zeros that an erased range is overwritten with at a time."""


class Files:
    """A medium of `blocks` blocks of `block_size` bytes in `path`.data and `path`.labels (see `core.medium.Medium`).

    Raises UsageError where they cannot be made, or were made for another size; DeviceError where the file system fails.
    """

    def __init__(self, path: Path, block_size: int, blocks: int) -> None:
        self._block_size = block_size
        self._data = _Sparse(path.with_suffix(".data"), block_size * blocks)
        try:
            self._labels = _Sparse(path.with_suffix(".labels"), 8 * blocks)
        except UsageError:
            self._data.close()
            raise

    def read(self, offset: int, data: U8, words: U64) -> None:
        """Fill with what the files hold."""
        self._data.read(offset * self._block_size, data)
        self._labels.read(offset * 8, words)

    def write(self, offset: int, data: U8, words: U64) -> None:
        """Write to the files."""
        self._data.write(offset * self._block_size, data)
        self._labels.write(offset * 8, words)

    def erase(self, offset: int, count: int) -> None:
        """Write zeros where something is held."""
        step = ERASED // self._block_size
        zeros, words = np.zeros((step, self._block_size), np.uint8), np.zeros(step, np.uint64)
        for at in range(offset, offset + count, step):
            part = min(step, offset + count - at)
            if self.holds(at, part):
                self.write(at, zeros[:part], words[:part])

    def holds(self, offset: int, count: int) -> bool:
        """Return whether the file system has something for any of the blocks."""
        return self._data.holds(offset * self._block_size, count * self._block_size)

    def wipe(self) -> None:
        """Empty the files."""
        self._data.wipe()
        self._labels.wipe()

    def close(self) -> None:
        """Close the files; they keep what they hold."""
        self._data.close()
        self._labels.close()


class _Sparse:
    """A sparse file of a fixed size."""

    def __init__(self, path: Path, size: int) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            found = os.fstat(self._file).st_size
            if not found:
                os.ftruncate(self._file, size)
        except OSError as problem:
            raise UsageError(f"{path}: {problem.strerror}: name a folder that can be written to") from problem
        if found not in (0, size):
            os.close(self._file)
            raise UsageError(f"{path}: made for {found} bytes, not {size}: name an empty folder")
        self._path, self._size = path, size

    def read(self, offset: int, into: NDArray[np.generic]) -> None:
        raw = _bytes(into)
        at = 0
        while at < len(raw):
            at += self._done(os.preadv, [raw[at:]], offset + at)

    def write(self, offset: int, source: NDArray[np.generic]) -> None:
        raw = _bytes(np.ascontiguousarray(source))
        at = 0
        while at < len(raw):
            at += self._done(os.pwritev, [raw[at:]], offset + at)

    def holds(self, offset: int, count: int) -> bool:
        try:
            return os.lseek(self._file, offset, os.SEEK_DATA) < offset + count
        except OSError as problem:
            return problem.errno != errno.ENXIO

    def wipe(self) -> None:
        os.ftruncate(self._file, 0)
        os.ftruncate(self._file, self._size)

    def close(self) -> None:
        os.close(self._file)

    def _done(self, call: object, buffers: list[memoryview], offset: int) -> int:
        try:
            done: int = call(self._file, buffers, offset)  # type: ignore[operator]
        except OSError as problem:
            raise DeviceError(f"{self._path}: {problem.strerror}") from problem
        if not done:
            raise DeviceError(f"{self._path}: no longer {self._size} bytes long")
        return done


def _bytes(array: NDArray[np.generic]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8).data)
