"""A counterexample of the history checker, and how it is printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from string import ascii_uppercase

from copyproof.model.cuts.history import Split, Write

WIDTH = 80
_BAR = 36


class Rule(Enum):
    """What an image breaks."""

    STRANGER = "a block holds what no write put there"
    FUTURE = "a write invoked after the split completed is in the image"
    MISSING = "a write completed before the split was invoked is not in the image"
    DEPENDENT = "a later write is in the image without an earlier one that it depends on"
    RETURNED = "an image and a later one contradict each other"
    TORN = "an atomic write is in the image in part"


@dataclass(frozen=True, slots=True)
class Violation:
    """Why an image is no cut. `place` names the blocks, `split` the number of the split, from 0; `events` are the
    writes concerned, called A, B, C … in `reason`; `splits` are the splits concerned by number, called S0, S1 …."""

    rule: Rule
    split: int
    place: str
    reason: str
    events: tuple[Write, ...]
    splits: tuple[tuple[int, Split], ...]

    def __str__(self) -> str:
        return "\n".join((f"{self.place}: {self.reason}", self.timeline()))

    def timeline(self) -> str:
        """Draw the events, in ASCII and at most 80 columns; times in ms since the split was invoked."""
        named: list[tuple[str, Write | Split]] = list(zip(ascii_uppercase, self.events, strict=False))
        named += [(f"S{number}", split) for number, split in self.splits]
        zero = dict(self.splits)[self.split].invoked
        first, last = _span([event for _, event in named])
        lines = [f"  {name:<3}{_bar(event, first, last)}  {_times(event, zero)}" for name, event in named]
        lines += [f"  {name:<3}{_told(event)}" for name, event in named]
        return "\n".join(line[:WIDTH].rstrip() for line in lines)


def _span(events: Sequence[Write | Split]) -> tuple[float, float]:
    """Return the first and the last time to draw; where an event never ended, there is room behind the others."""
    first = min(event.invoked for event in events)
    last = max(event.invoked if event.completed is None else event.completed for event in events)
    never = any(event.completed is None for event in events)
    return first, last + (last - first) / 4 if never else last


def _bar(event: Write | Split, first: float, last: float) -> str:
    """Draw an event's interval; `>` ends one that never ended."""
    scale = (_BAR - 1) / ((last - first) or 1)
    start = math.floor((event.invoked - first) * scale)
    end = _BAR - 1 if event.completed is None else math.ceil((event.completed - first) * scale)
    if end <= start:
        return "|".rjust(start + 1).ljust(_BAR)
    middle = "=" * (end - start - 1)
    return f"{' ' * start}[{middle}{'>' if event.completed is None else ']'}".ljust(_BAR)


def _times(event: Write | Split, zero: float) -> str:
    end = "never" if event.completed is None else f"{_ms(event.completed - zero)} ms"
    return f"{_ms(event.invoked - zero)} to {end}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:+.3f}"


def _told(event: Write | Split) -> str:
    if isinstance(event, Write):
        return f"writer {event.writer}: {event.told}"
    return f"split of volumes {_listed(sorted(event.volumes))}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
