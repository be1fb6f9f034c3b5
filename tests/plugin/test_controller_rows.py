"""The rows on the controller's inside: judged in every order of exchange, and failing when it is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import data
from copyproof.verdicts.verdict import Verdict, worst
from tests.lio.suite import Run, run_suite

ROWS = {f"CTL-{number:02}" for number in (1, 2, 13, 14, 15, 16, 17, 19, 23, 24, 25)}
BREACHES = [
    ("host-moves", {"CTL-01", "CTL-14"}),
    ("exchange-in-source-slot", {"CTL-02", "CTL-15", "CTL-24"}),
    ("parity-stale", {"CTL-17"}),
    ("rebuild-skips", {"CTL-17"}),
    ("cache-size-misreported", {"CTL-16"}),
    ("wrong-physical-address", {"CTL-25"}),
    ("destage-before-exchange", {"CTL-19", "CTL-23"}),
    ("no-exchange", {"CTL-13", "CTL-23"}),
]


def verdicts(folder: Path, exchange: str, *defects: str) -> dict[str, Verdict]:
    """The verdicts of the rows on an array that works, or fails, so."""
    run = run_with(folder, "test_controller", exchange, *defects)
    return {name: worst(case.verdict for case in run.cases(name)) for name in sorted(ROWS)}


def run_with(folder: Path, tests: str, exchange: str, *defects: str) -> Run:
    """Run some tests of the suite on such an array."""
    shipped = (data.folder("targets") / "software-array.toml").read_text()
    own = f'[array]\nexchange = "{exchange}"\ndefects = {list(defects)}\n'
    target = folder / "own.toml"
    target.write_text(shipped.replace("[array]\n", own))
    return run_suite(str(target), folder, "-k", tests)


@pytest.mark.parametrize("exchange", ["in-buffer", "after-move", "single-buffer"])
def test_each_row_passes_whatever_order_of_exchange_the_target_is_set_to(exchange: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, exchange) == dict.fromkeys(sorted(ROWS), Verdict.PASS)


@pytest.mark.parametrize(("defect", "rows"), BREACHES)
def test_a_row_fails_when_the_controller_does_wrong(defect: str, rows: set[str], tmp_path: Path) -> None:
    found = verdicts(tmp_path, "in-buffer", defect)
    assert {found[name] for name in rows} == {Verdict.FAIL}


def test_blocks_are_read_from_the_members_that_are_left_and_not_from_the_cache(tmp_path: Path) -> None:
    run = run_with(tmp_path, "test_controller and member", "in-buffer", "parity-stale")
    wrong = {case.test.partition("::")[2] for case in run.cases("CTL-17") if case.blocks.wrong}
    assert wrong == {
        "test_a_copy_made_without_a_member_is_right",
        "test_a_copy_is_right_after_a_member_was_lost_and_rebuilt",
    }


def test_every_row_fails_somewhere() -> None:
    assert set.union(*(rows for _, rows in BREACHES)) == ROWS
