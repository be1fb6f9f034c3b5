"""The record of a run of the shipped suite: complete, sound, and the same however the run was spread."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from copyproof import data
from copyproof.verdicts.catalogue import catalogue

if TYPE_CHECKING:
    from tests.plugin.conftest import Run, Stand


def settled(run: Run) -> dict[str, Any]:
    """What of a record does not depend on time or place: not the LBAs, on which the order of the tests decides."""
    raw: dict[str, Any] = msgspec.to_builtins(run.record)
    for key in ("started", "finished", "duration", "verification"):
        del raw[key]
    for requirement in raw["requirements"]:
        del requirement["duration"]
        for case in requirement["cases"]:
            case["commands"] = [(c["name"], c["via"], c["length"], c["status"], c["sense"]) for c in case["commands"]]
            del case["duration"]
    return raw


def test_the_suite_passes_on_a_target_that_keeps_to_the_standard(stand: Stand) -> None:
    stand.configure(probes='"sidecar"')
    run = stand.suite()
    record = run.record
    assert run.status == 0
    judged = [row for row in record.requirements if not row.id.startswith("CTL-")]
    assert [row.id for row in record.requirements] == list(catalogue())
    assert {(row.verdict.value, row.cause) for row in judged} == {("PASS", "")}
    assert all(row.blocks.right == row.blocks.checked for row in judged)
    assert all(row.blocks.checked for row in judged)
    unseen = {(row.verdict.value, row.cause) for row in record.requirements if row not in judged}
    assert unseen == {
        ("NOT_OBSERVABLE", "the target is no white box: nothing shows its inside"),
        ("NOT_SUPPORTED", "the target file declares no pairs"),
    }
    assert all(row.blocks.labels_checked for row in record.requirements if row.id == "XC1-PI-LABELS")
    schema = json.loads((data.folder("reports") / "record.schema.json").read_text())
    jsonschema.validate(json.loads((stand.folder / "report" / "record.json").read_text()), schema)


def test_the_kernel_of_the_host_is_a_tool_where_it_is_not_the_target(stand: Stand) -> None:
    record = stand.suite("-k", "one_block").record
    assert record.target.kernel == ""
    assert record.tools["host kernel"] == platform.release()


def test_workers_of_xdist_make_the_same_record(stand: Stand, tmp_path: Path) -> None:
    alone, spread = stand.apart(stand.shipped("-p", "no:xdist")), None
    first = settled(alone)
    (stand.folder / "report" / "record.json").unlink()
    spread = stand.apart(stand.shipped("-n2"))
    assert (alone.status, spread.status) == (0, 0)
    assert settled(spread) == first
    assert sorted(spread.events) == ["enter"] * 3 + ["exit"] * 3


@pytest.mark.parametrize("seed", [2, 3_000_000_000])
def test_the_seed_is_recorded_and_changes_no_verdict(stand: Stand, seed: int) -> None:
    run = stand.suite(f"--hil-seed={seed}", "-k", "test_copy or test_segment")
    assert run.record.seed == seed
    assert f"target files, seed {seed}" in run.text
    assert run.status == 0
