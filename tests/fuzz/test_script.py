"""The script that a difference leaves: it shows the difference where there is one, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from copyproof.fuzz import script
from copyproof.fuzz.ground import survey
from copyproof.fuzz.operations import Copy, Flaw, Operation, Range, Verify, Write, Zero
from copyproof.fuzz.player import Difference, Player
from copyproof.fuzz.search import Budget, Search
from copyproof.model.controller import Transfer
from copyproof.plugin.bench import Bench
from copyproof.transport import tape
from tests.fuzz.stage import searched, target

SEQUENCE: tuple[Operation, ...] = (
    Write(Range(1, 4, 3), by_command=True),
    Zero(Range(2, 2, 4)),
    Verify(Range(1, 0, 8)),
    Copy((Transfer(1, 0, 2, 8, 8),), flaw=Flaw.UNKNOWN_SOURCE),
    Copy((Transfer(1, 0, 2, 8, 8), Transfer(2, 0, 1, 40, 8)), by_destination=True),
)


@dataclass(frozen=True)
class Shown:
    code: int
    text: str


def run(folder: Path, *, shift: int) -> Shown:
    """Run a folder's script with the fake tools, on units of zeros."""
    tools, units = folder / "tools", folder / "units"
    for name in ("sg_dd", "sg_raw"):
        tools.mkdir(exist_ok=True)
        (tools / name).write_text(
            f'#!/bin/sh\nexec {sys.executable} -IS {Path(__file__).parent}/fake_sg.py {name} "$@"\n'
        )
        (tools / name).chmod(0o755)
    units.mkdir(exist_ok=True)
    given = {"UNITS": str(units), "SHIFT": str(shift)}
    for number, name in enumerate(("SOURCE", "DESTINATION"), start=1):
        path = units / name.lower()
        path.write_bytes(bytes(8192 * 512))
        given |= {name: str(path), f"{name}_NAA": f"{0x61:x}{number:030x}"}
    environment = {**os.environ, **given, "PATH": f"{tools}:{os.environ['PATH']}"}
    argv = ["sh", str(folder / script.SCRIPT)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return Shown(done.returncode, done.stdout + done.stderr)


def played(bench: Bench, *operations: Operation) -> Search:
    """Play one sequence that differs."""
    search = Search(Player(bench, survey(bench)), Budget(100, 60.0))
    with pytest.raises(Difference):
        search.play(operations)
    return search


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a long sequence left, on a target whose copies are off by one block."""
    made = tmp_path_factory.mktemp("left")
    with target(made / "target", "copies-from-the-next-block") as bench:
        search = played(bench, *SEQUENCE)
        assert search.found is not None
        script.write(search.found, bench, made)
    return made


def test_the_script_shows_the_difference_on_a_target_that_has_it(folder: Path) -> None:
    shown = run(folder, shift=1)
    assert shown.code == 1, shown.text
    assert "destination LBA 8 is wrong" in shown.text


def test_the_script_says_that_a_right_target_does_what_it_must(folder: Path) -> None:
    shown = run(folder, shift=0)
    assert (shown.code, shown.text) == (0, "the target does what it must\n")


def test_an_outcome_that_must_not_be_is_shown(tmp_path: Path) -> None:
    with target(tmp_path / "target", "refuses-with-a-wrong-sense") as bench:
        search = played(bench, Copy((Transfer(1, 0, 2, 0, 1),), flaw=Flaw.LIST_CUT))
        assert search.found is not None
        script.write(search.found, bench, tmp_path)
    shown = run(tmp_path, shift=0)
    # The fake tool answers with 05/26/00, which this list must not end in either.
    assert shown.code == 1
    assert "the command ended in 05/26/00, it must end in 05/1A/00" in shown.text


def test_a_unit_that_is_not_named_is_asked_for(folder: Path) -> None:
    argv = ["sh", str(folder / script.SCRIPT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "name the sg node of the source unit: SOURCE=/dev/sgN" in done.stderr


def test_the_tape_holds_the_same_commands_and_writes(folder: Path) -> None:
    recorded = tape.read(folder / script.TAPE)
    kinds = [type(event).__name__ for event in recorded.events]
    assert kinds.count("Sent") == 4
    assert kinds[0] == "Stamped"
    assert recorded.unit("source").blocks == 8192


def test_a_stray_write_needs_the_bystander_named_too(tmp_path: Path) -> None:
    with target(tmp_path / "target", "writes-the-bystander") as bench:
        found = searched(bench, 50).found
        assert found is not None
        script.write(found, bench, tmp_path)
    text = (tmp_path / script.SCRIPT).read_text()
    assert 'look bystander "$BYSTANDER" 5 1 ' in text
    assert 'stamp "$BYSTANDER" 5 1 ' in text


def test_what_a_device_said_cannot_leave_its_comment(folder: Path, tmp_path: Path) -> None:
    with target(tmp_path / "target", "copies-from-the-next-block") as bench:
        search = searched(bench, 10)
        assert search.found is not None
        object.__setattr__(search.found, "diagnosis", "harmless\nrm -rf \x1b[31m")
        script.write(search.found, bench, tmp_path)
    lines = (tmp_path / script.SCRIPT).read_text().splitlines()
    assert "#   harmless?rm -rf ?[31m" in lines
