"""The RAID group: what it says is lost, what it rebuilds, and that its parity is right."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core.errors import MediumFault
from copyproof.array.core.unit import ControlUnit
from copyproof.array.media.memory import Memory
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.array.trace import Step
from copyproof.blocks.arrays import U8, U64
from tests.array.small import BLOCKS, SLOT, array, steps, write


def test_a_stripe_with_one_member_missing_and_one_not_rebuilt_takes_no_write() -> None:
    unit = array()
    stripe = 4 * SLOT // 4
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    unit.fail_member(0)
    unit.replace_member(0)
    unit.fail_member(1)
    write(unit, 1, BLOCKS - stripe, stripe, 2)
    with pytest.raises(MediumFault):
        unit.flush(1, 0, BLOCKS)
    unit.replace_member(1)
    with pytest.raises(MediumFault):
        unit.flush(1, 0, BLOCKS)


def test_a_rebuild_that_lacks_a_second_member_is_noted_once_and_makes_nothing_up() -> None:
    unit = array()
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    for member in (0, 1):
        unit.fail_member(member)
    for member in (0, 1):
        unit.replace_member(member)
    unit.run(3)
    assert unit.faults == ["volume 1, LBA 0: too few members left to read or write"]
    assert (unit.tick, steps(unit, Step.REBUILD)) == (3, [])


def test_an_unmap_that_fails_leaves_what_a_host_wrote_in_the_cache() -> None:
    unit = array()
    due = write(unit, 1, 0, 4, 7)
    for member in (0, 1):
        unit.fail_member(member)
    with pytest.raises(MediumFault):
        unit.unmap(1, 0, 4)
    assert (unit.read(1, 0, 4).data == due.data).all()


def test_parity_is_that_of_payload_and_labels() -> None:
    media: list[Memory] = []

    def kept(settings: ArraySettings, blocks: int) -> list[Memory]:
        media.extend(Memory(settings.block_size, blocks) for _ in range(settings.members))
        return media

    unit = ControlUnit(ArraySettings((VolumeSettings(1, BLOCKS),), unit_bytes=4 * 512), media=kept)
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    data, words = np.empty((1, 512), np.uint8), np.empty(1, np.uint64)
    media[2].read(9, data, words)
    media[2].write(9, data, words ^ np.uint64(1))
    assert list(unit.parity_errors()) == [2]
    media[2].write(9, data ^ np.uint8(1), words)
    assert list(unit.parity_errors()) == [2]
    media[2].write(9, data, words)
    assert list(unit.parity_errors()) == []


def test_a_member_is_rebuilt_by_as_many_units_a_tick_as_the_pace_allows() -> None:
    unit = array()
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    unit.fail_member(3)
    unit.replace_member(3)
    seen = []
    for _ in range(10):
        unit.run()
        seen.append(len(steps(unit, Step.REBUILD)))
    assert seen == [*range(1, 11)]
    assert steps(unit, Step.REBUILD) == [(stripe * SLOT, SLOT // 4) for stripe in range(10)]


class Exact(Memory):
    """A medium that knows each block that it holds, and counts how often it is asked."""

    def __init__(self, block_size: int, blocks: int) -> None:
        super().__init__(block_size, blocks)
        self.written: set[int] = set()
        self.asked = 0

    def write(self, offset: int, data: U8, words: U64) -> None:
        self.written.update(range(offset, offset + len(words)))
        super().write(offset, data, words)

    def holds(self, offset: int, count: int) -> bool:
        self.asked += 1
        return any(offset <= held < offset + count for held in self.written)

    def wipe(self) -> None:
        self.written.clear()
        super().wipe()


@pytest.mark.parametrize("seed", range(3))
def test_a_large_group_that_holds_little_is_rebuilt_and_checked_with_few_questions(seed: int) -> None:
    media: list[Exact] = []

    def exact(settings: ArraySettings, blocks: int) -> list[Exact]:
        media.extend(Exact(settings.block_size, blocks) for _ in range(settings.members))
        return media

    settings = ArraySettings((VolumeSettings(1, 1 << 20),), unit_bytes=4 * 512, slot_bytes=SLOT * 512)
    unit = ControlUnit(settings, media=exact)
    lbas = {*range(20 * seed, 640, 16), *np.random.default_rng(seed).integers(0, 1 << 20, 20).tolist()}
    for lba in lbas:
        write(unit, 1, lba, 1)
    unit.empty_cache()
    unit.fail_member(2)
    unit.replace_member(2)
    unit.run(100)
    assert (unit.inventory().to_rebuild, list(unit.parity_errors())) == (0, [])
    assert sum(medium.asked for medium in media) < 20_000
    unit.fail_member(0)
    for lba in lbas:
        assert (unit.read(1, lba, 1).data == 1).all()


def test_a_second_missing_member_of_raid_5_loses_blocks_and_says_so() -> None:
    unit = array()
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    unit.fail_member(0)
    assert (unit.read(1, 0, BLOCKS).data == 1).all()
    unit.empty_cache()
    unit.fail_member(3)
    with pytest.raises(MediumFault):
        unit.read(1, 0, BLOCKS)
    write(unit, 1, 0, SLOT, 2)
    with pytest.raises(MediumFault):
        unit.flush(1, 0, SLOT)
    unit.run()
    assert unit.faults == ["volume 1, LBA 0: too few members left to read or write"]
