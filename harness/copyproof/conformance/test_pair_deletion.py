"""A pair that is deleted: both volumes keep what they hold, and no write to one reaches the other."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-08")]

DELETABLE = [
    PairState.COPY,
    PairState.PAIR,
    PairState.COPY_SP,
    PairState.PSUS,
    PairState.COPY_RS,
    PairState.RCPY,
    PairState.PSUE,
]


@pytest.mark.parametrize("state", DELETABLE, ids=lambda state: state.name)
def test_after_a_delete_neither_volume_follows_the_other(hil: Rig, state: PairState) -> None:
    pair = hil.pair().brought_to(state)
    pair.order(PairCommand.DELETE)
    pair.finish()
    pair.write(Role.PRIMARY, 0, pair.blocks)
    pair.tries_to_write(Role.SECONDARY, pair.blocks // 2)
    pair.passes_time()
    pair.tries_to_read(Role.PRIMARY, pair.blocks // 2)
    hil.judge_pairs()


def test_a_volume_that_was_deleted_from_a_pair_can_be_paired_again(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PSUS)
    pair.order(PairCommand.DELETE)
    pair.finish()
    pair.write(Role.PRIMARY, 0, pair.blocks)
    for command in (PairCommand.CREATE, PairCommand.SPLIT):
        pair.order(command)
        pair.finish()
    hil.judge_pairs()
