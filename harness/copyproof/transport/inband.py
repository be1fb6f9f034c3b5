"""Blocks and labels as a target itself shows them, read and written by commands beside the judged ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8
from copyproof.blocks.label import ESCAPE, LABEL_SIZE, consecutive, guards, parse_labels, reference_tags
from copyproof.errors import DeviceError
from copyproof.scsi.cdb import read16, write16
from copyproof.scsi.command import Result
from copyproof.transport.base import Transport
from copyproof.transport.settled import need, settled

#: Bytes of one command, labels counted: what every transport carries.
MOST = 1 << 20
#: RDPROTECT and WRPROTECT 011b: labels go along with the blocks and are not checked (SBC-3 tables 65 and 117).
UNCHECKED = 3
#: Blocks by which it is tried whether labels come; not the first, whose label may be all zeros.
TRIAL = range(1, 9)


class InBandLabels:
    """Labels as the target shows them: blocks with their labels between them (SBC-3 4.21.3), unchecked.

    `block_size` is in user bytes.
    """

    def __init__(self, transport: Transport, block_size: int) -> None:
        self._transport, self._size = transport, block_size

    def read(self, lba: int, count: int) -> NDArray[np.void]:
        """Return the labels of `count` blocks, shape (count,); raises DeviceError."""
        held = [self._whole(first, many) for first, many in self._pieces(lba, count)]
        return parse_labels(np.concatenate(held)[:, self._size :].tobytes()).copy()

    def write(self, lba: int, labels: NDArray[np.void]) -> None:
        """Put labels in place of those of as many blocks, whose data stays; wrong ones too. Raises DeviceError."""
        for first, many in self._pieces(lba, len(labels)):
            whole = self._whole(first, many)
            put = labels[first - lba : first - lba + many].tobytes()
            whole[:, self._size :] = np.frombuffer(put, np.uint8).reshape(many, LABEL_SIZE)
            command = write16(first, whole.tobytes(), self._size + LABEL_SIZE, protect=UNCHECKED)
            need(settled(self._transport, command), f"writing labels at LBA {first}", self._transport.name)

    def blindness(self) -> str:
        """Say why labels would not be seen; empty when they are.

        There are drivers that ask for labels and give the next block's data in their place: so what comes must be
        labels that fit their blocks, or escapes.
        """
        try:
            whole = self._whole(TRIAL.start, len(TRIAL))
        except DeviceError as problem:
            return f"labels cannot be read in band: {problem}"
        labels = parse_labels(whole[:, self._size :].tobytes())
        fit = labels["guard"] == guards(whole[:, : self._size])
        fit &= labels["reference"] == reference_tags(consecutive(TRIAL.start, len(TRIAL)))
        strange = ~(fit | (labels["application"] == ESCAPE))
        if not strange.any():
            return ""
        return f"what {self._transport.name} gives for labels does not belong to the blocks, the first at LBA " + str(
            TRIAL.start + int(strange.argmax())
        )

    def rigidity(self) -> str:
        """Say why wrong labels would not be taken; empty when they are. Writes no block."""
        try:
            result = settled(self._transport, write16(TRIAL.start, b"", self._size + LABEL_SIZE, protect=UNCHECKED))
            need(result, "writing labels unchecked", self._transport.name)
        except DeviceError as problem:
            return str(problem)
        return self.blindness()

    def _pieces(self, lba: int, count: int) -> Iterator[tuple[int, int]]:
        step = MOST // (self._size + LABEL_SIZE)
        return ((first, min(step, lba + count - first)) for first in range(lba, lba + count, step))

    def _whole(self, lba: int, count: int) -> U8:
        """Return blocks with their labels, shape (count, block_size + 8)."""
        size = self._size + LABEL_SIZE
        result = settled(self._transport, read16(lba, count, size, protect=UNCHECKED))
        return whole_blocks(result, self._transport.name, count, size).copy()


def whole_blocks(result: Result, name: str, count: int, size: int) -> U8:
    """Return the blocks of a read, shape (count, size); raises DeviceError unless they all came."""
    need(result, f"reading {count} blocks", name)
    if len(result.data) != count * size:
        raise DeviceError(f"reading {count} blocks by {name} gave {len(result.data)} of {count * size} bytes")
    return np.frombuffer(result.data, np.uint8).reshape(count, size)
