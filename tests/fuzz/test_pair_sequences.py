"""Sequences on pairs, on the software array: a sound one shows nothing, each thing that it can do wrong is found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import hypothesis
import msgspec
import pytest

from copyproof.array.defects import Defect
from copyproof.fuzz import script, search
from copyproof.fuzz.events import Difference, PairOrdered
from copyproof.fuzz.ground import Ground, survey
from copyproof.fuzz.mix import shortfall
from copyproof.fuzz.operations import Copy, Operation, Range, Write
from copyproof.fuzz.pair_operations import Finish, Order, Pass, Read
from copyproof.fuzz.pair_strategies import pair_sequences
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Counterexample, Ended, Search
from copyproof.pairing.service import Answered, Said
from copyproof.plugin import opening, pairing
from copyproof.plugin.bench import NUMBERS, Bench
from copyproof.plugin.pairing import Couple
from copyproof.scsi.pair import PairCommand, PairState, SplitKind
from copyproof.targets import spec
from copyproof.targets.live import Role
from copyproof.targets.spec import TargetSpec
from copyproof.transport import tape
from tests.fuzz.desk import run
from tests.lio.suite import run_suite

P, S, T = (NUMBERS[role] for role in (Role.PRIMARY, Role.SECONDARY, Role.SECONDARY_2))
ONE, OTHER = Couple(), Couple(Role.PRIMARY, Role.SECONDARY_2)
CHECKS = list(hypothesis.HealthCheck)
SPLIT_QUICKLY = Order(ONE, PairCommand.CREATE_SPLIT, SplitKind.QUICK)
SPLIT = (Order(ONE, PairCommand.CREATE_SPLIT), Finish(ONE))
RESYNC = (Order(ONE, PairCommand.RESYNC), Finish(ONE))


def wrote(volume: int, lba: int = 2048, count: int = 8) -> Write:
    return Write(Range(volume, lba, count), by_command=True)


@contextmanager
def array(*defects: Defect) -> Iterator[Bench]:
    """Bring the software array up, with something that it does wrong."""
    loaded = spec.load("software-array")
    wrong = tuple(defect.name.lower().replace("_", "-") for defect in defects)
    with opening.opened(_with(loaded, wrong), 1, lambda _, transport: transport) as bench:
        bench.mark_bystander()
        yield bench


def _with(loaded: TargetSpec, defects: tuple[str, ...]) -> TargetSpec:
    return msgspec.structs.replace(loaded, array=msgspec.structs.replace(loaded.array, defects=defects))


def played(bench: Bench, operations: Sequence[Operation]) -> str:
    """Play a sequence and return the difference that it shows."""
    player = Player(bench, survey(bench))
    player.begin(operations)
    try:
        for operation in operations:
            player.play(operation)
        player.finish()
    except Difference as difference:
        return str(difference)
    return ""


COURSES: list[tuple[Defect, tuple[Operation, ...], str]] = [
    (Defect.COW_SKIPPED, (SPLIT_QUICKLY, wrote(P)), "secondary LBA 2048"),
    (Defect.COW_LATE, (SPLIT_QUICKLY, wrote(P)), "secondary LBA 2048"),
    (Defect.COW_PRIMARY_ONLY, (SPLIT_QUICKLY, wrote(S)), "secondary LBA 2048"),
    (Defect.UNCOPIED_READABLE, (SPLIT_QUICKLY, Read(Range(S, 2048, 8))), "read secondary LBA 2048"),
    (Defect.DIFFERENCE_LOST, (*SPLIT, wrote(P, 2044), *RESYNC), "secondary LBA 2048 to 2051: not copied"),
    (Defect.RESYNC_PRIMARY_ONLY, (*SPLIT, wrote(S), *RESYNC), "secondary LBA 2048 to 2055: not copied"),
    (
        Defect.GROUP_SPLIT_TORN,
        (
            Order(ONE, PairCommand.CREATE, group=1),
            Order(OTHER, PairCommand.CREATE, group=1),
            Order(ONE, PairCommand.SPLIT, whole_group=True),
        ),
        "where COPY(SP) must be shown",
    ),
    (
        Defect.DELETED_COPIES_ON,
        (Order(ONE, PairCommand.CREATE), Order(ONE, PairCommand.DELETE), Pass(2), wrote(S, 7000), Pass(8)),
        "secondary LBA 7000",
    ),
]


@pytest.mark.parametrize(("defect", "course", "told"), COURSES, ids=lambda value: getattr(value, "name", ""))
def test_what_pairs_can_do_wrong_shows_in_a_short_sequence_and_a_sound_array_shows_nothing(
    defect: Defect, course: tuple[Operation, ...], told: str
) -> None:
    with array() as bench:
        assert played(bench, course) == ""
    with array(defect) as bench:
        assert told in played(bench, course)


def test_orders_on_pairs_show_no_difference_and_the_mix_is_told() -> None:
    with array() as bench:
        found = searched(bench, 100, 3)
    assert (found.ended, found.problem, found.found) == (Ended.STEPS, "", None)
    assert found.mix["orders accepted"] > found.mix["orders refused"] > 0
    assert found.mix["on pairs"] >= found.mix["order"] + found.mix["on pairs: write"] > 0


@pytest.mark.nightly
def test_two_thousand_steps_on_the_software_array_show_nothing_and_meet_nearly_every_state(tmp_path: Path) -> None:
    done = run_suite("software-array", tmp_path, "--hil-fuzz=2000", "-k", "random_sequences")
    found = done.record.fuzz
    assert found is not None, done.output
    assert (found.steps, found.difference, found.problem) == (2000, None, ""), done.output
    # A restore needs siblings that are split, too: by some seeds none is met before it ends.
    assert {state for state in PairState if not found.mix.get(f"in {state.value}")} <= {PairState.RCPY}
    assert "on pairs" in done.output


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("defect", "most"),
    [
        (Defect.COW_SKIPPED, 2),
        (Defect.COW_LATE, 2),
        (Defect.COW_PRIMARY_ONLY, 2),
        (Defect.UNCOPIED_READABLE, 2),
        (Defect.DIFFERENCE_LOST, 4),
        (Defect.RESYNC_PRIMARY_ONLY, 4),
        (Defect.GROUP_SPLIT_TORN, 3),
        (Defect.DELETED_COPIES_ON, 5),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_pairs_do_wrong_is_found_and_shrunk(defect: Defect, most: int, seed: int) -> None:
    with array(defect) as bench:
        found = searched(bench, 4000, seed).found
    assert found is not None
    assert len(found.operations) <= most, found


def searched(bench: Bench, steps: int, seed: int) -> Search:
    found = Search(Player(bench, survey(bench)), Budget(steps, 3600.0))
    found.run(seed)
    return found


@pytest.mark.nightly
def test_a_target_whose_time_cannot_be_stopped_shows_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "POLL", 0.0)
    monkeypatch.setattr(search, "sequences", only_pairs)
    with array() as bench:
        bench.live = replace(bench.live, control=None)
        found = searched(bench, 600, 3)
    assert (found.ended, found.problem, found.found) == (Ended.STEPS, "", None)
    assert found.mix["in PAIR"] > 0


def test_half_of_the_operations_of_a_short_run_are_in_sequences_on_pairs() -> None:
    with array() as bench:
        found = searched(bench, 41, 1)
    assert (found.ended, found.steps) == (Ended.STEPS, 41)
    assert sum(found.mix.values()) > 41
    assert found.mix["on pairs"] == 20


def only_pairs(ground: Ground) -> Sequence[hypothesis.strategies.SearchStrategy[list[Operation]]]:
    assert ground.pairs
    return (pair_sequences(ground, ground.pairs),)


def test_one_sequence_leaves_nothing_to_the_next() -> None:
    with array() as bench:
        player = Player(bench, survey(bench))
        for _ in range(2):
            player.begin(SPLIT)
            assert state(bench) is PairState.SMPL
            for operation in SPLIT:
                player.play(operation)
            assert state(bench) is PairState.PSUS
        player.end()
        assert state(bench) is PairState.SMPL


def state(bench: Bench) -> PairState:
    assert bench.pairs is not None
    return bench.pairs.status(ONE).primary_state


def test_an_s_vol_that_is_being_split_is_looked_at_by_reads_alone() -> None:
    with array() as bench:
        player = Player(bench, survey(bench))
        course = (SPLIT_QUICKLY, wrote(P), Read(Range(S, 4096, 8)))
        player.begin(course)
        assert bench.pairs is not None
        left = []
        for operation in course:
            player.play(operation)
            left.append(bench.pairs.status(ONE).pending)
        # A slot has 512 blocks: each touch has had one copied first, and no look any other.
        first = left[0]
        assert first is not None
        assert left == [first, first - 512, first - 1024]


def test_a_refused_write_and_a_refused_order_are_no_difference_and_a_wrong_model_of_them_is() -> None:
    course = (Order(ONE, PairCommand.CREATE), wrote(S), Order(ONE, PairCommand.RESTORE), Order(ONE, PairCommand.CREATE))
    with array() as bench:
        player = Player(bench, survey(bench))
        player.begin(course)
        outcomes = [str(player.play(operation)) for operation in course]
        assert player.met["host commands refused"] == 1
    assert outcomes[1] == "07/27/00"
    with array() as bench:
        assert bench.pairs is not None
        declared = bench.pairs.declared
        access = {**declared.access, PairState.COPY: declared.access[PairState.PSUS]}
        bench.pairs.service._declared = replace(declared, access=access)  # type: ignore[attr-defined]
        assert "ended in 07/27/00 instead of GOOD" in played(bench, course)


def test_two_s_vols_of_one_p_vol_cannot_be_restored_at_once() -> None:
    splits = [Order(couple, PairCommand.CREATE_SPLIT, group=1) for couple in (ONE, OTHER)]
    waits = [Finish(couple) for couple in (ONE, OTHER)]
    restore = Order(ONE, PairCommand.RESTORE, whole_group=True)
    course: list[Operation] = [*splits, *waits, wrote(S), wrote(T), restore]
    with array() as bench:
        player = Player(bench, survey(bench))
        player.begin(course)
        for operation in course:
            player.play(operation)
        last = player.log[-1]
        assert isinstance(last, PairOrdered)
        assert (last.accepted, last.answered.said) == (False, "05/2C/00")


@pytest.mark.parametrize("kind", SplitKind)
def test_a_target_gets_no_order_that_it_does_not_declare(kind: SplitKind) -> None:
    with array() as bench:
        ground = survey(bench)
    assert ground.pairs is not None
    operations = frozenset({PairCommand.CREATE, PairCommand.SPLIT, PairCommand.RESYNC, PairCommand.DELETE})
    fewer = replace(ground.pairs.declared, operations=operations, kinds=frozenset({kind}), groups=False)
    pairs = replace(ground.pairs, declared=fewer, strange=())
    drawn: list[Order] = []

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=20, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(pair_sequences(replace(ground, pairs=pairs), pairs))
    def draws(sequence: list[Operation]) -> None:
        drawn.extend(operation for operation in sequence if isinstance(operation, Order))

    draws()
    assert {order.command for order in drawn} == operations
    assert {order.kind for order in drawn if order.command is PairCommand.SPLIT} == {kind}
    assert {order.kind for order in drawn if order.command is not PairCommand.SPLIT} == {SplitKind.STEADY}
    assert {(order.group, order.whole_group) for order in drawn} == {(0, False)}


@pytest.mark.parametrize("refuses", [True, False])
def test_copies_go_and_are_sent_to_no_s_vol_of_a_target_that_does_not_refuse_them(refuses: bool) -> None:
    with array() as bench:
        ground = survey(bench)
    assert ground.pairs is not None
    pairs = replace(ground.pairs, declared=replace(ground.pairs.declared, refuses_copies=refuses))
    met: set[tuple[bool, bool]] = set()
    sent_to: set[bool] = set()

    @hypothesis.seed(1)
    @hypothesis.settings(max_examples=40, database=None, deadline=None, suppress_health_check=CHECKS)
    @hypothesis.given(pair_sequences(replace(ground, pairs=pairs), pairs))
    def draws(sequence: list[Operation]) -> None:
        for copy in (operation for operation in sequence if isinstance(operation, Copy)):
            part = copy.segments[0]
            met.add((part.source in (S, T), part.destination in (S, T)))
            sent_to.add((part.destination if copy.by_destination else part.source) in (S, T))

    draws()
    assert {source for source, _ in met} == {True, False}
    assert {destination for _, destination in met} == sent_to == ({True, False} if refuses else {False})


def test_a_run_with_too_little_on_pairs_proves_less_than_is_promised() -> None:
    with array() as bench:
        pairs = survey(bench).pairs
    sound = {"copied": 600, "overlapping": 200, "at the last LBA": 200}
    states = {f"in {state.value}": 1 for state in PairState}
    told = {"on pairs": 2000, "order": 500, "orders accepted": 400, **sound, **states}
    assert shortfall(told, 3000, pairs) == ""
    assert "100 were on pairs, fewer than 25 %" in shortfall({**told, "on pairs": 100}, 1600, pairs)
    assert "100 were accepted, fewer than 50 %" in shortfall({**told, "orders accepted": 100}, 3000, pairs)
    assert shortfall({**told, "in RCPY": 0}, 3000, pairs) == "no pair was met in RCPY"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a sequence left on an array that does not copy first."""
    folder = tmp_path_factory.mktemp("left")
    with array(Defect.COW_SKIPPED) as bench:
        found = Search(Player(bench, survey(bench)), Budget(100, 60.0))
        refused = Order(ONE, PairCommand.RESTORE)
        with pytest.raises(Difference):
            found.play((SPLIT_QUICKLY, refused, wrote(P), Pass(1), Finish(ONE)))
        assert found.found is not None
        script.write(found.found, bench, folder)
    return folder


@pytest.mark.parametrize("late", [0, 1])
def test_the_script_orders_pairs_and_shows_what_is_wrong(left: Path, late: int) -> None:
    shown = run(left, shift=late)
    # The fake tools refuse no order.
    assert "the command ended in GOOD, it must end in REFUSAL" in shown.text
    assert ("secondary LBA 2048 is wrong" in shown.text) == bool(late)
    assert shown.code == 1
    text = (left / script.SCRIPT).read_text()
    assert 'order "$PRIMARY" GOOD 56 c1 01' in text
    assert 'await "$PRIMARY" "$PRIMARY_NAA" "$SECONDARY_NAA"' in text
    assert "\npasses 1\n" in text


def test_the_tape_holds_the_orders_in_band(left: Path) -> None:
    events = [json.loads(line) for line in (left / script.TAPE).read_text().splitlines()[1:]]
    orders = [event for event in events if event.get("cdb", "").startswith("c1")]
    assert [(event["role"], event["cdb"][:4]) for event in orders] == [("primary", "c101"), ("primary", "c106")]
    assert tape.read(left / script.TAPE).events


def test_orders_by_a_vendors_programs_are_run_only_when_that_is_meant(tmp_path: Path) -> None:
    steps = tuple(Said(what, "exit 0", "", 0.1) for what in ("true 'a b'", "true ;"))
    with array() as bench:
        assert bench.pairs is not None
        done = bench.pairs.order(ONE, PairCommand.CREATE)
        event = PairOrdered(done.request, False, Answered(True, "exit 0", steps))
        found = Counterexample((), "a test", (event,))
        assert script.write(found, bench, tmp_path) == (script.SCRIPT, "")
    assert not (tmp_path / script.TAPE).exists()
    shown = run(tmp_path, shift=0)
    assert (shown.code, "VENDOR=run" in shown.text) == (2, True)
    shown = run(tmp_path, shift=0, spoil=lambda desk: desk.named.update(VENDOR="run"))
    assert "true ended with status 0, it must end in REFUSAL" in shown.text
    assert "vendor REFUSAL true ';'" in (tmp_path / script.SCRIPT).read_text()


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("program", ["true", "false"])
def test_an_order_by_a_vendors_program_is_judged_by_its_exit_status_both_ways(
    tmp_path: Path, accepted: bool, program: str
) -> None:
    with array() as bench:
        assert bench.pairs is not None
        done = bench.pairs.order(ONE, PairCommand.CREATE)
        event = PairOrdered(done.request, accepted, Answered(accepted, "", (Said(program, "", "", 0.1),)))
        script.write(Counterexample((), "a test", (event,)), bench, tmp_path)
    shown = run(tmp_path, shift=0, spoil=lambda desk: desk.named.update(VENDOR="run"))
    assert (f"{program} ended with status" in shown.text) == (accepted != (program == "true"))
