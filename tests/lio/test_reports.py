"""The command as a user gives it, on a real target: its files, its last lines, its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from copyproof.reports import schema
from copyproof.verdicts.verdict import Verdict

MAIN = "from copyproof.cli import main; main()"


def test_a_run_leaves_its_three_reports_and_names_them(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", MAIN, "run", "lio-ramdisk", "--report", str(tmp_path), "-k", "count_of_one"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    record = schema.load(tmp_path / "record.json")
    assert [row.id for row in record.requirements if row.verdict is Verdict.PASS] == ["XC1-ONE-BLOCK"]
    assert "XC1-ONE-BLOCK" in (tmp_path / "report.html").read_text()
    assert 'value="XC1-ONE-BLOCK"' in (tmp_path / "junit.xml").read_text()
    assert str(tmp_path / "report.html") in done.stdout
