"""What random sequences do with pairs: orders, waiting, and reads by hosts that may be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import GOOD, Hands, Operation, Range
from copyproof.plugin.pairing import Couple
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import PairCommand, SplitKind


@dataclass(frozen=True, slots=True)
class Order:
    """Something is ordered of a pair. `group` (0: none) and `pace` (0: the target's own) are for a create;
    `whole_group` orders it of all pairs of the group that the pair is in, where it is in one.

    >>> print(Order(Couple(), PairCommand.CREATE, pace=1))
    paircreate of primary and secondary, pace 1
    """

    couple: Couple
    command: PairCommand
    kind: SplitKind = SplitKind.STEADY
    group: int = 0
    whole_group: bool = False
    pace: int = 0

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield nothing: what a pair copies is looked at wherever the sequence touches its volumes."""
        yield from ()

    def act(self, hands: Hands) -> Outcome:
        """Order it."""
        hands.order(self)
        return GOOD

    def __str__(self) -> str:
        told = {
            self.kind.value: self.kind is SplitKind.QUICK,
            f"group {self.group}": self.group,
            "of the whole group": self.whole_group,
            f"pace {self.pace}": self.pace,
        }
        more = "".join(f", {text}" for text, given in told.items() if given)
        return f"{self.command.value} of {self.couple}{more}"


@dataclass(frozen=True, slots=True)
class Pass:
    """Some time passes: ticks of a white box."""

    ticks: int

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def act(self, hands: Hands) -> Outcome:
        """Let it pass."""
        hands.idle(self.ticks)
        return GOOD

    def __str__(self) -> str:
        return f"let {self.ticks} tick{'s' if self.ticks > 1 else ''} pass"


@dataclass(frozen=True, slots=True)
class Finish:
    """What is under way of a pair comes to its end."""

    couple: Couple

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()

    def act(self, hands: Hands) -> Outcome:
        """Wait for it."""
        hands.await_end(self.couple)
        return GOOD

    def __str__(self) -> str:
        return f"wait until {self.couple} are done"


@dataclass(frozen=True, slots=True)
class Read:
    """The host reads, and both the outcome and the blocks are judged. An S-VOL that is being split is looked at by
    this alone, because a read has its old blocks copied first."""

    at: Range

    def ranges(self, ground: Ground) -> Iterator[Range]:  # noqa: ARG002
        """Yield the blocks that are read."""
        yield self.at

    def act(self, hands: Hands) -> Outcome:
        """Send the READ(16)."""
        return hands.read(self.at)

    def __str__(self) -> str:
        return f"read {self.at}"


def on_pairs(operation: Operation, ground: Ground) -> bool:
    """Whether an operation is about pairs or touches their volumes."""
    if ground.pairs is None:
        return False
    paired = {volume for volume, _ in ground.pairs.volumes}
    touched = any(part.volume in paired for part in operation.ranges(ground))
    return touched or isinstance(operation, Order | Pass | Finish)
