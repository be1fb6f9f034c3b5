"""What the controller did, step by step: the evidence of the claims that no host can see.

>>> trace = Trace(capacity=1)
>>> for lba in (0, 8):
...     trace.record(Event(Step.STAGE, Actor.CACHE, 0, 3, 1, lba, 8, None, Tag(1, lba)))
>>> [event.lba for event in trace.events], trace.dropped
([8], 1)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

CAPACITY = 100_000
"""Events that a trace keeps unless told otherwise."""

BUFFER = -1
"""The slot number that stands for the buffer inside the address change unit, which is no slot of the cache."""


class Step(Enum):
    """What was done with a run of blocks."""

    ORDER = "order"
    """A copy was ordered: from `origin` to the volume and LBA of the event."""
    STAGE = "stage"
    """Read from the members into a slot."""
    MOVE = "move"
    """Moved from one slot, or the buffer, to another."""
    EXCHANGE = "exchange"
    """The label was exchanged for that of the new place."""
    DESTAGE = "destage"
    """Written from a slot to the members."""
    COMMIT = "commit"
    """A host's write was taken into a slot: from now on it is what the volume holds."""
    REBUILD = "rebuild"
    """A stripe of a replaced member was made from the others."""


class Actor(Enum):
    """Who did it."""

    HOST = "host"
    DRR = "data recovery and reconstruct unit"
    ACU = "address change unit"
    CACHE = "cache"
    PAIR = "pair control"


class Tag(NamedTuple):
    """A label as a trace tells it: application tag and reference tag of the first block; the others follow on."""

    application: int
    reference: int


class Origin(NamedTuple):
    """Where blocks came from: slot (None where they were in none), volume and first LBA."""

    slot: int | None
    volume: int
    lba: int


@dataclass(frozen=True, slots=True)
class Event:
    """One step on a run of `count` blocks of a volume from an LBA, in a slot or (`BUFFER`) the unit's buffer.

    `before` and `after` are the labels before and after the step, each None where there was none. `member` and `offset`
    (in blocks) tell the physical address of the first block; a run never goes beyond a stripe unit then. `payload`
    holds the CRC-16 of each block's payload after the step, 2 bytes each, big-endian, made from the payload itself.
    """

    step: Step
    actor: Actor
    tick: int
    slot: int | None
    volume: int
    lba: int
    count: int
    before: Tag | None = None
    after: Tag | None = None
    member: int | None = None
    offset: int | None = None
    origin: Origin | None = None
    payload: bytes = b""


class Trace:
    """The last `capacity` events; those dropped before them are counted."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events: deque[Event] = deque(maxlen=capacity)
        self.dropped = 0

    def record(self, event: Event) -> None:
        """Keep an event, and drop the oldest where there is no room."""
        self.dropped += len(self._events) == self._events.maxlen
        self._events.append(event)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events kept, oldest first."""
        return tuple(self._events)

    def clear(self) -> None:
        """Forget all events, and those dropped."""
        self._events.clear()
        self.dropped = 0
