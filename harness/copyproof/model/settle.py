"""Let the model do what a predicted command did, once its outcome is known, or known to be unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.prediction import Branch, Forgetting, HostWrite, Prediction, Step, Zeroing
from copyproof.scsi.outcome import Outcome


def settle(
    model: ReferenceModel,
    prediction: Prediction,
    seen: Outcome | None,
    *,
    generation: int | None = None,
    residual: int | None = None,
) -> Branch | None:
    """Splice what a command did, and return the branch by which it ended so; None where no rule allows the outcome.

    `seen` None stands for a time-out or a lost answer. Then, and after an outcome that no rule allows, each step that
    any branch could have done is left open, and later reads narrow it. `generation` is that of the host's blocks in a
    write, None where they are no stamps; `residual` the INFORMATION field of the sense data in blocks, None where it is
    not valid.

    >>> from copyproof.model.prediction import Branch, Prediction
    >>> copied = Prediction((Branch((Outcome.parse("GOOD"),), "6.4.6.4", (Transfer(1, 0, 1, 50, 8),)),))
    >>> model = ReferenceModel({1: 100})
    >>> model.write(1, 0, 8, generation=1)
    >>> settle(model, copied, Outcome.parse("GOOD")) is copied.branches[0]
    True
    >>> model.slice(1, 50, 1)[0].origins
    (Origin(volume=1, lba=0, generation=1),)
    """
    branch = prediction.branch(seen) if seen else None
    if branch is None:
        leave_open(model, prediction.conceivable())
    else:
        _splice(model, branch, generation, residual)
    return branch


def _splice(model: ReferenceModel, branch: Branch, generation: int | None, residual: int | None) -> None:
    for step in branch.done:
        _do(model, step, generation)
    if branch.partial and residual is None:
        model.perhaps(branch.partial)
    elif branch.partial and residual is not None:
        model.copy(replace(branch.partial, blocks=branch.written(residual)))
    leave_open(model, branch.perhaps)


def _do(model: ReferenceModel, step: Step, generation: int | None) -> None:
    match step:
        case Transfer():
            model.copy(step)
        case HostWrite(volume, lba, blocks) if generation is not None:
            model.write(volume, lba, blocks, generation)
        case Zeroing(volume, lba, blocks, label):
            model.zero(volume, lba, blocks, label)
        case HostWrite(volume, lba, blocks) | Forgetting(volume, lba, blocks):
            _forget(model, volume, lba, blocks)


def leave_open(model: ReferenceModel, steps: Iterable[Step]) -> None:
    """Leave steps open: copies and zeroing by their possible contents, all else by forgetting the blocks."""
    for copies, run in groupby(steps, lambda step: isinstance(step, Transfer)):
        if copies:
            model.perhaps(*(step for step in run if isinstance(step, Transfer)))
        else:
            for step in run:
                if isinstance(step, Zeroing):
                    model.perhaps_zero(step.volume, step.lba, step.blocks, step.label)
                elif not isinstance(step, Transfer):
                    _forget(model, step.volume, step.lba, step.blocks)


def _forget(model: ReferenceModel, volume: int, lba: int, blocks: int) -> None:
    """Forget blocks, as far as the volume goes."""
    model.forget(volume, lba, max(0, min(blocks, model.blocks(volume) - lba)))
