"""The quick look: what is all right costs one comparison in bulk; anything else is left to diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8, U16, words
from copyproof.blocks.findings import Findings
from copyproof.blocks.label import ESCAPE, assemble
from copyproof.blocks.origin import Content, Zeros
from copyproof.blocks.stamp import Stamper
from copyproof.model.extents import Extent
from copyproof.model.held import Label

# Below this many blocks an extent, on average, diagnosis of all together is no slower.
_WORTHWHILE = 16
_TUPLE = np.dtype(">u8")
# A label as one big-endian number: guard, application and reference tag from the top.
_APPLICATION = np.uint64(0xFFFF << 32)


class Quick:
    """Tells whether blocks are right, not what they are."""

    def __init__(self, stamper: Stamper) -> None:
        self._stamper = stamper

    def right(
        self, extents: Sequence[Extent], data: U8, labels: NDArray[np.void] | None, tag: int | None
    ) -> Findings | None:
        """Return the counts where every block and label is right and none allows two origins; else None.

        `extents` cover `data`, shape (n, block_size), and `labels`, shape (n,), from their first on; `tag` is as for
        `Place`.
        """
        if not extents or len(extents) * _WORTHWHILE > len(data):
            return None
        first = extents[0].lba
        for extent in extents:
            part = slice(extent.lba - first, extent.end - first)
            if not self._holds(extent, data[part]):
                return None
            if labels is not None and sure(extent) and not self._labelled(extent, labels[part], tag):
                return None
        checked = sum(extent.count for extent in extents if extent.origins)
        seen = 0 if labels is None else sum(extent.count for extent in extents if sure(extent))
        return Findings(checked=checked, right=checked, labels_checked=seen)

    def _holds(self, extent: Extent, data: U8) -> bool:
        if not extent.origins:
            return True
        content = extent.origins[0]
        if len(extent.origins) > 1:
            return False
        if isinstance(content, Zeros):
            return not words(data, self._stamper.block_size).any()
        return bool(self._stamper.compare(data, content.volume, content.lba, content.generation).all())

    def _labelled(self, extent: Extent, labels: NDArray[np.void], tag: int | None) -> bool:
        wanted = assemble(self._guards(extent.origins[0], extent.count), extent.lba, tag or 0)
        due, held = wanted.view(_TUPLE), labels.view(_TUPLE)
        if tag is not None:
            return bool((held == due).all())
        escaped = (labels["application"] == ESCAPE).any()
        return not escaped and bool((held & ~_APPLICATION == due).all())

    def _guards(self, content: Content, count: int) -> U16:
        if isinstance(content, Zeros):
            return np.zeros(count, np.uint16)
        return self._stamper.guards_run(content.volume, content.lba, count, content.generation)


def sure(extent: Extent) -> bool:
    """Whether the labels of an extent are known: the blocks are, and the labels are their own."""
    return extent.label is Label.OWN and len(extent.origins) == 1
