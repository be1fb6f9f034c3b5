"""Predict a command from its bytes: the outcomes that the standard allows, what becomes of the blocks, and the rule.

>>> from copyproof.scsi.cdb import extended_copy, inquiry
>>> from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd
>>> unit = KnownUnit(1, "6001405aabbccddeeff0011223344556", blocks=1000)
>>> order = CopyList((Cscd(unit.designator),), (BlockSegment(8, source_lba=0, destination_lba=64),)).encode()
>>> predict(extended_copy(order), 1, KnownTarget((unit,))).transfers
(Transfer(source=1, source_lba=0, destination=1, destination_lba=64, blocks=8),)
>>> [str(outcome) for outcome in predict(extended_copy(order[:15]), 1, KnownTarget((unit,))).outcomes]
['05/1A/00']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from copyproof.model.known import Access, KnownTarget, KnownUnit
from copyproof.model.predict_blocks import BLOCK_COMMANDS, Predictor
from copyproof.model.predict_copy import GOOD, anything, predict_list
from copyproof.model.prediction import Branch, Prediction
from copyproof.scsi.cdb import CopyOut, Opcode, ReceiveCopy, opcode_name
from copyproof.scsi.command import Command, Status
from copyproof.scsi.layout import number
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.vetting import writes

#: How a unit refuses a command or service action that it does not implement (SPC-4 4.2.5).
_NOT_IMPLEMENTED = ("05/24/00", "05/20/00")

#: VPD pages that each unit has (SPC-4 table 607).
_MANDATORY_PAGES = frozenset({0x00, 0x83})

#: Commands that a unit answers whoever has reserved it (SPC-4 table 70).
_FREE = frozenset({Opcode.INQUIRY, Opcode.REPORT_LUNS, Opcode.REQUEST_SENSE, Opcode.PERSISTENT_RESERVE_IN})
#: Mandatory commands, and those that every disk has, which change no block and have nothing to refuse.
_SETTLED = (
    Opcode.TEST_UNIT_READY,
    Opcode.REQUEST_SENSE,
    Opcode.READ_CAPACITY_10,
    Opcode.SYNCHRONIZE_CACHE_10,
    Opcode.REPORT_LUNS,
)
#: Not harmless, yet they change no block: SYNCHRONIZE CACHE(16), reservations, mode pages (SPC-4 table 118).
_NO_BLOCK = frozenset({0x91, 0x16, 0x17, 0x56, 0x57, 0x5F, 0x15, 0x55})
#: These write to the unit that they are sent to: WRITE(6), (12), WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE(16).
_OWN_BLOCKS = frozenset({0x0A, 0xAA, 0x2E, 0xAE, 0x8E, 0x89, 0x8B})


def predict(command: Command, receiver: int, target: KnownTarget) -> Prediction:
    """Return how a command to the unit with volume number `receiver` may end, by SPC-4 and SBC-3.

    Of a command that the model does not know any outcome is allowed, and where it could write, no block is sure
    afterwards. Raises KeyError when the target has no such volume.
    """
    unit = target.unit(receiver)
    if unit.access is Access.RESERVED and command.opcode not in _FREE:
        conflict = Outcome(Status.RESERVATION_CONFLICT)
        return Prediction((Branch((conflict,), "SPC-4 5.13.1: another initiator has reserved the unit"),))
    known = _PREDICTORS.get(command.opcode)
    return known(command, unit, target) if known else _unknown(command, unit, target)


def _unknown(command: Command, unit: KnownUnit, target: KnownTarget) -> Prediction:
    rule = f"the model does not know {opcode_name(command.cdb)}"
    if not writes(command) or command.opcode in _NO_BLOCK:
        return Prediction((Branch((), rule),))
    return anything(rule, replace(target, units=(unit,)) if command.opcode in _OWN_BLOCKS else target)


def _answered(rule: str, *outcomes: str) -> Prediction:
    return Prediction((Branch(tuple(Outcome.parse(text) for text in outcomes), rule),))


def _settled(_: Command, __: KnownUnit, ___: KnownTarget) -> Prediction:
    return _answered("SPC-4 6, SBC-3 5: the unit is ready, and the command changes no block", "GOOD")


def _capacity(command: Command, unit: KnownUnit, target: KnownTarget) -> Prediction:
    return _settled(command, unit, target) if command.service_action == 0x10 else _unknown(command, unit, target)


def _optional(there: bool | None, *refusals: str) -> tuple[str, ...]:
    """Return the outcomes of something optional that is there, is not there, or that nobody asked about."""
    return {True: ("GOOD",), False: refusals, None: ("GOOD", *refusals)}[there]


def _inquiry(command: Command, _: KnownUnit, target: KnownTarget) -> Prediction:
    vital, page = command.cdb[1] & 1, command.cdb[2]
    if not vital:
        outcome = "05/24/00" if page else "GOOD"
        return _answered("SPC-4 6.6.1: without EVPD the page code is 0", outcome)
    known = True if page in _MANDATORY_PAGES else target.pages.get(page)
    return _answered(f"SPC-4 6.6.1: VPD page {page:02X}h", *_optional(known, "05/24/00"))


def _supported_opcodes(command: Command, unit: KnownUnit, target: KnownTarget) -> Prediction:
    if command.service_action != 0x0C:
        return _unknown(command, unit, target)
    rule = "SPC-4 6.35: REPORT SUPPORTED OPERATION CODES is optional"
    return _answered(rule, *_optional(target.lists_opcodes, *_NOT_IMPLEMENTED))


def _copy_out(command: Command, unit: KnownUnit, target: KnownTarget) -> Prediction:
    """83h: EXTENDED COPY(LID1) by its list, reserved service actions refused, the optional ones by nobody known."""
    if command.service_action not in tuple(CopyOut):
        return _answered("SPC-4 4.2.5.2, 5.17.3: the service action is reserved", *_NOT_IMPLEMENTED)
    if command.service_action == CopyOut.COPY_OPERATION_ABORT and not target.active:
        return _answered("SPC-4 6.3: no such copy is in progress, or the command is optional", *_NOT_IMPLEMENTED)
    length = number(command.cdb, 10, 4)
    if command.service_action != CopyOut.EXTENDED_COPY_LID1:
        nothing = Prediction((Branch((), "SPC-4 5.17.3: where no list comes, nothing is ordered"),))
        return _unknown(command, unit, target) if length else nothing
    if target.copies is False:
        return _answered("SPC-4 5.17.3: EXTENDED COPY(LID1) is optional, and not there", *_NOT_IMPLEMENTED)
    if not length:
        return Prediction((Branch((GOOD,), "SPC-4 6.4.1: a parameter list length of 0 is no error"),))
    if length > len(command.data_out):
        return anything("SAM-5: fewer bytes come than the CDB says", target)
    return predict_list(command.data_out[:length], unit, target)


def _copy_in(command: Command, _: KnownUnit, target: KnownTarget) -> Prediction:
    """84h: the operating parameters always, the results of a copy where the list identifier is known."""
    action = command.service_action
    if action not in tuple(ReceiveCopy):
        return _answered("SPC-4 4.2.5.2, 5.17.3: the service action is reserved", *_NOT_IMPLEMENTED)
    if action > ReceiveCopy.FAILURE_DETAILS_LID1 or target.copies is False:
        return _answered("SPC-4 5.17.3: an optional service action", "GOOD", *_NOT_IMPLEMENTED)
    if action == ReceiveCopy.OPERATING_PARAMETERS:
        return _answered("SPC-4 5.17.3 table 108, 6.22, 4.2.5.6: a short allocation length truncates", "GOOD")
    optional = ("05/20/00",) if action == ReceiveCopy.COPY_DATA_LID1 else ()
    if command.cdb[2] in target.identifiers | target.active:
        rule = "SPC-4 6.21, 6.23, 6.25: a copy manager may have discarded what it knew of a copy"
        return _answered(rule, "GOOD", "05/24/00", *optional)
    return _answered("SPC-4 6.21, 6.23, 6.25: no copy has the list identifier", "05/24/00", *optional)


_PREDICTORS: Mapping[int, Predictor] = {
    **dict.fromkeys(_SETTLED, _settled),
    Opcode.SERVICE_ACTION_IN_16: _capacity,
    Opcode.INQUIRY: _inquiry,
    Opcode.MAINTENANCE_IN: _supported_opcodes,
    Opcode.THIRD_PARTY_COPY_OUT: _copy_out,
    Opcode.THIRD_PARTY_COPY_IN: _copy_in,
    **BLOCK_COMMANDS,
}
