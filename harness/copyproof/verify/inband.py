"""Blocks by commands, for a unit without a block node."""

from __future__ import annotations

import errno
from collections.abc import Generator, Iterable

import numpy as np

from copyproof.blocks.arrays import U8
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Result
from copyproof.scsi.sense import SenseKey
from copyproof.transport.base import Transport
from copyproof.transport.inband import MOST, whole_blocks
from copyproof.transport.settled import need, settled
from copyproof.verify.volume import AHEAD, Range, Streamed, UnreadableBlocks, Volume

#: LOGICAL BLOCK GUARD, APPLICATION TAG or REFERENCE TAG CHECK FAILED.
LABEL_CHECK = 0x10


class CommandVolume(Volume):
    """A unit by READ(16) and WRITE(16) through a transport, which must be the safety check's gate.

    As the kernel's block layer does, it sends a command again that only met a unit attention.
    """

    def __init__(self, transport: Transport, block_size: int) -> None:
        super().__init__(block_size)
        self._transport = transport

    @property
    def name(self) -> str:
        """The name of the transport."""
        return self._transport.name

    def read(self, lba: int, count: int) -> U8:
        """Read by as many commands as it takes; blocks are unreadable by a medium error or a label that is refused."""
        whole = np.empty((count, self.block_size), np.uint8)
        for first, many in self.aligned([(lba, count)], MOST):
            result = settled(self._transport, read16(first, many, self.block_size))
            if _refuses_blocks(result):
                text = f"reading {count} blocks at LBA {lba} by {self.name}: {result.sense}"
                raise UnreadableBlocks(text, lba, count, _errno(result))
            whole[first - lba : first - lba + many] = whole_blocks(result, self.name, many, self.block_size)
        return whole

    def write(self, lba: int, data: U8) -> None:
        """Write by as many commands as it takes."""
        for first, many in self.aligned([(lba, len(data))], MOST):
            part = np.ascontiguousarray(data[first - lba : first - lba + many], np.uint8).tobytes()
            need(settled(self._transport, write16(first, part, self.block_size)), f"writing at LBA {first}", self.name)

    def stream(self, ranges: Iterable[Range], piece: int = AHEAD) -> Generator[Streamed, None, None]:
        """Read ranges piece by piece, one after the other."""
        for lba, count in self.aligned(ranges, piece):
            try:
                yield Streamed(lba, count, self.read(lba, count))
            except UnreadableBlocks as problem:
                yield Streamed(lba, count, problem)


def _refuses_blocks(result: Result) -> bool:
    sense = result.sense
    return sense is not None and (sense.key is SenseKey.MEDIUM_ERROR or sense.asc == LABEL_CHECK)


def _errno(result: Result) -> int:
    """What Linux would make of the sense data (drivers/scsi/scsi_lib.c, scsi_result_to_blk_status)."""
    return errno.EILSEQ if result.sense is not None and result.sense.asc == LABEL_CHECK else errno.ENODATA
