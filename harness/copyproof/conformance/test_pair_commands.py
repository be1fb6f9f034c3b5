"""Every cell of the table of pair commands against pair states."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, PairState, Rig, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIRS)

ROWS = {
    PairCommand.CREATE: "CTL-04",
    PairCommand.CREATE_SPLIT: "CTL-04",
    PairCommand.SPLIT: "CTL-06",
    PairCommand.SUSPEND: "CTL-04",
    PairCommand.DELETE: "CTL-08",
    PairCommand.RESYNC: "CTL-07",
    PairCommand.RESTORE: "CTL-07",
}
"""The requirement that each command is about."""

CELLS = [
    pytest.param(state, command, id=f"{command.name}-in-{state.name}", marks=hil_requirement(ROWS[command]))
    for state in PairState
    for command in PairCommand
]


@pytest.mark.parametrize(("state", "command"), CELLS)
def test_each_command_does_in_each_state_what_the_table_says(hil: Rig, state: PairState, command: PairCommand) -> None:
    hil.pair().brought_to(state).order(command)
    hil.judge_pairs()
