"""The suite on pairs of an array that nothing shows the inside of: what cannot be held or seen is said, not passed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copyproof import data
from copyproof.pairing import service
from copyproof.plugin import pair, pairing
from copyproof.targets.drivers.software import SoftwareDriver
from copyproof.targets.live import LiveTarget
from copyproof.verdicts.record import NOT_SEEN
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

SOME = "test_pair_front or test_pair_display or (test_pair_commands and (in-PAIR or in-COPY or in-RCPY))"


@pytest.fixture(autouse=True)
def _black_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the software array show nothing of its inside; its time passes with each command, so there is no wait."""
    sound = SoftwareDriver.__enter__

    def enter(driver: SoftwareDriver) -> LiveTarget:
        return replace(sound(driver), control=None)

    monkeypatch.setattr(SoftwareDriver, "__enter__", enter)
    for module in (service, pairing):
        monkeypatch.setattr(module, "POLL", 0.0)
    monkeypatch.setattr(pair, "WHILE", 0.0)


def run_declared(folder: Path, tests: str, **changes: str) -> Run:
    """Run some tests on a target that declares something else of its pairs."""
    text = (data.folder("targets") / "software-array.toml").read_text()
    lines = "".join(f"{key} = {value}\n" for key, value in changes.items())
    target = folder / "own.toml"
    target.write_text(text.replace('way = "inband"\n', f'way = "inband"\n{lines}'))
    return run_suite(str(target), folder, "-k", tests)


@pytest.mark.parametrize("tests", [SOME, pytest.param("test_pair", marks=pytest.mark.nightly)], ids=["some", "all"])
def test_every_row_passes_by_what_can_be_seen_and_says_what_cannot(tests: str, tmp_path: Path) -> None:
    run = run_declared(tmp_path, tests)
    cases = [case for row in run.record.requirements for case in row.cases if case.verdict is not Verdict.NOT_RUN]
    assert {case.verdict for case in cases} == {Verdict.PASS, Verdict.NOT_OBSERVABLE}, run.output
    blind = {case.test.rpartition("::")[2] for case in cases if case.cause.startswith(NOT_SEEN)}
    assert any("whatever_is_touched" in name for name in blind)
    assert all(case.cause for case in cases if case.verdict is Verdict.NOT_OBSERVABLE)
    assert [case.test for case in cases if "-in-PAIR" in case.test and case.verdict is not Verdict.PASS] == []


def test_cells_that_a_target_does_not_declare_are_not_supported_with_the_reason(tmp_path: Path) -> None:
    run = run_declared(tmp_path, "test_pair_commands", operations='["create", "split", "delete"]', kinds='["normal"]')
    cases = [case for row in run.record.requirements for case in row.cases if case.verdict is not Verdict.NOT_RUN]
    lacking = [case for case in cases if case.verdict is Verdict.NOT_SUPPORTED]
    assert {case.verdict for case in cases} <= {Verdict.PASS, Verdict.NOT_SUPPORTED, Verdict.NOT_OBSERVABLE}, run.output
    assert all(case.cause.startswith("the target declares no") for case in lacking)
    told = {case.test.partition("[")[2] for case in lacking}
    assert {"RESYNC-in-PSUS]", "SPLIT-in-PSUE]", "CREATE_SPLIT-in-SMPL]", "DELETE-in-PSUS_SP]"} <= told
    assert "SPLIT-in-PAIR]" not in told
