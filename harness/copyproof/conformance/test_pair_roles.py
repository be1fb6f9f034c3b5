"""What makes no pair is refused: one volume twice, unequal sizes, volumes that are in other pairs."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, PairState, Rig, Role, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-04")]

CREATES = pytest.mark.parametrize(
    "command", [PairCommand.CREATE, PairCommand.CREATE_SPLIT], ids=lambda command: command.name
)
TAKEN = {
    "a-second-primary-for-a-secondary": (Role.OTHER_PRIMARY, Role.SECONDARY),
    "a-secondary-as-primary": (Role.SECONDARY, Role.OTHER_SECONDARY),
    "a-primary-as-secondary": (Role.OTHER_PRIMARY, Role.PRIMARY),
    "the-roles-exchanged": (Role.SECONDARY, Role.PRIMARY),
}


@CREATES
def test_a_volume_is_not_paired_with_itself(hil: Rig, command: PairCommand) -> None:
    hil.pair(Role.PRIMARY, Role.PRIMARY).orders_in_vain(command)
    hil.judge_pairs()


@CREATES
@hil_needs(Capability.PAIRS, Capability.BYSTANDER)
def test_volumes_of_unequal_size_are_not_paired(hil: Rig, command: PairCommand) -> None:
    hil.pair(Role.PRIMARY, Role.BYSTANDER).orders_in_vain(command)
    hil.judge_pairs()


@CREATES
@hil_needs(Capability.PAIR_GROUPS)
@pytest.mark.parametrize("roles", TAKEN.values(), ids=TAKEN)
def test_a_volume_of_one_pair_is_not_taken_for_another(
    hil: Rig, roles: tuple[Role, Role], command: PairCommand
) -> None:
    hil.pair().brought_to(PairState.PSUS)
    hil.pair(*roles).orders_in_vain(command)
    hil.judge_pairs()


def test_both_volumes_show_their_roles(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PAIR)
    hil.judge_pairs(pair.display_breach())
