"""Small histories that no correct target leaves: each breaks one rule, and says which blocks show it."""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.blocks.origin import Origin
from copyproof.model.cuts.history import History, Shown, Split, Write
from copyproof.model.cuts.violation import Rule


@dataclass(frozen=True)
class Bad:
    history: History
    rule: Rule
    place: str
    atomic: int = 1


def write(generation: int, start: float, end: float | None, lba: int = 0, count: int = 1, volume: int = 1) -> Write:
    return Write(generation, volume, lba, count, generation, start, end)


def image(*generations: int | None, volume: int = 1) -> tuple[Shown, ...]:
    """Blocks from LBA 0 on, each with its generation."""
    return tuple(
        Shown(volume, lba, 1, None if generation is None else Origin(volume, lba, generation))
        for lba, generation in enumerate(generations)
    )


def split(start: float, end: float | None, *shown: Shown) -> Split:
    return Split(start, end, frozenset({1, 2}), shown)


def history(writes: list[Write], *splits: Split) -> History:
    return History(tuple(writes), splits)


FIRST = write(1, 0, 1, count=4)

BAD = {
    "a block of another volume": Bad(
        history([], split(5, 6, Shown(1, 0, 1, Origin(2, 0, 1)))), Rule.STRANGER, "volume 1 LBA 0"
    ),
    "one block off within a write": Bad(
        history([FIRST], split(5, 6, Shown(1, 1, 2, Origin(1, 2, 1)))), Rule.STRANGER, "volume 1 LBA 1 to 2"
    ),
    "the same block and generation of another volume": Bad(
        history([FIRST, write(1, 0, 1, volume=2)], split(5, 6, Shown(1, 0, 1, Origin(2, 0, 1)))),
        Rule.STRANGER,
        "volume 1 LBA 0",
    ),
    "a generation that nobody wrote": Bad(history([FIRST], split(5, 6, *image(9))), Rule.STRANGER, "volume 1 LBA 0"),
    "a write invoked after the split": Bad(
        history([FIRST, write(2, 7, 8)], split(5, 6, *image(2))), Rule.FUTURE, "volume 1 LBA 0"
    ),
    "an unanswered write invoked after the split": Bad(
        history([FIRST, write(2, 7, None)], split(5, 6, *image(2))), Rule.FUTURE, "volume 1 LBA 0"
    ),
    "a completed write missing": Bad(
        history([FIRST, write(2, 2, 3, lba=1)], split(5, 6, *image(1, 1, 1, 1))), Rule.MISSING, "volume 1 LBA 1"
    ),
    "no stamp where a write completed": Bad(
        history([FIRST], split(5, 6, Shown(1, 0, 4, None))), Rule.MISSING, "volume 1 LBA 0 to 3"
    ),
    "a later write without an earlier one": Bad(
        history([write(2, 5, 6), write(3, 7, 8, lba=1)], split(4, 9, *image(None, 3))), Rule.DEPENDENT, "volume 1 LBA 0"
    ),
    "a later write on another volume without an earlier one": Bad(
        history(
            [FIRST, write(2, 5, 6, count=3), write(3, 7, 8, volume=2)],
            split(4, 9, *image(2, 1, 2), *image(3, volume=2)),
        ),
        Rule.DEPENDENT,
        "volume 1 LBA 1",
    ),
    "an unanswered write without an earlier one": Bad(
        history([FIRST, write(2, 5, 6), write(3, 7, None, lba=1)], split(4, 9, *image(1, 3))),
        Rule.DEPENDENT,
        "volume 1 LBA 0",
    ),
    "an unanswered write seen and gone": Bad(
        history([FIRST, write(2, 2, None)], split(5, 6, *image(2)), split(8, 9, *image(1))),
        Rule.RETURNED,
        "volume 1 LBA 0",
    ),
    "an unanswered write seen, and then no stamp": Bad(
        history([write(2, 2, None)], split(5, 6, *image(2)), split(8, 9, *image(None))),
        Rule.RETURNED,
        "volume 1 LBA 0",
    ),
    "there, away and there": Bad(
        history(
            [write(1, 1, None), write(2, 2, None)],
            split(5, 6, *image(1)),
            split(7, 8, *image(2)),
            split(9, 10, *image(1)),
        ),
        Rule.RETURNED,
        "volume 1 LBA 0",
    ),
    "a write between two images that both show an unanswered one": Bad(
        history([write(1, 1, None), write(2, 6, 7)], split(4, 5, *image(1)), split(8, 9, *image(1))),
        Rule.RETURNED,
        "volume 1 LBA 0",
    ),
    "a write in no place between a missing one and the next image": Bad(
        history(
            [write(1, 1, None), write(2, 6, 7), write(3, 4, 5, lba=1)],
            split(3, 6.5, *image(1, None)),
            split(8, 9, *image(1, 3)),
        ),
        Rule.RETURNED,
        "volume 1 LBA 1",
    ),
    "an atomic write in part": Bad(
        history([FIRST, write(2, 4, 6, count=2)], split(5, 7, *image(2, 1))), Rule.TORN, "volume 1 LBA 1", atomic=2
    ),
    "an atomic write in part, on blocks never written": Bad(
        history([write(2, 4, 6, count=2)], split(5, 7, *image(2, None))), Rule.TORN, "volume 1 LBA 1", atomic=2
    ),
    "two atomic writes that hide each other": Bad(
        history([write(1, 1, 5, count=2), write(2, 2, 4, count=2)], split(6, 7, *image(1, 2))),
        Rule.TORN,
        "volume 1 LBA 1",
        atomic=2,
    ),
    "an atomic write both before and after two others": Bad(
        history([write(1, 4, 5, count=1), write(2, 1, 6, count=2), write(3, 2, 3, lba=1)], split(7, 8, *image(2, 3))),
        Rule.TORN,
        "volume 1 LBA 1",
        atomic=2,
    ),
}
