"""Random sequences of host and pair operations as data, chosen so that every kind is common and none impossible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from random import Random

BLOCKS = 24
SLOT = 4
PRIMARY, SECONDARIES, BYSTANDER = 1, (2, 3, 4), 5
VOLUMES = (PRIMARY, *SECONDARIES, BYSTANDER)
CHUNKS = (0, 3, 8)


class Kind(Enum):
    WRITE = "write"
    COPY = "copy"
    ZERO = "zero"
    FORGET = "forget"
    PERHAPS = "perhaps"
    PREFIX = "prefix"
    SAW = "saw"
    CREATE = "create"
    CREATE_SPLIT = "create and split"
    SPLIT = "split"
    SUSPEND = "suspend"
    DELETE = "delete"
    RESYNC = "resync"
    RESTORE = "restore"
    COPIED = "copied"
    FINISHED = "finished"

    @property
    def orders(self) -> bool:
        """Whether it is a pair command."""
        return self in _ORDERS

    @property
    def family(self) -> Kind:
        """What it is counted as: to create with or without a split is one kind."""
        return Kind.CREATE if self is Kind.CREATE_SPLIT else self


_ORDERS = (Kind.CREATE, Kind.CREATE_SPLIT, Kind.SPLIT, Kind.SUSPEND, Kind.DELETE, Kind.RESYNC, Kind.RESTORE)
# What is seldom possible is chosen the more likely when it is.
_URGE = {
    Kind.RESTORE: 1e9,
    Kind.FINISHED: 16000.0,
    Kind.SPLIT: 9000.0,
    Kind.RESYNC: 6000.0,
    Kind.COPIED: 260.0,
    Kind.DELETE: 260.0,
    Kind.CREATE: 1.8,
    Kind.CREATE_SPLIT: 0.9,
    Kind.SUSPEND: 135.0,
}
_COPIES = (Kind.COPY, Kind.PERHAPS, Kind.PREFIX)


@dataclass(frozen=True)
class Segment:
    source: int
    source_lba: int
    destination: int
    destination_lba: int
    blocks: int

    @property
    def overlaps(self) -> bool:
        apart = abs(self.source_lba - self.destination_lba)
        return self.source == self.destination and 0 < apart < self.blocks


@dataclass(frozen=True)
class Operation:
    """What fields mean depends on the kind; `chance` seeds what a real array leaves to chance."""

    kind: Kind
    volume: int = PRIMARY
    lba: int = 0
    count: int = 0
    generation: int = 0
    segments: tuple[Segment, ...] = ()
    quick: bool = False
    escape: bool = False
    chance: int = 0


def kinds(random: Random, likely: Counter[Kind], possible: list[Kind]) -> Kind:
    """Choose a kind that is possible now, the rarer so far the likelier."""
    return random.choices(possible, [_URGE.get(kind, 1.0) / (1 + likely[kind.family]) ** 4 for kind in possible])[0]


def operation(random: Random, kind: Kind, step: int, pairs: list[int]) -> Operation:
    """Return an operation of a kind; `pairs` are the secondaries that a pair operation may choose from."""
    chance = random.getrandbits(32)
    if kind in _COPIES:
        many = random.choice((1, 1, 2, 3)) if kind is not Kind.PREFIX else 1
        segments = tuple(_segment(random) for _ in range(many))
        return Operation(kind, segments=segments, count=random.randint(0, segments[0].blocks), chance=chance)
    count = random.randint(1, BLOCKS if random.random() < 0.1 else 8)
    volume = random.choice(pairs) if kind.orders or kind in (Kind.COPIED, Kind.FINISHED) else random.choice(VOLUMES)
    lba = random.randint(0, BLOCKS - count)
    quick, escape = random.random() < 0.5, random.random() < 0.5
    return Operation(kind, volume, lba, count, step, quick=quick, escape=escape, chance=chance)


def _segment(random: Random) -> Segment:
    blocks = random.randint(1, 12)
    if random.random() < 0.4:
        volume, first = random.choice(VOLUMES), random.randint(0, BLOCKS - blocks)
        near = [lba for lba in range(BLOCKS - blocks + 1) if 0 < abs(lba - first) < blocks]
        if near:
            return Segment(volume, first, volume, random.choice(near), blocks)
    places = random.randint(0, BLOCKS - blocks), random.randint(0, BLOCKS - blocks)
    return Segment(random.choice(VOLUMES), places[0], random.choice(VOLUMES), places[1], blocks)


def copies(done: list[Operation]) -> tuple[int, int]:
    """Return how many segments were copied, and how many of them overlap."""
    segments = [segment for operation in done for segment in operation.segments]
    return len(segments), sum(segment.overlaps for segment in segments)
