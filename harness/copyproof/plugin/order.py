"""What a test orders: a copy with its intent, spoilt or not, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from copyproof.model.controller import Transfer
from copyproof.model.known import Fault
from copyproof.model.prediction import Prediction
from copyproof.scsi.cdb import extended_copy
from copyproof.scsi.command import Command, Result
from copyproof.scsi.spoil import Spoiler
from copyproof.targets.live import Role
from copyproof.verdicts.record import CommandRecord


@dataclass(frozen=True, slots=True)
class Span:
    """`blocks` blocks from `lba` of one unit, leased to a test together with `margin` stamped blocks on both sides."""

    role: Role
    lba: int
    blocks: int
    margin: int

    @property
    def end(self) -> int:
        """The first LBA behind the span."""
        return self.lba + self.blocks


@dataclass(frozen=True, slots=True)
class Order:
    """An EXTENDED COPY parameter list for the unit `via`, and what the correct list would copy.

    Spoiling changes the bytes and never the intent: where a target accepts a bad field, its effect must be the
    intent's.
    """

    parameter_list: bytes
    intent: tuple[Transfer, ...]
    via: Role
    service_action: int = 0
    spoilt_by: str = ""

    def spoilt(self, *spoilers: Spoiler) -> Order:
        """Return the same order with bytes edited; the CDB's length follows."""
        changed = self
        for spoiler in spoilers:
            notes = ", ".join(filter(None, (changed.spoilt_by, spoiler.name)))
            changed = replace(changed, parameter_list=spoiler(changed.parameter_list), spoilt_by=notes)
        return changed

    def under(self, service_action: int) -> Order:
        """Return the same list under another service action of opcode 83h."""
        return replace(self, service_action=service_action, spoilt_by=f"service action {service_action:02X}h")

    def emptied(self) -> Order:
        """Return an order with a parameter list length of 0, which copies nothing."""
        return replace(self, parameter_list=b"", intent=(), spoilt_by="parameter list length 0")

    @property
    def command(self) -> Command:
        """The command that is sent."""
        return extended_copy(self.parameter_list, self.service_action)


@dataclass(frozen=True, slots=True)
class Sent:
    """A command that was sent, to which unit, its result, and what the model had predicted. `order` is None when it was
    no copy; `proof` is what the record keeps of it, `faults` what could not be read while it ran."""

    command: Command
    via: Role
    result: Result
    prediction: Prediction
    proof: CommandRecord
    order: Order | None = None
    faults: tuple[Fault, ...] = ()
