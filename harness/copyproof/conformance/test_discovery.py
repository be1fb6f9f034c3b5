"""What a target says about itself, against what it does."""

from __future__ import annotations

import pytest

from copyproof.conformance.claims import incomplete, not_a_prefix, page_lies, wrong_bit, wrong_opcodes
from copyproof.hil import Capability, Rig, hil_needs, hil_requirement
from copyproof.scsi import cdb

OPERATING = cdb.ReceiveCopy.OPERATING_PARAMETERS


@hil_requirement("XC1-3PC")
def test_the_3pc_bit_agrees_with_the_command(hil: Rig) -> None:
    sent = hil.send(cdb.extended_copy(b""))
    parameters = hil.answers(cdb.receive_copy_results(OPERATING))
    hil.judge(sent, wrong_bit(hil.inquiry, sent.result, parameters))


@hil_requirement("XC1-VPD-8F")
@hil_needs(Capability.VPD_8F)
def test_the_third_party_copy_page_lists_what_works(hil: Rig) -> None:
    sent = hil.send(cdb.inquiry(0x8F, 4096))
    hil.judge(sent, page_lies(sent.result, hil.answers))


@hil_requirement("XC1-RSOC")
@hil_needs(Capability.RSOC)
def test_the_supported_operation_codes_agree_with_what_works(hil: Rig) -> None:
    page = None if hil.lacks(Capability.VPD_8F) else hil.answers(cdb.inquiry(0x8F, 4096))
    sent = hil.send(cdb.report_supported_opcodes())
    hil.judge(sent, wrong_opcodes(sent.result, page, hil.answers))


@hil_requirement("XC1-PARAMETERS")
@hil_needs(Capability.LID1)
def test_the_operating_parameters_are_complete(hil: Rig) -> None:
    sent = hil.send(cdb.receive_copy_results(OPERATING))
    hil.judge(sent, incomplete(sent.result))


@hil_requirement("XC1-ADVERTISED")
@hil_needs(Capability.LID1, Capability.PARAMETERS)
def test_the_advertised_types_copy(hil: Rig) -> None:
    missing = {0x02, 0xE4} - set(hil.parameters.descriptors)
    hil.judge(hil.send(hil.copy(blocks=8)), f"not advertised: {sorted(missing)}" if missing else "")


@hil_requirement("XC1-ALLOCATION")
@hil_needs(Capability.PARAMETERS)
@pytest.mark.parametrize("length", [4, 16, 43])
def test_a_short_allocation_length_truncates(hil: Rig, length: int) -> None:
    whole = hil.answers(cdb.receive_copy_results(OPERATING))
    sent = hil.send(cdb.receive_copy_results(OPERATING, allocation_length=length))
    hil.judge(sent, not_a_prefix(sent.result, whole, length))
