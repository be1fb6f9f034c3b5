"""`copyproof serve`: bring a target up and keep it up, so that other programs can use it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

from copyproof.errors import UsageError
from copyproof.targets import drivers, spec
from copyproof.targets.drivers import horcm
from copyproof.targets.live import LiveTarget, Lun
from copyproof.targets.scalars import human

_ENDING = (signal.SIGINT, signal.SIGTERM)
LOOK = 5.0
"""Seconds between two looks at a target that tells of its own errors."""


@click.command()
@click.argument("target")
def serve(target: str) -> None:
    """Bring TARGET up (a shipped name or a path ending in .toml), print its nodes, and take it down at Ctrl-C or
    SIGTERM, or when an array of this project meets an error of its own."""
    found = spec.load(target)
    if found.driver == "software" and not horcm.wanted(found):
        raise UsageError(f"target {found.name} lives in the process that uses it and has no nodes: serve tcmu-array")
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with drivers.open_target(found) as live:
            _stay_up(live)
    except KeyboardInterrupt:
        click.echo("ended before it was up")


def _stay_up(live: LiveTarget) -> None:
    """Tell what there is, and wait for a signal; one more does not cut short what takes the target down."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        click.echo("\n".join([*lines(live), "up: end it by Ctrl-C or SIGTERM"]))
        while signal.sigtimedwait(_ENDING, LOOK) is None and not _has_failed(live):
            pass
    finally:
        for number in _ENDING:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _has_failed(live: LiveTarget) -> bool:
    """Whether the target met an error of its own, of which its driver tells; raises DeviceError where it is lost."""
    return live.control is not None and bool(live.control.internal_errors())


def lines(live: LiveTarget) -> Iterator[str]:
    """Give a line on each unit, and where control socket and CCI's commands are."""
    for lun in live.luns.values():
        yield _line(lun)
    if control := live.facts.get("control"):
        yield f"control socket: {control}"
    if folder := live.pair_hooks.names.get("folder"):
        yield f"CCI's commands and group files: {folder}"


def _line(lun: Lun) -> str:
    device = lun.device
    nodes = " ".join(map(str, (*device.block, *device.sg))) or "no node"
    return f"{lun.role.value}: {nodes}, naa.{device.naa}, {human(device.size)}"


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
