"""Headers that must be refused before the first segment, with nothing written."""

from __future__ import annotations

import pytest

from copyproof.hil import (
    Capability,
    Case,
    Rig,
    cut,
    hil_needs,
    hil_requirement,
    inline,
    repeat_cscds,
    repeat_segments,
    spoil,
    table,
    together,
)

pytestmark = hil_needs(Capability.LID1)

RESERVED_ACTION = 0x1F

REFUSED = table(
    Case("XC1-LIST-SHORT", cut(1)),
    Case("XC1-LIST-SHORT", cut(8)),
    Case("XC1-LIST-SHORT", cut(15)),
    Case("XC1-CSCD-CUT", cut(16 + 16)),
    Case("XC1-CSCD-CUT", cut(16 + 32 + 31)),
    Case("XC1-SEGMENT-CUT", cut(16 + 64 + 1)),
    Case("XC1-SEGMENT-CUT", cut(16 + 64 + 27)),
    Case("XC1-LIST-ID-RESERVED", spoil("header.list_id_usage", 1)),
)


@REFUSED
def test_refused_and_nothing_written(hil: Rig, case: Case) -> None:
    hil.judge(hil.send(case.apply(hil.copy(blocks=8))))


@hil_requirement("XC1-LIST-ID-NONE")
@hil_needs(Capability.SNLID)
def test_an_identifier_that_shall_not_be_used_is_refused(hil: Rig) -> None:
    named = together(spoil("header.list_identifier", 0x42), spoil("header.list_id_usage", 3))
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(named)))


@hil_requirement("XC1-CSCDS-OVER")
@hil_needs(Capability.CSCD_LIMIT)
def test_one_cscd_descriptor_too_many_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(repeat_cscds(hil.parameters.max_cscds + 1))))


@hil_requirement("XC1-SEGMENTS-OVER")
@hil_needs(Capability.SEGMENT_LIMIT)
def test_one_segment_descriptor_too_many_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(repeat_segments(hil.parameters.max_segments + 1))))


@hil_requirement("XC1-LIST-OVER")
@hil_needs(Capability.LIST_LIMIT)
def test_a_list_longer_than_the_maximum_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(repeat_cscds(hil.parameters.max_list_length // 32 + 1))))


@hil_requirement("XC1-INLINE-OVER")
@hil_needs(Capability.INLINE_LIMIT)
def test_inline_data_over_the_limit_is_refused(hil: Rig) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(inline(bytes(hil.parameters.max_inline_length + 8)))))


@hil_requirement("XC1-SERVICE-ACTION")
@pytest.mark.parametrize("action", [RESERVED_ACTION])
def test_a_reserved_service_action_is_refused(hil: Rig, action: int) -> None:
    hil.judge(hil.send(hil.copy(blocks=8).under(action)))
