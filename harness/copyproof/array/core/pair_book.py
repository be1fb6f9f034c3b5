"""The pairs that a control unit keeps, and what can be asked of them."""

from __future__ import annotations

from copyproof.array.core.pair_copying import Engine
from copyproof.array.core.pair_record import Pair, PairStatus, status_of
from copyproof.array.core.pair_rules import PairRules
from copyproof.array.defects import Defect
from copyproof.scsi.pair import PairState, SplitKind, VolumeRole

PRECEDENCE = (
    PairState.COPY,
    PairState.COPY_RS,
    PairState.RCPY,
    PairState.COPY_SP,
    PairState.SMPL_PD,
    PairState.PSUE,
    PairState.PSUS_SP,
    PairState.PSUS,
    PairState.PAIR,
)
"""Which state a consistency group shows: the first that one of its pairs is in (COPY, PSUE, PSUS, PAIR)."""


class PairBook:
    """All pairs of one control unit, `engine`. `generation` is the number of the last split; `torn` and `deleted` hold
    what defects leave to later ticks."""

    def __init__(self, engine: Engine, rules: PairRules, defects: frozenset[Defect]) -> None:
        self.engine = engine
        self.rules = rules
        self.defects = defects
        self.pairs: list[Pair] = []
        self.generation = 0
        self.torn: list[tuple[Pair, SplitKind]] = []
        self.deleted: list[Pair] = []

    def of(self, volume: int) -> list[Pair]:
        """Return the pairs that a volume is in."""
        return [pair for pair in self.pairs if pair.role(volume)]

    def role(self, volume: int) -> VolumeRole:
        """Return which end of its pairs a volume is."""
        return next((pair.role(volume) for pair in self.of(volume)), VolumeRole.SIMPLEX)

    def status(self, volume: int | None = None) -> tuple[PairStatus, ...]:
        """Return the status of the pairs that a volume is in, or of all."""
        return tuple(status_of(pair) for pair in (self.pairs if volume is None else self.of(volume)))

    def state(self, primary: int, secondary: int) -> PairState:
        """Return the state of two volumes; SMPL where they are no pair."""
        pair = self.find(primary, secondary)
        return pair.state if pair else PairState.SMPL

    def group_state(self, group: int) -> PairState:
        """Return the state of a consistency group: of its pairs' states the first in `PRECEDENCE`."""
        states = {pair.state for pair in self.pairs if pair.group == group}
        return next((state for state in PRECEDENCE if state in states), PairState.SMPL)

    def find(self, primary: int, secondary: int) -> Pair | None:
        """Return the pair of two volumes; None where they are none."""
        return next((pair for pair in self.pairs if (pair.primary, pair.secondary) == (primary, secondary)), None)

    def siblings(self, pair: Pair) -> list[Pair]:
        """Return the other pairs of a pair's P-VOL."""
        return [other for other in self.pairs if other.primary == pair.primary and other is not pair]
