"""A map of a unit in a fixed number of cells: each shows the worst that was found in its blocks.

>>> map = BlockMap(1000, cells=10)
>>> map.known(0, 450)
>>> map.found(Finding(120, 1, Wrong.ZERO))
>>> [(run.lba, run.count, run.state.value) for run in map.runs()]
[(0, 100, 'right'), (100, 100, 'zero'), (200, 300, 'right'), (500, 500, 'unknown')]
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from copyproof.blocks.findings import Finding, Wrong

CELLS = 512


class Seen(Enum):
    """What a cell is in which nothing is wrong: of UNKNOWN ones nothing was expected, or nothing was read."""

    UNKNOWN = "unknown"
    RIGHT = "right"


State = Seen | Wrong
#: From the best to the worst: what was not looked at is outranked by all that was found, a wrong label by a wrong
#: block, and all by one that cannot be read.
_LABELS = (Wrong.APPLICATION, Wrong.ESCAPE, Wrong.LABEL_WRONG, Wrong.LABEL_NOT_EXCHANGED, Wrong.GUARD)
_ENDS = (Wrong.UNSOUGHT, Wrong.UNREADABLE)
_DATA = tuple(kind for kind in reversed(Wrong) if kind not in (*_LABELS, *_ENDS))
RANKED: tuple[State, ...] = (Seen.UNKNOWN, Seen.RIGHT, Wrong.UNSOUGHT, *_LABELS, *_DATA, Wrong.UNREADABLE)
_RANK = {state: rank for rank, state in enumerate(RANKED)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring cells of one state: `count` blocks from `lba` on."""

    lba: int
    count: int
    state: State


class BlockMap:
    """A unit of `blocks` blocks in at most `cells` cells of equal size, give or take a block. Cells begin UNKNOWN."""

    def __init__(self, blocks: int, cells: int = CELLS) -> None:
        self.blocks, self.cells = blocks, min(cells, blocks)
        self._ranks = [0] * self.cells

    def known(self, lba: int, count: int) -> None:
        """Note that blocks were read of which something was expected."""
        self._note(lba, count, Seen.RIGHT)

    def found(self, finding: Finding) -> None:
        """Note wrong blocks."""
        self._note(finding.lba, finding.count, finding.kind)

    def runs(self) -> list[Stretch]:
        """Return the whole map, neighbouring cells of one state as one."""
        starts = [-(-cell * self.blocks // self.cells) for cell in range(self.cells + 1)]
        alike = groupby(range(self.cells), key=self._ranks.__getitem__)
        spans = [(rank, list(cells)) for rank, cells in alike]
        return [Stretch(starts[span[0]], starts[span[-1] + 1] - starts[span[0]], RANKED[rank]) for rank, span in spans]

    def _note(self, lba: int, count: int, state: State) -> None:
        first, last = (at * self.cells // self.blocks for at in (lba, lba + count - 1))
        rank = _RANK[state]
        for cell in range(first, last + 1):
            self._ranks[cell] = max(self._ranks[cell], rank)
