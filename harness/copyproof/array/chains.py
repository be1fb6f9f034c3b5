"""The way of each copied block through the controller, put together from a trace.

>>> from copyproof.array.trace import Origin
>>> order = Event(Step.ORDER, Actor.HOST, 0, None, 2, 40, 2, origin=Origin(None, 1, 8))
>>> stage = Event(Step.STAGE, Actor.CACHE, 0, 3, 1, 8, 2, None, Tag(1, 8))
>>> destage = Event(Step.DESTAGE, Actor.CACHE, 0, 4, 2, 41, 1, Tag(2, 41), Tag(2, 41))
>>> [(chain.lba, [at.step.name for at in chain.moments]) for chain in chains([order, stage, destage])]
[(40, ['STAGE']), (41, ['STAGE', 'DESTAGE'])]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from copyproof.array.core.layout import Place
from copyproof.array.trace import Actor, Event, Step, Tag

NEVER = Tag(0xFFFF, 0xFFFFFFFF)
"""The label of a block that was never written, or has all its checks off: in a run of them each has it."""


class Moment(NamedTuple):
    """One step of one block: as the event tells it, for this block."""

    step: Step
    actor: Actor
    slot: int | None
    came_from: int | None
    before: Tag | None
    after: Tag | None
    place: Place | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """One block that a copy was ordered of, from (source, source_lba) to (volume, lba), and its steps till destaged."""

    source: int
    source_lba: int
    volume: int
    lba: int
    moments: list[Moment] = field(default_factory=list)

    def first(self, *steps: Step) -> Moment | None:
        """Return the first of these steps, or None."""
        return next((moment for moment in self.moments if moment.step in steps), None)

    def all(self, step: Step) -> list[Moment]:
        """Return all steps of a kind."""
        return [moment for moment in self.moments if moment.step is step]

    @property
    def destaged(self) -> bool:
        """Whether the block has reached the members: what happens to it then is no part of the copy."""
        return bool(self.moments) and self.moments[-1].step is Step.DESTAGE


def chains(events: Iterable[Event]) -> list[Chain]:
    """Return a chain for every block that was ordered to be copied, in order."""
    found: list[Chain] = []
    by_source: dict[tuple[int, int], list[Chain]] = defaultdict(list)
    by_destination: dict[tuple[int, int], Chain] = {}
    for event in events:
        if event.step is Step.ORDER and event.origin is not None:
            for at in range(event.count):
                chain = Chain(event.origin.volume, event.origin.lba + at, event.volume, event.lba + at)
                found.append(chain)
                by_source[chain.source, chain.source_lba].append(chain)
                by_destination[chain.volume, chain.lba] = chain
            continue
        for at in range(event.count):
            key = event.volume, event.lba + at
            own = by_destination.get(key)
            concerned = by_source.get(key, []) if event.step is Step.STAGE else [own] if own else []
            for chain in concerned:
                if not chain.destaged:
                    chain.moments.append(_moment(event, at))
    return found


def _moment(event: Event, at: int) -> Moment:
    place = None
    if event.member is not None and event.offset is not None:
        place = Place(event.member, event.offset + at)
    return Moment(
        event.step,
        event.actor,
        event.slot,
        event.origin.slot if event.origin else None,
        _shifted(event.before, at),
        _shifted(event.after, at),
        place,
        event.payload[2 * at : 2 * at + 2],
    )


def _shifted(tag: Tag | None, at: int) -> Tag | None:
    if tag is None or tag == NEVER:
        return tag
    return Tag(tag.application, (tag.reference + at) & 0xFFFFFFFF)
