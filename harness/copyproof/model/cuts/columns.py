"""A history cut into columns: ranges of blocks that the same writes reached and that every image shows alike.

The work follows the number of writes and image ranges, not the number of blocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from copyproof.blocks.origin import lba_range
from copyproof.model.cuts.history import History, Shown, Write


@dataclass(frozen=True, slots=True)
class Column:
    """`count` blocks from `lba` of a primary, the writes that cover them all, and by number of the split what its
    secondary holds there."""

    volume: int
    lba: int
    count: int
    writes: tuple[Write, ...]
    seen: tuple[tuple[int, Shown], ...]

    @property
    def told(self) -> str:
        """The place, in words."""
        return f"volume {self.volume} {lba_range(self.lba, self.count)}"

    def holds(self, shown: Shown, write: Write) -> bool:
        """Tell whether an image range shows, in this column, what a write put there."""
        origin = shown.origin
        return (
            origin is not None
            and (origin.volume, origin.generation) == (write.volume, write.generation)
            and origin.lba == shown.lba
        )

    def visible(self, shown: Shown) -> Write | None:
        """Return the write whose blocks an image range shows here, or None."""
        return next((write for write in self.writes if self.holds(shown, write)), None)


@dataclass(frozen=True, slots=True)
class Run:
    """The images from split `first` to split `last` that show one write in a column; `write` is None where they show
    what was there before the history began."""

    column: Column
    write: Write | None
    first: int
    last: int

    @property
    def ended(self) -> float:
        """The latest time at which what is shown can have taken effect."""
        return float("-inf") if self.write is None else self.write.ended


def columns(history: History) -> Iterator[Column]:
    """Yield the columns that some image shows, by volume and LBA.

    >>> writes = (Write(1, 1, 0, 8, 1, 0.0, 1.0), Write(1, 1, 4, 8, 2, 2.0, 3.0))
    >>> from copyproof.blocks.origin import Origin
    >>> from copyproof.model.cuts.history import Split
    >>> split = Split(4.0, 5.0, frozenset({1}), (Shown(1, 0, 6, Origin(1, 0, 1)),))
    >>> [(column.told, len(column.writes)) for column in columns(History(writes, (split,)))]
    [('volume 1 LBA 0 to 3', 1), ('volume 1 LBA 4 to 5', 2)]
    """
    writes, seen = defaultdict(list), defaultdict(list)
    for write in history.writes:
        writes[write.volume].append(write)
    for index, split in enumerate(history.splits):
        for shown in split.image:
            seen[shown.volume].append((index, shown))
    for volume in sorted(seen):
        yield from _sweep(volume, writes[volume], seen[volume])


def _sweep(volume: int, writes: Sequence[Write], seen: Sequence[tuple[int, Shown]]) -> Iterator[Column]:
    starting_writes, starting_seen = defaultdict(list), defaultdict(list)
    for write in writes:
        starting_writes[write.lba].append(write)
    for index, part in seen:
        starting_seen[part.lba].append((index, part))
    pieces: list[Write | Shown] = [*writes, *(part for _, part in seen)]
    edges = sorted({piece.lba for piece in pieces} | {piece.end for piece in pieces})
    covering: list[Write] = []
    shown: list[tuple[int, Shown]] = []
    for lba, end in pairwise(edges):
        covering = [write for write in covering if write.end > lba] + starting_writes[lba]
        shown = [(index, part) for index, part in shown if part.end > lba] + starting_seen[lba]
        if shown:
            yield Column(volume, lba, end - lba, tuple(covering), tuple(sorted(shown, key=lambda pair: pair[0])))


def runs(column: Column) -> list[Run]:
    """Return what the images of a column show, in the order of the splits."""
    found = [(index, column.visible(shown)) for index, shown in column.seen]
    grouped = [list(group) for _, group in groupby(found, key=lambda pair: pair[1])]
    return [Run(column, group[0][1], group[0][0], group[-1][0]) for group in grouped]
