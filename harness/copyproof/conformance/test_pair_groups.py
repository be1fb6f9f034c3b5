"""Consistency groups: all their pairs are split at one point in time, while hosts write to their primaries."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Pair, PairCommand, Rig, Role, SplitKind, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS, Capability.PAIR_GROUPS), hil_requirement("CTL-09")]

GROUP = 1
KINDS = pytest.mark.parametrize("kind", SplitKind, ids=lambda kind: kind.value)


def grouped(hil: Rig) -> tuple[Pair, Pair]:
    """Two pairs of two primaries in one consistency group, copied."""
    pairs = hil.pair(), hil.pair(Role.OTHER_PRIMARY, Role.OTHER_SECONDARY)
    for pair in pairs:
        pair.order(PairCommand.CREATE, group=GROUP)
        pair.finish()
    return pairs


@KINDS
def test_a_group_is_split_at_one_point_in_time_while_hosts_write(hil: Rig, kind: SplitKind) -> None:
    pairs = grouped(hil)
    with hil.pairs.loaded(*pairs) as load:
        load.wait()
        pairs[0].hold()
        load.split(kind)
        load.wait()
    for pair in pairs:
        pair.finish()
    hil.judge_pairs(load.breach())


@pytest.mark.parametrize("command", [PairCommand.SUSPEND, PairCommand.DELETE], ids=lambda command: command.name)
def test_what_is_ordered_of_a_group_happens_to_all_its_pairs(hil: Rig, command: PairCommand) -> None:
    pairs = grouped(hil)
    pairs[0].order(command, whole_group=True)
    for pair in pairs:
        pair.finish()
    hil.judge_pairs()


def test_a_group_is_resynchronised_as_a_whole(hil: Rig) -> None:
    pairs = grouped(hil)
    for command in (PairCommand.SPLIT, PairCommand.RESYNC):
        for pair in pairs:
            pair.write(pair.couple.primary, pair.blocks // 3)
        pairs[0].order(command, whole_group=True)
        for pair in pairs:
            pair.finish()
    hil.judge_pairs()


def test_an_order_for_a_pair_of_a_group_leaves_the_others_as_they_are(hil: Rig) -> None:
    one, other = grouped(hil)
    one.order(PairCommand.SPLIT)
    one.finish()
    other.write(Role.OTHER_PRIMARY, other.blocks // 3)
    other.finish()
    hil.judge_pairs()
