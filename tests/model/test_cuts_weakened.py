"""The tests of the history checker notice when it is made weaker: each weakening lets something through."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

import copyproof.model.cuts
from copyproof.model.cuts.history import History
from copyproof.model.cuts.violation import Violation
from tests.model.bad_histories import BAD
from tests.model.plants import ATOMIC_PLANTS, PLANTS
from tests.model.recorder import Recorder
from tests.model.test_cuts_brute import EXACT, by_force, random_history
from tests.model.test_cuts_recorded import as_history

Check = Callable[[History, int], Violation | None]

MODULES = ("columns", "atomic", "check")
HISTORIES = 500


@dataclass(frozen=True)
class Weakening:
    module: str
    old: str
    new: str


WEAKENINGS = {
    "strangers pass": Weakening("check", "if shown.origin is not None and", "if False and"),
    "any address will do": Weakening("columns", "and origin.lba == shown.lba", ""),
    "any volume will do": Weakening(
        "columns",
        "(origin.volume, origin.generation) == (write.volume, write.generation)",
        "origin.generation == write.generation",
    ),
    "the future passes": Weakening("check", "moment.time > split.ended", "False"),
    "what is shown says nothing of the split's moment": Weakening("check", "if run.write is not None:", "if False:"),
    "only missing writes count": Weakening(
        "check",
        "_raised([Moment(split.invoked) for split in history.splits], _shown_by(flat))",
        "[Moment(split.invoked) for split in history.splits]",
    ),
    "missing writes pass": Weakening("check", "write.invoked > run.ended or", "False or"),
    "a block without a stamp passes": Weakening("columns", 'float("-inf") if self', 'float("inf") if self'),
    "images are judged one by one": Weakening("check", "(later and write in later)", "False"),
    "what comes back passes": Weakening(
        "check", "any(run.write == later.write for run in column_runs[:number])", "False"
    ),
    "a lost stamp passes": Weakening("check", "later.write is None or any", "any"),
    "a write between two images passes": Weakening("check", "if run.first < run.last\n", "if False\n"),
    "atomic writes may be torn": Weakening("check", "if atomic_blocks > 1", "if False"),
    "atomic writes may run in a circle": Weakening(
        "atomic", "return _circle(history, index, demands, error.args[1])", "return None"
    ),
    "atomic writes do not chain": Weakening(
        "atomic", "max(latest[atom], latest[demand.earlier]", "max(latest[atom], demand.earlier.write"
    ),
    "a lower bound is enough": Weakening(
        "check", "over = [limit for limit in limits if", "over = [limit for limit in limits if False and"
    ),
}


@pytest.fixture(scope="module")
def bad_histories() -> list[tuple[History, int]]:
    """Histories that are wrong by construction, or for which no order exists; with the size of atomic writes."""
    return [*((bad.history, bad.atomic) for bad in BAD.values()), *from_plants(), *from_force()]


def from_plants() -> Iterator[tuple[History, int]]:
    for plants, atomic, size in ((PLANTS, False, 1), (ATOMIC_PLANTS, True, 6)):
        recording = Recorder(1, atomic=atomic).record()
        found = (plant(recording, random.Random(1)) for plant in plants)
        yield from ((as_history(planted), size) for planted in found if planted)


def from_force() -> Iterator[tuple[History, int]]:
    rng = random.Random(4)
    for shape in EXACT:
        drawn = (random_history(rng, shape) for _ in range(HISTORIES))
        yield from ((history, shape.atomic) for history in drawn if not by_force(history, shape.atomic))


def weakened(monkeypatch: pytest.MonkeyPatch, weakening: Weakening | None) -> Check:
    """Load the checker anew, with one place of its source changed."""
    package = "copyproof.model.cuts"
    for name in MODULES:
        path = Path(copyproof.model.cuts.__path__[0]) / f"{name}.py"
        source = path.read_text()
        if weakening and weakening.module == name:
            assert source.count(weakening.old) == 1, f"{name} has not exactly one {weakening.old!r}"
            source = source.replace(weakening.old, weakening.new)
        module = ModuleType(f"{package}.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source, path, "exec"), module.__dict__)
    return cast(Check, sys.modules[f"{package}.check"].check)


def test_every_bad_history_is_rejected_by_the_checker_as_it_is(
    monkeypatch: pytest.MonkeyPatch, bad_histories: list[tuple[History, int]]
) -> None:
    check = weakened(monkeypatch, None)
    assert all(check(history, atomic) for history, atomic in bad_histories)


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_weaker_checker_lets_a_bad_history_pass(
    name: str, monkeypatch: pytest.MonkeyPatch, bad_histories: list[tuple[History, int]]
) -> None:
    check = weakened(monkeypatch, WEAKENINGS[name])
    assert not all(check(history, atomic) for history, atomic in bad_histories)
