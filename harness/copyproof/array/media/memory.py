"""Members in memory, allocated as they are written.

>>> import numpy as np
>>> medium = Memory(512, 1 << 40)
>>> medium.write(2**39 - 1, np.ones((2, 512), np.uint8), np.ones(2, np.uint64))
>>> data, words = np.zeros((3, 512), np.uint8), np.zeros(3, np.uint64)
>>> medium.read(2**39 - 1, data, words)
>>> words.tolist(), medium.holds(0, 8)
([1, 1, 0], False)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from copyproof.blocks.arrays import U8, U64

CHUNK = 4 << 20
"""Bytes of payload that are allocated at a time."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    data: U8
    words: U64


class Memory:
    """A medium of `blocks` blocks of `block_size` bytes (see `core.medium.Medium`)."""

    def __init__(self, block_size: int, blocks: int) -> None:
        self._block_size = block_size
        self._blocks = blocks
        self._size = CHUNK // block_size
        self._chunks: dict[int, _Chunk] = {}
        nothing = np.zeros((1, block_size), np.uint8), np.zeros(1, np.uint64)
        self._nothing = _Chunk(
            np.broadcast_to(nothing[0], (self._size, block_size)), np.broadcast_to(nothing[1], self._size)
        )

    def read(self, offset: int, data: U8, words: U64) -> None:
        """Fill with what is held, and with zeros where nothing is."""
        number, first = divmod(offset, self._size)
        last = first + len(words)
        if last > self._size:
            for _number, _first, at, count in self._parts(offset, len(words)):
                self.read(offset + at, data[at : at + count], words[at : at + count])
            return
        chunk = self._chunks.get(number, self._nothing)
        data[...] = chunk.data[first:last]
        words[...] = chunk.words[first:last]

    def write(self, offset: int, data: U8, words: U64) -> None:
        """Hold blocks."""
        number, first = divmod(offset, self._size)
        last = first + len(words)
        if last > self._size:
            for _number, _first, at, count in self._parts(offset, len(words)):
                self.write(offset + at, data[at : at + count], words[at : at + count])
            return
        chunk = self._chunks.get(number) or self._chunks.setdefault(number, self._new())
        chunk.data[first:last] = data
        chunk.words[first:last] = words

    def erase(self, offset: int, count: int) -> None:
        """Give whole chunks back, and zero the rest."""
        for number, first, _at, part in self._held_parts(offset, count):
            if part == self._size:
                del self._chunks[number]
            else:
                self._chunks[number].data[first : first + part] = 0
                self._chunks[number].words[first : first + part] = 0

    def holds(self, offset: int, count: int) -> bool:
        """Return whether there is memory for any of the blocks."""
        return bool(self._held_parts(offset, count))

    def wipe(self) -> None:
        """Give all memory back."""
        self._chunks.clear()

    close = wipe

    def _new(self) -> _Chunk:
        return _Chunk(np.zeros((self._size, self._block_size), np.uint8), np.zeros(self._size, np.uint64))

    def _parts(self, offset: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Cut a run at the chunks: number of the chunk, first block in it, first block of the run, how many."""
        at = 0
        while at < count:
            number, first = divmod(offset + at, self._size)
            part = min(self._size - first, count - at)
            yield number, first, at, part
            at += part

    def _held_parts(self, offset: int, count: int) -> list[tuple[int, int, int, int]]:
        """Return the parts with memory, however long the run."""
        if count // self._size <= len(self._chunks):
            return [part for part in self._parts(offset, count) if part[0] in self._chunks]
        ranges = ((number, number * self._size) for number in sorted(self._chunks))
        cut = ((n, max(offset, at), min(offset + count, at + self._size)) for n, at in ranges)
        return [(n, first - n * self._size, first - offset, last - first) for n, first, last in cut if first < last]
