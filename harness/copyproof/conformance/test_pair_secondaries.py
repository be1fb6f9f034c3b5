"""Several secondaries of one primary: each holds the primary of its own split, whatever the others do."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Pair, PairCommand, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIR_SECONDARIES)

SECONDARIES = (Role.SECONDARY, Role.SECONDARY_2, Role.SECONDARY_3)
ROUNDS = 5
"""Splits in rotation, beside the first of each secondary."""
DURING_RESTORE = [PairCommand.SUSPEND, PairCommand.DELETE, PairCommand.RESYNC, PairCommand.RESTORE]


def three(hil: Rig) -> list[Pair]:
    """Three pairs of one primary, copied."""
    pairs = [hil.pair(secondary=role) for role in SECONDARIES]
    for pair in pairs:
        pair.order(PairCommand.CREATE)
        pair.finish()
    return pairs


def split(pair: Pair) -> int | None:
    """Let the primary become another generation, and the secondary its record; return the number of the split."""
    pair.write(Role.PRIMARY, 0, pair.blocks)
    pair.order(PairCommand.SPLIT)
    return pair.finish().status.generation


@hil_requirement("CTL-09")
def test_three_secondaries_equal_the_primary_at_their_own_splits(hil: Rig) -> None:
    for pair in three(hil):
        split(pair)
    hil.judge_pairs()


@hil_requirement("CTL-09")
@hil_needs(Capability.PAIR_FOURTH)
def test_a_fourth_secondary_is_refused(hil: Rig) -> None:
    three(hil)
    hil.pair(secondary=Role.OTHER_SECONDARY).orders_in_vain(PairCommand.CREATE)
    hil.judge_pairs()


@hil_requirement("CTL-09")
@pytest.mark.parametrize("command", DURING_RESTORE, ids=lambda command: command.name)
def test_while_one_secondary_is_restored_its_siblings_allow_only_suspend_and_delete(
    hil: Rig, command: PairCommand
) -> None:
    one, other = hil.pair(), hil.pair(secondary=Role.SECONDARY_2)
    other.brought_to(PairState.PSUS)
    one.brought_to(PairState.RCPY)
    other.order(command)
    one.finish()
    other.finish()
    hil.judge_pairs()


@hil_requirement("CTL-09")
@pytest.mark.parametrize("state", [PairState.PAIR, PairState.PSUS, PairState.PSUE], ids=lambda state: state.name)
def test_a_restore_needs_its_siblings_split_or_suspended(hil: Rig, state: PairState) -> None:
    one, other = hil.pair(), hil.pair(secondary=Role.SECONDARY_2)
    other.brought_to(state)
    one.brought_to(PairState.PSUS)
    one.write(Role.SECONDARY, one.blocks // 4)
    one.order(PairCommand.RESTORE)
    one.finish()
    hil.judge_pairs()


@hil_requirement("CTL-10")
def test_secondaries_in_rotation_hold_a_series_of_records_of_the_primary(hil: Rig) -> None:
    pairs = three(hil)
    told = [split(pair) for pair in pairs]
    hil.judge_pairs(hil.pairs.series_breach(told))
    for number in range(ROUNDS):
        oldest = pairs[number % len(pairs)]
        oldest.order(PairCommand.RESYNC)
        oldest.finish()
        told.append(split(oldest))
    hil.judge_pairs(hil.pairs.series_breach(told))
