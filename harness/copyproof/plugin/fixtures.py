"""The fixtures behind `hil`: one bench a session, one rig a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from copyproof.errors import DeviceError, UsageError
from copyproof.plugin.bench import Bench
from copyproof.plugin.opening import opened
from copyproof.plugin.rig import Rig
from copyproof.plugin.stash import ACTIVE, RIG
from copyproof.targets.capabilities import Capability
from copyproof.verdicts.catalogue import Requirement, requirement
from copyproof.verdicts.record import CaseRecord
from copyproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from copyproof.plugin.active import Active


@pytest.fixture(scope="session")
def _hil_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The target of the session, up; what cannot run here ends the session with one line."""
    active: Active = request.config.stash[ACTIVE]
    try:
        with opened(active.spec, active.seed, active.wrap, strict=active.strict, tape=active.tape) as bench:
            active.describe(bench)
            bench.mark_bystander()
            active.verifier.prepare(bench)
            yield bench
            active.verifier.close(bench, bench.broken or active.ending.reason)
    except UsageError as problem:
        active.ending.refuse(request.session, str(problem))


@pytest.fixture
def _hil_rig(request: pytest.FixtureRequest, _hil_bench: Bench) -> Rig:
    """The rig of one test; a capability that the target lacks ends it here, with the reason."""
    item = request.node
    rig = Rig(_hil_bench, requirement_of(item), key_of(item), _case_of(item))
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


def complaints(item: pytest.Item) -> Iterator[str]:
    """Say why a test could not be judged: its marks must name a requirement of the catalogue, and capabilities."""
    if "hil" not in getattr(item, "fixturenames", ()):
        return
    try:
        requirement_of(item)
    except UsageError as problem:
        yield f"{item.nodeid}: {problem}"
    for need in (need for mark in item.iter_markers("hil_needs") for need in mark.args):
        if not isinstance(need, Capability):
            known = ", ".join(capability.name for capability in Capability)
            yield f"{item.nodeid}: hil_needs takes members of copyproof.hil.Capability ({known}), not {need!r}"


def unjudged(items: Sequence[pytest.Item], why: str) -> list[CaseRecord]:
    """Return what the record says of tests that use `hil` as long as they are not judged."""
    return [
        CaseRecord(
            test=key_of(item),
            case=_case_of(item),
            requirement=requirement_of(item).id,
            verdict=Verdict.NOT_RUN,
            cause=why,
        )
        for item in items
        if "hil" in getattr(item, "fixturenames", ()) and not list(complaints(item))
    ]


def requirement_of(item: pytest.Item) -> Requirement:
    """Return the requirement that a test's nearest mark names; raises UsageError when it names none."""
    mark = item.get_closest_marker("hil_requirement")
    if mark is None or len(mark.args) != 1:
        raise UsageError("a test that uses the fixture hil needs a mark hil_requirement(ID) with one id")
    return requirement(str(mark.args[0]))


def _case_of(item: pytest.Item) -> str:
    """Name the row of a table, else the parameters, else the test itself."""
    call = getattr(item, "callspec", None)
    if call is None:
        return str(getattr(item, "originalname", item.name))
    row = call.params.get("case")
    return str(getattr(row, "label", call.id))
