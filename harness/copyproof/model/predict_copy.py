"""Predict EXTENDED COPY(LID1) from its parameter list: every way in which the standard lets it end (SPC-4 5.17.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from copyproof.model.controller import Transfer
from copyproof.model.copy_course import Untold, processed
from copyproof.model.copy_rules import Breach, cscd_breaches, length_breach, list_breaches, segment_breaches
from copyproof.model.copy_view import ListView, Part
from copyproof.model.known import KnownTarget, KnownUnit
from copyproof.model.prediction import Branch, Forgetting, Prediction, Step
from copyproof.scsi.command import Status
from copyproof.scsi.outcome import Outcome

GOOD = Outcome(Status.GOOD)
#: The sense key that a copy ends in once a segment is being processed (SPC-4 5.17.7.4 a).
COPY_ABORTED = "0A"


def predict_list(raw: bytes, receiver: KnownUnit, target: KnownTarget) -> Prediction:
    """Return how a parameter list that `receiver` got may end.

    First what must be found before the first segment (SPC-4 5.17.7.3), then the segments one after the other. A copy
    manager may look at descriptors before their turn (5.17.7.2), so a list with several faults may end in any of them.
    """
    view = ListView(raw)
    whole = list(list_breaches(view, target))
    if length_breach(view, target):
        return Prediction(tuple(_refusals(whole)))
    cscds = list(cscd_breaches(view, target))
    segments = [found for part in view.segments for found in segment_breaches(part, target)]
    early = _refusals([*whole, *cscds, *segments])
    if any(item.binding for item in (*whole, *cscds)):
        return Prediction(tuple(_distinct(early)))
    return Prediction(tuple(_distinct([*_course(view, receiver, target), *early])))


def anything(rule: str, target: KnownTarget) -> Prediction:
    """Return the prediction of what the model does not know: any outcome, and no block is sure any more."""
    everywhere = tuple(Forgetting(unit.volume, 0, unit.blocks) for unit in target.units)
    return Prediction((Branch((), rule, perhaps=everywhere),))


def _refusals(found: Iterable[Breach]) -> Iterator[Branch]:
    """A branch for each breach: refused before the first segment, with nothing written."""
    for item in found:
        outcomes = tuple(outcome for outcome in item.outcomes if not outcome.sense.startswith(COPY_ABORTED))
        if outcomes:
            yield Branch(outcomes, item.rule)


def _course(view: ListView, receiver: KnownUnit, target: KnownTarget) -> list[Branch]:
    """Process the segments in order until one is stopped (SPC-4 5.17.7.2)."""
    done: list[Step] = []
    ways: list[Branch] = []
    for part in view.segments:
        try:
            found, step = _turn(part, view, receiver, target)
        except Untold as problem:
            return list(anything(f"the model does not know {problem}", target).branches)
        ways += [way for item in found for way in _stopped(item, done, step)]
        if any(item.binding for item in found):
            return ways
        done += [step] if step else []
    return [Branch((GOOD,), "SPC-4 5.17.7.2: the segments are processed in order", tuple(done)), *ways]


def _turn(part: Part, view: ListView, receiver: KnownUnit, target: KnownTarget) -> tuple[list[Breach], Step | None]:
    if found := list(segment_breaches(part, target)):
        return found, None
    return processed(part, view, receiver, target)


def _stopped(item: Breach, done: list[Step], step: Step | None) -> Iterator[Branch]:
    """The ways in which one breach ends a copy whose earlier segments are done: in its course, or, with a sense key
    other than COPY ABORTED, perhaps before it began."""
    aborted = tuple(outcome for outcome in item.outcomes if outcome.sense.startswith(COPY_ABORTED))
    refused = tuple(outcome for outcome in item.outcomes if outcome not in aborted)
    partial = replace(step, blocks=item.written) if isinstance(step, Transfer) and item.written else None
    behind = step.blocks - partial.blocks if isinstance(step, Transfer) and partial else 0
    unsure = (step,) if isinstance(step, Forgetting) and item.written else ()
    if aborted:
        yield Branch(aborted, item.rule, tuple(done), partial, behind, unsure)
    if refused:
        yield Branch(refused, item.rule, perhaps=tuple(done))


def _distinct(branches: Iterable[Branch]) -> Iterator[Branch]:
    """Leave out branches with the outcomes of an earlier one, whose effect is as large or larger."""
    kept: list[Branch] = []
    for branch in branches:
        if not any(branch.outcomes == other.outcomes for other in kept):
            kept.append(branch)
            yield branch
