"""The history checker: is the image that a split left a cut of the writes that ran beside it?

What a correct target does. Each block of each write takes effect at one moment between the write's invocation and its
completion, and each split at one moment between its own; at that moment the image of the whole group is what the blocks
hold. A write that was never answered may take effect at any later moment, or never. Such moments exist exactly when the
image is a cut: it has every write completed before the split was invoked, none invoked after it completed, and with a
write each one that had completed before it was invoked, on all volumes of the group. Intervals of equal time stamps
touch, and are taken as concurrent.

Why the check is exact. Let a block show write v in the images of the splits first to last, and let s be the moments of
these splits. Its best moment for v is the latest it may have, the earlier of v's completion and s(first). Then another
write w to the block can be given a moment unless it must lie between v's and s(last). So all there is to hold is

1. invocation of v <= s(first): v is there;
2. s(last) <= completion of w, if w was invoked after v completed, or if a later image shows w: w is not there yet;
3. invocation of w <= s(first) or s(last) <= completion of w, for every other w: it did not come in between.

Blocks share nothing but the moments of the splits. 1 is a lower bound, 3 makes a lower bound of an earlier split out
of one of a later split, and 2 and the split's own completion are upper bounds. So the smallest moments that satisfy 1
and 3 are found by raising them from the splits' invocations, and a cut exists exactly when they satisfy 2. That the cut
of a later split contains the one of an earlier split follows, since a block's write has one moment for all images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from copyproof.blocks.origin import lba_range
from copyproof.model.cuts.atomic import torn
from copyproof.model.cuts.columns import Column, Run, columns, runs
from copyproof.model.cuts.history import History, Write
from copyproof.model.cuts.violation import Rule, Violation


def check(history: History, atomic_blocks: int = 1) -> Violation | None:
    """Return None when every image is a cut and each cut contains the ones before it, else one counterexample.

    Writes of up to `atomic_blocks` blocks (1 and up) take effect at once; longer ones block by block. With more than 1,
    each image is judged exactly, and a series of images together only by what holds block by block. Raises ValueError
    for `atomic_blocks` below 1.

    >>> from copyproof.blocks.origin import Origin
    >>> from copyproof.model.cuts.history import Shown, Split
    >>> journal = Write(writer=1, volume=1, lba=0, count=4, generation=1, invoked=0.000, completed=0.002)
    >>> commit = Write(writer=1, volume=2, lba=7, count=1, generation=2, invoked=0.003, completed=0.004)
    >>> image = (Shown(1, 0, 4, None), Shown(2, 7, 1, Origin(2, 7, 2)))
    >>> split = Split(invoked=0.001, completed=0.005, volumes=frozenset({1, 2}), image=image)
    >>> print(check(History((journal, commit), (split,))))
    volume 1 LBA 0 to 3: A is not in the image, yet B, invoked after A had completed, is
      A  [=============]                       -1.000 to +1.000 ms
      B                       [======]         +2.000 to +3.000 ms
      S0        [===========================]  +0.000 to +4.000 ms
      A  writer 1: generation 1 at volume 1 LBA 0 to 3
      B  writer 1: generation 2 at volume 2 LBA 7
      S0 split of volumes 1, 2
    """
    if atomic_blocks < 1:
        raise ValueError(f"atomic_blocks is {atomic_blocks}; one block is always atomic, so it is at least 1")
    every = list(columns(history))
    shown = [runs(column) for column in every]
    return (
        _first(_stranger(history, column) for column in every)
        or _first(_undone(history, column_runs) for column_runs in shown)
        or _judge(history, shown, atomic_blocks)
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """A split was not before the invocation of `write`, since `run` shows that write to be in its image (rule 1), or
    not to have come between two images (rule 3)."""

    write: Write
    run: Run


@dataclass(frozen=True, slots=True)
class Moment:
    """The earliest time at which a split can have been; `why` is None for the split's own invocation."""

    time: float
    why: Bound | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Rule 2: the last split of a run was not after the completion of `absent`."""

    run: Run
    absent: Write


def _judge(history: History, shown: list[list[Run]], atomic_blocks: int) -> Violation | None:
    flat = [run for column_runs in shown for run in column_runs]
    limits = [limit for column_runs in shown for limit in _limits(column_runs)]
    moments = _raised([Moment(split.invoked) for split in history.splits], _shown_by(flat))
    while not (broken := _broken(history, limits, moments)):
        pushed = _pushed(flat, moments)
        if pushed == moments:
            return (
                torn(history, flat, [moment.time for moment in moments], atomic_blocks) if atomic_blocks > 1 else None
            )
        moments = pushed
    return broken


def _first(found: Iterable[Violation | None]) -> Violation | None:
    return next((violation for violation in found if violation), None)


def _raised(moments: Sequence[Moment], bounds: Iterable[tuple[int, Moment]]) -> list[Moment]:
    """Raise the moments of splits, given by number, to lower bounds."""
    raised = list(moments)
    for index, bound in bounds:
        raised[index] = max(raised[index], bound, key=lambda moment: moment.time)
    return raised


def _shown_by(flat: Iterable[Run]) -> Iterator[tuple[int, Moment]]:
    """Rule 1: a split was not before the invocation of what it shows."""
    for run in flat:
        if run.write is not None:
            yield run.first, Moment(run.write.invoked, Bound(run.write, run))


def _pushed(flat: Iterable[Run], moments: Sequence[Moment]) -> list[Moment]:
    """Rule 3: where a write would lie between two images that both show another, the first was after its invocation."""
    bounds = (
        (run.first, Moment(write.invoked, Bound(write, run)))
        for run in flat
        if run.first < run.last
        for write in run.column.writes
        if write != run.write and write.ended < moments[run.last].time
    )
    return _raised(moments, bounds)


def _limits(column_runs: Sequence[Run]) -> Iterator[Limit]:
    for number, run in enumerate(column_runs):
        later = {after.write for after in column_runs[number + 1 :]}
        for write in run.column.writes:
            if write != run.write and (write.invoked > run.ended or (later and write in later)):
                yield Limit(run, write)


def _broken(history: History, limits: Iterable[Limit], moments: Sequence[Moment]) -> Violation | None:
    """Return what contradicts the moments: of several, the write that has been missing for longest."""
    for index, (split, moment) in enumerate(zip(history.splits, moments, strict=True)):
        if moment.why and moment.time > split.ended:
            return _future(history, index, moment.why)
    over = [limit for limit in limits if limit.absent.ended < moments[limit.run.last].time]
    worst = min(over, key=lambda limit: limit.absent.ended, default=None)
    return _absent(history, worst, moments[worst.run.last].why) if worst else None


def _future(history: History, index: int, why: Bound) -> Violation:
    run, cause = why.run, why.write
    if run.write == cause:
        reason = "A, invoked after the split had completed, is in the image"
        return _violation(history, Rule.FUTURE, run.column, reason, (cause,), (index,))
    reason = f"S{run.last} still holds A, which S{run.first} held before B was written over it"
    return _violation(history, Rule.RETURNED, run.column, reason, _known(run.write, cause), (run.last, run.first))


def _absent(history: History, limit: Limit, why: Bound | None) -> Violation:
    """Say why a write that an image does not have would have to be in it."""
    run, absent = limit.run, limit.absent
    instead = "B" if run.write else "no stamp"
    if absent.invoked <= run.ended:
        later = next(
            number for number, shown in run.column.seen if number > run.last and run.column.holds(shown, absent)
        )
        reason = f"A, which S{later} holds, had completed before S{run.last}, which holds {instead}"
        return _violation(history, Rule.RETURNED, run.column, reason, _known(absent, run.write), (later, run.last))
    if why is None or absent.ended < history.splits[run.last].invoked:
        reason = f"A, completed before the split was invoked, is not in the image, which holds {instead}"
        return _violation(history, Rule.MISSING, run.column, reason, _known(absent, run.write), (run.last,))
    if why.run.write == why.write:
        reason = "A is not in the image, yet B, invoked after A had completed, is"
        return _violation(history, Rule.DEPENDENT, run.column, reason, (absent, why.write), (run.last,))
    other = why.run.last
    reason = f"A is not in S{run.last}, which came after B was invoked, since S{other} does not hold B"
    return _violation(history, Rule.RETURNED, run.column, reason, (absent, why.write), (run.last, other))


def _stranger(history: History, column: Column) -> Violation | None:
    """A block that carries a stamp, but none that a write of the history put there."""
    for index, shown in column.seen:
        if shown.origin is not None and column.visible(shown) is None:
            at = column.lba - shown.lba + shown.origin.lba
            what = f"generation {shown.origin.generation} of volume {shown.origin.volume} {lba_range(at, column.count)}"
            return _violation(history, Rule.STRANGER, column, f"no write put {what} there", (), (index,))
    return None


def _undone(history: History, column_runs: Sequence[Run]) -> Violation | None:
    """A column that goes back to what it held before, though a write takes effect only once."""
    for number, later in enumerate(column_runs[1:], 1):
        before = column_runs[number - 1]
        if later.write is None or any(run.write == later.write for run in column_runs[:number]):
            reason = f"S{before.last} holds A, and S{later.first} what was there before it"
            writes = _known(before.write, later.write)
            return _violation(history, Rule.RETURNED, later.column, reason, writes, (later.first, before.last))
    return None


def _known(*writes: Write | None) -> tuple[Write, ...]:
    return tuple(write for write in writes if write is not None)


def _violation(
    history: History, rule: Rule, column: Column, reason: str, writes: tuple[Write, ...], splits: tuple[int, ...]
) -> Violation:
    """Put a counterexample together; the first of `splits` is the one that is wrong."""
    named = tuple((number, history.splits[number]) for number in sorted(splits))
    return Violation(rule, splits[0], column.told, reason, writes, named)
