"""Verify ranges of a volume at the speed of its disk: threads read ahead while what they have read is checked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from copyproof.blocks.arrays import U8
from copyproof.blocks.findings import Findings
from copyproof.verify.apart import apart, gathered
from copyproof.verify.blockmap import BlockMap, Stretch
from copyproof.verify.check import Checker
from copyproof.verify.volume import AHEAD, Range, Streamed, UnreadableBlocks

Advance = Callable[[int], None]
"""Told how many more blocks were checked."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in `read` blocks of a volume, and where: `map` covers the whole volume."""

    read: int
    findings: Findings
    map: tuple[Stretch, ...]


def unseen(_blocks: int) -> None:
    """Show no progress."""


def verify(
    checker: Checker, number: int, ranges: Iterable[Range], advance: Advance = unseen, piece: int = AHEAD
) -> Verified:
    """Hold ranges of a volume against the model; `piece` is the bytes of one read. Raises TargetLost or DeviceError.

    A difference is told by the exact block however many there are: every one is in the map and in the counts. So are
    unreadable blocks, up to what `apart` can find of them in a piece: the others are UNSOUGHT.
    """
    shown = BlockMap(checker.blocks(number))
    read, total = 0, Findings()
    for part in checker.volume(number).stream(ranges, piece):
        for lba, count in checker.expected(number, part.lba, part.count):
            shown.known(lba, count)
        for findings in _told(checker, number, part):
            total += findings
            for finding in findings.findings:
                shown.found(finding)
        read += part.count
        advance(part.count)
    return Verified(read, total, tuple(shown.runs()))


def drawn(ranges: Sequence[Range], count: int, random: Random) -> list[Range]:
    """Draw `count` different blocks of some ranges (all, where there are no more), in ascending order.

    >>> drawn([(10, 2), (50, 1)], 9, Random(1))
    [(10, 1), (11, 1), (50, 1)]
    """
    ends = list(accumulate(many for _, many in ranges))
    total = ends[-1] if ends else 0
    picked = sorted(random.sample(range(total), min(count, total)))
    return [(_nth(ranges, ends, index), 1) for index in picked]


def _nth(ranges: Sequence[Range], ends: Sequence[int], index: int) -> int:
    """Return the LBA of one of all blocks; `ends` counts the blocks up to the end of each range."""
    at = bisect_right(ends, index)
    return sum(ranges[at]) - (ends[at] - index)


def _told(checker: Checker, number: int, part: Streamed) -> Iterator[Findings]:
    """Check a piece; one that cannot be read is taken apart."""
    if not isinstance(part.data, UnreadableBlocks):
        yield from _judged(checker, number, part.lba, part.data)
        return
    for each in gathered(apart(checker.volume(number), part.data)):
        if isinstance(each, list):
            yield checker.lost(number, each)
        elif not isinstance(each.data, UnreadableBlocks):
            yield from _judged(checker, number, each.lba, each.data)


def _judged(checker: Checker, number: int, lba: int, data: U8) -> Iterator[Findings]:
    """Check what was read; where findings had to be left out of a list, check its halves, so that none is missing."""
    found = checker.judge(number, lba, data)
    if not found.unlisted or len(data) == 1:
        yield found
        return
    half = len(data) // 2
    yield from _judged(checker, number, lba, data[:half])
    yield from _judged(checker, number, lba + half, data[half:])
