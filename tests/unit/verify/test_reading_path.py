"""A unit with several paths is read back through another than it is written by."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from copyproof.device import Device
from copyproof.errors import SafetyRefusal
from copyproof.plugin.opening import reader
from copyproof.verify.volume import HostVolume


def device(*nodes: Path) -> Device:
    return Device(naa="6" + "0" * 31, blocks=8, block_size=512, block=nodes)


def test_of_several_paths_another_is_read_and_none_but_the_first_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "O_DIRECT", 0)
    first, last = tmp_path / "sda", tmp_path / "sdb"
    first.write_bytes(bytes(4096))
    last.symlink_to(first)
    written = HostVolume(first, 512, lambda: os.open(first, os.O_RDWR))
    read = reader(device(first, last), written)
    written.write(3, np.full((1, 512), 7, np.uint8))
    assert read.name == str(last)
    assert (read.read(3, 1) == 7).all()
    with pytest.raises(SafetyRefusal, match=r"refuses to write to .*sdb: it is the path for reading back"):
        read.write(0, np.zeros((1, 512), np.uint8))


def test_a_single_path_serves_for_both(tmp_path: Path) -> None:
    written = HostVolume(tmp_path, 512, lambda: 0)
    assert reader(device(tmp_path), written) is written
