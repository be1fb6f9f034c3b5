"""The fixtures behind `hil`: one bench a session, one rig a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from copyproof.errors import DeviceError, UsageError
from copyproof.plugin.bench import Bench
from copyproof.plugin.opening import opened
from copyproof.plugin.rig import Rig
from copyproof.plugin.stash import ACTIVE, RIG
from copyproof.verdicts.catalogue import Requirement, requirement

if TYPE_CHECKING:
    from copyproof.plugin.active import Active


@pytest.fixture(scope="session")
def _hil_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The target of the session, up; what cannot run here ends the session with one line."""
    active: Active = request.config.stash[ACTIVE]
    try:
        with opened(active.spec, active.seed, active.wrap, strict=active.strict) as bench:
            active.describe(bench)
            yield bench
    except UsageError as problem:
        active.interrupted = str(problem)
        pytest.exit(str(problem), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture
def _hil_rig(request: pytest.FixtureRequest, _hil_bench: Bench) -> Rig:
    """The rig of one test; a capability that the target lacks ends it here, with the reason."""
    item = request.node
    rig = Rig(_hil_bench, _requirement_of(item), key_of(item), _case_of(item))
    item.stash[RIG] = rig
    if _hil_bench.broken:
        raise DeviceError(f"the target was lost earlier: {_hil_bench.broken}")
    for mark in item.iter_markers("hil_needs"):
        for capability in mark.args:
            if why := _hil_bench.capabilities.why_not(capability):
                rig.lacking(capability, why)
                pytest.skip(why)
    return rig


def key_of(item: pytest.Item) -> str:
    """Return `module::name[param]`, which is the same wherever the suite is installed."""
    module = getattr(item, "module", None)
    return f"{module.__name__ if module else item.parent}::{item.name}"


def requirement_name(item: pytest.Item) -> str:
    """Return the id in a test's `hil_requirement` mark; raises UsageError when it has none."""
    mark = item.get_closest_marker("hil_requirement")
    if mark is None or len(mark.args) != 1:
        raise UsageError(f"{item.nodeid} uses the fixture hil and needs exactly one mark hil_requirement(ID)")
    return str(mark.args[0])


def _requirement_of(item: pytest.Item) -> Requirement:
    return requirement(requirement_name(item))


def _case_of(item: pytest.Item) -> str:
    """Name the row of a table, else the parameters, else the test itself."""
    call = getattr(item, "callspec", None)
    if call is None:
        return str(getattr(item, "originalname", item.name))
    row = call.params.get("case")
    return str(getattr(row, "label", call.id))
