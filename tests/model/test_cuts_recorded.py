"""The history checker over histories of real threads: correct ones, and the same with a violation planted."""

from __future__ import annotations

import random

import pytest

from copyproof.blocks.origin import Origin
from copyproof.model.cuts.check import check
from copyproof.model.cuts.history import History, Shown, Split, Write
from tests.model.plants import ATOMIC_PLANTS, PLANTS, Plant
from tests.model.recorder import VOLUMES, Recorder, Recording, Taken, replayed

SIX_BLOCKS = 6
SOME = 8


def as_history(recording: Recording) -> History:
    writes = tuple(Write(*put) for put in recording.puts)
    return History(writes, tuple(as_split(taken) for taken in recording.splits))


def as_split(taken: Taken) -> Split:
    image = (Shown(*place, 1, Origin(*stamp) if stamp else None) for place, stamp in taken.image.items())
    return Split(taken.invoked, taken.completed, frozenset(VOLUMES), tuple(image))


def planted(recordings: list[Recording], plant: Plant) -> list[History]:
    found = (plant(recording, random.Random(index)) for index, recording in enumerate(recordings))
    return [as_history(recording) for recording in found if recording]


def assert_accepted(seed: int) -> None:
    recording = Recorder(seed).record()
    violation = check(as_history(recording))
    assert violation is None, f"seed {seed}: {violation}"


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return [Recorder(seed).record() for seed in range(SOME)]


@pytest.fixture(scope="module")
def many_recordings() -> list[Recording]:
    return [Recorder(seed).record() for seed in range(100, 200)]


@pytest.fixture(scope="module")
def atomic_recordings() -> list[Recording]:
    return [Recorder(seed, atomic=True).record() for seed in range(SOME)]


def test_the_recorder_keeps_every_image_as_it_was_at_one_moment(recordings: list[Recording]) -> None:
    for recording in recordings:
        for split in recording.splits:
            assert split.earliest <= split.position <= split.latest
            assert split.image == replayed(recording.log, split.position)


def test_the_recorded_threads_truly_race(recordings: list[Recording]) -> None:
    for recording in recordings:
        puts = [put for put in recording.puts if put.writer > 0]
        racing = sum(not a.before(b) and not b.before(a) and a.writer < b.writer for a in puts for b in puts)
        assert len(puts) == 4 * 50
        assert racing > 100


def test_correct_histories_are_accepted() -> None:
    for seed in range(50):
        assert_accepted(seed)


@pytest.mark.nightly
def test_a_thousand_correct_histories_are_accepted() -> None:
    for seed in range(1000):
        assert_accepted(seed)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: str(plant.__name__))
def test_a_planted_violation_is_found_wherever_it_has_room(recordings: list[Recording], plant: Plant) -> None:
    histories = planted(recordings, plant)
    assert histories
    assert all(check(history) for history in histories)


@pytest.mark.nightly
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: str(plant.__name__))
def test_a_planted_violation_is_found_in_a_hundred_histories(many_recordings: list[Recording], plant: Plant) -> None:
    histories = planted(many_recordings, plant)
    assert len(histories) > 40
    assert all(check(history) for history in histories)


def test_correct_histories_of_atomic_writes_are_accepted(atomic_recordings: list[Recording]) -> None:
    assert not any(check(as_history(recording), SIX_BLOCKS) for recording in atomic_recordings)


@pytest.mark.parametrize("plant", ATOMIC_PLANTS, ids=lambda plant: str(plant.__name__))
def test_a_torn_atomic_write_is_found(atomic_recordings: list[Recording], plant: Plant) -> None:
    histories = planted(atomic_recordings, plant)
    assert histories
    assert all(check(history, SIX_BLOCKS) for history in histories)
