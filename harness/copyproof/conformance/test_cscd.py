"""CSCD descriptors: how a copy names its units, and what happens when it names them badly."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Case, Rig, Role, hil_needs, hil_requirement, spoil, table, together

pytestmark = hil_needs(Capability.LID1)

NULL_BLOCK_UNIT = 0xC000
OWN_UNIT = 0xFFFF
TAPE = 0x01

REFUSED = table(
    Case("XC1-DESIGNATOR", spoil("cscd[1].designator_type", 0x0F)),
    Case("XC1-DESIGNATOR", spoil("cscd[1].designator_length", 21)),
    Case("XC1-DESIGNATOR", spoil("cscd[1].association", 1)),
    Case("XC1-DESIGNATOR", spoil("cscd[1].code_set", 0x0F)),
    Case("XC1-DESIGNATOR", spoil("cscd[0].designator_type", 0x0F)),
    Case("XC1-DEVICE-TYPE", spoil("cscd[0].device_type", TAPE), "source"),
    Case("XC1-DEVICE-TYPE", spoil("cscd[1].device_type", TAPE), "destination"),
    Case("XC1-BLOCK-LENGTH", spoil("cscd[0].block_length", 1024), "source"),
    Case("XC1-BLOCK-LENGTH", spoil("cscd[1].block_length", 1024), "destination"),
    Case("XC1-NULL-LU", spoil("segment[0].source_index", NULL_BLOCK_UNIT)),
)

COPIED = table(
    Case("XC1-BLOCK-LENGTH-ZERO", spoil("cscd[0].block_length", 0), "source"),
    Case("XC1-BLOCK-LENGTH-ZERO", spoil("cscd[1].block_length", 0), "destination"),
    Case("XC1-SELF", spoil("segment[0].source_index", OWN_UNIT)),
)

IGNORED = table(
    Case("XC1-NUL", spoil("cscd[0].nul", 1)),
    Case("XC1-LU-ID-TYPE", spoil("cscd[0].lu_id_type", 1)),
    Case("XC1-LU-ID-TYPE", spoil("cscd[1].lu_id_type", 3)),
)


@REFUSED
def test_refused_and_nothing_written(hil: Rig, case: Case) -> None:
    hil.judge(hil.send(case.apply(hil.copy(blocks=8))))


@COPIED
def test_allowed_and_copied(hil: Rig, case: Case) -> None:
    hil.judge(hil.send(case.apply(hil.copy(blocks=8, via=Role.SOURCE))))


@IGNORED
@hil_needs(Capability.SPC4)
def test_ignored_and_copied(hil: Rig, case: Case) -> None:
    hil.judge(hil.send(case.apply(hil.copy(blocks=8))))


@hil_requirement("XC1-CSCD-TYPE")
@hil_needs(Capability.PARAMETERS)
def test_a_type_that_is_not_advertised_is_refused(hil: Rig) -> None:
    # Another type may address a unit by LUN or port in the bytes of the designator: nobody's must stand there.
    unknown = together(spoil("cscd[0].type", hil.unadvertised(range(0xE0, 0xFE))), hil.nobody(0))
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(unknown)))


@hil_requirement("XC1-UNKNOWN-NAA")
@pytest.mark.parametrize("index", [0, 1], ids=["source", "destination"])
def test_a_unit_that_nobody_knows_is_unreachable(hil: Rig, index: int) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(hil.nobody(index))))


@hil_requirement("XC1-NEUTRAL")
@hil_needs(Capability.BYSTANDER)
def test_a_third_unit_is_the_copy_manager(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8, via=Role.BYSTANDER)))
