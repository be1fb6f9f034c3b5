"""Runs of the plugin on a target of files: what such a run left can be asked afterwards."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof.cli.run import arguments
from copyproof.plugin import active, opening  # noqa: F401  # loaded once for all runs in this process
from copyproof.reports import html, table  # noqa: F401  # as above
from copyproof.reports.schema import load
from copyproof.verdicts.record import CaseRecord, Record, RequirementRecord

pytest.register_assert_rewrite("fake_target")

#: Hypothesis would be loaded anew in every run.
PLUGINS = ("-p", "no:hypothesispytest", "-p", "fake_target")
HERE = Path(__file__).parent
TARGET = """
name = "files"
driver = "lab"
profile = "{profile}"
version = "6.1.0"
[overlap]
rule = "ascending"
chunk = "32 KiB"
[labels]
probes = [{probes}]
[luns]
source = {{ naa = "60000000000000000000000000000001" }}
destination = {{ naa = "60000000000000000000000000000002" }}
bystander = {{ naa = "60000000000000000000000000000003" }}
hidden = {{ naa = "60000000000000000000000000000004", destroy = true }}
readonly = {{ naa = "60000000000000000000000000000005" }}
"""


@dataclass(frozen=True)
class Run:
    """What a run left."""

    result: pytest.RunResult
    folder: Path

    @property
    def status(self) -> int:
        return int(self.result.ret)

    @property
    def text(self) -> str:
        return self.result.stdout.str() + self.result.stderr.str()

    @property
    def record(self) -> Record:
        return load(self.folder / "report" / "record.json")

    @property
    def events(self) -> list[str]:
        path = self.folder / "events"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def cases(self) -> list[CaseRecord]:
        return [case for requirement in self.record.requirements for case in requirement.cases]

    def requirement(self, name: str) -> RequirementRecord:
        return next(item for item in self.record.requirements if item.id == name)

    def verdict(self, name: str) -> str:
        return self.requirement(name).verdict.value


class Stand:
    """A folder with a target of files, and ways to run pytest on it."""

    def __init__(self, pytester: pytest.Pytester, folder: Path) -> None:
        self.pytester, self.folder = pytester, folder
        self.target = folder / "files.toml"
        self.configure()

    def configure(self, *, profile: str = "", probes: str = "") -> None:
        """Write the target file."""
        self.target.write_text(TARGET.format(profile=profile, probes=probes))

    def misbehave(self, *lines: str) -> None:
        """Tell the target what to do wrong (see fake_manager.Misbehaviour)."""
        (self.folder / "misbehaviour").write_text("\n".join(lines))

    def write(self, tests: str) -> None:
        """Write a file of tests as a user would."""
        self.pytester.makepyfile(test_mine=f"from copyproof.hil import *\nimport pytest\n\n{tests}")

    def options(self, *further: str) -> list[str]:
        """The options of a run with a report."""
        report = f"--hil-report={self.folder / 'report'}"
        return [*PLUGINS, f"--hil-target={self.target}", report, "--hil-seed=1", *further]

    def shipped(self, *further: str) -> list[str]:
        """The options of a run of the shipped suite, as `copyproof run` makes them."""
        own = (*PLUGINS, "--hil-seed=1", *further)
        return arguments(str(self.target), str(self.folder / "report"), own)

    def run(self, *further: str) -> Run:
        """Run the tests of the pytester folder, in this process."""
        return self.here(self.options(*further))

    def suite(self, *further: str) -> Run:
        """Run the shipped suite, in this process."""
        return self.here(self.shipped(*further))

    def here(self, options: list[str]) -> Run:
        """Run pytest in this process."""
        return Run(self.pytester.runpytest_inprocess(*options), self.folder)

    def apart(self, options: list[str]) -> Run:
        """Run pytest in a process of its own, which workers of xdist need."""
        return Run(self.pytester.runpytest_subprocess(*options, timeout=120), self.folder)


@pytest.fixture
def stand(
    pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Stand:
    """A stand with a target of files that keeps to the standard."""
    folder = tmp_path_factory.mktemp("fake")
    monkeypatch.setenv("COPYPROOF_FAKE", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(HERE), str(HERE.parents[1]))))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.syspath_prepend(HERE)
    return Stand(pytester, folder)
