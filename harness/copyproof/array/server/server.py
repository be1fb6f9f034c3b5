"""The device server: takes a request, finds its row, and answers in status, sense and data (SAM-5 4.6, SPC-4 4.3).

Whatever comes, `handle` answers and never raises.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeVar

from copyproof.array.core.errors import ArrayFault
from copyproof.array.server.attentions import Attentions
from copyproof.array.server.commands import Access, Row, refuse_reserved_bits
from copyproof.array.server.faults import refusal
from copyproof.array.server.mapping import (
    Mapping,
    mapping,
    mappings,
    software_write_protected,
    unit_not_supported,
    write_protected,
)
from copyproof.array.server.mode import Modes
from copyproof.array.server.part import Part
from copyproof.array.server.request import Reply, Request
from copyproof.array.server.reservations import Reservations
from copyproof.array.server.sense_data import CheckCondition, Ended, encode_sense, invalid_action
from copyproof.array.server.table import COMMANDS, PARTS, WITH_ACTIONS
from copyproof.scsi.command import Status
from copyproof.scsi.sense import Sense, SenseKey

if TYPE_CHECKING:
    from copyproof.array.core.unit import ControlUnit
    from copyproof.array.settings import ArraySettings

P = TypeVar("P", bound=Part)

INQUIRY, REQUEST_SENSE, REPORT_LUNS = 0x12, 0x03, 0xA0
_EXEMPT = frozenset({INQUIRY, REQUEST_SENSE, REPORT_LUNS})
"""What is executed although a unit attention waits, or the logical unit is not there (SAM-5 5.11, 5.14)."""


class DeviceServer:
    """The task router, and the device servers of all logical units of one control unit.

    `internal_errors` holds the traceback of each error that is this program's own: a run that has one has failed.
    """

    def __init__(self, unit: ControlUnit, settings: ArraySettings) -> None:
        self.unit = unit
        self.settings = settings
        self.commands = COMMANDS
        self.internal_errors: list[str] = []
        self.mappings = mappings(settings)
        self._parts: dict[type[Part], Part] = {}
        for kind in PARTS:
            self.part(kind)
        # These are asked by every command.
        self._attentions, self._reservations = self.part(Attentions), self.part(Reservations)

    def part(self, kind: type[P]) -> P:
        """Return the state of a room, made by `kind(server)` when first asked for."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)
        found = self._parts[kind]
        assert isinstance(found, kind)
        return found

    def handle(self, request: Request) -> Reply:
        """Execute a command; whatever its bytes are, there is an answer."""
        try:
            data = self._execute(request)
        except CheckCondition as refused:
            return self._reply(request, Status.CHECK_CONDITION, refused.sense)
        except Ended as ended:
            return self._reply(request, ended.status, ended.sense)
        except ArrayFault as fault:
            return self._reply(request, Status.CHECK_CONDITION, refusal(fault).sense)
        except Exception:
            self.internal_errors.append(traceback.format_exc())
            return self._reply(request, Status.CHECK_CONDITION, Sense(SenseKey.HARDWARE_ERROR, 0x44, 0x00))
        kept = data[: request.data_in]
        return Reply(Status.GOOD, data=kept, overflow=len(data) - len(kept))

    def reset(self, volume: int) -> None:
        """LOGICAL UNIT RESET: tasks end, SPC-2 reservations go, mode pages return to their defaults; persistent
        reservations stay (SAM-5 6.3.3)."""
        for part in self._parts.values():
            part.reset(volume)

    def abort(self, initiator: str, volume: int) -> None:
        """ABORT TASK, ABORT TASK SET: nothing of the aborted task lands later (SAM-5 7.2, 7.3)."""
        for part in self._parts.values():
            part.abort(initiator, volume)

    def nexus_lost(self, initiator: str) -> None:
        """The initiator logged out, or its session is gone (SAM-5 6.3.4)."""
        for part in self._parts.values():
            part.nexus_lost(initiator)

    def run(self, ticks: int) -> None:
        """Let background work go on, the control unit's and the parts'."""
        self.unit.run(ticks)
        for part in self._parts.values():
            part.run(ticks)

    def _execute(self, request: Request) -> bytes:
        if request.opcode not in _EXEMPT:
            self._refuse_hidden(request)
            self._tell_attention(request)
        row = self._row(request)
        self._reservations.refuse(request.initiator, request.volume, row.access)
        refuse_reserved_bits(request.cdb, row)
        if row.access is Access.WRITE:
            self.refuse_protected(request.initiator, request.volume)
        return row.handler(self, request)

    def refuse_protected(self, initiator: str, volume: int) -> None:
        """Raise CheckCondition where this initiator may not write to a volume."""
        if mapping(self, initiator, volume) is Mapping.READ_ONLY:
            raise write_protected()
        if self.part(Modes).write_protected(volume):
            raise software_write_protected()

    def _refuse_hidden(self, request: Request) -> None:
        if mapping(self, request.initiator, request.volume) is Mapping.HIDDEN:
            raise unit_not_supported()

    def _tell_attention(self, request: Request) -> None:
        if code := self._attentions.take(request.initiator, request.volume):
            raise CheckCondition(SenseKey.UNIT_ATTENTION, *code)

    def _row(self, request: Request) -> Row:
        row = self.commands.get((request.opcode, None)) or self.commands.get((request.opcode, request.service_action))
        if row is not None and self.formatted_for(row, request.volume):
            return row
        if row is None and request.opcode in WITH_ACTIONS:
            raise invalid_action(request.cdb)
        raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x20, 0x00)

    def formatted_for(self, row: Row, volume: int) -> bool:
        """Whether a volume has the protection type that a command needs."""
        return row.format_type is None or row.format_type == self.unit.volume(volume).protection

    def _reply(self, request: Request, status: Status, sense: Sense | None) -> Reply:
        if sense is None:
            return Reply(status)
        descriptor = self.part(Modes).descriptor_sense(request.volume)
        return Reply(status, encode_sense(sense, descriptor=descriptor))
