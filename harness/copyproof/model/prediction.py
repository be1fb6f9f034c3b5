"""What the model says of a command before its answer is there: which outcomes, and for each what becomes of the blocks.

A unit attention, BUSY and TASK SET FULL are in no prediction: any command may end so, and then it was not executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from copyproof.model.controller import Transfer
from copyproof.model.held import Label
from copyproof.scsi.outcome import Outcome


@dataclass(frozen=True, slots=True)
class HostWrite:
    """The host writes `blocks` blocks of a volume from `lba` on."""

    volume: int
    lba: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Zeroing:
    """`blocks` blocks of a volume from `lba` on become zeros; the label depends on whether they are unmapped."""

    volume: int
    lba: int
    blocks: int
    label: Label = Label.OWN


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Of `blocks` blocks of a volume from `lba` on nobody can say what they hold afterwards."""

    volume: int
    lba: int
    blocks: int


Step: TypeAlias = Transfer | HostWrite | Zeroing | Forgetting


@dataclass(frozen=True, slots=True)
class Branch:
    """One way for a command to end: any of `outcomes`, by one `rule` (its clause and what it says).

    `done` are the steps that took effect in whole, in this order. Then of `partial` the first blocks were written,
    from none to all of them: the residual in the sense data says how many of its segment are missing, `behind` of which
    none could write. Each of `perhaps` was done in whole, in part or not at all. Empty `outcomes` stand for any
    outcome: the standard leaves it open.
    """

    outcomes: tuple[Outcome, ...]
    rule: str
    done: tuple[Step, ...] = ()
    partial: Transfer | None = None
    behind: int = 0
    perhaps: tuple[Step, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether a block may be another afterwards."""
        return bool(self.done or self.perhaps or (self.partial and self.partial.blocks))

    def written(self, residual: int) -> int:
        """Return how many blocks of `partial` a residual says were written, from none to all of them."""
        whole = self.partial.blocks if self.partial else 0
        return max(0, min(whole, whole + self.behind - residual))

    def allows(self, seen: Outcome) -> bool:
        """Whether a command may end so by this rule."""
        return not self.outcomes or any(outcome.allows(seen) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Prediction:
    """All the ways in which a command may end.

    >>> refused = Branch((Outcome.parse("05/1A/00"),), "SPC-4 6.4.1: the list is truncated")
    >>> Prediction((refused,)).branch(Outcome.parse("GOOD")) is None
    True
    """

    branches: tuple[Branch, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All outcomes that are allowed, each once; empty when any is."""
        if any(not branch.outcomes for branch in self.branches):
            return ()
        return tuple(dict.fromkeys(outcome for branch in self.branches for outcome in branch.outcomes))

    @property
    def rule(self) -> str:
        """The rules of all branches in one line."""
        return "; or ".join(dict.fromkeys(branch.rule for branch in self.branches))

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """The copies of the first branch, in order, that take effect in whole."""
        return tuple(step for step in self.branches[0].done if isinstance(step, Transfer))

    def branch(self, seen: Outcome) -> Branch | None:
        """Return the first branch that ends so, None where no rule allows it."""
        return next((branch for branch in self.branches if branch.allows(seen)), None)

    def conceivable(self) -> Iterator[Step]:
        """Give every step that a branch may have done, in whole or in part, in order, each once."""
        steps: dict[Step, None] = {}
        for branch in self.branches:
            partial = (branch.partial,) if branch.partial else ()
            steps |= dict.fromkeys((*branch.done, *partial, *branch.perhaps))
        yield from steps
