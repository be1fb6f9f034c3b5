"""Every requirement on every target of a kernel ends in the verdict committed for it, no better and no worse."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from copyproof.scsi import copylist
from copyproof.scsi.copylist import BlockSegment
from copyproof.verdicts.agreement import compare
from copyproof.verdicts.catalogue import catalogue
from copyproof.verdicts.record import CommandRecord
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

EXPECTED = Path(__file__).parent / "expected"
# A stock kernel on one core takes about a minute a target by sg_raw; these differ least from the others.
# The software array under emulation takes five minutes; in process it is tested with the others of the project.
NIGHTLY = {"lio-4k sg3", "lio-iscsi sg3", "lio-iblock sg3", "lio-ramdisk sg3", "lio-pi sg3", "lio-loopback sgio"}
NIGHTLY |= {"tcmu-array sg3", "tcmu-array sgio", "tcmu-iscsi sgio"}
# Each order of LVM's or dmsetup's is several programs, and takes up to a minute there.
PROGRAMS = ["dm-snapshot sgio", "lvm-mirror sgio"]
NIGHTLY |= {*PROGRAMS}
BY_IOCTL = ["lio-loopback sgio", "lio-pi sgio", "tcmu-array sgio", "tcmu-iscsi sgio", *PROGRAMS]
BY_TOOL = [f"{path.stem} sg3" for path in sorted(EXPECTED.glob("lio-*.toml"))]
RUNS = [
    pytest.param(name, marks=[pytest.mark.nightly] if name in NIGHTLY else [])
    for name in [*BY_TOOL, "tcmu-array sg3", *BY_IOCTL]
]
NOT_JUDGED = {Verdict.NOT_OBSERVABLE, Verdict.NOT_SUPPORTED}
NEVER = {Verdict.ERROR, Verdict.NOT_RUN, Verdict.UNEXPECTED_PASS}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    target, _, way = request.param.partition(" ")
    return run_suite(target, tmp_path_factory.mktemp(target), f"--hil-transport={way}")


def test_each_requirement_ends_as_committed(run: Run) -> None:
    committed = tomllib.loads((EXPECTED / f"{run.record.target.name}.toml").read_text())
    committed.pop("reasons", None)
    found: dict[str, list[str]] = {}
    for row in run.record.requirements:
        found.setdefault(row.verdict.value, []).append(row.id)
    assert {verdict: sorted(ids) for verdict, ids in found.items()} == {
        verdict: sorted(ids) for verdict, ids in committed.items()
    }, run.output


def test_what_cannot_be_judged_has_the_committed_reason(run: Run) -> None:
    reasons = tomllib.loads((EXPECTED / f"{run.record.target.name}.toml").read_text()).get("reasons")
    if reasons is None:
        pytest.skip("only the targets whose pairs others make have reasons in their list")
    found = {row.id: row.cause for row in run.record.requirements if row.verdict in NOT_JUDGED}
    assert {name: found[name] for name in found if name.startswith("CTL-")} == reasons


def test_nothing_ends_in_a_verdict_that_says_nothing(run: Run) -> None:
    assert [row.id for row in run.record.requirements if row.verdict in NEVER] == []


def test_a_failure_is_a_finding_that_is_written_down(run: Run) -> None:
    findings = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    failed = [row.id for row in run.record.requirements if row.verdict is Verdict.FAIL]
    assert [name for name in failed if name not in findings] == []
    assert run.code == (1 if failed else 0)


def test_every_deviation_names_its_clause_and_function(run: Run) -> None:
    cases = [case for row in run.record.requirements for case in row.cases if case.verdict is Verdict.DEVIATION]
    assert cases or not run.record.target.profile
    assert [case.test for case in cases if "SPC-4" not in case.deviation or "target_" not in case.deviation] == []


def test_every_judged_copy_has_its_proof_and_its_blocks(run: Run) -> None:
    judged = {Verdict.PASS, Verdict.DEVIATION, Verdict.FAIL}
    bystander = next(lun.blocks for lun in run.record.target.luns if lun.role == "bystander")
    cases = [case for row in run.record.requirements for case in row.cases if case.verdict in judged]
    assert len(cases) > 60
    for case in cases:
        assert all(command.repeat and command.cdb for command in case.commands)
        assert all(step.what and step.ended for order in case.orders for step in order.steps)
        assert case.blocks.checked >= bystander + _ordered(case.commands), case.test
        assert case.commands or case.orders, case.test


def test_catalogue_and_model_agree_on_every_judged_command(run: Run) -> None:
    compared = list(compare(run.record, catalogue()))
    assert len(compared) > 60
    assert [str(found) for found in compared if found.problem or not found.predicted] == []


def test_the_record_says_how_commands_went_out_and_the_ioctl_leaves_no_sense_data_out(run: Run) -> None:
    way = run.record.target.transport
    cases = [case for row in run.record.requirements for case in row.cases]
    assert {command.via.partition(":")[0] for case in cases for command in case.commands} == {way}
    assert way == "sg3" or [case.test for case in cases if "??" in case.observed] == []


def _ordered(commands: list[CommandRecord]) -> int:
    """How many blocks the well-formed copies among some commands ordered."""
    lists = [bytes.fromhex(command.data) for command in commands if command.name == "EXTENDED COPY(LID1)"]
    return sum(
        segment.blocks for raw in lists if len(raw) == 108 for segment in _segments(raw) if segment.blocks < 0x1000
    )


def _segments(raw: bytes) -> tuple[BlockSegment, ...]:
    try:
        return copylist.decode(raw).segments
    except copylist.MalformedList:
        return ()
