"""The copy manager: orders that begin copy operations, in the foreground or in the background, and their abort.

A copy in the foreground is done when its command ends. One in the background (IMMED, SPC-4 5.17.4.3) goes on by ticks,
a piece in each, with no command of a host, until it is done, fails or is aborted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.core.errors import ArrayFault
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.copy_course import Course, check_units
from copyproof.array.server.copy_lists import Form, read_list
from copyproof.array.server.copy_operations import Kept, Operation, Operations, Phase
from copyproof.array.server.faults import refusal
from copyproof.array.server.mode import Modes
from copyproof.array.server.part import Part
from copyproof.array.server.sense_data import CheckCondition, Ended, encode_sense, invalid_cdb, list_length_error
from copyproof.scsi.cdb import CopyOut, Opcode
from copyproof.scsi.command import Status
from copyproof.scsi.copylist import ListIdUsage
from copyproof.scsi.layout import number
from copyproof.scsi.sense import Forwarded, Origin, Sense, SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

EXTENDED_COPY_INFORMATION = (0x00, 0x20)
"""EXTENDED COPY INFORMATION AVAILABLE, with key COMPLETED."""


class CopyManager(Part):
    """The copy operations of all logical units."""

    def __init__(self, server: DeviceServer) -> None:
        super().__init__(server)
        self.operations = Operations()

    def begin(self, operation: Operation, *, listed: bool = True, background: bool = False) -> None:
        """Take up an operation, and do it all unless it is one for the background.

        Raises CheckCondition: what ended it, or 05/00/16 where its identifier is in use; Ended (BUSY) where as many as
        may be are in progress.
        """
        if len(self.operations.in_progress()) >= self.server.settings.copy.concurrent:
            raise Ended(Status.BUSY)
        self.operations.begin(operation, listed=listed)
        if background:
            operation.phase = Phase.IN_BACKGROUND
            return
        while operation.in_progress:
            self._advance(operation)
        if operation.phase is Phase.TERMINATED:
            raise operation.cleared()
        if operation.failure is not None:
            raise operation.failure

    def run(self, ticks: int) -> None:
        """Move one piece of each copy in the background in each tick."""
        for _ in range(ticks):
            for operation in self.operations.in_progress():
                if operation.phase is Phase.IN_BACKGROUND:
                    self._advance(operation)

    def reset(self, volume: int) -> None:
        """Abort all copies that this logical unit manages, and discard what is kept of them (SPC-4 table 109, 6.24)."""
        for operation in self.operations.of(volume):
            operation.terminate()
            self._discard(operation)

    def abort(self, initiator: str, volume: int) -> None:
        """Abort the copies in the foreground: they are the tasks. What is kept stays (SPC-4 6.24)."""
        for operation in self.operations.of(volume):
            if operation.name[0] == initiator and operation.phase is Phase.IN_FOREGROUND:
                operation.terminate()

    def nexus_lost(self, initiator: str) -> None:
        """Discard what is kept of copies that have ended; those in progress go on (SPC-4 table 109)."""
        for operation in self.operations.all():
            if operation.name[0] == initiator and not operation.in_progress:
                self._discard(operation)

    def _discard(self, operation: Operation) -> None:
        self.operations.discard(operation, *Kept)

    def _advance(self, operation: Operation) -> None:
        try:
            next(operation.steps)
        except StopIteration:
            operation.succeed()
        except CheckCondition as failure:
            self._fail(operation, failure)
        except ArrayFault as fault:
            self._fail(operation, refusal(fault))
        except Ended as ended:
            self._fail(operation, _passed_on(operation, ended))

    def _fail(self, operation: Operation, failure: CheckCondition) -> None:
        descriptor = self.server.part(Modes).descriptor_sense(operation.name[1])
        operation.fail(failure, encode_sense(failure.sense, descriptor=descriptor))


def _passed_on(operation: Operation, ended: Ended) -> CheckCondition:
    """0A/0D/01 with the status that a read or write of the copy manager ended with: a unit may be reserved by another
    initiator while a copy goes on."""
    end = Origin.DESTINATION if operation.action == CopyOut.WRITE_USING_TOKEN else Origin.SOURCE
    return CheckCondition(SenseKey.COPY_ABORTED, 0x0D, 0x01, forwarded=(Forwarded(end, ended.status, b""),))


def parameter_list(request: Request) -> bytes:
    """Return the parameter list that the CDB counts in bytes 10 to 13; raises 05/1A/00 where fewer bytes came."""
    length = number(request.cdb, 10, 4)
    if len(request.data_out) < length:
        raise list_length_error()
    return request.data_out[:length]


def _extended_copy(form: Form, action: CopyOut, server: DeviceServer, request: Request) -> bytes:
    """EXTENDED COPY; an empty list is no error (SPC-4 6.4.1)."""
    raw = parameter_list(request)
    if not raw:
        return b""
    order = read_list(raw, form, server.settings.copy)
    check_units(server, order, request.initiator, request.volume)
    operation = Operation((request.initiator, request.volume, order.identifier), action)
    operation.steps = Course(server, order, operation).steps()
    listed = order.usage is not ListIdUsage.NONE
    server.part(CopyManager).begin(operation, listed=listed, background=order.immediate)
    if order.good_sense:
        raise Ended(Status.GOOD, Sense(SenseKey.COMPLETED, *EXTENDED_COPY_INFORMATION, specific=operation.segments))
    return b""


def extended_copy_lid1(server: DeviceServer, request: Request) -> bytes:
    """EXTENDED COPY(LID1) (SPC-4 6.5)."""
    return _extended_copy(Form.LID1, CopyOut.EXTENDED_COPY_LID1, server, request)


def extended_copy_lid4(server: DeviceServer, request: Request) -> bytes:
    """EXTENDED COPY(LID4) (SPC-4 6.4)."""
    return _extended_copy(Form.LID4, CopyOut.EXTENDED_COPY_LID4, server, request)


def copy_operation_abort(server: DeviceServer, request: Request) -> bytes:
    """COPY OPERATION ABORT: an operation that is not in progress is none to abort (SPC-4 6.3)."""
    found = server.part(CopyManager).operations.find((request.initiator, request.volume, number(request.cdb, 2, 4)))
    if found is None or not found.in_progress:
        raise invalid_cdb(2)
    found.terminate()
    return b""


_LIST = "83 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00"

ROWS = (
    Row("EXTENDED COPY(LID1)", Opcode.THIRD_PARTY_COPY_OUT, 0x00, _LIST, extended_copy_lid1, Access.HOLDER),
    Row("EXTENDED COPY(LID4)", Opcode.THIRD_PARTY_COPY_OUT, 0x01, _LIST, extended_copy_lid4, Access.HOLDER),
    Row(
        "COPY OPERATION ABORT",
        Opcode.THIRD_PARTY_COPY_OUT,
        0x1C,
        "83 00 ff ff ff ff 00 00 00 00 00 00 00 00 00 00",
        copy_operation_abort,
        Access.HOLDER,
    ),
)
