"""Random sequences on real targets: LIO shows nothing new, a lie is found, and the script that it leaves runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from copyproof.fuzz.script import DATA, SCRIPT
from copyproof.targets.live import LiveTarget, Role
from tests.lio import faults
from tests.lio.suite import Run, run_suite

ONLY = ("-k", "random_sequences", "--hil-transport=sgio")


def fuzzed(target: str, folder: Path, steps: int, *plugins: object) -> Run:
    return run_suite(target, folder, f"--hil-fuzz={steps}", f"--hil-report={folder}", *ONLY, plugins=plugins)


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        ("lio-loopback", 10),
        pytest.param("lio-loopback", 500, marks=pytest.mark.nightly),
        pytest.param("lio-pi", 500, marks=pytest.mark.nightly),
    ],
)
def test_lio_shows_nothing_but_what_its_profile_knows(target: str, steps: int, tmp_path: Path) -> None:
    run = fuzzed(target, tmp_path, steps)
    found = run.record.fuzz
    assert found is not None, run.output
    assert (found.steps, found.difference, found.problem) == (steps, None, ""), run.output
    assert run.code == 0


@pytest.mark.nightly
def test_a_copy_that_is_off_by_one_block_is_found_and_its_script_runs(tmp_path: Path, loopback: LiveTarget) -> None:
    run = fuzzed("lio-loopback", tmp_path, 50, faults.Liar(faults.from_the_next_block))
    found = run.record.fuzz
    assert found is not None, run.output
    assert found.difference is not None, run.output
    assert run.code == 1
    assert len(found.difference.operations) <= 3
    assert "copied from the wrong place" in found.difference.diagnosis
    # LIO itself has no such fault, so the script finds it right; against another expectation it shows a difference.
    done = script(tmp_path, loopback)
    assert (done.returncode, done.stdout) == (0, "the target does what it must\n"), done.stderr
    blocks = bytearray((tmp_path / DATA).read_bytes())
    blocks[-1] ^= 1
    (tmp_path / DATA).write_bytes(blocks)
    done = script(tmp_path, loopback)
    assert done.returncode == 1, done.stderr
    assert "is wrong" in done.stdout


def script(folder: Path, live: LiveTarget) -> subprocess.CompletedProcess[str]:
    named = {role.name: str(live.lun(role).device.sg[0]) for role in (Role.SOURCE, Role.DESTINATION)}
    naas = [f"naa.{live.lun(role).device.naa}" for role in (Role.SOURCE, Role.DESTINATION)]
    named["OVERWRITE"] = " ".join(naas)
    argv = ["sh", str(folder / SCRIPT)]
    return subprocess.run(argv, env={**os.environ, **named}, capture_output=True, text=True, check=False, timeout=300)
