"""What was done in a sequence, as its script and its tape tell it, and the difference that ended it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from copyproof.blocks.findings import Findings
from copyproof.fuzz.operations import Range
from copyproof.pairing.service import Answered, PairRequest
from copyproof.scsi.command import Command, Result
from copyproof.scsi.outcome import Outcome


class Difference(Exception):
    """The target did what the model does not allow; the text is the diagnosis, `findings` the wrong blocks. `shown`
    says that it is what a pair shows of itself."""

    def __init__(self, diagnosis: str, findings: Findings | None = None, *, shown: bool = False) -> None:
        super().__init__(diagnosis)
        self.findings, self.shown = findings or Findings(), shown


@dataclass(frozen=True, slots=True)
class Stamped:
    """The host wrote stamped blocks."""

    at: Range
    generation: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """A command went to the unit of a volume; `allowed` says how it may end, empty for any way; `refused` that it must
    not end in GOOD."""

    volume: int
    command: Command
    allowed: tuple[Outcome, ...]
    result: Result
    refused: bool = False


@dataclass(frozen=True, slots=True)
class PairOrdered:
    """Something was ordered of a pair; `accepted` says that it had to be."""

    request: PairRequest
    accepted: bool
    answered: Answered


@dataclass(frozen=True, slots=True)
class Passed:
    """Time passed: so many ticks of a white box."""

    ticks: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """What was under way of a pair came to its end; the volumes by number."""

    primary: int
    secondary: int


@dataclass(frozen=True, slots=True)
class WasReset:
    """The unit of a volume was reset."""

    volume: int


Event: TypeAlias = Stamped | Ordered | PairOrdered | Passed | Awaited | WasReset


def volumes_of(event: Event) -> tuple[int, ...]:
    """Return the numbers of the volumes that an event is about."""
    match event:
        case Stamped(at, _):
            return (at.volume,)
        case PairOrdered(request, _, _):
            return request.primary.number, request.secondary.number
        case Awaited(primary, secondary):
            return primary, secondary
        case Passed():
            return ()
    return (event.volume,)
