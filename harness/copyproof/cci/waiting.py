"""pairevtwait: ask until all pairs of a group are in a state."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code
from copyproof.cci.horcm import Member
from copyproof.cci.states import SHOWN
from copyproof.scsi.pair_wire import PairEntry

STATES = ("smpl", "copy", "pair", "psus", "psue")
"""What can be waited for; `copy` is COPY or RCPY."""
INTERVAL = 0.2
"""Seconds between two questions where none are given: the array is asked in band, which costs it little."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What tells the time, in seconds, and lets it pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def wait(
    array: Array,
    members: Sequence[Member],
    states: Collection[str],
    timeout: float,
    interval: float = INTERVAL,
    clock: Clock | None = None,
) -> None:
    """Return when every pair is in one of some states of its P-VOL (of `STATES`).

    Raises CciError after `timeout` seconds, with the states that there are then; and at once where a pair is suspended
    by an error or is none, if it is not that what is waited for.
    """
    clock = clock or Clock()
    end = clock.now() + timeout
    while True:
        pairs = [(member, array.meant(member)) for member in members]
        if all(word(pair) in states for _, pair in pairs):
            return
        _abnormal(pairs, states)
        if (left := end - clock.now()) <= 0:
            raise CciError(Code.EX_EWSTOT, f"not {' or '.join(states)} after {timeout:g} s: {_told(pairs)}")
        clock.sleep(min(interval, left))


def word(pair: PairEntry | None) -> str:
    """Return what a pair is among `STATES`; one that is being deleted is none of them yet."""
    if pair is None:
        return "smpl"
    shown = SHOWN[pair.state].lower()
    return {"rcpy": "copy", "smpl": ""}.get(shown, shown)


def _abnormal(pairs: Sequence[tuple[Member, PairEntry | None]], states: Collection[str]) -> None:
    """What will not become another state by itself."""
    for never, code in (("psue", Code.EX_EWSUSE), ("smpl", Code.EX_INVVOL)):
        if never not in states and any(word(pair) == never for _, pair in pairs):
            raise CciError(code, f"waiting for {' or '.join(states)}: {_told(pairs)}")


def _told(pairs: Sequence[tuple[Member, PairEntry | None]]) -> str:
    return ", ".join(
        f"{member.name} is {SHOWN[pair.state]}, {pair.percent} %" if pair else f"{member.name} is SMPL"
        for member, pair in pairs
    )
