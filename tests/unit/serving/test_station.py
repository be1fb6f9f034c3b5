"""A port on files and pipes, where there is no kernel with TCMU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from copyproof.errors import DeviceError
from copyproof.serving.tcmu.job import Port
from copyproof.serving.tcmu.server import Station


@pytest.mark.parametrize("names", [[], ["tcm-user/1/other"], ["tcm-user/1/mine", "tcm-user/1/mine"]])
def test_a_ring_that_no_one_device_or_more_than_one_has_is_refused(tmp_path: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        (tmp_path / f"uio{number}").mkdir()
        (tmp_path / f"uio{number}/name").write_text(name + "\n")
    found = names.count("tcm-user/1/mine")
    with pytest.raises(DeviceError, match=f"^{found} uio devices are called tcm-user/1/mine$"):
        Station(Port("host", 1, "tcm-user/1/mine"), tmp_path)


@pytest.fixture
def station() -> Iterator[Station]:
    """A port whose device is a pipe that nothing has come by yet."""
    near, far = os.pipe2(os.O_NONBLOCK)
    made = object.__new__(Station)
    made.handle = near
    yield made
    os.close(far)


def test_a_device_from_which_nothing_came_is_there_all_the_same(station: Station) -> None:
    assert station.woken()
    os.close(station.handle)


def test_a_device_that_cannot_be_read_any_more_is_gone(station: Station) -> None:
    os.close(station.handle)
    assert not station.woken()
