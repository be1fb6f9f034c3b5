"""What hosts may do with both volumes in each state: read and write are really tried, transient states held."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIRS)

BOTH = pytest.mark.parametrize("role", [Role.PRIMARY, Role.SECONDARY], ids=lambda role: role.value)


@hil_requirement("CTL-06")
@BOTH
@pytest.mark.parametrize("state", PairState, ids=lambda state: state.name)
def test_hosts_may_read_and_write_in_each_state_what_it_allows(hil: Rig, state: PairState, role: Role) -> None:
    pair = hil.pair().brought_to(state)
    pair.tries_to_read(role, pair.blocks // 2)
    pair.tries_to_write(role, pair.blocks // 2)
    hil.judge_pairs()


@hil_requirement("CTL-06")
def test_the_secondary_can_be_written_after_the_split_and_not_before(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PAIR)
    pair.tries_to_write(Role.SECONDARY, 0)
    pair.order(PairCommand.SPLIT)
    pair.finish()
    # Elsewhere: what the refused write may have left is still to be seen.
    pair.tries_to_write(Role.SECONDARY, pair.blocks // 2)
    hil.judge_pairs()
