"""Segment descriptors that must be refused or must end the copy."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Case, Rig, Role, hil_needs, hil_requirement, spoil, table

pytestmark = hil_needs(Capability.LID1)

REFUSED = table(
    Case("XC1-SEG-LENGTH", spoil("segment[0].length", 0x17)),
    Case("XC1-SEG-LENGTH", spoil("segment[0].length", 0x19)),
    Case("XC1-SEG-INDEX", spoil("segment[0].source_index", 7), "source"),
    Case("XC1-SEG-INDEX", spoil("segment[0].destination_index", 7), "destination"),
)


@REFUSED
def test_refused_and_nothing_written(hil: Rig, case: Case) -> None:
    hil.judge(hil.send(case.apply(hil.copy(blocks=8))))


@hil_requirement("XC1-SEG-TYPE")
@hil_needs(Capability.PARAMETERS)
def test_a_type_that_is_not_advertised_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("segment[0].type", hil.unadvertised(range(0x00, 0xBE))))))


@hil_requirement("XC1-PAST-END")
@pytest.mark.parametrize("role", [Role.DESTINATION, Role.SOURCE], ids=lambda role: role.value)
def test_a_segment_past_the_end_ends_the_copy(hil: Rig, role: Role) -> None:
    hil.judge(hil.send(hil.past_the_end(role, blocks=8, inside=4)))
