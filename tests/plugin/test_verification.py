"""What a run verifies beside its judgements: a difference that no judgement saw ends in status, record and table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from copyproof.verdicts.verification import UnitVerification, Verification
    from tests.plugin.conftest import Run, Stand

COPIES = """
def _copy(hil):
    order = hil.copy(8)
    hil.judge(hil.send(order))
    return order.intent[0]

@hil_requirement("XC1-LUN-TO-LUN")
def test_first(hil):
    kept.append(_copy(hil))
"""
#: The second test spoils, behind the target's back, what the first one left: its own spans stay right.
SPOILS = f"""
import pathlib
from copyproof.targets.live import Role
kept = []
{COPIES}
@hil_requirement("XC1-LUN-TO-LUN")
def test_second(hil):
    _copy(hil)
    with hil.bench.unit(Role.DESTINATION).lun.device.block[0].open("r+b") as file:
        file.seek((kept[0].destination_lba + 3) * 512)
        file.write(bytes(512))
"""
CLEAN = f"kept = []\n{COPIES}"


def last(run: Run) -> Verification:
    found = run.record.verification
    assert found is not None
    return found


def unit(run: Run, role: str) -> UnitVerification:
    return next(unit for unit in last(run).units if unit.role == role)


def test_a_difference_that_no_judgement_saw_is_found_at_the_end(stand: Stand) -> None:
    stand.write(SPOILS)
    run = stand.run()
    assert run.verdict("XC1-LUN-TO-LUN") == "PASS"
    assert run.status == 1
    spoilt = unit(run, "destination")
    assert spoilt.wrong == {"zero": 1}
    assert spoilt.checked == spoilt.right + 1
    (example,) = spoilt.examples
    assert example.startswith("destination LBA ")
    assert ": zero: expected source LBA " in example
    (cell,) = [run for run in spoilt.map if run.state == "zero"]
    assert cell.lba <= int(example.split()[2].rstrip(":")) < cell.lba + cell.count
    flat = " ".join(run.text.split())
    assert "Compliant: no." in flat
    assert "The verification at the end found 1 wrong block or label." in flat


def test_a_correct_run_looks_again_at_all_that_is_known(stand: Stand) -> None:
    stand.write(CLEAN)
    run = stand.run()
    assert (run.status, last(run).mode, last(run).clean) == (0, "changed", True)
    # A span of 8 with 16 margin blocks on either side; the bystander whole.
    assert {one.role: (one.read, one.checked, one.right) for one in last(run).units} == {
        "source": (40, 40, 40),
        "destination": (40, 40, 40),
        "bystander": (64, 64, 64),
        "hidden": (0, 0, 0),
        "readonly": (0, 0, 0),
    }
    assert last(run).bytes == 144 * 512
    assert "verified at the end (changed): 144 blocks checked, 144 right" in " ".join(run.text.split())


def test_labels_are_looked_at_too(stand: Stand) -> None:
    stand.configure(probes='"sidecar"')
    stand.write(CLEAN)
    run = stand.run()
    assert (run.status, unit(run, "destination").labels_checked) == (0, 40)


def test_full_stamps_whole_units_and_reads_them_whole(stand: Stand) -> None:
    stand.write(CLEAN)
    run = stand.run("--hil-verify=full")
    assert run.status == 0
    for role in ("source", "destination"):
        whole = unit(run, role)
        assert (whole.read, whole.right) == (8192, 8192)
        assert [(part.lba, part.count, part.state) for part in whole.map] == [(0, 8192, "right")]


def test_full_sees_a_stray_write_far_from_any_span(stand: Stand) -> None:
    far = SPOILS.replace("(kept[0].destination_lba + 3)", "8000")
    stand.write(far)
    assert stand.run().status == 0
    run = stand.run("--hil-verify=full")
    assert (run.status, unit(run, "destination").wrong) == (1, {"zero": 1})


def test_a_sample_is_drawn_after_each_test_and_judged_there(stand: Stand) -> None:
    stand.write(SPOILS)
    run = stand.run("--hil-verify=sample:1000")
    assert run.status == 1
    assert run.verdict("XC1-LUN-TO-LUN") == "FAIL"
    assert any(case.cause.startswith("after the test: destination LBA ") for case in run.cases)
    # More than there are: 40 of the source and of the destination and 64, then 80, 80 and 64.
    assert last(run).sampled == 144 + 224
    assert str(last(run).mode) == "sample:1000"


def test_a_lost_target_is_not_verified_and_the_record_says_so(stand: Stand) -> None:
    stand.misbehave("dies")
    stand.write(CLEAN)
    run = stand.run()
    assert run.status == 1
    assert (last(run).units, last(run).clean) == ([], False)
    assert "No such device" in last(run).problem


#: The last test leaves some units without a block node.
NODELESS = (
    CLEAN
    + """
import dataclasses
from copyproof.targets.live import Role

@hil_requirement("XC1-LUN-TO-LUN")
def test_third(hil):
    _copy(hil)
    for role in {roles}:
        hil.bench.units[role] = dataclasses.replace(hil.bench.units[role], volume=None)
"""
)


@pytest.mark.parametrize(
    ("mode", "roles", "problem"),
    [
        ("full", "list(hil.bench.units)", "nothing was read, though full was asked for"),
        ("sample:5", "list(hil.bench.units)", "nothing was read, though sample:5 was asked for"),
        ("full", "[Role.DESTINATION]", "not read for want of a block node on this host: destination"),
    ],
)
def test_what_was_asked_for_and_could_not_be_read_is_not_clean(
    stand: Stand, mode: str, roles: str, problem: str
) -> None:
    stand.write(NODELESS.replace("{roles}", roles))
    run = stand.run(f"--hil-verify={mode}")
    assert (run.status, last(run).wrong, last(run).clean) == (1, 0, False)
    assert last(run).problem.startswith(problem)


@pytest.mark.parametrize(("mode", "roles"), [("changed", "list(hil.bench.units)"), ("sample:5", "[Role.DESTINATION]")])
def test_what_was_not_asked_for_need_not_be_read(stand: Stand, mode: str, roles: str) -> None:
    stand.write(NODELESS.replace("{roles}", roles))
    run = stand.run(f"--hil-verify={mode}")
    assert (run.status, last(run).clean) == (0, True)


def test_workers_of_xdist_hand_on_what_each_found(stand: Stand) -> None:
    stand.write(CLEAN + CLEAN.replace("test_first", "test_again"))
    run = stand.apart(stand.options("-n2", "--dist=each"))
    assert (run.status, last(run).clean) == (0, True)
    assert sum(one.role == "bystander" for one in last(run).units) == 2


@pytest.mark.parametrize("wrong", ["", "all", "full:1", "sample", "sample:", "sample:0", "sample:-1", "sample:1000001"])
def test_another_scope_is_refused_with_what_is_allowed(stand: Stand, wrong: str) -> None:
    stand.write(CLEAN)
    run = stand.run(f"--hil-verify={wrong}")
    assert run.status == 4
    assert f"--hil-verify={wrong} is not allowed; it must be changed, full, or sample:N" in run.text
    assert run.events == []
