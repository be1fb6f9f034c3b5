from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ci import checks, compliance, debian, package
from ci.core import SetupError, once, output_of, replace_file
from ci.prepare import environment_key

PROJECT: dict[str, Any] = {"project": {"dependencies": ["numpy"]}, "tool": {"hatch": {"build": 1}, "ruff": {"x": 1}}}


class Counted:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def test_a_step_runs_once_for_the_same_inputs_and_again_for_others(tmp_path: Path) -> None:
    work = Counted()
    for key in ("a", "a", "b", "b", "a"):
        once(tmp_path / "stamp", key, work)
    assert work.times == 3


def test_a_broken_step_leaves_no_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    once(stamp, "a", Counted())

    def fail() -> None:
        raise SetupError("no")

    with pytest.raises(SetupError):
        once(stamp, "b", fail)
    assert not stamp.exists()


def test_a_replaced_file_leaves_no_draft(tmp_path: Path) -> None:
    replace_file(tmp_path / "new/file", b"x")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"tool": {"hatch": {"build": 1}, "ruff": {"x": 2}}}, True),
        ({"tool": {"hatch": {"build": 2}}}, False),
        ({"project": {"dependencies": ["numpy", "rich"]}}, False),
    ],
)
def test_the_environment_depends_on_the_project_not_on_checkers(changed: dict[str, Any], same: bool) -> None:
    root = Path("/here")
    assert (environment_key(PROJECT | changed, "3.11", root) == environment_key(PROJECT, "3.11", root)) is same


def test_the_environment_depends_on_python_and_place() -> None:
    keys = {environment_key(PROJECT, python, Path(root)) for python in ("3.11", "3.12") for root in ("/a", "/b")}
    assert len(keys) == 4


def test_missing_packages_are_named_in_one_command_where_they_may_not_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(debian, "_dpkg_status", lambda: "ii  udev\nun  kmod\n")
    monkeypatch.setattr(debian, "root_prefix", lambda: None)
    with pytest.raises(SetupError, match=r"run: sudo apt-get install kmod sg3-utils$"):
        debian._install(["udev", "kmod", "sg3-utils"])


def test_every_listed_package_says_what_it_is_for() -> None:
    lines = [line for line in debian.LIST.read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not line.partition("#")[2].strip()] == []


def test_kernel_packages_are_read_from_apt() -> None:
    text = "linux-image-generic\n  Depends: linux-image-6.8.0-31-generic\n |Depends: <firmware>\n  PreDepends: base\n"
    assert debian.dependencies(text) == ["linux-image-6.8.0-31-generic", "base"]


def test_a_failing_tool_is_told_with_its_last_words() -> None:
    with pytest.raises(SetupError, match=r"status 3(?s:.*)no space"):
        output_of(["sh", "-c", "echo no space >&2; exit 3"])


def test_a_missing_tool_is_named() -> None:
    with pytest.raises(SetupError, match="no-such-tool"):
        output_of(["no-such-tool"])


def test_a_second_package_at_the_top_of_the_wheel_is_seen() -> None:
    assert package.top_level(["copyproof/a.py", "tests/b.py", "copyproof-1.dist-info/RECORD"]) == {"copyproof", "tests"}


JUNIT = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>
<testcase name="c"><skipped type="pytest.skip"/></testcase><testcase name="d"><skipped type="pytest.xfail"/></testcase>
<testcase name="e"><error/></testcase></testsuite></testsuites>"""


def test_counts_tell_every_outcome_apart(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(JUNIT)
    (tmp_path / "two.xml").write_text("<testsuite><testcase name='f'/></testsuite>")
    total = checks.counts([tmp_path / "one.xml", tmp_path / "two.xml"])
    assert total == {"passed": 2, "failed": 1, "skipped": 1, "xfailed": 1, "errors": 1}


def test_the_first_failing_check_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "set_up", lambda purpose: None)
    monkeypatch.setattr(checks, "machine_parts", lambda: None)
    monkeypatch.setattr(checks, "RESULTS", tmp_path / "results")
    never = Counted()
    steps = [
        checks.Check("first", "unit", lambda: True),
        checks.Check("second", "unit", lambda: False),
        checks.Check("third", "unit", lambda: bool(never())),  # type: ignore[func-returns-value]
    ]
    assert checks.run_checks([], steps) == 1
    assert never.times == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ci/test: FAILED at: second"


def test_a_run_of_targets_ends_with_the_worst_status(tmp_path: Path) -> None:
    program = tmp_path / "copyproof"
    program.write_text("#!/bin/sh\ncase $2 in good) exit 0;; bad) exit 1;; worse) exit 3;; esac\n")
    program.chmod(0o755)
    text = compliance.script(["good", "worse", "bad", "good"], [])
    done = subprocess.run(["sh", "-c", text], env={"PATH": f"{tmp_path}:/bin:/usr/bin"}, check=False)
    assert done.returncode == 3


def test_options_reach_the_run_unchanged(tmp_path: Path) -> None:
    program = tmp_path / "copyproof"
    program.write_text('#!/bin/sh\nfor a; do echo "[$a]"; done\n')
    program.chmod(0o755)
    text = compliance.script(["lio pi"], ["-k", "a or 'b'"])
    done = subprocess.run(
        ["sh", "-c", text], env={"PATH": f"{tmp_path}:/bin"}, check=False, capture_output=True, text=True
    )
    report = compliance.report_folder("lio pi")
    assert done.stdout.splitlines() == ["[run]", "[lio pi]", f"[--hil-report={report}]", "[-k]", "[a or 'b']"]


def test_a_run_that_left_no_report_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert compliance._tell(["no-such-target"], 0) == 1
    assert "is missing" in capsys.readouterr().out


def test_the_set_up_imports_nothing_but_the_standard_library() -> None:
    root = Path(compliance.__file__).resolve().parent.parent
    program = (
        "import sys, pathlib\n"
        "for path in pathlib.Path('ci').glob('*.py'): __import__(f'ci.{path.stem}')\n"
        "own = {'ci'} | sys.stdlib_module_names | {'__main__'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - own))\n"
    )
    found = output_of([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.')\n{program}"], cwd=root)
    assert found.strip() == "[]"


def test_a_target_in_process_needs_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[list[str], bool]] = []

    def ran(targets: Sequence[str], passed_on: Sequence[str], *, in_vm: bool, timeout: float) -> int:
        runs.append((list(targets), in_vm))
        return len(targets)

    for name, stand_in in (("set_up", lambda: None), ("native", lambda: False), ("_run", ran)):
        monkeypatch.setattr(compliance, name, stand_in)
    monkeypatch.setattr(compliance, "_clear", lambda folder: None)
    monkeypatch.setattr(compliance, "_tell", lambda targets, status: status)
    monkeypatch.setattr(compliance, "drivers_of", lambda targets: {"a": "software", "b": "lio", "c": "tcmu"})
    options = argparse.Namespace(vm=False, timeout=9.0)
    assert compliance._comply(["b", "a", "c"], [], options) == 2
    assert runs == [(["a"], False), (["b", "c"], True)]
    runs.clear()
    compliance._comply(["a"], [], argparse.Namespace(vm=True, timeout=9.0))
    assert runs == [([], False), (["a"], True)]


def test_the_driver_of_each_target_is_the_projects_own_word() -> None:
    assert compliance.drivers_of(["software-array", "lio-pi"]) == {"software-array": "software", "lio-pi": "lio"}
    with pytest.raises(SetupError, match="there is no target 'no-such'"):
        compliance.drivers_of(["no-such"])
