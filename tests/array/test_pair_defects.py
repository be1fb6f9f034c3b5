"""Each thing that the array's pairs can be told to do wrong shows in the bytes, and a sound array shows nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copyproof.array.defects import Defect
from copyproof.scsi.pair import PairCommand
from tests.array.pair_bench import BLOCKS, GRAIN, P, PairBench, S, T, U, first, with_

Shown = tuple[list[int], list[int]]
"""What was read, and what should have been."""


def overwrite_p(bench: PairBench) -> Shown:
    bench.create_split()
    bench.write(P, 40, 7)
    bench.finish()
    return bench.read(S), first(P)


def write_uncopied_s(bench: PairBench) -> Shown:
    bench.create_split()
    bench.write(S, 40, 7)
    bench.finish()
    return bench.read(S), with_(first(P), {40: 7})


def read_uncopied_s(bench: PairBench) -> Shown:
    bench.create_split()
    return bench.read(S), first(P)


def resync_after_a_long_write(bench: PairBench) -> Shown:
    bench.create()
    bench.split()
    bench.write(P, 0, *range(2 * GRAIN))
    bench.order(PairCommand.RESYNC)
    bench.finish()
    bench.split()
    return bench.read(S), bench.read(P)


def resync_after_a_write_to_s(bench: PairBench) -> Shown:
    bench.create()
    bench.split()
    bench.write(S, 40, 7)
    bench.order(PairCommand.RESYNC)
    bench.finish()
    bench.split()
    return bench.read(S), first(P)


def split_a_group(bench: PairBench) -> Shown:
    bench.create(S, P, group=1)
    bench.create(U, T, group=1)
    bench.order(PairCommand.SPLIT, whole_group=True)
    bench.write(T, 40, 7)
    bench.finish()
    return bench.read(U), first(T)


def delete_during_the_initial_copy(bench: PairBench) -> Shown:
    bench.order(PairCommand.CREATE)
    bench.order(PairCommand.DELETE)
    bench.write(S, 0, *range(BLOCKS))
    bench.finish()
    return bench.read(S), list(range(BLOCKS))


def initial_copy(bench: PairBench) -> Shown:
    bench.create()
    bench.split()
    return bench.read(S), first(P)


CASES = [
    (Defect.COW_SKIPPED, overwrite_p),
    (Defect.COW_LATE, overwrite_p),
    (Defect.COW_PRIMARY_ONLY, write_uncopied_s),
    (Defect.COW_PRIMARY_ONLY, read_uncopied_s),
    (Defect.UNCOPIED_READABLE, read_uncopied_s),
    (Defect.DIFFERENCE_LOST, resync_after_a_long_write),
    (Defect.RESYNC_PRIMARY_ONLY, resync_after_a_write_to_s),
    (Defect.GROUP_SPLIT_TORN, split_a_group),
    (Defect.DELETED_COPIES_ON, delete_during_the_initial_copy),
    (Defect.SOURCE_NUMBER, initial_copy),
]


@pytest.mark.parametrize(("defect", "course"), CASES)
def test_the_defect_shows_in_the_bytes(defect: Defect, course: Callable[[PairBench], Shown]) -> None:
    sound, wanted = course(PairBench())
    assert sound == wanted
    wrong, due = course(PairBench(defect))
    assert wrong != due
