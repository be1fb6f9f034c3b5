"""Copies that must succeed: every destination block, the margins, the source and the bystander are looked at."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Rig, Role, hil_needs, hil_requirement, spoil
from copyproof.scsi.copylist import COUNT_LIMIT

pytestmark = hil_needs(Capability.LID1)


@hil_requirement("XC1-SAME-LUN")
@pytest.mark.parametrize("role", [Role.SOURCE, Role.DESTINATION], ids=lambda role: role.value)
def test_copy_within_one_unit(hil: Rig, role: Role) -> None:
    hil.judge(hil.send(hil.copy(blocks=8, source=role, destination=role)))


@hil_requirement("XC1-LUN-TO-LUN")
@pytest.mark.parametrize("via", [Role.SOURCE, Role.DESTINATION], ids=lambda role: f"sent-to-the-{role.value}")
def test_copy_from_unit_to_unit(hil: Rig, via: Role) -> None:
    hil.judge(hil.send(hil.copy(blocks=100, via=via)))


@hil_requirement("XC1-LUN-TO-LUN")
def test_copy_in_the_other_direction(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=33, source=Role.DESTINATION, destination=Role.SOURCE)))


@hil_requirement("XC1-ZERO-BLOCKS")
def test_no_block_is_copied_for_a_count_of_zero(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("segment[0].blocks", 0))))


@hil_requirement("XC1-ONE-BLOCK")
def test_one_block_is_copied_for_a_count_of_one(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=1)))


@hil_requirement("XC1-MAXIMUM")
def test_every_block_of_the_longest_segment_is_copied(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=min(hil.maximum_blocks, COUNT_LIMIT))))


@hil_requirement("XC1-OVER-MAXIMUM")
@hil_needs(Capability.SEGMENT_LENGTH_LIMIT)
def test_a_segment_over_the_maximum_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=hil.maximum_blocks + 1)))


@hil_requirement("XC1-LIST-EMPTY")
def test_an_empty_list_is_no_error(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).emptied()))


@hil_requirement("XC1-SEGMENTS-IN-ORDER")
@hil_needs(Capability.SEGMENTS_2)
def test_the_second_segment_reads_what_the_first_wrote(hil: Rig) -> None:
    a, b, c = hil.spans
    hil.judge(hil.send(hil.copy(segments=[(a, b), (b, c)])))


SHORT, SHIFT = 16, 5


@hil_requirement("XC1-OVERLAP-FORWARD")
def test_a_short_forward_overlap_follows_the_declared_rule(hil: Rig) -> None:
    hil.judge(hil.send(hil.overlapping(SHORT, shift=SHIFT)))


@hil_requirement("XC1-OVERLAP-FORWARD")
def test_a_forward_overlap_of_a_chunk_and_a_block_follows_the_declared_rule(hil: Rig) -> None:
    hil.judge(hil.send(hil.overlapping(hil.chunk_and_a_block, shift=SHIFT)))


@hil_requirement("XC1-OVERLAP-BACKWARD")
def test_a_short_backward_overlap_follows_the_declared_rule(hil: Rig) -> None:
    hil.judge(hil.send(hil.overlapping(SHORT, shift=-SHIFT)))


@hil_requirement("XC1-OVERLAP-BACKWARD")
def test_a_backward_overlap_of_a_chunk_and_a_block_follows_the_declared_rule(hil: Rig) -> None:
    hil.judge(hil.send(hil.overlapping(hil.chunk_and_a_block, shift=-SHIFT)))


@hil_requirement("XC1-NEIGHBOURS")
@pytest.mark.parametrize("blocks", [1, 7, 64, 255, 1000])
@hil_needs(Capability.BYSTANDER)
def test_neighbours_source_and_bystander_are_untouched(hil: Rig, blocks: int) -> None:
    hil.judge(hil.send(hil.copy(blocks=blocks)))
