"""Which order a pair takes in which state, and what a host may do in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copyproof.array.core.errors import AccessFault
from copyproof.array.core.pair_rules import PairRefused, PairRules, Refusal
from copyproof.errors import UsageError
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, SplitKind
from tests.array.pair_bench import GRAIN, P, PairBench, S, T, U, V

C = PairCommand
ORDERS = (C.CREATE, C.CREATE_SPLIT, C.SPLIT, C.SUSPEND, C.DELETE, C.RESYNC, C.RESTORE)


def bring(state: PairState, rules: PairRules | None = None) -> PairBench:
    """Bring the pair of P and S into a state, and no further."""
    bench = PairBench(rules=rules, fill=False)
    for order in REACHED[state]:
        order(bench)
    assert bench.state() is state
    return bench


def split_with_a_difference(bench: PairBench) -> None:
    bench.create()
    bench.split()
    bench.write(S, 3, 7)


def ordered(command: PairCommand, kind: SplitKind = SplitKind.STEADY) -> Callable[[PairBench], object]:
    return lambda bench: bench.order(command, kind=kind)


REACHED: dict[PairState, tuple[Callable[[PairBench], object], ...]] = {
    PairState.SMPL: (),
    PairState.SMPL_PD: (ordered(C.CREATE), ordered(C.DELETE)),
    PairState.COPY: (ordered(C.CREATE),),
    PairState.PAIR: (lambda bench: bench.create(),),
    PairState.COPY_SP: (ordered(C.CREATE), ordered(C.SPLIT)),
    PairState.PSUS_SP: (ordered(C.CREATE), ordered(C.SPLIT, SplitKind.QUICK)),
    PairState.PSUS: (split_with_a_difference,),
    PairState.COPY_RS: (split_with_a_difference, ordered(C.RESYNC)),
    PairState.RCPY: (split_with_a_difference, ordered(C.RESTORE)),
    PairState.PSUE: (ordered(C.CREATE), ordered(C.SUSPEND)),
}

TABLE = """
    SMPL      A A R R n R R
    SMPL(PD)  R R R R n R R
    COPY      n A A A A n R
    COPY(RS)  n R R A A n R
    RCPY      n R R A A n n
    PAIR      n A A A A n R
    COPY(SP)  n n n A A n R
    PSUS(SP)  R n n A R A R
    PSUS      R n n A A A A
    PSUE      R n n n A A R
"""
LETTERS = {"A": Answer.DONE, "n": Answer.IGNORED, "R": Answer.REFUSED}
CELLS = [
    (PairState(row.split()[0]), command, LETTERS[letter])
    for row in TABLE.strip().splitlines()
    for command, letter in zip(ORDERS, row.split()[1:], strict=True)
]


def rules(**settings: object) -> PairRules:
    return PairRules(grain=GRAIN * 512, pace=1, **settings)  # type: ignore[arg-type]


def given(bench: PairBench, command: PairCommand, secondary: int = S) -> Answer:
    try:
        return bench.order(command, secondary)
    except PairRefused as refused:
        return Answer.REFUSED if refused.reason is Refusal.STATE else pytest.fail(str(refused))


@pytest.mark.parametrize(("state", "command", "due"), CELLS)
def test_an_order_is_answered_as_its_state_says(state: PairState, command: PairCommand, due: Answer) -> None:
    bench = bring(state, rules(deleting_ticks=2))
    before = bench.table.status()
    assert given(bench, command) is due
    assert (bench.table.status() == before) is (due is not Answer.DONE)


@pytest.mark.parametrize(
    ("state", "command", "setting"),
    [
        (PairState.COPY_RS, C.SPLIT, "split_resync"),
        (PairState.COPY_SP, C.RESYNC, "resync_steady_split"),
        (PairState.PSUS_SP, C.RESYNC, "resync_quick_split"),
        (PairState.PSUS_SP, C.DELETE, "delete_quick_split"),
    ],
)
@pytest.mark.parametrize("due", Answer)
def test_where_guides_differ_a_setting_decides(
    state: PairState, command: PairCommand, setting: str, due: Answer
) -> None:
    assert given(bring(state, rules(**{setting: due})), command) is due


def allowed(bench: PairBench, volume: int) -> HostAccess:
    """What a host finds that it may do."""
    held = HostAccess.NONE
    try:
        bench.unit.pairs.before_read(volume, 0, 1)
        held = HostAccess.READ
        bench.unit.pairs.before_write(volume, 0, 1)
        held = HostAccess.READ_WRITE
    except AccessFault:
        pass
    return held


@pytest.mark.parametrize(
    ("state", "primary", "secondary"),
    [
        (PairState.SMPL, "RW", "RW"),
        (PairState.COPY, "RW", "R"),
        (PairState.PAIR, "RW", "R"),
        (PairState.COPY_SP, "RW", "R"),
        (PairState.PSUS_SP, "RW", "RW"),
        (PairState.PSUS, "RW", "RW"),
        (PairState.COPY_RS, "RW", "R"),
        (PairState.RCPY, "", "R"),
        (PairState.PSUE, "RW", "R"),
        (PairState.SMPL_PD, "R", "R"),
    ],
)
def test_a_host_may_do_what_the_state_allows(state: PairState, primary: str, secondary: str) -> None:
    bench = bring(state, rules(deleting_ticks=2))
    assert [HostAccess(len(text)) for text in (primary, secondary)] == [allowed(bench, P), allowed(bench, S)]


def test_a_host_may_read_p_during_a_restore_where_the_setting_says_so() -> None:
    assert allowed(bring(PairState.RCPY, rules(restoring_access=HostAccess.READ)), P) is HostAccess.READ


def test_a_delete_may_take_its_time() -> None:
    bench = bring(PairState.SMPL_PD, rules(deleting_ticks=2))
    bench.unit.run(1)
    assert bench.state() is PairState.SMPL_PD
    bench.unit.run(1)
    assert bench.state() is PairState.SMPL


def test_while_one_secondary_is_restored_its_siblings_allow_suspend_and_delete_only() -> None:
    for command in ORDERS:
        bench = PairBench(fill=False)
        bench.create(T)
        bench.split(T)
        split_with_a_difference(bench)
        bench.order(C.RESTORE)
        assert (given(bench, command, T) is Answer.REFUSED) is (command not in (C.SUSPEND, C.DELETE))
        assert given(bench, C.CREATE, U) is Answer.REFUSED


def test_a_secondary_is_restored_only_while_its_siblings_are_split_or_suspended() -> None:
    bench = PairBench(fill=False)
    split_with_a_difference(bench)
    bench.create(T)
    assert given(bench, C.RESTORE) is Answer.REFUSED
    bench.order(C.SUSPEND, T)
    assert given(bench, C.RESTORE) is Answer.DONE


def test_two_secondaries_of_one_group_and_primary_are_not_restored_together() -> None:
    bench = PairBench(fill=False)
    for secondary in (S, T):
        bench.create(secondary, group=1)
        bench.split(secondary)
    with pytest.raises(PairRefused):
        bench.order(C.RESTORE, whole_group=True)
    assert bench.state(S) is bench.state(T) is PairState.PSUS


@pytest.mark.parametrize(
    ("primary", "secondary", "more", "reason"),
    [
        (P, P, {}, Refusal.SELF),
        (9, S, {}, Refusal.NO_PRIMARY),
        (P, 9, {}, Refusal.NO_SECONDARY),
        (T, V, {}, Refusal.SECONDARY_ROLE),
        (V, T, {}, Refusal.PRIMARY_ROLE),
        (P, U, {}, Refusal.SECONDARY_ROLE),
        (P, S, {"group": 256}, Refusal.GROUP),
        (P, S, {"whole_group": True}, Refusal.GROUP),
        (P, S, {"pace": 16}, Refusal.PACE),
    ],
)
def test_volumes_that_make_no_pair_are_refused(
    primary: int, secondary: int, more: dict[str, object], reason: Refusal
) -> None:
    bench = PairBench(fill=False)
    bench.create(V, U)
    before = bench.table.status()
    with pytest.raises(PairRefused) as refused:
        bench.order(C.CREATE, secondary, primary, **more)
    assert refused.value.reason is reason
    assert bench.table.status() == before


def test_a_pair_in_no_group_takes_no_order_for_its_group() -> None:
    bench = PairBench(fill=False)
    bench.create()
    with pytest.raises(PairRefused, match=Refusal.GROUP.value):
        bench.order(C.SPLIT, whole_group=True)


def test_a_fourth_secondary_is_refused_and_a_freed_place_is_taken_again() -> None:
    bench = PairBench(fill=False)
    for secondary in (S, T, U):
        bench.order(C.CREATE, secondary)
    with pytest.raises(PairRefused, match=Refusal.FULL.value):
        bench.order(C.CREATE, V)
    bench.order(C.DELETE, T)
    bench.order(C.CREATE, V)
    assert [(status.secondary, status.mirror) for status in bench.table.status(P)] == [(S, 0), (U, 2), (V, 1)]


def test_volumes_of_another_size_make_no_pair() -> None:
    from copyproof.array.core.pair_orders import PairOrder
    from copyproof.array.core.pairs import PairTable
    from copyproof.array.core.unit import ControlUnit
    from copyproof.array.settings import ArraySettings, VolumeSettings

    settings = ArraySettings((VolumeSettings(P, 60), VolumeSettings(S, 61)))
    table = PairTable(ControlUnit(settings), settings.pairs, settings.defects)
    with pytest.raises(PairRefused, match=Refusal.SIZE.value):
        table.order(PairOrder(C.CREATE, P, S))


def test_a_group_shows_the_least_settled_state_of_its_pairs() -> None:
    bench = PairBench(fill=False)
    bench.create(S, P, group=1)
    bench.create(U, T, group=1)
    shown = [bench.table.group_state(1)]
    bench.split(U, T)
    shown.append(bench.table.group_state(1))
    bench.order(C.SUSPEND)
    shown.append(bench.table.group_state(1))
    bench.order(C.RESYNC)
    shown.append(bench.table.group_state(1))
    assert shown == [PairState.PAIR, PairState.PSUS, PairState.PSUE, PairState.COPY_RS]


def test_a_group_with_a_suspended_pair_shows_that_rather_than_one_split_quickly() -> None:
    bench = PairBench(fill=False)
    bench.create(S, P, group=1)
    bench.order(C.SUSPEND)
    bench.order(C.CREATE_SPLIT, U, T, group=1, kind=SplitKind.QUICK)
    assert (bench.state(), bench.state(U, T)) == (PairState.PSUE, PairState.PSUS_SP)
    assert bench.table.group_state(1) is PairState.PSUE


@pytest.mark.parametrize(
    "wrong",
    [
        {"pace": 0},
        {"pace": 16},
        {"secondaries": 0},
        {"deleting_ticks": -1},
        {"grain": 0},
        {"restoring_access": HostAccess.READ_WRITE},
    ],
)
def test_rules_out_of_range_are_the_users_mistake(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        PairRules(**wrong)  # type: ignore[arg-type]
