"""What the options say, checked before anything is brought up."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from copyproof.blocks.origin import SEEDS
from copyproof.errors import UsageError
from copyproof.targets import spec
from copyproof.targets.rules import check
from copyproof.transport.tape import TapeWriter
from copyproof.transport.ways import Way
from copyproof.verify.scope import Scope


def target(config: pytest.Config) -> spec.TargetSpec:
    """Return the target that was given, with the transport that was given; raises UsageError (see `spec.load`)."""
    found = spec.load(config.getoption("--hil-target"))
    way = config.getoption("--hil-transport")
    if not way:
        return found
    changed = msgspec.structs.replace(found, transport=Way(way))
    check(changed, f"--hil-transport={way}")
    return changed


def tape(config: pytest.Config) -> TapeWriter | None:
    """Return the tape to record the run on; None when none was asked for.

    Each worker of xdist has a target of its own, and so a tape of its own: `run.tape` becomes `run-gw0.tape`. Raises
    UsageError when the file could not be written: better now than when the target is up.
    """
    given = config.getoption("--hil-tape")
    if given is None:
        return None
    path = Path(given)
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"--hil-tape={given} cannot be written: name a file in a folder that is there and yours")
    return TapeWriter(path.with_stem(f"{path.stem}-{worker}") if worker else path)


def seed(config: pytest.Config) -> int:
    """Return the seed that was given, the controller's under xdist, else one from the clock.

    Raises UsageError for one outside 0 to 2^64 − 1.
    """
    given = config.getoption("--hil-seed")
    if given is None:
        given = getattr(config, "workerinput", {}).get("hil_seed", int(time.time()))
    if not 0 <= given < SEEDS:
        raise UsageError(f"--hil-seed={given} is not allowed; it must be a whole number from 0 to {SEEDS - 1}")
    return int(given)


def scope(config: pytest.Config) -> Scope:
    """Return what is to be verified; raises UsageError (see `Scope.parse`)."""
    return Scope.parse(config.getoption("--hil-verify"))


@dataclass(frozen=True, slots=True)
class Fuzz:
    """So many operations in all, and seconds at most."""

    steps: int
    seconds: float


def fuzz(config: pytest.Config) -> Fuzz | None:
    """Return how much is to be played at random; None when nothing was asked for.

    Raises UsageError for a number below 1, and where Hypothesis is not installed.
    """
    steps, seconds = config.getoption("--hil-fuzz"), config.getoption("--hil-fuzz-seconds")
    if steps is None:
        return None
    for name, number in (("--hil-fuzz", steps), ("--hil-fuzz-seconds", seconds)):
        if not number >= 1:
            raise UsageError(f"{name}={number:g} is not allowed; it must be 1 or more")
    if find_spec("hypothesis") is None:
        raise UsageError("--hil-fuzz needs Hypothesis, which is not installed (pip install 'copyproof[fuzz]')")
    return Fuzz(steps, seconds)


def report(config: pytest.Config) -> Path | None:
    """Return the folder for the report, made and found writable; None when none was asked for.

    Raises UsageError when it cannot be made or written to: better now than when the run is over.
    """
    given = config.getoption("--hil-report")
    if given is None:
        return None
    folder = Path(given)
    if not given or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"--hil-report={given} is not a folder; name one, which is made where there is none")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as problem:
        why = f"nothing can be written there ({problem.strerror}); name a folder that you may write to"
        raise UsageError(f"--hil-report={given}: {why}") from None
