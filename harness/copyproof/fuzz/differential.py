"""The test behind `--hil-fuzz`, collected only where that is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof.errors import CopyproofError, DeviceError, UsageError
from copyproof.fuzz import script
from copyproof.fuzz.ground import survey
from copyproof.fuzz.mix import shares, shortfall
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Search
from copyproof.plugin.bench import Bench
from copyproof.plugin.stash import ACTIVE
from copyproof.targets.capabilities import Capability
from copyproof.verdicts.fuzzed import FuzzDifference, FuzzRecord


def test_random_sequences_do_what_the_model_says(request: pytest.FixtureRequest) -> None:
    """Play random sequences; a difference fails the run, shrunk and written down."""
    active = request.config.stash[ACTIVE]
    asked = active.fuzzing.asked
    if asked is None:
        raise UsageError("say how many operations are to be played: --hil-fuzz=STEPS")
    bench: Bench = request.getfixturevalue("_hil_bench")
    if bench.broken:
        raise DeviceError(f"the target was lost earlier: {bench.broken}")
    if why := bench.capabilities.why_not(Capability.LID1):
        pytest.skip(f"nothing to play: {why}")
    found = fuzz(bench, Budget(asked.steps, asked.seconds), active.seed, active.folder or Path("out"))
    active.fuzzing.keep(found)
    if found.problem:
        raise DeviceError(found.problem)
    if found.difference:
        operations = "\n".join(f"  {line}" for line in found.difference.operations)
        pytest.fail(f"{found.difference.diagnosis}\n{operations}", pytrace=False)


def fuzz(bench: Bench, budget: Budget, seed: int, folder: Path) -> FuzzRecord:
    """Search, and write a difference into a folder; raises UsageError when that cannot be written to."""
    search: Search | None = None
    try:
        search = Search(Player(bench, survey(bench)), budget)
        search.run(seed)
    except CopyproofError as problem:
        return FuzzRecord(budget=budget.steps, steps=0, seconds=0.0, problem=str(problem))
    return FuzzRecord(
        budget=budget.steps,
        steps=search.steps,
        seconds=search.seconds,
        examples=search.examples,
        tries=search.tries,
        checked=search.player.checked,
        ended=search.ended.value,
        mix=dict(sorted(search.mix.items())),
        shares=shares(search.mix, search.steps),
        problem=search.problem
        or ("" if search.found else shortfall(search.mix, search.steps, search.player.ground.pairs)),
        difference=_written(search, bench, folder),
    )


def _shortfall(search: Search) -> str:
    return "" if search.found else shortfall(search.mix, search.steps, search.player.ground.pairs)


def _written(search: Search, bench: Bench, folder: Path) -> FuzzDifference | None:
    found = search.found
    if found is None:
        return None
    names = script.write(found, bench, folder) if found.events else ("", "")
    return FuzzDifference(
        operations=[str(operation) for operation in found.operations],
        diagnosis=found.diagnosis,
        script=names[0],
        tape=names[1],
    )
