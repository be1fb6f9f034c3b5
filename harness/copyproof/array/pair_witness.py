"""What the trace of a controller says of pairs: what was saved before a write, and what a copy of differences moved.

>>> from copyproof.array.trace import Origin
>>> moved_to([Event(Step.ORDER, Actor.PAIR, 0, None, 2, 512, 512, origin=Origin(None, 1, 512))], volume=2)
[(512, 512)]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from copyproof.array.trace import Actor, Event, Step


def saved_too_late(events: Sequence[Event], touched: int, secondary: int, lba: int, count: int) -> str:
    """Say which of `count` blocks from `lba` on was written on volume `touched` before its old content had reached the
    S-VOL's members (CTL-03), or of which no write was seen, so that nothing is shown; empty where there is none."""
    for block in range(lba, lba + count):
        written = _first(events, Step.COMMIT, touched, block)
        saved = _first(events, Step.DESTAGE, secondary, block)
        if written is None:
            return f"volume {touched}, LBA {block}: no write of it was seen"
        if saved is None or saved > written:
            how = "never" if saved is None else "only afterwards"
            return f"volume {touched}, LBA {block} was overwritten, and its old block was copied {how}"
    return ""


def moved_to(events: Iterable[Event], volume: int) -> list[tuple[int, int]]:
    """Return the ranges (LBA, count) of a volume that pairs copied to, in ascending order; those that meet are one."""
    told = [
        (event.lba, event.count)
        for event in events
        if (event.step, event.actor, event.volume) == (Step.ORDER, Actor.PAIR, volume)
    ]
    joined: list[tuple[int, int]] = []
    for lba, count in sorted(told):
        if joined and sum(joined[-1]) == lba:
            first, held = joined.pop()
            lba, count = first, held + count
        joined.append((lba, count))
    return joined


def _first(events: Sequence[Event], step: Step, volume: int, block: int) -> int | None:
    """When a step was first made with a block: the number of the event."""
    found = (
        at
        for at, event in enumerate(events)
        if event.step is step and event.volume == volume and event.lba <= block < event.lba + event.count
    )
    return next(found, None)
