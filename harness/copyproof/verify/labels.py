"""Label probes: ways to see the protection tuples of a unit's blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.label import LABEL_SIZE, parse_labels
from copyproof.errors import DeviceError


class LabelReader(Protocol):
    """A way to see labels."""

    def read(self, lba: int, count: int) -> NDArray[np.void]:
        """Return the labels of `count` blocks, shape (count,); raises DeviceError."""
        ...


class LabelStore(LabelReader, Protocol):
    """A way to see labels and to put wrong ones in their place."""

    def write(self, lba: int, labels: NDArray[np.void]) -> None:
        """Put labels in place of those of as many blocks, whose data stays; raises DeviceError."""
        ...


class Sidecar:
    """LIO's `FILE.protection`: 8 bytes a block in the order of the LBAs (target_core_file.c, fd_do_prot_rw).

    Reading it does not go through the target, so it shows the tuples as they are stored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, lba: int, count: int) -> NDArray[np.void]:
        """Return the labels of `count` blocks, shape (count,); raises DeviceError when the file does not hold them."""
        with self.path.open("rb") as file:
            file.seek(lba * LABEL_SIZE)
            raw = file.read(count * LABEL_SIZE)
        if len(raw) != count * LABEL_SIZE:
            raise DeviceError(f"{self.path} ends before the label of LBA {lba + count - 1}")
        return parse_labels(raw).copy()

    def write(self, lba: int, labels: NDArray[np.void]) -> None:
        """Put labels in place, behind the target's back; only for a unit that the run itself made."""
        with self.path.open("r+b") as file:
            file.seek(lba * LABEL_SIZE)
            file.write(labels.tobytes())
