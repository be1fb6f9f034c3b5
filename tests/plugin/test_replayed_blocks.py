"""`copyproof replay` reads the judged blocks again: a copy that ends GOOD and is wrong shows in a replay too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof import cli
from tests.plugin.fake_target import in_place

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

COPY = """
@hil_requirement("XC1-LUN-TO-LUN")
def test_copy(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))
"""
WRONG = "copies-from-the-next-block"
Play = Callable[[Path], tuple[int, str]]


@pytest.fixture
def play(stand: Stand, capsys: pytest.CaptureFixture[str]) -> Play:
    def played(tape: Path) -> tuple[int, str]:
        capsys.readouterr()
        with in_place(), pytest.raises(SystemExit) as end:
            cli.main(["replay", str(tape), str(stand.target)])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out + said.err

    return played


def recorded_run(stand: Stand) -> Path:
    stand.write(COPY)
    stand.run(f"--hil-tape={stand.folder / 'run.tape'}")
    return stand.folder / "run.tape"


def shrunk(stand: Stand) -> Path:
    found = stand.run("--hil-fuzz=20").record.fuzz
    assert found is not None
    assert found.difference is not None
    return stand.folder / "report" / found.difference.tape


@pytest.mark.parametrize("left", [recorded_run, shrunk])
def test_the_tape_of_a_wrong_copy_shows_it_on_a_target_that_has_it_and_on_no_other(
    stand: Stand, play: Play, left: Callable[[Stand], Path]
) -> None:
    stand.misbehave(WRONG)
    tape = left(stand)
    status, said = play(tape)
    assert status == 1, said
    assert "to source: blocks" not in said
    assert "copied from the wrong place" in said
    assert ": blocks source LBA " in said
    stand.misbehave()
    status, said = play(tape)
    assert status == 0, said
    assert "no result differs" in said


def test_the_tape_of_a_right_run_shows_a_copy_that_is_wrong_now(stand: Stand, play: Play) -> None:
    tape = recorded_run(stand)
    assert play(tape)[0] == 0
    stand.misbehave(WRONG)
    status, said = play(tape)
    assert (status, "copied from the wrong place" in said) == (1, True), said


def test_a_look_past_the_end_of_its_unit_is_refused_by_line(stand: Stand, play: Play) -> None:
    tape = recorded_run(stand)
    at = len(tape.read_text().splitlines()) + 1
    with tape.open("a") as file:
        file.write('{"event":"look","role":"source","lba":8190,"count":3,"allowed":["zeros"]}\n')
    status, said = play(tape)
    assert (status, f"line {at}: a look at 3 blocks from LBA 8190 of the source unit" in said) == (2, True), said
