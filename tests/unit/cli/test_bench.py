"""`copyproof bench`: what is measured elsewhere, as a table, as JSON and as an exit status."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from copyproof import cli
from copyproof.bench.figures import Figure, Measured, NotMeasured
from copyproof.cli import bench
from copyproof.errors import DeviceError, ToolMissing

GOOD = Figure("verify 512 B without labels, a name too long", 5.61, "GB/s", "memcmp", 11.2, 0.45)
MISSED = Figure("splices, 1 TiB and 1 PiB side by side", 2.0, "s", "1 TiB", 1.0, 1.3, most=True)
PLAIN = Figure("make", 1234.5, "commands/s", "a peer with a long name", 0.0123)
Given = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Let a benchmark yield figures, or fail; what each was asked is told."""
    asked: list[tuple[str, str]] = []

    def put(**figures: list[Measured | Exception]) -> list[tuple[str, str]]:
        def module(path: str) -> Any:
            name = path.rpartition(".")[2]

            def measured(target: str = "default") -> Iterator[Measured]:
                asked.append((name, target))
                for figure in figures.get(name, []):
                    if isinstance(figure, Exception):
                        raise figure
                    yield figure

            return SimpleNamespace(measured=measured)

        monkeypatch.setattr(bench, "import_module", module)
        return asked

    return put


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", *arguments])
    return int(end.value.code or 0)


@pytest.mark.parametrize("name", bench.NAMES)
def test_every_benchmark_that_is_named_exists(name: str) -> None:
    assert callable(import_module(f"copyproof.bench.{name}").measured)


def test_all_are_measured_unless_some_are_named(given: Given) -> None:
    asked = given(blocks=[GOOD])
    assert run() == 0
    assert [name for name, _ in asked] == list(bench.NAMES)
    asked.clear()
    run("model", "blocks", "model")
    assert [name for name, _ in asked] == ["model", "blocks"]


def test_only_commands_has_a_target(given: Given) -> None:
    asked = given(model=[PLAIN])
    assert run("commands", "model", "--target", "lio-pi") == 0
    assert asked == [("commands", "lio-pi"), ("model", "default")]


def test_the_table_fits_80_columns_and_says_all(given: Given, capsys: pytest.CaptureFixture[str]) -> None:
    given(blocks=[GOOD, PLAIN], model=[MISSED])
    run("blocks", "model")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for word in ("5.61 GB/s", "memcmp: 11.2", "0.50", "≥ 0.45", "yes", "2 s", "2.00", "≤ 1.3", "NO", "0.0123"):
        assert word in out


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ([GOOD, PLAIN], 0),
        ([GOOD, NotMeasured("fio", "not here")], 0),
        ([GOOD, MISSED], 1),
        ([NotMeasured("fio", "not here")], 2),
        ([], 2),
    ],
)
def test_the_exit_status_is_1_when_a_reach_is_missed_and_2_when_nothing_was_measured(
    given: Given, figures: list[Measured], status: int
) -> None:
    given(blocks=figures)
    assert run("blocks") == status


@pytest.mark.parametrize("problem", [ToolMissing("fio is not installed"), DeviceError("the disk is on fire")])
def test_what_cannot_be_measured_says_why_and_keeps_no_other_from_being_measured(
    given: Given, problem: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    given(blocks=[GOOD, problem], verify=[NotMeasured("fio", "no such disk " * 9)], model=[PLAIN])
    assert run() == 0
    out = capsys.readouterr().out
    assert f"blocks: not measured: {problem}" in out
    assert "5.61 GB/s" in out
    assert "make" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_figures_and_the_machine_are_written_as_json(given: Given, tmp_path: Path) -> None:
    given(blocks=[GOOD], model=[MISSED, NotMeasured("memory", "no")])
    assert run("--json", str(tmp_path / "b.json")) == 1
    told = json.loads((tmp_path / "b.json").read_text())
    assert told["schema"] == "copyproof.bench/1"
    assert set(told["machine"]) == {"cpu", "cores", "kernel", "python", "numpy"}
    assert all(told["machine"].values())
    assert [figure.get("reached") for figure in told["figures"]] == [True, False, None]
    assert told["figures"][0]["ratio"] == pytest.approx(0.5, abs=0.01)


def test_a_place_for_the_json_that_cannot_be_written_is_told_before_measuring(given: Given, tmp_path: Path) -> None:
    asked = given()
    (tmp_path / "file").touch()
    assert run("--json", str(tmp_path / "file" / "b.json")) == 2
    assert asked == []


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("speed") == 2
    assert "'blocks', 'verify', 'model', 'commands'" in capsys.readouterr().err
