"""Pairs as the shipped command line, `copyproof cci`, shows them: by a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from copyproof.pairing.service import PairService
from copyproof.plugin.bench import NUMBERS, Bench
from copyproof.serving.inproc import Served
from copyproof.serving.socket import Seat, ServedSocket
from copyproof.targets import spec as specs
from copyproof.targets.arrays import mapped
from copyproof.targets.drivers import horcm
from copyproof.targets.live import LiveTarget, PairHooks
from copyproof.targets.pairs import service_of
from copyproof.targets.pairspec import PairSpec
from copyproof.targets.rules import PAIRED

LIKE = "software-array-cci"
"""The shipped target whose pairs are ordered so: what CCI has no word for is the same for all."""


@contextmanager
def command_line(bench: Bench) -> Iterator[PairService]:
    """Serve the volumes of pairs to `copyproof cci`, and give the service that runs it; the target's own, where that
    runs commands. Raises UsageError where the target has no pairs."""
    pairs = bench.spec.pairs
    if bench.pairs is not None and pairs is not None and pairs.way == "command":
        yield bench.pairs.service
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="copyproof-")))
        live = _commanded(bench.live, _hooks(bench, folder, stack))
        yield service_of(live, {role: unit.transport for role, unit in bench.units.items()})


def _hooks(bench: Bench, folder: Path, stack: ExitStack) -> PairHooks:
    """Write group files; an array of this process is reached by a socket, all others by their nodes."""
    seen = {role: lun.device.naa for role, lun in bench.live.luns.items() if role.value in PAIRED}
    control = bench.live.control
    if not isinstance(control, Served):
        return horcm.prepare(folder, seen, None)
    seats = {naa: Seat(mapped(role).initiator, NUMBERS[role]) for role, naa in seen.items()}
    stack.enter_context(ServedSocket(folder / "array", control, seats))
    return horcm.prepare(folder, seen, folder / "array")


def _commanded(live: LiveTarget, hooks: PairHooks) -> LiveTarget:
    like = specs.load(LIKE).pairs or PairSpec()
    own = live.spec.pairs or PairSpec()
    pairs = msgspec.structs.replace(own, way="command", template=like.template, shows=like.shows)
    return replace(live, spec=msgspec.structs.replace(live.spec, pairs=pairs), pair_hooks=hooks)
