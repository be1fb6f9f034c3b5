"""One pair: its two volumes, its state, and which blocks are still to be copied or differ."""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.array.core.pair_grains import Grains
from copyproof.array.core.pair_identity import Identity
from copyproof.scsi.pair import PairState, VolumeRole

FROZEN = frozenset({PairState.COPY_SP, PairState.PSUS_SP})
"""States in which the S-VOL stands for a point in time that is not all copied yet: a touch copies first."""

FOLLOWING = frozenset({PairState.COPY, PairState.PAIR, PairState.COPY_RS})
"""States in which later writes to the P-VOL reach the S-VOL."""

COPIED = {
    PairState.COPY: PairState.PAIR,
    PairState.COPY_RS: PairState.PAIR,
    PairState.RCPY: PairState.PAIR,
    PairState.COPY_SP: PairState.PSUS,
    PairState.PSUS_SP: PairState.PSUS,
}
"""The state that follows when nothing is left to be copied."""


@dataclass(slots=True, eq=False)
class Pair:
    """A pair as the control unit keeps it.

    `mirror` is its number among the pairs of its P-VOL, from 0; `group` its consistency group, 0 for none; `pace` how
    many grains it copies in a tick. `pending` holds what is to be copied, `primary_changes` and `secondary_changes`
    what was written since the split. `generation` numbers the point in time that the S-VOL holds, 0 before the first.
    `moved` counts the blocks moved since the last order to copy; `cause` says what suspended the pair.
    `ticks_left` is how long a delete still takes; `identity` the disk identity of the P-VOL, and that given to the
    S-VOL instead.
    """

    primary: int
    secondary: int
    mirror: int
    group: int
    pace: int
    pending: Grains
    primary_changes: Grains
    secondary_changes: Grains
    state: PairState = PairState.SMPL
    generation: int = 0
    moved: int = 0
    cause: str = ""
    ticks_left: int = 0
    identity: tuple[Identity, Identity] | None = None

    @property
    def frozen(self) -> bool:
        """Whether the S-VOL stands for a point in time that is not all copied yet."""
        return self.state in FROZEN

    @property
    def source(self) -> int:
        """The volume that is copied from."""
        return self.secondary if self.state is PairState.RCPY else self.primary

    @property
    def target(self) -> int:
        """The volume that is copied to."""
        return self.primary if self.state is PairState.RCPY else self.secondary

    def role(self, volume: int) -> VolumeRole:
        """Return which end of the pair a volume is."""
        return role_in(self.primary, self.secondary, volume)

    @property
    def differing(self) -> int:
        """How many blocks lie in grains that were written on either volume since the split."""
        both = Grains(self.pending.total, self.pending.grain)
        both.join(self.primary_changes, self.secondary_changes)
        return both.blocks

    @property
    def percent(self) -> int:
        """How much of the volume is copied, 0 to 100; 100 only when nothing is left."""
        total = self.pending.total
        return 100 * (total - self.pending.blocks) // total if total else 100


@dataclass(frozen=True, slots=True)
class PairStatus:
    """What a pair query tells of a pair; blocks are counted by whole grains."""

    primary: int
    secondary: int
    mirror: int
    group: int
    state: PairState
    percent: int
    generation: int
    pace: int
    total: int
    pending: int
    differing: int
    moved: int
    cause: str

    def role(self, volume: int) -> VolumeRole:
        """Return which end of the pair a volume is."""
        return role_in(self.primary, self.secondary, volume)


def role_in(primary: int, secondary: int, volume: int) -> VolumeRole:
    """Return which end of a pair of two volumes a volume is.

    >>> role_in(1, 2, 2).name
    'SECONDARY'
    """
    return {primary: VolumeRole.PRIMARY, secondary: VolumeRole.SECONDARY}.get(volume, VolumeRole.SIMPLEX)


def status_of(pair: Pair) -> PairStatus:
    """Return the present status of a pair."""
    return PairStatus(
        primary=pair.primary,
        secondary=pair.secondary,
        mirror=pair.mirror,
        group=pair.group,
        state=pair.state,
        percent=pair.percent,
        generation=pair.generation,
        pace=pair.pace,
        total=pair.pending.total,
        pending=pair.pending.blocks,
        differing=pair.differing,
        moved=pair.moved,
        cause=pair.cause,
    )
