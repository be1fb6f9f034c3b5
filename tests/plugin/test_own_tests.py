"""What users build on it: tests of their own, hooks, `copyproof run` from anywhere; and what it costs when unused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

OWN = """
ROWS = table(
    Case("XC1-SEG-LENGTH", spoil("segment[0].length", 0x10), "short"),
    Case("XC1-DESIGNATOR", spoil("cscd[1].code_set", 2)),
)

@ROWS
def test_refused(hil, case):
    hil.judge(hil.send(case.apply(hil.copy(blocks=4))))

@hil_needs(Capability.SEGMENTS_2, Capability.BYSTANDER)
@hil_requirement("XC1-SEGMENTS-IN-ORDER")
def test_chain(hil):
    a, b, c = hil.spans
    hil.judge(hil.send(hil.copy(segments=[(a, b), (b, c)])))

@hil_requirement("XC1-ONE-BLOCK")
@pytest.mark.parametrize("turn", [1, 2])
def test_turns(hil, turn, tmp_path):
    hil.judge(hil.send(hil.copy(blocks=1)))
    hil.judge(hil.send(hil.copy(blocks=turn)))

def test_plain():
    assert sum([1, 2]) == 3
"""


def test_a_users_own_tests_are_judged_beside_plain_ones(stand: Stand) -> None:
    stand.write(OWN)
    run = stand.run()
    run.result.assert_outcomes(passed=6)
    assert run.status == 0
    assert [case.case for case in run.requirement("XC1-SEG-LENGTH").cases] == ["short"]
    assert [case.test for case in run.requirement("XC1-ONE-BLOCK").cases] == [
        "test_mine::test_turns[1]",
        "test_mine::test_turns[1]",
        "test_mine::test_turns[2]",
        "test_mine::test_turns[2]",
    ]


HOOKS = """
seen = []

class Counting:
    def __init__(self, inner):
        self.inner, self.name = inner, "counted:" + inner.name
    def execute(self, command, timeout):
        seen.append(command.opcode)
        return self.inner.execute(command, timeout)
    def repeat_by_hand(self, command):
        return self.inner.repeat_by_hand(command)

def pytest_hil_transport(config, lun, transport):
    return Counting(transport) if lun.role.value == "source" else None

def pytest_hil_case(config, case):
    print("case", case.requirement, case.verdict.value)

def pytest_hil_record(config, record):
    print("record", record.summary["PASS"], "copies", seen.count(0x83) > 3)
"""


def test_hooks_wrap_the_transport_and_see_cases_and_record(stand: Stand) -> None:
    stand.write(OWN)
    stand.pytester.makeconftest(HOOKS)
    run = stand.run("-s")
    run.result.stdout.fnmatch_lines(["*case XC1-SEG-LENGTH PASS", "*record 4 copies True"])
    assert {command.via for case in run.cases for command in case.commands} == {"counted:file:source"}


LATE = """
@hil_requirement("XC1-ONE-BLOCK")
def test_late(hil):
    order = hil.copy(blocks=1)
    hil.judge(hil.send(order))
    unit = hil.bench.unit(Role.DESTINATION)
    lba = order.intent[0].destination_lba
    unit.volume.write(lba - 1, hil.bench.stamper.make(9, 1, 1, 7))
"""


def test_a_block_that_changes_after_the_judgement_is_found_when_the_test_closes(stand: Stand) -> None:
    stand.write(LATE)
    run = stand.run()
    found = run.requirement("XC1-ONE-BLOCK")
    assert [case.verdict.value for case in found.cases] == ["PASS", "FAIL"]
    assert found.cause.startswith("after the test: destination LBA ")
    assert run.status == 1


FOREIGN_INI = "[pytest]\npython_files = check_*.py\naddopts = --strict-markers -k nothing\n"


def test_the_command_runs_the_suite_from_a_folder_with_a_foreign_ini(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(FOREIGN_INI)
    (tmp_path / "conftest.py").write_text("raise RuntimeError('a foreign conftest')\n")
    (tmp_path / "harness").mkdir()
    (tmp_path / "targets").mkdir()
    report = tmp_path / "out" / "report"
    command = [
        sys.executable,
        "-c",
        "from copyproof.cli import main; main()",
        "run",
        str(stand.target),
        "--report",
        str(report),
    ]
    done = subprocess.run(
        [*command, "--hil-seed=1", "-p", "fake_target", "-k", "test_copy_within"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert {path.name for path in report.iterdir()} == {"record.json", "report.html", "junit.xml"}


def environment() -> dict[str, str]:
    """Return the environment of a run without the terminal of this one."""
    return {**os.environ, "COLUMNS": "80", "PYTEST_ADDOPTS": ""}


WEIGHT = """
import sys
import pytest

status = pytest.main(["-q", "-p", "no:cacheprovider"])
heavy = {"numpy", "msgspec", "pyudev", "rich", "jinja2", "click", "rtslib_fb"} & set(sys.modules)
ours = {name for name in sys.modules if name.startswith("copyproof")}
print("status", int(status), "heavy", sorted(heavy), "ours", sorted(ours))
"""


def test_without_a_target_nothing_heavy_is_loaded_and_foreign_folders_stay_their_own(tmp_path: Path) -> None:
    for name in ("harness", "targets", "reports", "fixtures"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"NAME = 'my own {name}'\n")
    (tmp_path / "conftest.py").write_text(
        "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n"
    )
    (tmp_path / "test_mine.py").write_text(
        "import harness\n\ndef test_mine():\n    assert harness.NAME == 'my own harness'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", WEIGHT],
        cwd=tmp_path,
        env={**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "copyproof.plugin.options"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    expected = ["copyproof", "copyproof.plugin", "copyproof.plugin.hookspecs", "copyproof.plugin.options"]
    assert f"status 0 heavy [] ours {expected}" in done.stdout


def test_the_options_and_markers_are_documented(pytester: pytest.Pytester) -> None:
    helped = pytester.runpytest_inprocess("--help").stdout.str()
    marked = pytester.runpytest_inprocess("--markers").stdout.str()
    assert all(option in helped for option in ("--hil-target", "--hil-report", "--hil-seed", "--hil-strict"))
    assert "@pytest.mark.hil_requirement(ID)" in marked
    assert "@pytest.mark.hil_needs(capability, ...)" in marked
