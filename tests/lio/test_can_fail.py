"""The suite can fail: on a real target that lies, each lie is caught, with the right diagnosis at the exact LBA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof.scsi import copylist
from copyproof.scsi.copylist import BlockSegment
from copyproof.verdicts.record import CaseRecord
from copyproof.verdicts.verdict import Verdict
from tests.lio import faults
from tests.lio.suite import run_suite

MISPLACED = "copied from the wrong place"
COPIES = "test_copy_from_unit_to_unit"
REQUIREMENT = "XC1-LUN-TO-LUN"


@dataclass(frozen=True)
class Lie:
    fault: faults.Fault
    target: str
    diagnosis: str
    place: Callable[[BlockSegment], str]
    also: str


def _whole(segment: BlockSegment) -> str:
    return f"destination LBA {segment.destination_lba} to {segment.destination_lba + segment.blocks - 1}:"


def _last(segment: BlockSegment) -> str:
    return f"destination LBA {segment.destination_lba + segment.blocks - 1}:"


def _behind(segment: BlockSegment) -> str:
    return f"destination LBA {segment.destination_lba + segment.blocks}:"


def _bystander(_segment: BlockSegment) -> str:
    return f"bystander LBA {faults.BYSTANDER_LBA}:"


LIES = [
    Lie(faults.not_executed, "lio-loopback", "not copied", _whole, "not copied"),
    Lie(faults.last_block_skipped, "lio-loopback", "not copied", _last, "not copied"),
    Lie(faults.from_the_next_block, "lio-loopback", MISPLACED, _whole, MISPLACED),
    Lie(faults.neighbour_overwritten, "lio-loopback", MISPLACED, _behind, MISPLACED),
    Lie(faults.bystander_written, "lio-loopback", MISPLACED, _bystander, MISPLACED),
    Lie(faults.labels_not_exchanged, "lio-pi", "label not exchanged", _whole, "unreadable"),
]


# A target of plain files tells them all in every run of the tests (tests/plugin/test_suite_can_fail.py).
NIGHTLY = {faults.last_block_skipped, faults.from_the_next_block, faults.neighbour_overwritten}
RUNS = [pytest.param(lie, marks=[pytest.mark.nightly] if lie.fault in NIGHTLY else []) for lie in LIES]


@pytest.mark.parametrize("lie", RUNS, ids=lambda lie: lie.fault.__name__)
def test_each_lie_is_caught_at_its_exact_place(lie: Lie, tmp_path: Path) -> None:
    run = run_suite(lie.target, tmp_path, "-k", COPIES, plugins=[faults.Liar(lie.fault)])
    cases = run.cases(REQUIREMENT)
    assert len(cases) == 2, run.output
    assert run.code == 1
    for case in cases:
        assert case.verdict is Verdict.FAIL
        assert case.observed == "GOOD"
        assert case.cause.startswith(lie.place(_ordered(case))), case.cause
        assert lie.diagnosis in case.cause
        assert lie.also in case.blocks.wrong


def _ordered(case: CaseRecord) -> BlockSegment:
    """The segment that the test ordered, from the proof in the record."""
    return copylist.decode(bytes.fromhex(case.commands[0].data)).segments[0]
