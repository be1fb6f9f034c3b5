"""Whether images are possible, found out by trying every order in which blocks and splits may take effect.

Exponential, for a handful of blocks. It knows nothing of the checker in copyproof.model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

Place = tuple[int, int]


@dataclass(frozen=True)
class Step:
    """Something that takes effect at one moment between two times: blocks that get a generation, or a split (by number)
    that must find the blocks of `image` so."""

    start: int
    end: int | None
    puts: tuple[tuple[Place, int], ...] = ()
    split: int | None = None
    image: tuple[tuple[Place, int | None], ...] = ()

    def before(self, other: Step) -> bool:
        return self.end is not None and self.end < other.start


def of_write(
    volume: int, lba: int, count: int, generation: int, start: int, end: int | None, atomic: int
) -> list[Step]:
    puts = [((volume, block), generation) for block in range(lba, lba + count)]
    if count <= atomic:
        return [Step(start, end, tuple(puts))]
    return [Step(start, end, (put,)) for put in puts]


def possible(steps: list[Step]) -> bool:
    """Try every order; it is enough that the last split is reached with every image found as it was."""
    splits = [index for index, step in enumerate(steps) if step.split is not None]

    @cache
    def reachable(done: frozenset[int], holds: frozenset[tuple[Place, int]]) -> bool:
        if done.issuperset(splits):
            return True
        return any(follow(index, done, holds) for index in range(len(steps)) if index not in done)

    def follow(index: int, done: frozenset[int], holds: frozenset[tuple[Place, int]]) -> bool:
        step = steps[index]
        if any(other.before(step) for at, other in enumerate(steps) if at not in done):
            return False
        now = dict(holds)
        if any(now.get(place) != generation for place, generation in step.image):
            return False
        now.update(step.puts)
        return reachable(done | {index}, frozenset(now.items()))

    return reachable(frozenset(), frozenset())
