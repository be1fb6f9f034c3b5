"""What the history checker accepts and rejects, case by case, and how it says so."""

from __future__ import annotations

import math
import re

import pytest

from copyproof.blocks.origin import GENERATIONS, LBAS, Origin
from copyproof.model.cuts.check import check
from copyproof.model.cuts.history import History, Shown, Split, Write
from copyproof.model.cuts.violation import WIDTH
from tests.model.bad_histories import BAD, FIRST, history, image, split, write

GOOD = {
    "nothing happened": (history([]), 1),
    "nothing was written": (history([], split(5, 6, *image(None, None))), 1),
    "a write before the split": (history([FIRST], split(5, 6, *image(1, 1, 1, 1))), 1),
    "a racing write in": (history([FIRST, write(2, 4, 7)], split(5, 6, *image(2))), 1),
    "a racing write out": (history([FIRST, write(2, 4, 7)], split(5, 6, *image(1))), 1),
    "a racing write in part": (history([FIRST, write(2, 4, 7, count=2)], split(5, 6, *image(2, 1))), 1),
    "an unanswered write in part": (history([FIRST, write(2, 2, None, count=2)], split(5, 6, *image(2, 1))), 1),
    "an unanswered write that arrives between two splits": (
        history([FIRST, write(2, 2, None)], split(5, 6, *image(1)), split(8, 9, *image(2))),
        1,
    ),
    "two concurrent writes, the first to complete shown": (
        history([write(1, 1, 3), write(2, 2, 4)], split(5, 6, *image(1))),
        1,
    ),
    "equal times count as concurrent": (history([write(1, 1, 2), write(2, 2, 3)], split(3, 4, *image(1))), 1),
    "a write invoked as the split completes": (history([FIRST, write(2, 6, 7)], split(5, 6, *image(2))), 1),
    "the earlier of two dependent writes alone": (
        history([FIRST, write(2, 5, 6), write(3, 7, 8, lba=1)], split(4, 9, *image(2, 1))),
        1,
    ),
    "blocks that were not read": (history([FIRST, write(2, 2, 3, lba=1)], split(5, 6, *image(1))), 1),
    "a split that was never answered": (history([FIRST, write(2, 7, 8)], split(5, None, *image(2))), 1),
    "a write to a volume outside the group": (history([FIRST, write(7, 2, 3, volume=7)], split(5, 6, *image(1))), 1),
    "a long write torn where short ones are atomic": (
        history([FIRST, write(2, 4, 6, count=3)], split(5, 7, *image(2, 1))),
        2,
    ),
    "an atomic write hidden in part by a later one": (
        history([write(1, 1, 3, count=2), write(2, 2, 4)], split(5, 6, *image(2, 1))),
        2,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_correct_target_may_do_is_accepted(name: str) -> None:
    good, atomic = GOOD[name]
    assert check(good, atomic) is None


@pytest.mark.parametrize("name", BAD)
def test_what_no_correct_target_does_is_rejected_by_its_rule_at_its_place(name: str) -> None:
    bad = BAD[name]
    violation = check(bad.history, bad.atomic)
    assert violation is not None
    assert (violation.rule, violation.place) == (bad.rule, bad.place)


@pytest.mark.parametrize("name", BAD)
def test_a_counterexample_is_a_short_ascii_timeline(name: str) -> None:
    violation = check(BAD[name].history, BAD[name].atomic)
    assert violation is not None
    reason, *lines = str(violation).splitlines()
    drawn = len(violation.events) + len(violation.splits)
    assert drawn <= 5
    assert len(lines) == 2 * drawn
    assert all(line.isascii() and len(line) <= WIDTH for line in lines)
    named = {line[2:5].strip() for line in lines}
    assert set(re.findall(r"\b[A-Z]\b|\bS\d\b", reason)) <= named


def test_a_timeline_stays_narrow_at_the_largest_numbers() -> None:
    far = Write(2**40, 2**16 - 1, LBAS - 2**32, 2**32, GENERATIONS - 1, 0.0, 1e6)
    parts = Shown(2**16 - 1, LBAS - 2**32, 2**32, None)
    violation = check(History((far,), (Split(2e6, 2.5e6, frozenset({2**16 - 1}), (parts,)),)))
    assert violation is not None
    assert all(len(line) <= WIDTH for line in violation.timeline().splitlines())
    assert "-2000000000.000 to -1000000000.000 ms" in violation.timeline()


def test_a_timeline_tells_what_was_never_answered() -> None:
    violation = check(BAD["an unanswered write seen and gone"].history)
    assert violation is not None
    assert re.search(r"^  B +\[=+>  -6000\.000 to never$", violation.timeline(), re.MULTILINE)


def test_of_several_missing_writes_the_longest_missing_is_told() -> None:
    writes = [write(generation, generation, generation + 0.5, lba=generation) for generation in (3, 1, 2)]
    violation = check(history(writes, split(5, 6, *image(None, None, None, None))))
    assert violation is not None
    assert [event.generation for event in violation.events] == [1]


def test_the_work_does_not_follow_the_capacity() -> None:
    size = 2**50
    writes = (Write(1, 1, 0, size, 1, 0, 1), Write(1, 1, size // 2, 8, 2, 2, 3))
    whole = (Shown(1, 0, size // 2, Origin(1, 0, 1)), Shown(1, size // 2, size // 2, Origin(1, size // 2, 1)))
    violation = check(History(writes, (Split(4, 5, frozenset({1}), whole),)))
    assert violation is not None
    assert violation.place == f"volume 1 LBA {size // 2} to {size // 2 + 7}"


@pytest.mark.parametrize(
    ("writes", "splits", "complaint"),
    [
        ([FIRST, write(2, 3, 2)], [], "write 1: completed at 2, before it was invoked at 3"),
        ([write(1, math.nan, 2)], [], "write 0: times are finite numbers"),
        ([write(1, 1, math.inf)], [], "write 0: times are finite numbers"),
        ([write(1, 0, 1, lba=-1)], [], "write 0: 1 blocks from LBA -1 are no range"),
        ([write(1, 0, 1, count=0)], [], "write 0: 0 blocks from LBA 0 are no range"),
        ([write(GENERATIONS, 0, 1)], [], "write 0: generation 4294967296 is not within"),
        ([write(1, 0, 1, lba=LBAS - 1, count=2)], [], "write 0: LBA 9223372036854775808 is not within"),
        ([FIRST, write(1, 5, 6, lba=3)], [], "volume 1 LBA 3: two writes of generation 1"),
        ([], [split(2, 1)], "split 0: completed at 1, before"),
        ([], [split(2, 4), split(4, 5)], "split 1: invoked at 4, before split 0 had completed"),
        ([], [split(2, None), split(4, 5)], "split 1: invoked at 4, before split 0 had completed"),
        ([], [Split(1, 2, frozenset(), ())], "split 0: a split needs at least one volume"),
        ([], [split(1, 2, *image(1), Shown(3, 0, 1, None))], "split 0, image range 1: volume 3 is not in the group"),
        ([], [split(1, 2, Shown(1, 0, 0, None))], "split 0, image range 0: 0 blocks from LBA 0 are no range"),
        (
            [],
            [split(1, 2, Shown(1, 0, 4, None), Shown(1, 3, 1, None))],
            "split 0: the image gives volume 1 LBA 3 twice",
        ),
    ],
)
def test_a_malformed_history_is_refused_with_the_place(
    writes: list[Write], splits: list[Split], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        History(tuple(writes), tuple(splits))


def test_no_write_is_smaller_than_atomic() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        check(history([]), 0)
