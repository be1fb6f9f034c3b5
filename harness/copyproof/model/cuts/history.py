"""What hosts and splits saw while they ran side by side: the values that the history checker judges.

Times are seconds of one monotonic clock, read outside every lock: before a command is sent and after its answer came.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from copyproof.blocks.origin import Origin, lba_range


@dataclass(frozen=True, slots=True)
class Write:
    """One write command: blocks [lba, lba + count) of a volume got `generation` at some time from `invoked` on, and not
    after `completed`. A write that was never answered has `completed` None: it may happen at any later time, in whole,
    in part or never.

    >>> Write(writer=1, volume=2, lba=8, count=4, generation=5, invoked=0.25).told
    'generation 5 at volume 2 LBA 8 to 11'
    """

    writer: int
    volume: int
    lba: int
    count: int
    generation: int
    invoked: float
    completed: float | None = None

    @property
    def end(self) -> int:
        """The first LBA behind the write."""
        return self.lba + self.count

    @property
    def ended(self) -> float:
        """The latest time at which it can have taken effect; infinite where no answer came."""
        return math.inf if self.completed is None else self.completed

    @property
    def told(self) -> str:
        """What it wrote and where, in words."""
        return f"generation {self.generation} at volume {self.volume} {lba_range(self.lba, self.count)}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A range of a secondary as it was read: its i-th block holds `origin`, advanced by i. `volume` is the number of
    its primary, and so is the one in `origin`. None says that the blocks carry no stamp of a host write."""

    volume: int
    lba: int
    count: int
    origin: Origin | None

    @property
    def end(self) -> int:
        """The first LBA behind the range."""
        return self.lba + self.count


@dataclass(frozen=True, slots=True)
class Split:
    """One split of a consistency group of `volumes` (the primaries), and the image that its secondaries then held.

    Blocks that the image leaves out were not read, and nothing is said of them.
    """

    invoked: float
    completed: float | None
    volumes: frozenset[int]
    image: tuple[Shown, ...]

    @property
    def ended(self) -> float:
        """The latest time at which it can have taken effect; infinite where no answer came."""
        return math.inf if self.completed is None else self.completed


Piece = TypeVar("Piece", Write, Shown)


@dataclass(frozen=True, slots=True)
class History:
    """Writes in any order, and splits in the order of time.

    What the volumes held at first is given as a write that completed before all others; where there is none, a block
    may hold no stamp until a write reaches it. Raises ValueError, with the place, for a history that cannot have
    happened or cannot be told apart: times that run backwards, an empty range, two writes of one generation to one
    block, an image that gives a block twice or a volume outside the group, splits that overlap in time.

    >>> History((Write(1, 1, 0, 4, 1, invoked=2.0, completed=1.0),), ())
    Traceback (most recent call last):
    ValueError: write 0: completed at 1.0, before it was invoked at 2.0
    """

    writes: tuple[Write, ...]
    splits: tuple[Split, ...]

    def __post_init__(self) -> None:
        for index, write in enumerate(self.writes):
            _check_times(f"write {index}", write)
            _check_range(f"write {index}", write)
            _check_stamp(f"write {index}", write)
        for index, split in enumerate(self.splits):
            _check_times(f"split {index}", split)
            _check_image(f"split {index}", split)
        _check_generations(self.writes)
        for index, (earlier, later) in enumerate(pairwise(self.splits)):
            if not earlier.ended < later.invoked:
                raise ValueError(f"split {index + 1}: invoked at {later.invoked}, before split {index} had completed")


def _check_times(place: str, event: Write | Split) -> None:
    if not math.isfinite(event.invoked) or (event.completed is not None and not math.isfinite(event.completed)):
        raise ValueError(f"{place}: times are finite numbers, and completed is None where no answer came")
    if event.ended < event.invoked:
        raise ValueError(f"{place}: completed at {event.completed}, before it was invoked at {event.invoked}")


def _check_range(place: str, piece: Write | Shown) -> None:
    if piece.lba < 0 or piece.count < 1:
        raise ValueError(f"{place}: {piece.count} blocks from LBA {piece.lba} are no range")


def _check_stamp(place: str, write: Write) -> None:
    try:
        Origin(write.volume, write.end - 1, write.generation)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _check_image(place: str, split: Split) -> None:
    if not split.volumes:
        raise ValueError(f"{place}: a split needs at least one volume")
    for number, held in enumerate(split.image):
        _check_range(f"{place}, image range {number}", held)
        if held.volume not in split.volumes:
            raise ValueError(f"{place}, image range {number}: volume {held.volume} is not in the group")
    for volume in split.volumes:
        if met := _overlap([held for held in split.image if held.volume == volume]):
            raise ValueError(f"{place}: the image gives volume {volume} LBA {met.lba} twice")


def _check_generations(writes: Iterable[Write]) -> None:
    same: dict[tuple[int, int], list[Write]] = defaultdict(list)
    for write in writes:
        same[write.volume, write.generation].append(write)
    for group in same.values():
        if met := _overlap(group):
            raise ValueError(
                f"volume {met.volume} LBA {met.lba}: two writes of generation {met.generation} cannot be told apart"
            )


def _overlap(pieces: Sequence[Piece]) -> Piece | None:
    """Return a piece that begins within the one before it."""
    ordered = sorted(pieces, key=lambda piece: piece.lba)
    return next((later for earlier, later in pairwise(ordered) if later.lba < earlier.end), None)
