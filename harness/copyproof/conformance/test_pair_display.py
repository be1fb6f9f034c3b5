"""What displays show of pairs and of the units, held against what these say of themselves."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIRS)

TOLD = [PairState.COPY, PairState.PAIR, PairState.PSUS, PairState.PSUE]
"""States that CCI has a word of its own for."""
STATES = pytest.mark.parametrize("state", PairState, ids=lambda state: state.name)


@hil_requirement("CTL-11")
@STATES
def test_the_display_agrees_with_the_pair_in_every_state(hil: Rig, state: PairState) -> None:
    pair = hil.pair().brought_to(state)
    pair.tries_to_read(Role.SECONDARY, 0)
    hil.judge_pairs(pair.display_breach())


@hil_requirement("CTL-11")
@hil_needs(Capability.PAIR_GROUPS, Capability.PAIR_SECONDARIES)
def test_the_display_lists_every_pair_once(hil: Rig) -> None:
    for role, state in (
        (Role.SECONDARY, PairState.PSUS),
        (Role.SECONDARY_2, PairState.PAIR),
        (Role.SECONDARY_3, PairState.PSUE),
    ):
        hil.pair(secondary=role).brought_to(state)
    last = hil.pair(Role.OTHER_PRIMARY, Role.OTHER_SECONDARY).brought_to(PairState.COPY)
    hil.judge_pairs(last.display_breach())


@hil_requirement("CTL-18")
@hil_needs(Capability.PAIRS, Capability.INVENTORY)
def test_the_inventory_agrees_with_what_the_units_say_of_themselves(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PAIR)
    hil.judge_pairs(pair.inventory_breach())


@hil_requirement("CTL-22")
@hil_needs(Capability.PAIRS, Capability.COMMAND_LINE)
@pytest.mark.parametrize("state", TOLD, ids=lambda state: state.name)
def test_the_command_line_shows_the_pair_as_it_is(hil: Rig, state: PairState) -> None:
    pair = hil.pair().brought_to(state)
    pair.tries_to_read(Role.SECONDARY, 0)
    hil.judge_pairs(pair.command_line_breach())
