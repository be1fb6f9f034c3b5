"""Differences: what is written on either volume after a split, and what a copy ordered again then moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from copyproof.hil import Capability, Pair, PairCommand, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-07")]


@dataclass(frozen=True, slots=True)
class Change:
    """Writes after a split: on each volume (slot, blocks past its beginning, blocks)."""

    name: str
    primary: tuple[tuple[int, int, int], ...] = ()
    secondary: tuple[tuple[int, int, int], ...] = ()

    def __call__(self, pair: Pair) -> None:
        """Make the changes."""
        for role, places in ((Role.PRIMARY, self.primary), (Role.SECONDARY, self.secondary)):
            for slot, past, count in places:
                pair.write(role, slot * pair.slot + past, count)


CHANGES = [
    Change("nothing"),
    Change("primary", primary=((1, 0, 1), (5, 100, 8))),
    Change("secondary", secondary=((2, 0, 1), (9, 200, 8))),
    Change("disjoint-slots", primary=((1, 3, 8), (6, 0, 8)), secondary=((3, 7, 8), (11, 0, 8))),
    Change("one-slot", primary=((4, 0, 8),), secondary=((4, 64, 8),)),
    Change("one-block", primary=((7, 9, 4),), secondary=((7, 9, 4),)),
    Change("edges-of-slots", primary=((2, -1, 2),), secondary=((8, -1, 1), (10, 0, 1))),
    Change("several-slots", primary=((2, -4, 1032),), secondary=((10, -4, 1032),)),
    Change("ends-of-the-volume", primary=((0, 0, 1),), secondary=((16, -1, 1),)),
]
AGAIN = [PairCommand.RESYNC, PairCommand.RESTORE]


@pytest.mark.parametrize("command", AGAIN, ids=lambda command: command.name)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_copy_ordered_again_moves_what_differs_and_nothing_else(
    hil: Rig, change: Change, command: PairCommand
) -> None:
    pair = hil.pair().brought_to(PairState.PSUS)
    change(pair)
    with pair.watched() as watch:
        done = pair.order(command)
        pair.finish()
    hil.judge_pairs(watch.moved_else(done))


@pytest.mark.parametrize("kind", ["normal", "quick"])
def test_differences_are_kept_from_the_split_on(hil: Rig, kind: str) -> None:
    """Also those made while the split is still being copied."""
    pair = hil.pair().brought_to(PairState.COPY_SP if kind == "normal" else PairState.PSUS_SP).half_copied()
    pair.write(Role.PRIMARY, 3 * pair.slot)
    pair.write(Role.PRIMARY, 12 * pair.slot)
    pair.finish()
    with pair.watched() as watch:
        done = pair.order(PairCommand.RESYNC)
        pair.finish()
    hil.judge_pairs(watch.moved_else(done))


def test_a_second_split_has_differences_of_its_own(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PSUS)
    pair.write(Role.PRIMARY, 3 * pair.slot)
    for command in (PairCommand.RESYNC, PairCommand.SPLIT):
        pair.order(command)
        pair.finish()
    pair.write(Role.SECONDARY, 8 * pair.slot)
    with pair.watched() as watch:
        done = pair.order(PairCommand.RESYNC)
        pair.finish()
    hil.judge_pairs(watch.moved_else(done))
