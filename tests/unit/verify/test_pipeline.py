"""A volume is verified piece by piece, and what is wrong is told and mapped at its exact LBA however much it is."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.blocks.findings import Finding, Wrong
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, TargetLost, UsageError
from copyproof.model.controller import ReferenceModel
from copyproof.verify.blockmap import RANKED, BlockMap, Seen
from copyproof.verify.check import Checker, Place
from copyproof.verify.pipeline import Verified, drawn, verify
from copyproof.verify.scope import LARGEST_SAMPLE, Reach, Scope
from copyproof.verify.volume import HostVolume, Streamed, UnreadableBlocks, united

BLOCKS = 4096
PIECE = 64 * 1024
STEP = PIECE // 512


class Stand:
    """A stamped volume of a file, and a model that knows it whole."""

    def __init__(self, folder: Path) -> None:
        self.node = folder / "disk"
        self.stamper, self.model = Stamper(9, 512), ReferenceModel({1: BLOCKS})
        self.node.write_bytes(self.stamper.make(1, 0, BLOCKS, generation=1).tobytes())
        self.model.write(1, 0, BLOCKS, generation=1)
        self.volume = HostVolume(self.node, 512, lambda: os.open(self.node, os.O_RDWR))
        self.checker = Checker(self.model, self.stamper, {1: "source"}, {1: Place(self.volume)})
        self.moved: list[int] = []

    def zero(self, lba: int, count: int = 1) -> None:
        self.volume.write(lba, np.zeros((count, 512), np.uint8))

    def verify(self, *ranges: tuple[int, int]) -> Verified:
        return verify(self.checker, 1, ranges or [(0, BLOCKS)], self.moved.append, PIECE)

    def states(self, found: Verified) -> list[tuple[int, int, str]]:
        return [(part.lba, part.count, part.state.value) for part in found.map]


def held() -> tuple[int, int]:
    """How many open files and threads there are."""
    return len([*Path("/proc/self/fd").iterdir()]), threading.active_count()


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(os, "O_DIRECT", 0)
    return Stand(tmp_path)


def test_a_right_volume_is_read_once_and_all_of_it_is_right(stand: Stand) -> None:
    found = stand.verify()
    assert (found.read, found.findings.checked, found.findings.right) == (BLOCKS, BLOCKS, BLOCKS)
    assert stand.states(found) == [(0, BLOCKS, "right")]
    assert stand.moved == [STEP] * (BLOCKS // STEP)


def test_only_the_given_ranges_are_read_and_the_rest_is_unknown(stand: Stand) -> None:
    stand.zero(3000)
    found = stand.verify((80, 8), (160, 16))
    assert (found.read, found.findings.right) == (24, 24)
    assert stand.states(found) == [
        (0, 80, "unknown"),
        (80, 8, "right"),
        (88, 72, "unknown"),
        (160, 16, "right"),
        (176, BLOCKS - 176, "unknown"),
    ]


@pytest.mark.parametrize("lba", [0, STEP - 1, STEP, 2000, BLOCKS - 1])
def test_one_wrong_block_is_told_and_mapped_where_it_is(stand: Stand, lba: int) -> None:
    stand.zero(lba)
    found = stand.verify()
    (finding,) = found.findings.findings
    assert (finding.lba, finding.count, finding.kind) == (lba, 1, Wrong.ZERO)
    assert [part for part in stand.states(found) if part[2] == "zero"] == [(lba // 8 * 8, 8, "zero")]


def test_more_wrong_ranges_than_are_listed_are_all_counted_and_mapped(stand: Stand) -> None:
    for lba in range(0, BLOCKS, 2):
        stand.zero(lba)
    found = verify(stand.checker, 1, [(0, BLOCKS)], piece=BLOCKS * 512)
    assert found.findings.wrong == {Wrong.ZERO: BLOCKS // 2}
    assert found.findings.unlisted == BLOCKS // 2 - len(found.findings.findings) > 0
    assert stand.states(found) == [(0, BLOCKS, "zero")]


def test_a_wrong_range_over_several_pieces_is_one_finding(stand: Stand) -> None:
    stand.zero(STEP - 3, 2 * STEP)
    (finding,) = stand.verify().findings.findings
    assert (finding.lba, finding.count) == (STEP - 3, 2 * STEP)


def test_unreadable_blocks_are_found_and_the_others_checked(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.preadv

    def spoilt(handle: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset <= 777 * 512 < offset + len(buffers[0]):
            raise OSError(errno.EIO, "Input/output error")
        return whole(handle, buffers, offset)

    monkeypatch.setattr(os, "preadv", spoilt)
    found = stand.verify()
    assert found.findings.wrong == {Wrong.UNREADABLE: 1}
    assert (found.findings.checked, found.findings.right) == (BLOCKS, BLOCKS - 1)
    assert stand.states(found)[1] == (776, 8, "unreadable")


def test_what_a_read_gave_is_what_is_diagnosed(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that was wrong once must not be read again until it is right."""
    whole, seen = os.preadv, set[int]()

    def flickering(handle: int, buffers: Sequence[memoryview], offset: int) -> int:
        got = whole(handle, buffers, offset)
        if offset not in seen:
            seen.add(offset)
            buffers[0][:512] = bytes(512)
        return got

    monkeypatch.setattr(os, "preadv", flickering)
    assert stand.verify((0, STEP)).findings.wrong == {Wrong.ZERO: 1}


def test_a_lost_target_ends_the_stream_and_its_thread(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.preadv

    def dying(handle: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset >= 5 * PIECE:
            raise OSError(errno.ENODEV, "No such device")
        return whole(handle, buffers, offset)

    monkeypatch.setattr(os, "preadv", dying)
    before = held()
    with pytest.raises(TargetLost, match="No such device"):
        stand.verify()
    assert held() == before


def test_a_stream_that_is_left_early_closes_what_it_opened(stand: Stand) -> None:
    before = held()
    stream = stand.volume.stream([(0, BLOCKS)], PIECE)
    assert isinstance(next(stream), Streamed)
    stream.close()
    assert held() == before


def test_a_piece_is_whole_until_the_next_one_is_asked_for(stand: Stand) -> None:
    for part in stand.volume.stream([(0, BLOCKS)], PIECE):
        assert not isinstance(part.data, UnreadableBlocks)
        before = part.data.tobytes()
        assert before == stand.stamper.make(1, part.lba, part.count, generation=1).tobytes()
        threading.Event().wait(0.001)
        assert part.data.tobytes() == before


def test_a_volume_that_is_shorter_than_it_should_be_is_the_devices_fault(stand: Stand) -> None:
    os.truncate(stand.node, 100 * 512)
    with pytest.raises(DeviceError, match="gave 51200 of 65536 bytes"):
        stand.verify()


RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=8)


@given(RANGES)
def test_united_ranges_hold_the_same_blocks_in_order_and_apart(ranges: list[tuple[int, int]]) -> None:
    joined = united(ranges)
    blocks = [at for lba, count in joined for at in range(lba, lba + count)]
    assert blocks == sorted({at for lba, count in ranges for at in range(lba, lba + count)})
    assert all(sum(one) < other[0] for one, other in itertools.pairwise(joined))


@given(RANGES, st.integers(1, 50), st.integers(0, 9))
def test_drawn_blocks_are_different_ones_of_the_ranges(ranges: list[tuple[int, int]], count: int, seed: int) -> None:
    known = united(ranges)
    inside = {at for lba, many in known for at in range(lba, lba + many)}
    picked = [lba for lba, _ in drawn(known, count, Random(seed))]
    assert set(picked) <= inside
    assert len(set(picked)) == len(picked) == min(count, len(inside))
    assert drawn(known, count, Random(seed)) == [(lba, 1) for lba in picked]


def test_every_block_can_be_drawn() -> None:
    random = Random(3)
    seen = {lba for _ in range(200) for lba, _ in drawn([(5, 3), (90, 2)], 1, random)}
    assert seen == {5, 6, 7, 90, 91}


FINDINGS = st.lists(st.tuples(st.integers(0, 199), st.integers(1, 30), st.sampled_from(list(Wrong))), max_size=10)


@given(st.integers(1, 230), st.integers(1, 40), FINDINGS)
def test_a_map_covers_the_unit_and_each_cell_shows_the_worst_of_its_blocks(
    blocks: int, cells: int, marks: list[tuple[int, int, Wrong]]
) -> None:
    made, naive = BlockMap(blocks, cells), [Seen.UNKNOWN] * blocks
    states: list[Seen | Wrong] = list(naive)
    for lba, count, kind in marks:
        end = min(blocks, lba + count)
        if lba < end:
            made.found(Finding(lba, end - lba, kind))
            states[lba:end] = [max(old, kind, key=RANKED.index) for old in states[lba:end]]
    runs = made.runs()
    assert [run.lba for run in runs] == [0, *(run.lba + run.count for run in runs)][:-1]
    assert sum(run.count for run in runs) == blocks
    for run in runs:
        assert max(states[run.lba : run.lba + run.count], key=RANKED.index) is run.state
    assert len(runs) <= cells


def test_every_diagnosis_has_its_rank() -> None:
    assert set(RANKED) == {*Seen, *Wrong}
    assert len(set(RANKED)) == len(RANKED)


@pytest.mark.parametrize("text", ["changed", "full", "sample:1", f"sample:{LARGEST_SAMPLE}"])
def test_a_scope_is_read_and_told_alike(text: str) -> None:
    assert str(Scope.parse(text)) == text


def test_changed_is_what_is_verified_unless_told_otherwise() -> None:
    assert Scope() == Scope.parse("changed") == Scope(Reach.CHANGED, 0)


@pytest.mark.parametrize("text", ["", "Full", "full:", "sample:٣", "sample:+1", "sample: 1", "sample:1e3"])
def test_any_other_scope_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="it must be changed, full, or sample:N with N from 1 to 1000000"):
        Scope.parse(text)
