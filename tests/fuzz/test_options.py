"""What `--hil-fuzz` refuses, and that nothing of it is loaded where it is not given."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec

import pytest

from copyproof.cli import run as cli
from tests.plugin.conftest import Stand


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--hil-fuzz=0", "--hil-fuzz=0 is not allowed; it must be 1 or more"),
        ("--hil-fuzz=-3", "--hil-fuzz=-3 is not allowed; it must be 1 or more"),
        ("--hil-fuzz-seconds=nan", "--hil-fuzz-seconds=nan is not allowed; it must be 1 or more"),
    ],
)
def test_a_budget_below_one_is_refused_before_the_target_is_up(stand: Stand, option: str, said: str) -> None:
    run = stand.run("--hil-fuzz=5", option)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert said in run.text
    assert run.events == []


def test_without_hypothesis_the_way_to_it_is_told(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def lacking(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "hypothesis" else real(name, package)

    monkeypatch.setattr("copyproof.plugin.given.find_spec", lacking)
    run = stand.run("--hil-fuzz=5")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "pip install 'copyproof[fuzz]'" in run.text


def test_a_session_without_the_option_plays_nothing(stand: Stand) -> None:
    stand.write("def test_nothing(): pass")
    run = stand.run()
    assert "random operations" not in run.text
    assert run.record.fuzz is None


def test_a_run_without_an_operation_is_an_error(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "copyproof.plugin.given.Fuzz", lambda steps, _: sys.modules["copyproof.fuzz.search"].Budget(steps, 0.0)
    )
    run = stand.run("--hil-fuzz=5")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert run.record.fuzz is not None
    assert run.record.fuzz.problem == "no operation was played, so nothing was proved"
    assert "0 of 5 random operations" in run.text
    assert "the time was up" in run.text


def test_a_lost_target_ends_in_an_error_and_not_in_a_difference(stand: Stand) -> None:
    stand.misbehave("dies 3")
    run = stand.run("--hil-fuzz=50")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    found = run.record.fuzz
    assert found is not None
    assert found.difference is None
    assert "No such device" in found.problem


def test_the_command_line_hands_the_budget_on(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[str] = []

    def main(arguments: list[str]) -> int:
        handed.extend(arguments)
        return 0

    monkeypatch.setattr(pytest, "main", main)
    with pytest.raises(SystemExit):
        cli.run.main(["lio-loopback", "--fuzz", "7", "--fuzz-seconds=90", "-x"])
    assert "--hil-fuzz=7" in handed
    assert "--hil-fuzz-seconds=90.0" in handed
    assert "-x" in handed
