"""The rows on the controller's inside: judged in each order of exchange, and failing when it is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import data
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import run_suite

IN_BUFFER, AFTER_MOVE, SINGLE = "in-buffer", "after-move", "single-buffer"
ALWAYS = {"CTL-16", "CTL-17", "CTL-23", "CTL-25"}
BORNE_OUT = {
    IN_BUFFER: ALWAYS | {"CTL-01", "CTL-02", "CTL-14", "CTL-15", "CTL-24"},
    AFTER_MOVE: ALWAYS | {"CTL-01", "CTL-14", "CTL-19"},
    SINGLE: ALWAYS | {"CTL-13"},
}
BREACHES = [
    (IN_BUFFER, "host-moves", {"CTL-01", "CTL-14"}),
    (IN_BUFFER, "exchange-in-source-slot", {"CTL-02", "CTL-15", "CTL-24"}),
    (IN_BUFFER, "parity-stale", {"CTL-17"}),
    (IN_BUFFER, "rebuild-skips", {"CTL-17"}),
    (IN_BUFFER, "cache-size-misreported", {"CTL-16"}),
    (IN_BUFFER, "wrong-physical-address", {"CTL-25"}),
    (AFTER_MOVE, "destage-before-exchange", {"CTL-19", "CTL-23"}),
    (SINGLE, "no-exchange", {"CTL-13", "CTL-23"}),
]


def verdicts(folder: Path, exchange: str, *defects: str) -> dict[str, Verdict]:
    """The verdicts of the rows on an array that works, or fails, so."""
    shipped = (data.folder("targets") / "software-array.toml").read_text()
    own = f'[array]\nexchange = "{exchange}"\ndefects = {list(defects)}\n'
    target = folder / "own.toml"
    target.write_text(shipped.replace("[array]\n", own))
    run = run_suite(str(target), folder, "-k", "test_controller")
    return {row.id: row.verdict for row in run.record.requirements if row.id.startswith("CTL-")}


@pytest.mark.parametrize("exchange", BORNE_OUT)
def test_each_row_passes_in_its_order_of_exchange_and_is_not_judged_in_another(exchange: str, tmp_path: Path) -> None:
    found = verdicts(tmp_path, exchange)
    assert {name for name, verdict in found.items() if verdict is Verdict.PASS} == BORNE_OUT[exchange]
    assert set(found.values()) == {Verdict.PASS, Verdict.NOT_SUPPORTED}


@pytest.mark.parametrize(("exchange", "defect", "rows"), BREACHES)
def test_a_row_fails_when_the_controller_does_wrong(exchange: str, defect: str, rows: set[str], tmp_path: Path) -> None:
    found = verdicts(tmp_path, exchange, defect)
    assert {found[name] for name in rows} == {Verdict.FAIL}


def test_every_row_that_passes_somewhere_fails_somewhere() -> None:
    assert set.union(*BORNE_OUT.values()) == set.union(*(rows for _, _, rows in BREACHES))
