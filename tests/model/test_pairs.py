"""Pairs: the guides' tables, what speaks against a command, and what hosts may do."""

from __future__ import annotations

import itertools

import pytest

from copyproof.blocks.origin import Origin
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.pair_rules import ANSWERS, PairRules
from copyproof.model.pairs import PairModel
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, SplitKind

BLOCKS = 10**12
P, S1, S2, S3, S4, SMALL = range(1, 7)


def pair_model(rules: PairRules | None = None) -> tuple[ReferenceModel, PairModel]:
    model = ReferenceModel({**dict.fromkeys((P, S1, S2, S3, S4), BLOCKS), SMALL: BLOCKS - 1})
    return model, PairModel(model, rules)


def split(pairs: PairModel, secondary: int) -> None:
    pairs.order(PairCommand.CREATE_SPLIT, P, secondary)
    pairs.finished(P, secondary)


def generations(model: ReferenceModel, volume: int, lba: int) -> list[int]:
    return [origin.generation for origin in model.slice(volume, lba, 1)[0].origins if hasattr(origin, "generation")]


def test_every_command_has_an_answer_in_every_state() -> None:
    assert set(ANSWERS) == set(itertools.product(PairState, PairCommand))


@pytest.mark.parametrize(
    ("primary", "secondary", "why"),
    [
        (P, P, "with itself"),
        (P, SMALL, "of one size"),
        (S4, S1, "S-VOL of another"),
        (S1, S4, "volume 2 is the S-VOL"),
        (S4, P, "P-VOL of another"),
        (P, S4, "3 secondaries at most"),
    ],
)
def test_volumes_that_do_not_fit_are_refused_with_the_reason(primary: int, secondary: int, why: str) -> None:
    _, pairs = pair_model()
    for each in (S1, S2, S3):
        split(pairs, each)
    told = pairs.order(PairCommand.CREATE, primary, secondary)
    assert (told.answer, pairs.state(primary, secondary)) == (Answer.REFUSED, PairState.SMPL)
    assert why in told.rule


def test_while_one_secondary_is_restored_its_siblings_allow_only_suspend_and_delete() -> None:
    _, pairs = pair_model()
    split(pairs, S1)
    split(pairs, S2)
    assert pairs.order(PairCommand.RESTORE, P, S1).state is PairState.RCPY
    answers = {command: pairs.predict(command, P, S2) for command in PairCommand}
    done = {command for command, told in answers.items() if told.answer is Answer.DONE}
    assert done == {PairCommand.SUSPEND, PairCommand.DELETE}
    assert "siblings" in answers[PairCommand.RESYNC].rule


def test_a_restore_waits_for_the_siblings_to_be_split() -> None:
    _, pairs = pair_model()
    split(pairs, S1)
    pairs.order(PairCommand.CREATE, P, S2)
    told = pairs.predict(PairCommand.RESTORE, P, S1)
    assert (told.answer, told.rule) == (Answer.REFUSED, "a restore needs all siblings in PSUS or PSUE")


def test_a_resynchronisation_copies_the_slots_changed_on_either_side_and_no_others() -> None:
    model, pairs = pair_model()
    split(pairs, S1)
    model.write(P, 1000, 1, 1)
    model.write(S1, 5000, 600, 2)
    told = pairs.order(PairCommand.RESYNC, P, S1)
    assert told.copies == (Transfer(P, 512, S1, 512, 512), Transfer(P, 4608, S1, 4608, 1024))


def test_after_a_resynchronisation_the_secondarys_own_writes_are_gone() -> None:
    model, pairs = pair_model()
    model.write(P, 0, 100, 1)
    split(pairs, S1)
    model.write(S1, 10, 1, 2)
    pairs.order(PairCommand.RESYNC, P, S1)
    assert generations(model, S1, 10) == [2, 1]
    pairs.finished(P, S1)
    assert generations(model, S1, 10) == [1]


def test_secondaries_split_one_after_another_are_a_history_of_the_primary() -> None:
    model, pairs = pair_model()
    for generation, secondary in enumerate((S1, S2, S3), 1):
        model.write(P, 7, 3, generation)
        pairs.order(PairCommand.CREATE_SPLIT, P, secondary, SplitKind.QUICK)
    model.write(P, 7, 3, 9)
    assert [generations(model, volume, 8) for volume in (S1, S2, S3, P)] == [[1], [2], [3], [9]]


def test_suspended_in_a_copy_leaves_both_contents_possible_and_a_full_copy_to_do() -> None:
    model, pairs = pair_model()
    model.write(P, 0, 8, 1)
    model.write(S1, 0, 8, 2)
    pairs.order(PairCommand.CREATE, P, S1)
    pairs.copied(P, S1, 0, 4)
    pairs.failed(P, S1)
    assert [generations(model, S1, lba) for lba in (3, 4)] == [[1], [2, 1]]
    assert pairs.predict(PairCommand.RESYNC, P, S1).copies == (Transfer(P, 0, S1, 0, BLOCKS),)


def test_after_a_restore_updates_reach_the_secondary_again_and_a_read_of_it_narrows_nothing() -> None:
    model, pairs = pair_model()
    for command in (PairCommand.CREATE, PairCommand.SPLIT):
        pairs.order(command, P, S1)
        pairs.finished(P, S1)
    model.write(S1, 0, 8, 3)
    pairs.order(PairCommand.RESTORE, P, S1)
    pairs.finished(P, S1)
    model.write(P, 0, 8, 4)
    old, new = Origin(S1, 0, 3), Origin(P, 0, 4)
    pairs.saw(P, 0, 8, new)
    pairs.saw(S1, 0, 8, old)
    pairs.saw(S1, 0, 8, new)
    assert set(generations(model, S1, 0)) == {3, 4}


def test_a_write_to_a_secondary_is_refused_until_it_is_split() -> None:
    _, pairs = pair_model()
    pairs.order(PairCommand.CREATE, P, S1)
    refused = pairs.write(S1)
    assert [str(outcome) for outcome in refused.outcomes] == ["07/27/00"]
    assert [str(outcome) for outcome in (*pairs.read(S1).outcomes, *pairs.write(P).outcomes)] == ["GOOD", "GOOD"]
    pairs.order(PairCommand.SPLIT, P, S1, SplitKind.QUICK)
    assert pairs.access(S1) is HostAccess.READ_WRITE


def test_where_guides_conflict_a_setting_decides() -> None:
    rules = PairRules(
        split_of_resync=Answer.DONE,
        primary_in_restore=HostAccess.READ,
        write_refused=(Outcome.parse("02/04/00"),),
    )
    _, pairs = pair_model(rules)
    split(pairs, S1)
    pairs.order(PairCommand.RESTORE, P, S1)
    assert pairs.access(P) is HostAccess.READ
    assert [str(outcome) for outcome in pairs.write(P).outcomes] == ["02/04/00"]
    assert pairs.predict(PairCommand.SPLIT, P, S1).answer is Answer.DONE


@pytest.mark.parametrize("command", [PairCommand.SPLIT, PairCommand.CREATE_SPLIT])
@pytest.mark.parametrize("answer", Answer)
def test_a_split_while_one_is_under_way_is_answered_as_is_set(command: PairCommand, answer: Answer) -> None:
    model, pairs = pair_model(PairRules(split_of_split=answer))
    pairs.order(PairCommand.CREATE_SPLIT, P, S1)
    model.write(P, 0, 4, 2)
    told = pairs.order(command, P, S1)
    pairs.finished(P, S1)
    assert (told.answer, told.state) == (answer, PairState.COPY_SP)
    assert generations(model, S1, 0) == ([2] if answer is Answer.DONE else [])


def test_a_deleted_pair_leaves_two_volumes_that_go_their_own_ways() -> None:
    model, pairs = pair_model()
    model.write(P, 0, 4, 1)
    split(pairs, S1)
    pairs.order(PairCommand.DELETE, P, S1)
    pairs.finished(P, S1)
    model.write(P, 0, 4, 2)
    assert (pairs.state(P, S1), generations(model, S1, 0)) == (PairState.SMPL, [1])


def test_nothing_is_finished_where_nothing_is_under_way() -> None:
    _, pairs = pair_model()
    split(pairs, S1)
    with pytest.raises(ValueError, match="nothing is under way between volumes 1 and 2 in PSUS"):
        pairs.finished(P, S1)
    with pytest.raises(ValueError, match="no copy is under way"):
        pairs.copied(P, S1, 0, 1)
