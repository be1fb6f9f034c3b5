"""The history checker against one that tries every order, over small histories with arbitrary images."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest

from copyproof.blocks.origin import Origin
from copyproof.model.cuts.check import check
from copyproof.model.cuts.history import History, Shown, Split, Write
from tests.model.brute_cuts import Step, of_write, possible


@dataclass(frozen=True)
class Shape:
    """What the histories of a comparison are like; writes of up to `atomic` blocks are atomic."""

    splits: int
    atomic: int
    volumes: int = 2
    blocks: int = 2


EXACT = [Shape(1, 1), Shape(2, 1), Shape(3, 1), Shape(1, 2), Shape(1, 3, volumes=1, blocks=3), Shape(1, 2, 1, 3)]


def random_writes(rng: random.Random, shape: Shape, count: int, clock: int) -> list[Write]:
    writes = []
    for generation in range(1, count + 1):
        start = rng.randrange(clock)
        end = None if rng.random() < 0.15 else rng.randrange(start, clock)
        lba = rng.randrange(shape.blocks)
        size = rng.randint(1, shape.blocks - lba)
        writes.append(Write(0, rng.randint(1, shape.volumes), lba, size, generation, start, end))
    return writes


def random_split(rng: random.Random, shape: Shape, writes: list[Write], start: int, end: int) -> Split:
    """An image of mostly written generations, of any age: about as often possible as not."""
    image, wild = [], rng.random()
    for volume in range(1, shape.volumes + 1):
        for lba in range(shape.blocks):
            choices = [w.generation for w in writes if w.volume == volume and w.lba <= lba < w.end and w.invoked <= end]
            generation = rng.choice([*choices, None]) if rng.random() < wild else max(choices, default=None)
            origin = None if generation is None else Origin(volume, lba, generation)
            if rng.random() < 0.85:
                image.append(Shown(volume, lba, 1, origin))
    return Split(start, end, frozenset(range(1, shape.volumes + 1)), tuple(image))


def random_history(rng: random.Random, shape: Shape) -> History:
    clock = 4 + 4 * shape.splits
    writes = random_writes(rng, shape, rng.randint(2, 5), clock)
    times = sorted(rng.sample(range(clock + 2), 2 * shape.splits))
    pairs = list(zip(times[::2], times[1::2], strict=True))
    return History(tuple(writes), tuple(random_split(rng, shape, writes, start, end) for start, end in pairs))


def by_force(history: History, atomic: int) -> bool:
    steps: list[Step] = []
    for w in history.writes:
        end = None if w.completed is None else int(w.completed)
        steps += of_write(w.volume, w.lba, w.count, w.generation, int(w.invoked), end, atomic)
    for index, split in enumerate(history.splits):
        image = [((h.volume, h.lba), h.origin.generation if h.origin else None) for h in split.image]
        steps.append(Step(int(split.invoked), int(split.ended), split=index, image=tuple(image)))
    return possible(steps)


def compared(seed: int, histories: int, shape: Shape) -> Counter[tuple[bool, bool]]:
    """Count (possible, accepted) over random histories."""
    rng = random.Random(seed)
    drawn = (random_history(rng, shape) for _ in range(histories))
    return Counter((by_force(history, shape.atomic), check(history, shape.atomic) is None) for history in drawn)


def assert_exact(counts: Counter[tuple[bool, bool]]) -> None:
    assert counts[True, False] == 0, "a possible history was rejected"
    assert counts[False, True] == 0, "an impossible history was accepted"
    assert min(counts[True, True], counts[False, False]) > sum(counts.values()) / 10, counts


@pytest.mark.parametrize("shape", EXACT)
def test_the_checker_agrees_with_trying_every_order(shape: Shape) -> None:
    assert_exact(compared(1, 1000, shape))


@pytest.mark.nightly
@pytest.mark.parametrize("shape", EXACT)
def test_the_checker_agrees_with_trying_every_order_of_many_histories(shape: Shape) -> None:
    assert_exact(compared(2, 20_000, shape))


def test_no_possible_series_of_atomic_writes_is_rejected() -> None:
    counts = compared(3, 1000, Shape(splits=2, atomic=2))
    assert counts[True, False] == 0
    assert min(counts[True, True], counts[False, False]) > 100
