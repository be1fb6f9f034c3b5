"""Run the shipped suite in a child of this process: what is imported already need not be imported again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof.cli.run import arguments
from copyproof.reports import schema
from copyproof.verdicts.record import CaseRecord, Record
from copyproof.verdicts.verdict import Verdict

SEED = 20


@dataclass(frozen=True)
class Run:
    """How a run ended: exit status, everything it printed, and its record."""

    code: int
    output: str
    record: Record

    def cases(self, requirement: str) -> list[CaseRecord]:
        """The cases of one requirement that this run judged."""
        cases = next(row.cases for row in self.record.requirements if row.id == requirement)
        return [case for case in cases if case.verdict is not Verdict.NOT_RUN]


class Keep:
    """Keeps the record alone: an emulated machine takes its time to draw a page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @pytest.hookimpl
    def pytest_hil_record(self, record: Record) -> None:
        schema.dump(record, self.folder / "record.json")


def run_suite(target: str, folder: Path, *options: str, plugins: Sequence[object] = ()) -> Run:
    """Run the suite against a target in a forked child; `folder` gets its record and output."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.txt"
    child = os.fork()
    if child == 0:
        code = 70
        try:
            _to_file(output)
            options = (f"--hil-seed={SEED}", *options)
            code = int(pytest.main(arguments(target, None, options), [Keep(folder), *plugins]))
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    text = output.read_text(errors="replace")
    assert (folder / "record.json").is_file(), text
    return Run(os.waitstatus_to_exitcode(status), text, schema.load(folder / "record.json"))


def _to_file(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
