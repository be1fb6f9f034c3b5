"""What the volumes of a pair hold after each order, block by block."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copyproof.array.core.errors import AccessFault, ArrayFault, BusyFault, MediumFault
from copyproof.array.core.pair_orders import PairOrder
from copyproof.array.core.pair_rules import PairRefused, PairRules
from copyproof.array.core.pairs import PairTable
from copyproof.array.core.unit import ControlUnit
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.array.trace import Actor, Step
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from tests.array.pair_bench import BLOCKS, GRAIN, P, PairBench, S, T, U, V, first, with_


def test_an_initial_copy_makes_s_what_p_is_with_labels_of_its_own() -> None:
    bench = PairBench()
    bench.create()
    assert bench.state() is PairState.PAIR
    assert bench.read(S) == bench.read(P) == first(P)


def test_the_initial_copy_goes_on_by_ticks_alone_a_grain_at_a_time() -> None:
    bench = PairBench()
    bench.order(PairCommand.CREATE)
    seen = []
    for _ in range(8):
        seen.append(bench.table.status(P)[0].pending)
        bench.unit.run(1)
    assert seen == list(range(BLOCKS, 0, -GRAIN))
    assert bench.state() is PairState.PAIR


def test_a_faster_pace_copies_more_grains_a_tick() -> None:
    bench = PairBench()
    bench.order(PairCommand.CREATE, pace=3)
    bench.unit.run(1)
    assert bench.table.status(P)[0].moved == 3 * GRAIN


def test_a_write_to_p_during_the_initial_copy_reaches_s() -> None:
    bench = PairBench()
    bench.order(PairCommand.CREATE)
    bench.unit.run(3)
    bench.write(P, 0, 7)
    bench.write(P, 50, 8)
    bench.finish()
    assert bench.read(S) == with_(first(P), {0: 7, 50: 8})


def test_a_write_to_p_in_pair_reaches_s_later_and_is_pending_until_then() -> None:
    bench = PairBench()
    bench.create()
    bench.write(P, 20, 7)
    assert bench.table.status(P)[0].pending == GRAIN
    assert bench.read(S)[20] == first(P)[20]
    bench.unit.run(1)
    assert bench.read(S)[20] == 7


@pytest.mark.parametrize("kind", SplitKind)
def test_create_with_split_holds_what_p_was_at_the_create(kind: SplitKind) -> None:
    bench = PairBench()
    bench.create_split(kind)
    bench.unit.run(2)
    bench.write(P, 0, *range(1, BLOCKS + 1))
    bench.finish()
    assert bench.state() is PairState.PSUS
    assert bench.read(S) == first(P)
    assert bench.read(P) == list(range(1, BLOCKS + 1))


@pytest.mark.parametrize("kind", SplitKind)
def test_a_split_during_the_initial_copy_holds_what_p_was_at_the_split(kind: SplitKind) -> None:
    bench = PairBench()
    bench.order(PairCommand.CREATE)
    bench.unit.run(3)
    bench.write(P, 0, 7)
    bench.split(kind=kind)
    bench.write(P, 0, 8)
    bench.write(P, 59, 9)
    bench.finish()
    assert bench.read(S) == with_(first(P), {0: 7})
    assert bench.read(P) == with_(first(P), {0: 8, 59: 9})


def test_after_a_quick_split_s_can_be_read_and_written_at_once() -> None:
    bench = PairBench()
    bench.create_split()
    assert bench.state() is PairState.PSUS_SP
    assert bench.read(S) == first(P)
    bench = PairBench()
    bench.create_split()
    bench.write(S, 30, 7)
    assert bench.read(S) == with_(first(P), {30: 7})
    bench.finish()
    assert bench.read(S) == with_(first(P), {30: 7})
    assert bench.read(P) == first(P)


def test_during_a_steady_split_s_shows_the_point_in_time_and_takes_no_write() -> None:
    bench = PairBench()
    bench.create_split(SplitKind.STEADY)
    bench.write(P, 40, 7)
    assert bench.state() is PairState.COPY_SP
    assert bench.read(S, 40, 1) == [first(P)[40]]
    with pytest.raises(AccessFault):
        bench.write(S, 40, 8)


@pytest.mark.parametrize(
    "touch",
    [lambda bench: bench.write(P, 17, 7), lambda bench: bench.write(S, 17, 7), lambda bench: bench.read(S, 17, 1)],
    ids=["write P", "write S", "read S"],
)
def test_a_touch_of_an_uncopied_block_copies_its_grain_and_no_more(touch: Callable[[PairBench], object]) -> None:
    bench = PairBench()
    bench.create_split()
    touch(bench)
    assert bench.table.status(P)[0].moved == GRAIN


@pytest.mark.parametrize("kind", SplitKind)
def test_blocks_that_s_is_still_to_be_given_count_as_written(kind: SplitKind) -> None:
    bench = PairBench(fill=False, rules=PairRules(grain=3 * 512, pace=1))
    bench.write(P, 20, 7)
    bench.create_split(kind)
    bench.unit.run(1)
    if kind is SplitKind.QUICK:
        bench.unit.unmap(S, 0, 3)
    due = bench.unit.mapped(S, 1, BLOCKS - 1)
    assert bench.read(S, 20, 1) == [7]
    bench.finish()
    assert bench.unit.mapped(S, 1, BLOCKS - 1) == due
    assert due == ([(1, 2, False), (3, BLOCKS - 3, True)] if kind is SplitKind.QUICK else [(1, BLOCKS - 1, True)])


def test_a_host_that_may_not_read_p_is_not_told_which_of_its_blocks_are_written() -> None:
    bench = PairBench()
    bench.create()
    bench.split()
    bench.write(S, 1, 7)
    bench.order(PairCommand.RESTORE)
    with pytest.raises(BusyFault):
        bench.unit.mapped(P, 0, 1)


def test_a_touch_of_no_block_copies_nothing() -> None:
    bench = PairBench()
    bench.create_split()
    bench.unit.unmap(P, 3, 0)
    assert bench.read(S, 3, 0) == []
    assert bench.table.status(P)[0].moved == 0


def test_a_resync_moves_what_either_volume_changed_and_no_other_block() -> None:
    bench = PairBench()
    bench.create()
    bench.split()
    bench.write(P, 3, 7)
    bench.write(S, 20, 8)
    bench.write(S, 59, 9)
    assert bench.table.status(P)[0].differing == 2 * GRAIN + 4
    bench.order(PairCommand.RESYNC)
    assert bench.state() is PairState.COPY_RS
    bench.finish()
    assert bench.state() is PairState.PAIR
    assert (bench.table.status(P)[0].moved, bench.table.status(P)[0].differing) == (2 * GRAIN + 4, 0)
    bench.split()
    assert bench.read(S) == bench.read(P) == with_(first(P), {3: 7})


def test_a_resync_of_a_quick_split_still_copies_what_was_not_copied() -> None:
    bench = PairBench()
    bench.create_split()
    bench.write(S, 0, 7)
    bench.order(PairCommand.RESYNC)
    bench.finish()
    bench.split()
    assert bench.read(S) == first(P)


def test_a_restore_brings_p_to_what_s_holds() -> None:
    bench = PairBench()
    bench.create()
    bench.split()
    bench.write(P, 3, 7)
    bench.write(S, 20, 8)
    bench.order(PairCommand.RESTORE)
    assert bench.state() is PairState.RCPY
    bench.finish()
    assert bench.state() is PairState.PAIR
    assert bench.read(P) == bench.read(S) == with_(first(P), {20: 8})


def test_what_a_restore_brings_to_p_is_a_difference_for_its_other_pairs() -> None:
    bench = PairBench(rules=PairRules(grain=GRAIN * 512, pace=3))
    for secondary in (S, T, U):
        bench.create(secondary)
        bench.split(secondary)
    changes = {3: 7, 20: 8, 30: 9, 59: 10}
    for lba, value in changes.items():
        bench.write(S, lba, value)
    bench.order(PairCommand.RESTORE, S)
    bench.finish()
    for secondary in (T, U):
        bench.order(PairCommand.RESYNC, secondary)
        bench.finish()
        bench.split(secondary)
        assert bench.read(secondary) == with_(first(P), changes)


def test_a_resync_of_a_suspended_pair_copies_everything() -> None:
    bench = PairBench()
    bench.create()
    bench.order(PairCommand.SUSPEND)
    assert bench.state() is PairState.PSUE
    bench.order(PairCommand.RESYNC)
    bench.finish()
    assert (bench.table.status(P)[0].moved, bench.table.status(P)[0].cause) == (BLOCKS, "")


def test_a_block_that_cannot_be_copied_suspends_the_pair_and_the_write_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = PairBench()
    bench.create_split()
    monkeypatch.setattr(bench.unit, "move", _broken)
    bench.write(P, 3, 7)
    assert bench.state() is PairState.PSUE
    assert bench.table.status(P)[0].cause == str(MediumFault(P, 3))
    assert bench.read(P, 3, 1) == [7]


@pytest.mark.parametrize(
    ("touch", "fault"),
    [(lambda bench: bench.write(S, 3, 7), AccessFault), (lambda bench: bench.read(S, 3, 1), ArrayFault)],
    ids=["write", "read"],
)
def test_a_block_of_s_that_cannot_be_copied_first_is_not_touched(
    monkeypatch: pytest.MonkeyPatch, touch: Callable[[PairBench], object], fault: type[ArrayFault]
) -> None:
    bench = PairBench()
    bench.create_split()
    monkeypatch.setattr(bench.unit, "move", _broken)
    with pytest.raises(fault):
        touch(bench)
    assert bench.state() is PairState.PSUE
    assert bench.read(S) == first(S)


def _broken(*_: object) -> None:
    raise MediumFault(P, 3)


def test_three_secondaries_split_one_after_another_hold_a_history() -> None:
    bench = PairBench()
    for secondary in (S, T, U):
        bench.create(secondary)
    for secondary, value in ((S, 1), (T, 2), (U, 3)):
        bench.write(P, 0, *[value] * BLOCKS)
        bench.split(secondary, kind=SplitKind.QUICK)
    bench.write(P, 0, *[4] * BLOCKS)
    assert [status.generation for status in bench.table.status(P)] == [1, 2, 3]
    bench.finish()
    assert [set(bench.read(volume)) for volume in (S, T, U, P)] == [{1}, {2}, {3}, {4}]
    bench.order(PairCommand.RESYNC, S)
    bench.finish()
    bench.split(S)
    assert [set(bench.read(volume)) for volume in (S, T, U, P)] == [{4}, {2}, {3}, {4}]


def test_a_group_is_split_at_one_point_in_time() -> None:
    bench = PairBench()
    bench.create(S, P, group=1)
    bench.create(U, T, group=1)
    bench.create(V, P, group=2)
    bench.write(P, 0, 7)
    bench.write(T, 0, 8)
    bench.order(PairCommand.SPLIT, U, T, whole_group=True, kind=SplitKind.QUICK)
    bench.write(P, 0, 9)
    bench.write(T, 0, 10)
    bench.finish()
    assert (bench.read(S)[0], bench.read(U)[0]) == (7, 8)
    assert [status.generation for status in bench.table.status()] == [1, 1, 0]
    assert bench.state(V) is PairState.PAIR


@pytest.mark.parametrize("wrong", [S, U])
def test_a_group_that_has_one_pair_in_the_wrong_state_is_left_as_it_is(wrong: int) -> None:
    bench = PairBench()
    primaries = {S: P, U: T}
    for secondary, primary in primaries.items():
        bench.create(secondary, primary, group=1)
    bench.split(wrong, primaries[wrong])
    bench.write(wrong, 0, *range(BLOCKS))
    bench.order(PairCommand.RESTORE, wrong, primaries[wrong])
    before = bench.table.status()
    assert {status.state for status in before} == {PairState.PAIR, PairState.RCPY}
    for secondary, primary in primaries.items():
        with pytest.raises(PairRefused, match="state"):
            bench.order(PairCommand.SPLIT, secondary, primary, whole_group=True)
        assert bench.table.status() == before


def test_deleted_volumes_keep_their_blocks_and_no_longer_follow() -> None:
    bench = PairBench()
    bench.create()
    bench.order(PairCommand.DELETE)
    bench.write(P, 0, 7)
    bench.write(S, 1, 8)
    bench.finish()
    assert bench.read(P) == with_(first(P), {0: 7})
    assert bench.read(S) == with_(first(P), {1: 8})


def test_an_ordered_copy_to_p_follows_to_s_as_a_write_does() -> None:
    bench = PairBench()
    bench.create()
    bench.unit.copy(V, 0, P, 10, 20)
    bench.finish()
    assert bench.read(S) == with_(first(P), {10 + n: 100 * V + n for n in range(20)})


def test_an_ordered_copy_from_s_takes_what_s_is_still_to_be_given() -> None:
    bench = PairBench()
    bench.create_split()
    bench.unit.copy(S, 30, V, 0, 20)
    assert bench.read(V, 0, 20) == first(P)[30:50]


def test_an_ordered_copy_from_a_p_that_may_not_be_read_is_refused() -> None:
    bench = PairBench()
    bench.create()
    bench.split()
    bench.write(S, 1, 7)
    bench.order(PairCommand.RESTORE)
    with pytest.raises(BusyFault):
        bench.unit.copy(P, 0, V, 0, 1)
    assert bench.read(V) == first(V)


def test_a_grain_is_given_in_bytes_whatever_the_block_size() -> None:
    settings = ArraySettings(
        (VolumeSettings(P, 60), VolumeSettings(S, 60)), block_size=4096, pairs=PairRules(grain=8 * 4096, pace=1)
    )
    table = PairTable(ControlUnit(settings), settings.pairs, settings.defects)
    table.order(PairOrder(PairCommand.CREATE, P, S))
    table.tick()
    assert table.status(P)[0].moved == 8


def test_a_payload_damaged_on_p_suspends_the_pair_and_never_reaches_s() -> None:
    bench = PairBench()
    bench.unit.damage(P, 20)
    bench.create()
    assert bench.state() is PairState.PSUE
    assert bench.read(S, 20, 1) == [first(S)[20]]
    assert "guard" in bench.table.status(P)[0].cause


def test_an_s_that_was_written_holds_nothing_where_p_was_unmapped() -> None:
    bench = PairBench()
    bench.unit.unmap(P, 10, 20)
    bench.create()
    assert bench.read(S) == with_(first(P), dict.fromkeys(range(10, 30), 0))


def test_the_old_block_is_destaged_to_s_before_the_write_to_p_is_taken() -> None:
    bench = PairBench()
    bench.create_split()
    bench.trace.clear()
    bench.write(P, 17, 7)
    steps = [(event.step, event.actor, event.volume) for event in bench.trace.events]
    assert steps[0] == (Step.ORDER, Actor.PAIR, S)
    assert (Step.MOVE, Actor.DRR, S) in steps
    assert steps[-2:] == [(Step.DESTAGE, Actor.CACHE, S), (Step.COMMIT, Actor.HOST, P)]


def test_a_resync_moves_the_grains_of_both_bitmaps_by_the_drr_and_no_others() -> None:
    bench = PairBench()
    bench.create()
    bench.split()
    bench.write(P, 3, 7)
    bench.write(S, 20, 8)
    bench.trace.clear()
    bench.order(PairCommand.RESYNC)
    bench.finish()
    moved = {(event.lba, event.count) for event in bench.trace.events if event.step is Step.MOVE}
    assert moved == {(0, GRAIN), (16, GRAIN)}
    assert {event.actor for event in bench.trace.events if event.step is Step.MOVE} == {Actor.DRR}
