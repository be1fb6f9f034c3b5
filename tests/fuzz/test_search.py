"""Searches on the target of files: what they find, to what they shrink it, and what they are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.errors import TransportTimeout
from copyproof.fuzz.ground import survey
from copyproof.fuzz.mix import AT_END, COPIED, OVERLAPPING
from copyproof.fuzz.operations import Copy, Range, Verify
from copyproof.fuzz.player import Player
from copyproof.fuzz.search import Budget, Ended, Search
from copyproof.model.controller import Transfer
from copyproof.plugin.bench import Bench
from copyproof.scsi.command import Command, Result
from copyproof.scsi.copylist import CopyList, decode
from copyproof.targets.live import Role
from tests.fuzz.stage import searched, target, unsettled

MANY = [pytest.param(seed, marks=pytest.mark.nightly) for seed in range(4, 21)]


@pytest.mark.parametrize("seed", [1, 2, 3, *MANY])
def test_a_copy_that_is_off_by_one_block_shrinks_to_one_operation(tmp_path: Path, seed: int) -> None:
    with target(tmp_path, "copies-from-the-next-block", seed=seed, probes='"sidecar"') as bench:
        found = shown(searched(bench, 500))
    assert found == ["copy source LBA 0 to destination 0"]


@pytest.mark.parametrize("seed", [1, *MANY])
def test_an_error_that_begins_late_is_found_and_shrinks_to_three_operations_at_most(tmp_path: Path, seed: int) -> None:
    with target(tmp_path, "skips-the-last-block 12", seed=seed) as bench:
        found = searched(bench, 500)
    assert found.steps >= 12
    assert len(shown(found)) <= 3


@pytest.mark.nightly
def test_a_wrong_overlap_rule_shrinks_to_one_overlapping_copy(tmp_path: Path) -> None:
    with target(tmp_path, declared="16 KiB") as bench:
        search = searched(bench, 500)
    assert search.found is not None
    (copy,) = search.found.operations
    assert isinstance(copy, Copy)
    # A chunk of 32 blocks is declared: the shortest copy that shows another has one block more.
    assert copy.overlapping
    assert copy.segments[0].blocks == 33


@pytest.mark.parametrize(
    ("wrong", "diagnosis"),
    [
        ("writes-the-bystander", "bystander LBA 5"),
        ("overwrites-a-neighbour", "copied from the wrong place"),
        pytest.param("writes-what-it-refuses", "zero", marks=pytest.mark.nightly),
        pytest.param("refuses-with-a-wrong-sense", "05/25/00 instead of ", marks=pytest.mark.nightly),
        ("keeps-the-labels", "label not exchanged"),
    ],
)
def test_each_misbehaviour_is_found(tmp_path: Path, wrong: str, diagnosis: str) -> None:
    with target(tmp_path, wrong, probes='"sidecar"') as bench:
        search = searched(bench, 500)
    assert search.ended is Ended.DIFFERENCE
    assert len(shown(search)) <= 3
    assert search.found is not None
    assert diagnosis in search.found.diagnosis


def test_a_right_target_shows_nothing_and_the_mix_is_as_promised(tmp_path: Path) -> None:
    with target(tmp_path, seed=5) as bench:
        search = searched(bench, 300)
    assert (search.ended, search.found, search.steps) == (Ended.STEPS, None, 300)
    assert search.mix[COPIED] >= 90
    assert search.mix[OVERLAPPING] >= 30
    assert search.mix[AT_END] >= 30
    assert {"write", "zero", "unmap", "verify", "copy"} <= set(search.mix)
    sizes = [search.mix[f"below {2 << octave} blocks"] for octave in range(11)]
    # Log-uniform: of 11 octaves hardly one is left out, and none has the greater part.
    assert sum(size > 0 for size in sizes) >= 9
    assert max(sizes) < sum(sizes) / 2


def test_the_same_seed_plays_the_same_operations_and_another_does_not(tmp_path: Path) -> None:
    mixes = []
    for number, seed in enumerate((7, 7, 8)):
        unsettled(number)
        with target(tmp_path / str(number), seed=1) as bench:
            mixes.append(searched(bench, 50, seed).mix)
    assert mixes[0] == mixes[1]
    assert mixes[0] != mixes[2]


def test_time_that_is_up_ends_a_search_without_a_difference(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        search = searched(bench, 500, seconds=0.0)
    assert (search.ended, search.steps, search.found) == (Ended.TIME, 0, None)


@pytest.mark.parametrize("wrong", ["dies 5", "reports-a-unit-attention 5", "times-out-half-way 5"])
def test_a_target_that_fails_ends_a_search_and_is_no_difference(tmp_path: Path, wrong: str) -> None:
    with target(tmp_path, wrong) as bench:
        search = searched(bench, 500)
    assert (search.ended, search.found) == (Ended.BROKEN, None)
    assert search.problem


def test_an_error_that_shows_only_once_is_told_as_it_was_seen(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        liar = Once(bench)
        search = searched(liar.bench, 200)
    assert search.ended is Ended.DIFFERENCE
    assert search.found is not None
    assert "zero" in search.found.diagnosis
    assert "it does not show every time" in search.found.diagnosis


def test_a_stray_write_is_told_at_the_end_with_the_sequence_that_it_came_from(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        search = searched(bench, 30)
        player = search.player
        bench.stamp(Role.SOURCE, 100, 1)
        volume = bench.unit(Role.SOURCE).volume
        assert volume is not None
        volume.write(100, bench.stamper.make(2, 7, 1, bench.generation - 1))
        search._whole()
        assert player.whole().wrong
    assert search.found is not None
    assert search.found.diagnosis.startswith("after the last sequence: source LBA 100")
    assert search.found.operations


def test_a_stray_write_of_one_sequence_is_not_held_against_the_next(tmp_path: Path) -> None:
    with target(tmp_path, "writes-the-bystander") as bench:
        search = searched(bench, 20)
        search.player.begin()
        search.player.play(Verify(Range(1, 0, 8)))
    assert search.found is not None


def test_a_copy_without_answer_leaves_its_blocks_open_to_the_tests_that_follow(tmp_path: Path) -> None:
    with target(tmp_path, "times-out-half-way") as bench:
        player = Player(bench, survey(bench))
        player.begin()
        with pytest.raises(TransportTimeout):
            player.play(Copy((Transfer(1, 0, 2, 100, 128),)))
        assert not bench.check(Role.DESTINATION, 100, 128).wrong


def test_shrinking_ends_in_the_middle_of_a_try_when_its_time_is_up(tmp_path: Path) -> None:
    with target(tmp_path, "skips-the-last-block 12") as bench:
        clock = Clock(100.0)
        search = Search(Player(bench, survey(bench)), Budget(500, 1e6), clock)
        search.run(1)
    assert (search.ended, search.problem) == (Ended.DIFFERENCE, "")
    assert shown(search)
    # Beside one look for each operation: at the beginning, at the difference, at the end.
    assert 0 < search.tries <= clock.looks - search.steps - 3 <= 5


def test_a_search_ends_when_its_time_is_up(tmp_path: Path) -> None:
    with target(tmp_path) as bench:
        search = Search(Player(bench, survey(bench)), Budget(500, 20.0), Clock(1.0))
        search.run(1)
    assert (search.ended, search.steps, search.found) == (Ended.TIME, 20, None)


class Clock:
    """A clock that goes on by some seconds with each look at it."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.looks = seconds, 0

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * self._seconds


def test_nothing_is_left_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with target(tmp_path / "target", "copies-from-the-next-block") as bench:
        searched(bench, 50)
    assert list(here.iterdir()) == []


class Once:
    """A transport that zeroes a block which the fifth copy from the source or a later one has read, once and never
    again."""

    def __init__(self, bench: Bench) -> None:
        source = bench.unit(Role.SOURCE)
        self._transport, self._volume, self._commands = source.transport, source.volume, 0
        self._naa, self._done = bytes.fromhex(source.lun.device.naa), False
        bench.units = {**bench.units, Role.SOURCE: replace(source, transport=self)}
        self.bench = bench

    @property
    def name(self) -> str:
        return self._transport.name

    def repeat_by_hand(self, command: Command) -> str:
        return self._transport.repeat_by_hand(command)

    def execute(self, command: Command, timeout: float) -> Result:
        result = self._transport.execute(command, timeout)
        if command.opcode == 0x83 and result.good:
            self._strike(decode(command.data_out))
        return result

    def _strike(self, copied: CopyList) -> None:
        segment = copied.segments[-1]
        self._commands += 1
        if self._done or self._commands < 5 or not self._volume or not segment.blocks:
            return
        named, lba = copied.cscds[segment.source].designator.naa, segment.source_lba
        if named == self._naa.hex() and self._volume.read(lba, 1).any():
            self._done = True
            self._volume.write(lba, self.bench.stamper.make(0, 0, 1, 0) * 0)


def shown(search: Search) -> list[str]:
    assert search.found is not None
    return [str(operation) for operation in search.found.operations]
