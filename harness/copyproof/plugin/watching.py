"""What a white box shows of a copy, held against the claims about the controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from copyproof.array.settings import Exchange
from copyproof.array.trace import Event
from copyproof.array.witness import WITNESSES, ctl_16, ctl_17, ctl_25
from copyproof.errors import DeviceError
from copyproof.targets.live import Control

#: Ticks in which a replaced member must be rebuilt.
TICKS_MOST = 100_000
TICKS = 100


class Watch:
    """What the controller did while it was watched: `events`, there when the watching has ended."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.events: Sequence[Event] = ()

    def breach(self, claim: str) -> str:
        """Say how a claim, such as `CTL-02`, is breached; empty where it is borne out. Raises DeviceError."""
        if claim in WITNESSES:
            return WITNESSES[claim](self.events)
        return _FURTHER[claim](self)


def _cache(watch: Watch) -> str:
    told = watch.control.inventory()
    return ctl_16(told.cache_bytes, told.cache_allocated)


_FURTHER: Mapping[str, Callable[[Watch], str]] = {
    "CTL-16": _cache,
    "CTL-17": lambda watch: ctl_17(watch.events, watch.control.parity_errors()),
    "CTL-25": lambda watch: ctl_25(watch.events, watch.control.place),
}


@contextmanager
def watched(control: Control) -> Iterator[Watch]:
    """Record what the controller does within the block."""
    watch = Watch(control)
    control.begin_trace()
    try:
        yield watch
    finally:
        watch.events = control.end_trace()


@contextmanager
def exchanging(control: Control, exchange: Exchange) -> Iterator[None]:
    """Let the address change unit work in a certain way within the block."""
    before = control.inventory().exchange
    control.exchange_by(exchange)
    try:
        yield
    finally:
        control.exchange_by(before)


@contextmanager
def degraded(control: Control, member: int) -> Iterator[None]:
    """Let a member fail for the length of the block, and rebuild it then; raises DeviceError.

    The cache is empty when the block begins and when the member is rebuilt: what it holds hides what members lack.
    """
    control.empty_cache()
    control.fail_member(member)
    try:
        yield
    finally:
        rebuild(control, member)
        control.empty_cache()


def rebuild(control: Control, member: int) -> None:
    """Replace a member that failed, and let ticks pass until it is rebuilt; raises DeviceError when it is not."""
    control.replace_member(member)
    for _ in range(TICKS_MOST // TICKS):
        if not control.inventory().to_rebuild:
            return
        control.run(TICKS)
    raise DeviceError(f"member {member} is not rebuilt after {TICKS_MOST} ticks")
