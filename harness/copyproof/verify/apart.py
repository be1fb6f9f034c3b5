"""Take a range apart that cannot be read as a whole, until each of its unreadable blocks is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from copyproof.verify.volume import Streamed, UnreadableBlocks, Volume

#: Reads for one range, since each that fails may cost an array's own retries. A single bad block of 8192 takes 26.
READS = 256


def apart(volume: Volume, problem: UnreadableBlocks, reads: int = READS) -> Iterator[Streamed]:
    """Give the parts of a range, at most one piece, in ascending order: data, or one block that cannot be read.

    After that many reads what is left is read as it then lies, at most as many parts more as halvings make a block of
    the range; one of those that fails comes as a problem of several blocks. Where a read failed and its first half is
    good, its second half has failed, and is not read again: an error that went away is told all the same.

    Raises TargetLost and DeviceError as `Volume.read` does.
    """
    todo: list[UnreadableBlocks | tuple[int, int]] = [problem]
    while todo:
        found = todo.pop()
        if not isinstance(found, UnreadableBlocks):
            reads -= 1
            part = _read(volume, *found)
            if not isinstance(part.data, UnreadableBlocks):
                yield part
                continue
            found = part.data
        if found.count == 1 or reads <= 0:
            yield Streamed(found.lba, found.count, found)
            continue
        half = found.count // 2
        second = found.lba + half, found.count - half
        reads -= 1
        first = _read(volume, found.lba, half)
        if isinstance(first.data, UnreadableBlocks):
            todo += [second, first.data]
        else:
            yield first
            todo.append(UnreadableBlocks(str(found), *second, found.code))


def gathered(parts: Iterable[Streamed]) -> Iterator[Streamed | list[UnreadableBlocks]]:
    """Give the data among some parts as it comes, and the problems that follow each other as one list."""
    problems: list[UnreadableBlocks] = []
    for part in parts:
        if isinstance(part.data, UnreadableBlocks):
            problems.append(part.data)
            continue
        if problems:
            yield problems
            problems = []
        yield part
    if problems:
        yield problems


def _read(volume: Volume, lba: int, count: int) -> Streamed:
    try:
        return Streamed(lba, count, volume.read(lba, count))
    except UnreadableBlocks as problem:
        return Streamed(lba, count, problem)
