"""Host I/O on a file in place of a node: what moves, and how each failure is told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from copyproof.errors import DeviceError, SafetyRefusal, TargetLost
from copyproof.verify.volume import PIECE, HostVolume, UnreadableBlocks

BLOCKS = 64


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 64 blocks of 512 bytes. Not every file system has O_DIRECT, so it is left out."""
    monkeypatch.setattr(os, "O_DIRECT", 0)
    path = tmp_path / "disk"
    path.write_bytes(bytes(BLOCKS * 512))
    return path


def volume_of(node: Path, block_size: int = 512) -> HostVolume:
    return HostVolume(node, block_size, lambda: os.open(node, os.O_RDWR))


def numbered(count: int, block_size: int = 512) -> np.ndarray:
    return np.arange(count * block_size, dtype=np.uint64).astype(np.uint8).reshape(count, block_size)


def failing(code: int) -> Callable[..., int]:
    def call(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return call


def handles() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("block_size", [512, 4096])
def test_what_is_written_is_read_and_nothing_else_changes(node: Path, block_size: int) -> None:
    volume = volume_of(node, block_size)
    volume.write(3, numbered(2, block_size))
    assert (volume.read(3, 2) == numbered(2, block_size)).all()
    raw = node.read_bytes()
    assert raw == bytes(3 * block_size) + numbered(2, block_size).tobytes() + bytes(len(raw) - 5 * block_size)


def test_what_was_read_does_not_change_with_the_next_read(node: Path) -> None:
    volume = volume_of(node)
    volume.write(0, numbered(1))
    first = volume.read(0, 1)
    volume.read(9, 1)
    assert (first == numbered(1)).all()


def test_a_write_longer_than_a_piece_arrives_whole(node: Path) -> None:
    count = PIECE // 512 + 3
    os.truncate(node, (count + 2) * 512)
    volume_of(node).write(1, numbered(count))
    assert node.read_bytes() == bytes(512) + numbered(count).tobytes() + bytes(512)


@pytest.mark.parametrize("block_size", [512, 4096])
def test_pieces_cover_a_range_once(node: Path, block_size: int) -> None:
    step = PIECE // block_size
    pieces = list(volume_of(node, block_size).pieces(5, 2 * step + 1))
    assert pieces == [(5, step), (5 + step, step), (5 + 2 * step, 1)]
    assert list(volume_of(node).pieces(5, 0)) == []


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODATA, errno.EILSEQ, errno.EREMOTEIO])
def test_an_error_of_the_medium_is_told_with_the_blocks(node: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "preadv", failing(code))
    before = handles()
    with pytest.raises(UnreadableBlocks) as told:
        volume_of(node).read(7, 4)
    assert (told.value.lba, told.value.count, told.value.code) == (7, 4, code)
    assert str(told.value) == f"reading 4 blocks at LBA 7 of {node}: {os.strerror(code)}"
    assert handles() == before


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ENXIO, errno.ENOENT])
def test_a_node_that_goes_away_is_a_lost_target(node: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "preadv", failing(code))
    monkeypatch.setattr(os, "pwritev", failing(code))
    before = handles()
    with pytest.raises(TargetLost, match="reading 1 blocks at LBA 0"):
        volume_of(node).read(0, 1)
    with pytest.raises(TargetLost, match="writing 1 blocks at LBA 0"):
        volume_of(node).write(0, numbered(1))
    assert handles() == before


def test_a_node_that_is_not_there_is_a_lost_target(node: Path) -> None:
    node.unlink()
    with pytest.raises(TargetLost, match=r"opening .*disk: No such file"):
        volume_of(node).read(0, 1)
    with pytest.raises(TargetLost, match=r"opening .*disk: No such file"):
        volume_of(node).write(0, numbered(1))


def test_another_error_is_the_devices_and_says_nothing_of_blocks(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", failing(errno.ENOMEM))
    with pytest.raises(DeviceError, match="Cannot allocate memory") as told:
        volume_of(node).read(0, 1)
    assert type(told.value) is DeviceError


def test_a_reservation_conflict_is_called_one(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", failing(errno.EBADE))
    with pytest.raises(DeviceError, match=r"reading 1 blocks at LBA 0 of .*: reservation conflict") as told:
        volume_of(node).read(0, 1)
    assert type(told.value) is DeviceError


def test_a_short_read_is_an_error(node: Path) -> None:
    with pytest.raises(DeviceError, match=f"reading 2 blocks at LBA 63 of {node} gave 512 of 1024 bytes"):
        volume_of(node).read(BLOCKS - 1, 2)


def test_a_short_write_is_an_error(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(handle: int, buffers: Sequence[memoryview], offset: int) -> int:
        return sum(map(len, buffers)) // 2

    monkeypatch.setattr(os, "pwritev", half)
    with pytest.raises(DeviceError, match=r"writing at LBA 4 .* took 512 of 1024 bytes"):
        volume_of(node).write(4, numbered(2))


def test_a_volume_is_written_through_the_opener_it_was_given_and_no_other_way(node: Path) -> None:
    def refuse() -> int:
        raise SafetyRefusal("not named")

    volume = HostVolume(node, 512, refuse)
    with pytest.raises(SafetyRefusal, match="not named"):
        volume.write(0, numbered(1))
    assert not volume.read(0, 1).any()
    assert node.read_bytes() == bytes(BLOCKS * 512)
