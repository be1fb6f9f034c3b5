"""What a sequence on pairs leaves is played again: it shows the difference on an array that has it, and on no other."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec
import pytest

from copyproof.array.defects import Defect
from copyproof.errors import UsageError
from copyproof.fuzz import script
from copyproof.fuzz.events import Difference
from copyproof.fuzz.ground import survey
from copyproof.fuzz.operations import Operation
from copyproof.fuzz.pair_operations import Finish, Order, Pass
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Search
from copyproof.plugin.replay import Replayed, ready, replay
from copyproof.scsi.pair import PairCommand, PairState
from copyproof.targets import spec
from copyproof.transport import tape
from copyproof.transport.tape import Waited
from tests.fuzz.test_pair_sequences import COURSES, ONE, RESYNC, SPLIT, SPLIT_QUICKLY, P, S, _with, array, state, wrote


def course_of(defect: Defect) -> tuple[Operation, ...]:
    return next(course for each, course, _ in COURSES if each is defect)


def left(folder: Path, defect: Defect, course: Sequence[Operation]) -> tuple[str, str]:
    """Play a sequence that differs, and write it down; return the names of script and tape."""
    with array(defect) as bench:
        found = Search(Player(bench, survey(bench)), Budget(100, 60.0))
        with pytest.raises(Difference):
            found.play(course)
        assert found.found is not None
        return script.write(found.found, bench, folder)


def again(path: Path, *defects: Defect) -> list[str]:
    """Play a tape to the software array, and return the differences; no pair is left."""
    recorded, done = tape.read(path), Replayed()
    wrong = tuple(defect.name.lower().replace("_", "-") for defect in defects)
    with ready(recorded, _with(spec.load("software-array"), wrong)) as bench:
        found = [str(difference) for difference in replay(recorded, bench, done)]
        assert done.looked > 0
        assert state(bench) is PairState.SMPL
    return found


WITH_TAPES: list[tuple[Defect, tuple[Operation, ...]]] = [
    (Defect.COW_SKIPPED, (SPLIT_QUICKLY, Order(ONE, PairCommand.RESTORE), wrote(P), Pass(1), Finish(ONE))),
    (Defect.DIFFERENCE_LOST, (*SPLIT, wrote(P, 2044), *RESYNC)),
    # The copy ends before it is waited for, as there is nothing to be copied by what the array noted.
    (Defect.RESYNC_PRIMARY_ONLY, (*SPLIT, wrote(S), *RESYNC)),
    (Defect.DELETED_COPIES_ON, course_of(Defect.DELETED_COPIES_ON)),
]


@pytest.mark.parametrize(("defect", "course"), WITH_TAPES, ids=lambda value: getattr(value, "name", ""))
def test_the_tape_shows_wrong_blocks_on_an_array_that_makes_them_and_on_no_other(
    tmp_path: Path, defect: Defect, course: tuple[Operation, ...]
) -> None:
    _, name = left(tmp_path, defect, course)
    assert again(tmp_path / name) == []
    assert any("secondary LBA" in line and ": blocks " in line for line in again(tmp_path / name, defect))


def test_a_replay_that_is_ended_early_leaves_no_pair(tmp_path: Path) -> None:
    _, name = left(tmp_path, *WITH_TAPES[0])
    recorded = tape.read(tmp_path / name)
    with ready(recorded, _with(spec.load("software-array"), ("cow-skipped",))) as bench:
        playing = replay(recorded, bench, Replayed())
        assert isinstance(playing, Generator)
        next(playing)
        assert state(bench) is PairState.PSUS
        playing.close()
        assert state(bench) is PairState.SMPL


def test_a_state_that_is_shown_wrong_is_neither_on_a_tape_nor_passed_by_the_script(tmp_path: Path) -> None:
    course = course_of(Defect.GROUP_SPLIT_TORN)
    assert left(tmp_path, Defect.GROUP_SPLIT_TORN, course) == (script.SCRIPT, "")
    assert not (tmp_path / script.TAPE).exists()
    assert f"unseen='{script.SHOWN_UNSEEN}'" in (tmp_path / script.SCRIPT).read_text()


def test_a_tape_with_pairs_is_for_a_target_that_has_them(tmp_path: Path) -> None:
    _, name = left(tmp_path, *WITH_TAPES[1])
    recorded = tape.read(tmp_path / name)
    assert any(isinstance(event, Waited) and event.secondary for event in recorded.events)
    target = spec.load("software-array")
    without = msgspec.structs.replace(target, pairs=None)
    with pytest.raises(UsageError, match="has pairs, target software-array declares none"), ready(recorded, without):
        raise AssertionError("it came up")
