"""What the trace says of pairs: the old block before the write, and what a copy moved."""

from __future__ import annotations

import pytest

from copyproof.array.pair_witness import moved_to, saved_too_late
from copyproof.array.trace import Actor, Event, Origin, Step

P, S = 6, 7


def commit(volume: int, lba: int, count: int = 1) -> Event:
    return Event(Step.COMMIT, Actor.HOST, 0, 3, volume, lba, count)


def destage(volume: int, lba: int, count: int = 1) -> Event:
    return Event(Step.DESTAGE, Actor.CACHE, 0, 4, volume, lba, count)


def order(lba: int, count: int, actor: Actor = Actor.PAIR, volume: int = S) -> Event:
    return Event(Step.ORDER, actor, 0, None, volume, lba, count, origin=Origin(None, P, lba))


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([destage(S, 0, 512), commit(P, 8, 8)], ""),
        ([commit(P, 8, 8), destage(S, 0, 512)], "volume 6, LBA 8 was overwritten, and its old block was copied only"),
        ([destage(S, 0, 9), commit(P, 8, 8)], "volume 6, LBA 9 was overwritten, and its old block was copied never"),
        ([destage(P, 0, 512), commit(P, 8, 8)], "volume 6, LBA 8 was overwritten, and its old block was copied never"),
        ([commit(P, 16, 8)], "volume 6, LBA 8: no write of it was seen"),
        ([], "volume 6, LBA 8: no write of it was seen"),
    ],
)
def test_the_old_block_has_to_be_destaged_before_the_write_is_taken(events: list[Event], said: str) -> None:
    found = saved_too_late(events, P, S, 8, 8)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_what_pairs_copied_to_a_volume_is_told_by_ranges_and_no_one_elses_copies_are() -> None:
    events = [order(1024, 512), order(0, 512), order(512, 512), order(4096, 8, Actor.HOST), order(8, 8, volume=P)]
    assert moved_to(events, S) == [(0, 1536)]
    assert moved_to(events, P) == [(8, 8)]
