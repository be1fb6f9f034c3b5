"""A run's guard tags are judged as one by one."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.blocks.guard_check import guards_match, wrong_guards
from copyproof.blocks.label import guards


@pytest.mark.parametrize("size", [32, 64, 512, 4096, 8192])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 100, 4097])
def test_right_guards_match_at_every_length(size: int, count: int) -> None:
    data = np.random.default_rng(count).integers(0, 256, (count, size), np.uint8)
    assert guards_match(data, guards(data))


def test_right_guards_match_in_a_run_longer_than_the_order_of_x() -> None:
    data = np.random.default_rng(1).integers(0, 256, (70_000, 32), np.uint8)
    assert guards_match(data, guards(data))


@pytest.mark.parametrize("seed", range(40))
def test_every_single_wrong_bit_is_found_in_its_block(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (int(random.integers(1, 1200)), 512), np.uint8)
    tags = guards(data)
    at = int(random.integers(len(data)))
    if seed % 2:
        tags[at] ^= np.uint16(1 << seed % 16)
    else:
        data[at, int(random.integers(512))] ^= np.uint8(1 << seed % 8)
    assert np.flatnonzero(wrong_guards(data, tags)).tolist() == [at]


@pytest.mark.parametrize("seed", range(10))
def test_several_wrong_blocks_are_all_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (700, 512), np.uint8)
    tags = guards(data)
    where = np.sort(random.choice(700, 9, replace=False))
    data[where, 5] ^= 0x11
    assert np.flatnonzero(wrong_guards(data, tags)).tolist() == where.tolist()


def test_two_blocks_that_changed_places_are_found() -> None:
    data = np.random.default_rng(3).integers(0, 256, (64, 512), np.uint8)
    tags = guards(data)
    data[[3, 40]] = data[[40, 3]]
    assert np.flatnonzero(wrong_guards(data, tags)).tolist() == [3, 40]


def test_blocks_apart_in_memory_are_judged_as_well() -> None:
    data = np.random.default_rng(4).integers(0, 256, (64, 520), np.uint8)[:, :512]
    tags = guards(data)
    assert guards_match(data, tags)
    assert not guards_match(data, tags ^ np.uint16(1))


def test_blocks_of_no_such_size_are_refused() -> None:
    with pytest.raises(ValueError, match="blocks of 520 bytes"):
        guards_match(np.zeros((1, 520), np.uint8), np.zeros(1, np.uint16))
