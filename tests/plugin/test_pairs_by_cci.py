"""The suite on pairs passes by CCI's commands as it does in band."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from copyproof import process
from copyproof.targets import pairs
from copyproof.targets.templates import load
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite
from tests.unit.cci.cci_desk import in_this_process

TARGET = "software-array-cci"
CELLS = "each_command_does_in_each_state and in-RCPY"


def programs(run: Run) -> set[str]:
    """The programs by which the orders of a run were given."""
    cases = [case for row in run.record.requirements for case in row.cases]
    steps = [step for case in cases for order in case.orders for step in order.steps]
    return {Path(step.what.split()[0]).name for step in steps}


def failed(run: Run) -> list[str]:
    """The tests that did not end as they must."""
    cases = [case for row in run.record.requirements for case in row.cases]
    return [f"{case.test}: {case.cause}" for case in cases if case.verdict in (Verdict.FAIL, Verdict.ERROR)]


def test_cells_of_the_table_are_judged_by_ccis_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "bounded", lambda _: in_this_process)
    run = run_suite(TARGET, tmp_path, "-k", CELLS)
    assert failed(run) == [], run.output
    assert run.code == 0
    judged = [case for row in run.record.requirements for case in row.cases if case.verdict is Verdict.PASS]
    assert len(judged) == 7
    assert programs(run) == {"paircreate", "pairsplit", "pairresync"}


def test_what_a_template_has_no_display_for_is_said_not_to_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "bounded", lambda _: in_this_process)
    monkeypatch.setattr(pairs, "load", lambda name: msgspec.structs.replace(load(name), display=None))
    run = run_suite(TARGET, tmp_path, "-k", "display_agrees and PSUE")
    (case,) = run.cases("CTL-11")
    assert (case.verdict, case.cause) == (
        Verdict.PASS,
        "not seen: a display beside the query for each pair, since the template has none",
    )


@pytest.mark.nightly
def test_the_whole_suite_on_pairs_passes_by_ccis_programs(tmp_path: Path) -> None:
    run = run_suite(TARGET, tmp_path, "-k", "pair")
    assert failed(run) == [], run.output
    assert run.code == 0
    assert programs(run) == {"paircreate", "pairsplit", "pairresync"}
