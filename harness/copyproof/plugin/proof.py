"""From live values to the plain values of the record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from copyproof.blocks.findings import Findings
from copyproof.model.known import Fault
from copyproof.pairing.service import PairFault, Said
from copyproof.plugin.bench import ROLES
from copyproof.plugin.pairing import Couple, Ordered
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result
from copyproof.scsi.pair import PairCommand
from copyproof.targets.live import Role
from copyproof.transport.base import Transport
from copyproof.verdicts.record import BlockRecord, CommandRecord, FaultRecord, PairOrderRecord, PairStepRecord

#: Bytes of the data that the record keeps of an answer, and of a parameter list, from which the model must be able to
#: predict; the digest covers all of it.
HEAD, LIST = 1024, 2048
EXAMPLES = 8
SPLITS = (PairCommand.SPLIT, PairCommand.CREATE_SPLIT)


def command_record(transport: Transport, role: Role, command: Command, result: Result | None) -> CommandRecord:
    """Return what the record keeps of one command to the unit in a role; no result is the status `UNKNOWN`."""
    data = command.data_out or (result.data if result else b"")
    return CommandRecord(
        via=transport.name,
        unit=role.value,
        cdb=command.cdb.hex(),
        name=opcode_name(command.cdb),
        direction="out" if command.data_out else "in" if command.data_in else "none",
        length=len(data),
        data=data[: LIST if command.data_out else HEAD].hex(),
        digest=hashlib.sha256(data).hexdigest() if data else "",
        status=result.status.name if result else "UNKNOWN",
        sense=str(result.sense) if result and result.sense else "",
        sense_raw=result.sense.raw.hex() if result and result.sense else "",
        residual=result.residual if result else 0,
        duration=result.duration if result else 0.0,
        repeat=transport.repeat_by_hand(command),
    )


def order_record(done: Ordered) -> PairOrderRecord:
    """Return what the record keeps of an order to a pair."""
    asked = done.request
    return PairOrderRecord(
        command=asked.command.value,
        primary=asked.primary.name,
        secondary=asked.secondary.name,
        kind=asked.kind.value if asked.command in SPLITS else "",
        group=asked.group,
        whole_group=asked.whole_group,
        pace=asked.pace,
        before=done.before.value,
        expected=done.expected,
        rule=done.predicted.rule,
        answer=done.answered.said,
        shown=str(done.shown),
        breach=done.breach,
        steps=_steps(done.answered.proof),
    )


def fault_of_order(couple: Couple, command: PairCommand, fault: PairFault) -> PairOrderRecord:
    """Return what the record keeps of an order that had no answer, or none that makes sense."""
    return PairOrderRecord(
        command=command.value,
        primary=couple.primary.value,
        secondary=couple.secondary.value,
        before="",
        expected="an answer",
        answer=str(fault),
        shown="",
        breach=str(fault),
        steps=_steps(fault.proof),
    )


def _steps(proof: Iterable[Said]) -> list[PairStepRecord]:
    return [PairStepRecord(what=one.what, ended=one.ended, excerpt=one.excerpt, seconds=one.seconds) for one in proof]


def fault_record(fault: Fault) -> FaultRecord:
    """Return what the record keeps of blocks that could not be read."""
    return FaultRecord(unit=ROLES[fault.volume].value, lba=fault.lba, blocks=fault.blocks, sense=fault.sense)


def block_record(findings: Findings) -> BlockRecord:
    """Return the counts by diagnosis and the first examples."""
    return BlockRecord(
        checked=findings.checked,
        right=findings.right,
        labels_checked=findings.labels_checked,
        wrong={kind.value: count for kind, count in findings.wrong.items()},
        examples=[str(finding) for finding in findings.findings[:EXAMPLES]],
    )
