"""Every requirement on every LIO target ends in the verdict that is committed for it, no better and no worse."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

EXPECTED = Path(__file__).parent / "expected"
TARGETS = sorted(path.stem for path in EXPECTED.glob("*.toml"))
NEVER = {Verdict.ERROR, Verdict.NOT_RUN, Verdict.UNEXPECTED_PASS}


@pytest.fixture(scope="module", params=TARGETS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(request.param, tmp_path_factory.mktemp(request.param))


def test_each_requirement_ends_as_committed(run: Run) -> None:
    committed = tomllib.loads((EXPECTED / f"{run.record.target.name}.toml").read_text())
    found: dict[str, list[str]] = {}
    for row in run.record.requirements:
        found.setdefault(row.verdict.value, []).append(row.id)
    assert {verdict: sorted(ids) for verdict, ids in found.items()} == {
        verdict: sorted(ids) for verdict, ids in committed.items()
    }, run.output


def test_nothing_ends_in_a_verdict_that_says_nothing(run: Run) -> None:
    assert [row.id for row in run.record.requirements if row.verdict in NEVER] == []


def test_a_failure_is_a_finding_that_is_written_down(run: Run) -> None:
    findings = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    failed = [row.id for row in run.record.requirements if row.verdict is Verdict.FAIL]
    assert [name for name in failed if name not in findings] == []
    assert run.code == (1 if failed else 0)


def test_every_deviation_names_its_clause_and_function(run: Run) -> None:
    cases = [case for row in run.record.requirements for case in row.cases if case.verdict is Verdict.DEVIATION]
    assert cases
    assert [case.test for case in cases if "SPC-4" not in case.deviation or "target_" not in case.deviation] == []


def test_every_judged_copy_has_its_proof(run: Run) -> None:
    judged = {Verdict.PASS, Verdict.DEVIATION, Verdict.FAIL}
    for case in (case for row in run.record.requirements for case in row.cases if case.verdict in judged):
        assert case.commands, case.test
        assert all(command.repeat and command.cdb for command in case.commands)
        assert case.blocks.checked >= run.record.target.luns[0].block_size // 4096
