"""A range that cannot be read whole is taken apart into what can be read and the blocks that cannot."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from copyproof.blocks.arrays import U8
from copyproof.verify.apart import READS, apart
from copyproof.verify.volume import HostVolume, Streamed, UnreadableBlocks

FIRST = 40


class Spoilt(HostVolume):
    """Cannot read some blocks, and counts what it is asked for."""

    def __init__(self, bad: set[int]) -> None:
        super().__init__(Path("sda"), 512, lambda: 0)
        self.bad, self.reads = bad, 0

    def read(self, lba: int, count: int) -> U8:
        self.reads += 1
        if self.bad.intersection(range(lba, lba + count)):
            raise UnreadableBlocks("no", lba, count, errno.ENODATA)
        return np.full((count, 512), lba % 251, np.uint8)


def parts(volume: Spoilt, count: int, reads: int = READS) -> list[Streamed]:
    found = list(apart(volume, UnreadableBlocks("no", FIRST, count, errno.EIO), reads))
    assert [part.lba for part in found] == [FIRST, *(part.lba + part.count for part in found)][:-1]
    assert sum(part.count for part in found) == count
    for part in found:
        lost = isinstance(part.data, UnreadableBlocks)
        assert lost == bool(volume.bad.intersection(range(part.lba, part.lba + part.count)))
    return found


def lost(found: list[Streamed]) -> list[tuple[int, int]]:
    return [(part.lba, part.count) for part in found if isinstance(part.data, UnreadableBlocks)]


@given(st.integers(1, 8192), st.sets(st.integers(0, 8191), min_size=1, max_size=6))
def test_every_one_of_a_few_unreadable_blocks_is_found_and_all_others_read(count: int, at: set[int]) -> None:
    bad = {FIRST + each % count for each in at}
    assert lost(parts(Spoilt(bad), count)) == [(lba, 1) for lba in sorted(bad)]


@given(st.integers(1, 600), st.sets(st.integers(0, 599), min_size=1), st.integers(0, 60))
def test_however_many_there_are_the_reads_are_limited_and_every_block_is_told_of(
    count: int, at: set[int], reads: int
) -> None:
    volume = Spoilt({FIRST + each % count for each in at})
    found = parts(volume, count, reads)
    assert volume.reads <= reads + math.ceil(math.log2(count)) + 1
    if volume.reads < reads:
        assert {many for _, many in lost(found)} == {1}


def test_an_error_that_went_away_is_told_all_the_same() -> None:
    volume = Spoilt(set())
    found = list(apart(volume, UnreadableBlocks("no", FIRST, 8, errno.EIO)))
    assert lost(found) == [(FIRST + 7, 1)]
