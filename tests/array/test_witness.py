"""A trace in which one thing is not as it must be is no evidence, whatever the array did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from copyproof.array.settings import Exchange
from copyproof.array.trace import BUFFER, Actor, Event, Step, Tag
from copyproof.array.witness import WITNESSES, ctl_16, ctl_17
from tests.array.traced import FROM, TO, P, S, Traced

IN_BUFFER, AFTER_MOVE, SINGLE = Exchange

Alter = Callable[[Event], Iterable[Event]]


def into(event: Event) -> bool:
    return event.step is Step.MOVE and event.slot == BUFFER


def out(event: Event) -> bool:
    return event.step is Step.MOVE and event.origin is not None and event.origin.slot == BUFFER


def of(step: Step) -> Callable[[Event], bool]:
    return lambda event: event.step is step


def changed(chosen: Callable[[Event], bool], **fields: object) -> Alter:
    return lambda event: [replace(event, **fields) if chosen(event) else event]  # type: ignore[arg-type]


def relabelled(chosen: Callable[[Event], bool], volume: int, further: int) -> Alter:
    """Let the label after a step be that of a volume, as many blocks further on."""
    return lambda event: [
        replace(event, after=Tag(volume, event.lba + further)) if chosen(event) else event,
    ]


def dropped(chosen: Callable[[Event], bool]) -> Alter:
    return lambda event: [] if chosen(event) else [event]


def exchanged_in_a_too(event: Event) -> list[Event]:
    again = replace(event, slot=event.origin.slot if event.origin else None)
    return [event, again] if event.step is Step.EXCHANGE else [event]


def moved_to_b_before(event: Event) -> list[Event]:
    """What goes to the buffer was in B first, the slot next to A, with its old label."""
    came_from = event.origin.slot if event.origin else None
    return [replace(event, slot=came_from + 1), event] if into(event) and came_from is not None else [event]


def moved_about(event: Event) -> list[Event]:
    return [replace(event, step=Step.MOVE, actor=Actor.DRR), event] if event.step is Step.EXCHANGE else [event]


BACK = FROM - TO
CASES: list[tuple[str, Exchange, Alter, str]] = [
    ("CTL-01", IN_BUFFER, changed(of(Step.MOVE), actor=Actor.CACHE), "moved by the cache"),
    ("CTL-01", IN_BUFFER, changed(of(Step.STAGE), actor=Actor.HOST), "the host has a part in it (stage)"),
    ("CTL-01", IN_BUFFER, dropped(of(Step.MOVE)), "no move from slot"),
    ("CTL-01", IN_BUFFER, dropped(of(Step.STAGE)), "no stage seen"),
    ("CTL-01", IN_BUFFER, dropped(of(Step.DESTAGE)), "no destage seen"),
    ("CTL-02", IN_BUFFER, changed(of(Step.EXCHANGE), actor=Actor.DRR), "exchanged by the data recovery"),
    ("CTL-02", IN_BUFFER, exchanged_in_a_too, "exchanged 2 times"),
    ("CTL-02", IN_BUFFER, dropped(of(Step.EXCHANGE)), "not exchanged"),
    ("CTL-02", IN_BUFFER, relabelled(into, S, 0), "not moved to the unit's buffer with the first volume's label"),
    ("CTL-02", IN_BUFFER, relabelled(out, P, BACK), "did not leave the unit's buffer with its new label"),
    ("CTL-02", IN_BUFFER, moved_to_b_before, "slot B held it with the label (1, 5)"),
    ("CTL-02", IN_BUFFER, changed(of(Step.DESTAGE), payload=bytes(140)), "its payload changed before destage"),
    ("CTL-13", SINGLE, changed(of(Step.DESTAGE), actor=Actor.HOST), "the host has a part in it (destage)"),
    ("CTL-13", SINGLE, moved_about, "it went from slot"),
    ("CTL-13", SINGLE, changed(of(Step.DESTAGE), payload=bytes(140)), "its payload changed before destage"),
    ("CTL-19", AFTER_MOVE, relabelled(of(Step.MOVE), S, 0), "did not come to B with the first volume's label"),
    ("CTL-19", AFTER_MOVE, relabelled(of(Step.DESTAGE), P, BACK), "destaged with the label (1, 5)"),
    ("CTL-19", AFTER_MOVE, changed(of(Step.DESTAGE), payload=bytes(140)), "its payload changed before destage"),
    ("CTL-23", SINGLE, changed(of(Step.EXCHANGE), actor=Actor.HOST), "the host has a part in it (exchange)"),
    ("CTL-23", IN_BUFFER, relabelled(of(Step.DESTAGE), S, 1), "destaged with the label (2, 43)"),
    ("CTL-24", IN_BUFFER, changed(of(Step.MOVE), actor=Actor.HOST), "the host has a part in it (move)"),
]


@pytest.mark.parametrize(("claim", "exchange", "alter", "said"), CASES)
def test_an_altered_trace_breaches_the_claim(claim: str, exchange: Exchange, alter: Alter, said: str) -> None:
    sound = Traced(exchange).copy()
    assert WITNESSES[claim](sound) == ""
    assert said in WITNESSES[claim]([after for event in sound for after in alter(event)])


def test_what_others_rebuilt_the_drr_did_not_rebuild() -> None:
    rebuilt = Event(Step.REBUILD, Actor.DRR, 0, None, P, 0, 4, member=2, offset=0)
    assert ctl_17([rebuilt], []) == ""
    assert ctl_17([replace(rebuilt, actor=Actor.HOST)], []) == "member 2 was rebuilt by the host"


def test_a_cache_allocates_no_more_than_it_is_told_to_have() -> None:
    assert ctl_16(1000, 1000, 1000) == ""
    assert ctl_16(1000, 1001, 1000) == "1001 bytes are allocated of a cache of 1000"
