"""The four block formats: 512 or 4096 bytes of user data, each bare or followed by 8 bytes of protection information.

SBC-4 4.21: with protection information a logical block travels as user data, then the tuple.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8
from copyproof.blocks.label import LABEL, LABEL_SIZE
from copyproof.errors import DeviceError

SIZES = (512, 4096)


@dataclass(frozen=True, slots=True)
class BlockFormat:
    """A block's shape on the wire: `size` bytes of user data (512 or 4096), then 8 of label when `labelled`.

    >>> BlockFormat(512, labelled=True).stride
    520
    """

    size: int
    labelled: bool = False

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"block size {self.size} is not one of {SIZES}")

    @property
    def stride(self) -> int:
        """Bytes from one block to the next: the size, and 8 more with a label."""
        return self.size + LABEL_SIZE if self.labelled else self.size

    def interleave(self, data: U8, labels: NDArray[np.void]) -> U8:
        """Return blocks with their labels behind them, shape (n, stride), from (n, size) and (n,) of `LABEL`.

        Raises ValueError when the format has no labels or the counts differ.

        >>> BlockFormat(512, labelled=True).interleave(np.ones((3, 512), np.uint8), np.zeros(3, LABEL)).shape
        (3, 520)
        """
        self._needs_labels()
        if data.shape != (labels.size, self.size):
            raise ValueError(f"{labels.size} labels do not fit blocks of shape {data.shape}")
        raw = np.empty((labels.size, self.stride), np.uint8)
        raw[:, : self.size] = data
        raw[:, self.size :] = np.ascontiguousarray(labels).view(np.uint8).reshape(-1, LABEL_SIZE)
        return raw

    def split(self, raw: bytes | bytearray | memoryview | U8) -> tuple[U8, NDArray[np.void]]:
        """Return (data, labels) of what a device sent, shapes (n, size) and (n,); data is a view of `raw`.

        Raises DeviceError when the length is not a whole number of blocks, ValueError when the format has no labels.

        >>> data, labels = BlockFormat(512, labelled=True).split(bytes(1040))
        >>> data.shape, labels.shape
        ((2, 512), (2,))
        """
        self._needs_labels()
        blocks = self.blocks(raw)
        labels = np.ascontiguousarray(blocks[:, self.size :]).view(LABEL).reshape(-1)
        return blocks[:, : self.size], labels

    def blocks(self, raw: bytes | bytearray | memoryview | U8) -> U8:
        """View what a device sent as blocks, shape (n, stride); raises DeviceError unless they are whole.

        >>> BlockFormat(512).blocks(bytes(1024)).shape
        (2, 512)
        """
        flat = raw.reshape(-1) if isinstance(raw, np.ndarray) else np.frombuffer(raw, np.uint8)
        if flat.size % self.stride:
            raise DeviceError(f"{flat.size} bytes are not a whole number of {self.stride}-byte blocks")
        return flat.reshape(-1, self.stride)

    def _needs_labels(self) -> None:
        if not self.labelled:
            raise ValueError(f"blocks of {self.size} bytes without protection information have no labels")
