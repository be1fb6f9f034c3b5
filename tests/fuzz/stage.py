"""A target of files without a session of pytest around it, and searches on it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from copyproof.fuzz.ground import survey
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Search
from copyproof.plugin import opening
from copyproof.plugin.bench import Bench
from copyproof.targets import spec
from tests.plugin import fake_target
from tests.plugin.conftest import TARGET

WAYS: dict[str, Any] = {
    "open_target": fake_target.FakeTarget,
    "permission": fake_target._permission,
    "reach": fake_target._reach,
    "HostVolume": fake_target.FileVolume,
}


@contextmanager
def target(folder: Path, *misbehaviour: str, seed: int = 1, probes: str = "", declared: str = "") -> Iterator[Bench]:
    """Bring the target of files up in a folder of its own; `declared` is another chunk than the one it has."""
    folder.mkdir(parents=True, exist_ok=True)
    text = TARGET.format(profile="", probes=probes)
    (folder / "files.toml").write_text(text.replace("32 KiB", declared or "32 KiB"))
    (folder / "misbehaviour").write_text("\n".join(misbehaviour))
    with mock.patch.dict(os.environ, COPYPROOF_FAKE=str(folder)), mock.patch.multiple(opening, **WAYS):
        loaded = spec.load(str(folder / "files.toml"))
        with opening.opened(loaded, seed, lambda _, transport: transport) as bench:
            bench.mark_bystander()
            yield bench


def searched(bench: Bench, steps: int, seed: int | None = None, seconds: float = 600.0) -> Search:
    """Search on a bench, with the bench's seed where none is given."""
    search = Search(Player(bench, survey(bench)), Budget(steps, seconds))
    search.run(bench.seed if seed is None else seed)
    return search


def unsettled(seed: int) -> None:
    """Disturb the generator that everybody shares: no search may draw from it."""
    random.seed(seed)
