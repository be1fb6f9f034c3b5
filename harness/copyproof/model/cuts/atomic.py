"""The part of the history checker that knows writes which take effect at once.

An image shows each block's last write before the split. So every other write to that block which is in the cut came
before the one shown. With writes of several blocks these demands chain, and may even run in a circle: one block says
that a write came first, another that it came last. There is an order of moments exactly when they do not, and when no
write has to come, by such a chain, after its own completion.

In the cut are the writes that some block shows, and those completed before the earliest moment the split can have; to
leave all others out costs nothing, since no image asks for them. An earlier moment of the split asks for fewer writes,
so the earliest is the one to judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from copyproof.model.cuts.columns import Column, Run
from copyproof.model.cuts.history import History, Write
from copyproof.model.cuts.violation import Rule, Violation


@dataclass(frozen=True, slots=True)
class _Atom:
    """What takes effect at one moment: an atomic write (`lba` None), or a write's part in the column at `lba`."""

    write: Write
    lba: int | None


@dataclass(frozen=True, slots=True)
class _Demand:
    """In `column`, `earlier` came before `later`."""

    earlier: _Atom
    later: _Atom
    column: Column


def torn(history: History, found: Sequence[Run], times: Sequence[float], atomic_blocks: int) -> Violation | None:
    """Return a counterexample where some image cannot be had with writes of up to `atomic_blocks` blocks atomic.

    `found` is what all images show, and `times` the earliest moment of each split, in seconds; all that holds block by
    block must hold for them.
    """
    images = ((index, [run for run in found if _shows(run, index)]) for index in range(len(history.splits)))
    return next(
        (bad for index, image in images if (bad := _judge(history, index, image, times[index], atomic_blocks))), None
    )


def _shows(run: Run, index: int) -> bool:
    return any(number == index for number, _ in run.column.seen) and run.first <= index <= run.last


def _judge(history: History, index: int, image: list[Run], time: float, atomic_blocks: int) -> Violation | None:
    shown = {run.write for run in image if run.write is not None and run.write.count <= atomic_blocks}
    demands: dict[_Atom, list[_Demand]] = defaultdict(list)
    for run in image:
        for other in run.column.writes:
            if other == run.write or not (other in shown or other.ended < time):
                continue
            if run.write is None:
                return _violation(
                    history, index, run.column, (other,), "A is atomic, and the image holds only a part of it"
                )
            demand = _Demand(
                _atom(other, run.column, atomic_blocks), _atom(run.write, run.column, atomic_blocks), run.column
            )
            demands[demand.later].append(demand)
    return _order(history, index, demands)


def _atom(write: Write, column: Column, atomic_blocks: int) -> _Atom:
    return _Atom(write, None if write.count <= atomic_blocks else column.lba)


def _order(history: History, index: int, demands: dict[_Atom, list[_Demand]]) -> Violation | None:
    """Give each atom its earliest moment, after all that must come before it."""
    try:
        order = list(TopologicalSorter({key: [d.earlier for d in ds] for key, ds in demands.items()}).static_order())
    except CycleError as error:
        return _circle(history, index, demands, error.args[1])
    latest: dict[_Atom, Write] = {}
    for atom in order:
        latest[atom] = atom.write
        for demand in demands.get(atom, ()):
            latest[atom] = max(latest[atom], latest[demand.earlier], key=lambda write: write.invoked)
            if latest[atom].invoked > atom.write.ended:
                return _late(history, index, demand, latest[atom])
    return None


def _circle(history: History, index: int, demands: dict[_Atom, list[_Demand]], circle: Sequence[_Atom]) -> Violation:
    writes = tuple(dict.fromkeys(atom.write for atom in circle))
    steps = ((demand, pair) for pair in pairwise(circle) for demand in demands.get(pair[1], ()))
    column = next(demand.column for demand, pair in steps if demand.earlier == pair[0])
    return _violation(history, index, column, writes, "atomic writes, and each hides the one before it in a circle")


def _late(history: History, index: int, demand: _Demand, cause: Write) -> Violation:
    old, middle = demand.later.write, demand.earlier.write
    if middle == cause:
        reason = "A is here, yet B, atomic and invoked after A had completed, is in the image"
        return _violation(history, index, demand.column, (old, middle), reason)
    reason = "A hides B, and B comes after C, which was invoked after A had completed"
    return _violation(history, index, demand.column, (old, middle, cause), reason)


def _violation(history: History, index: int, column: Column, writes: tuple[Write, ...], reason: str) -> Violation:
    return Violation(Rule.TORN, index, column.told, reason, writes, ((index, history.splits[index]),))
