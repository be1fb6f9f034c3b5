"""Members in memory and in files hold the same, and files hold it longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from copyproof.array.core.medium import Medium
from copyproof.array.core.unit import ControlUnit
from copyproof.array.media.files import Files
from copyproof.array.media.memory import CHUNK, Memory
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.errors import DeviceError, UsageError

BLOCKS = 3 * CHUNK // 512 + 100
"""More than three of the chunks that memory is allocated in."""


@pytest.fixture(params=["memory", "files"])
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Medium]:
    made: Medium = Memory(512, BLOCKS) if request.param == "memory" else Files(tmp_path / "member", 512, BLOCKS)
    yield made
    made.close()


def held(medium: Medium, offset: int = 0, count: int = BLOCKS) -> list[int]:
    """The number that fills each block and its label; -1 where they differ."""
    data, words = np.full((count, 512), 7, np.uint8), np.full(count, 7, np.uint64)
    medium.read(offset, data, words)
    alike = (data == words[:, None]).all(axis=1)
    return [int(word) if same else -1 for word, same in zip(words, alike, strict=True)]


def fill(medium: Medium, offset: int, count: int, number: int) -> None:
    medium.write(offset, np.full((count, 512), number, np.uint8), np.full(count, number, np.uint64))


def test_a_new_medium_holds_zeros_and_says_that_it_holds_nothing(medium: Medium) -> None:
    assert set(held(medium)) == {0}
    assert not medium.holds(0, BLOCKS)


def test_what_is_written_is_read_whatever_else_is_written(medium: Medium) -> None:
    due = [0] * BLOCKS
    for number, (offset, count) in enumerate([(0, 1), (2000, 4200), (2047, 2), (BLOCKS - 1, 1), (3, 60)], 1):
        fill(medium, offset, count, number)
        due[offset : offset + count] = [number] * count
    assert held(medium) == due
    assert held(medium, 2046, 5) == due[2046:2051]


def test_what_is_erased_reads_as_never_written_and_its_neighbours_as_before(medium: Medium) -> None:
    fill(medium, 0, BLOCKS, 5)
    medium.erase(100, 5000)
    assert held(medium) == [5] * 100 + [0] * 5000 + [5] * (BLOCKS - 5100)
    medium.erase(0, BLOCKS)
    assert set(held(medium)) == {0}


def test_a_wiped_medium_is_a_new_one(medium: Medium) -> None:
    fill(medium, 0, BLOCKS, 5)
    medium.wipe()
    assert set(held(medium)) == {0}
    assert not medium.holds(0, BLOCKS)


def test_memory_erased_or_never_written_is_not_allocated() -> None:
    medium = Memory(512, 1 << 40)
    fill(medium, 0, 4096, 1)
    medium.erase(0, 1 << 40)
    assert not medium.holds(0, 1 << 40)


def array(folder: Path) -> ControlUnit:
    return ControlUnit(ArraySettings((VolumeSettings(1, 4096), VolumeSettings(2, 4096)), folder=folder))


def test_an_array_in_files_holds_its_blocks_when_it_is_opened_again(tmp_path: Path) -> None:
    first = array(tmp_path / "array")
    blocks = first.labelled(1, 10, np.random.default_rng(1).bytes(512 * 1000))
    first.write(1, 10, blocks)
    first.copy(1, 10, 2, 77, 1000)
    first.close()
    again = array(tmp_path / "array")
    assert (again.read(1, 10, 1000).data == blocks.data).all()
    assert (again.read(2, 77, 1000).data == blocks.data).all()
    assert again.mapped(2, 0, 4096) == [(0, 77, False), (77, 1000, True), (1077, 3019, False)]
    again.close()


def test_files_of_another_size_are_refused_with_the_way_out(tmp_path: Path) -> None:
    array(tmp_path).close()
    with pytest.raises(UsageError, match=r"member-0.data: made for \d+ bytes, not \d+: name an empty folder"):
        ControlUnit(ArraySettings((VolumeSettings(1, 9000),), folder=tmp_path))


def test_a_folder_that_cannot_be_made_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name a folder that can be made"):
        array(tmp_path / "file")


def test_a_file_that_was_cut_short_is_the_devices_fault(tmp_path: Path) -> None:
    unit = array(tmp_path)
    os.truncate(tmp_path / "member-0.data", 512)
    with pytest.raises(DeviceError, match=r"member-0.data: no longer"):
        unit.read(1, 0, 4096)
    unit.close()
