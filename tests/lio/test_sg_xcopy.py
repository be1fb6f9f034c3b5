"""The same copies, done by sg_xcopy and judged by the harness, end in the same verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import process
from copyproof.scsi.command import Result, Status
from copyproof.scsi.copylist import CopyList
from tests.lio import faults
from tests.lio.suite import Run, run_suite

POSITIVE = "within_one_unit or from_unit_to_unit or other_direction or count_of_one or longest_segment or neighbours"


def by_sg_xcopy(lying: faults.Lying, order: CopyList, timeout: float) -> Result:
    """Let the other program send the copy; its exit status stands for the command's."""
    segment = order.segments[0]
    nodes = {lun.device.naa: lun.device.sg[0] for lun in lying.luns.values()}
    source, destination = (nodes[order.cscds[i].designator.naa] for i in (segment.source, segment.destination))
    argv = ["sg_xcopy", f"if={source}", f"of={destination}", f"bs={order.cscds[0].block_length}"]
    argv += [f"skip={segment.source_lba}", f"seek={segment.destination_lba}", f"count={segment.blocks}"]
    done = process.run(argv, timeout=timeout)
    assert done.code == 0, done.error_text
    return Result(Status.GOOD, duration=done.duration)


@pytest.mark.parametrize("target", ["lio-loopback", pytest.param("lio-pi", marks=pytest.mark.nightly)])
def test_sg_xcopy_and_the_harness_agree(target: str, tmp_path: Path) -> None:
    ours = run_suite(target, tmp_path / "ours", "-k", POSITIVE)
    theirs = run_suite(target, tmp_path / "theirs", "-k", POSITIVE, plugins=[faults.Liar(by_sg_xcopy)])
    assert _verdicts(theirs) == _verdicts(ours), theirs.output
    assert set(_verdicts(ours).values()) == {"PASS"}
    assert len(_verdicts(ours)) == 12


def _verdicts(run: Run) -> dict[str, str]:
    cases = (case for row in run.record.requirements for case in run.cases(row.id))
    return {case.test: case.verdict.value for case in cases}
