"""The rows on pairs fail, with the right diagnosis, when the array does wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof import data
from copyproof.blocks.findings import Wrong
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

FRONT = "test_pair_front and PSUS_SP"


@dataclass(frozen=True)
class Breach:
    """What the array does wrong, which tests look for it, the row that must fail, what its cause must say, and what a
    block or label must be found to be."""

    defect: str
    tests: str
    row: str
    said: str
    found: Wrong | None = None
    beside: frozenset[str] = frozenset()
    """Parts of the names of tests that must pass all the same."""


BREACHES = [
    Breach("cow-skipped", FRONT, "CTL-03", "its old block was copied never", Wrong.NEWER, frozenset({"BEFORE"})),
    Breach("cow-late", FRONT, "CTL-03", "its old block was copied only afterwards", Wrong.NEWER, frozenset({"BEFORE"})),
    Breach(
        "cow-primary-only", FRONT, "CTL-03", "volume 7, LBA", Wrong.MISPLACED, frozenset({"write-primary", "BEFORE"})
    ),
    Breach("uncopied-readable", FRONT, "CTL-03", "secondary LBA", Wrong.MISPLACED, frozenset({"write", "BEFORE"})),
    Breach(
        "difference-lost",
        "moves_what_differs and RESYNC",
        "CTL-07",
        "moved 1536 blocks",
        Wrong.STALE,
        frozenset({"one-slot"}),
    ),
    Breach(
        "resync-primary-only",
        "moves_what_differs and RESYNC",
        "CTL-07",
        "moved 0 blocks",
        Wrong.MISPLACED,
        frozenset({"[primary-"}),
    ),
    Breach("source-number", "label_of_its_own_volume", "CTL-05", "secondary LBA 0", Wrong.APPLICATION),
    Breach("group-split-torn", "one_point_in_time_while", "CTL-09", "the group was not split at one point in time"),
    Breach("deleted-copies-on", "neither_volume_follows", "CTL-08", "secondary LBA", Wrong.MISPLACED),
]


def run_with(defect: str, tests: str, folder: Path) -> Run:
    """Run some tests of the suite on an array with a defect."""
    shipped = (data.folder("targets") / "software-array.toml").read_text()
    target = folder / "own.toml"
    target.write_text(shipped.replace("[array]\n", f'[array]\ndefects = ["{defect}"]\n'))
    return run_suite(str(target), folder, "-k", tests)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.defect)
def test_a_row_fails_with_its_diagnosis_when_the_array_does_wrong(breach: Breach, tmp_path: Path) -> None:
    run = run_with(breach.defect, breach.tests, tmp_path)
    cases = run.cases(breach.row)
    failed = [case for case in cases if case.verdict is Verdict.FAIL]
    assert failed, run.output
    assert {case.verdict for case in cases} <= {Verdict.PASS, Verdict.FAIL}
    assert any(breach.said in case.cause for case in failed), [case.cause for case in failed]
    assert breach.found is None or any(breach.found.value in case.blocks.wrong for case in failed)
    assert [case.test for case in failed if any(name in case.test for name in breach.beside)] == []
    assert all(case.orders and all(order.steps for order in case.orders) for case in failed)
