"""What a pair command does in a state, what a host may do in it, and the points on which the guides differ.

Sources: Hitachi ShadowImage guides, the CCI command reference for VSP F1500 (table 6-5) and HP XP Business Copy.

>>> answer(PairState.PSUS, PairCommand.RESYNC, PairRules()).name
'DONE'
>>> answer(PairState.PSUS_SP, PairCommand.DELETE, PairRules(delete_quick_split=Answer.DONE)).name
'DONE'
>>> access(PairState.PAIR, VolumeRole.SECONDARY, PairRules()).name
'READ'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from copyproof.array.core.errors import ArrayFault
from copyproof.errors import UsageError
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, VolumeRole


class Refusal(Enum):
    """Why a pair command is refused."""

    STATE = "the pair's state, or that of a sibling, does not allow it"
    NO_PRIMARY = "there is no such P-VOL"
    NO_SECONDARY = "there is no such S-VOL"
    SELF = "a volume cannot be its own S-VOL"
    SIZE = "P-VOL and S-VOL differ in size, block size or protection"
    PRIMARY_ROLE = "the P-VOL is the S-VOL of a pair"
    SECONDARY_ROLE = "the S-VOL is in another pair"
    FULL = "the P-VOL has as many S-VOLs as it may have"
    GROUP = "the consistency group is out of range, or the pair is in none"
    PACE = "the copy pace is out of range"


class PairRefused(ArrayFault):
    """A pair command is refused and nothing has changed."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


GROUPS = 255
"""Consistency groups are numbered 1 to this; 0 stands for none."""

PACES = 15
"""The fastest copy pace, as the -c option of CCI counts: 1 to 15."""

MIRRORS = 255
"""The most secondaries that a primary can be allowed."""


@dataclass(frozen=True, slots=True)
class PairRules:
    """How the array's pairs behave where the guides conflict or leave it open, and their limits.

    `restoring_access` is what a host may do with the P-VOL in RCPY: nothing, by one guide it may read. The guides let
    pairsplit end an initial copy; `split_resync` is the answer in COPY(RS). `resync_steady_split` and
    `resync_quick_split` answer pairresync in COPY(SP) and PSUS(SP), `delete_quick_split` a delete in PSUS(SP). A delete
    passes SMPL(PD) for `deleting_ticks` ticks, with `deleting_access` to both volumes. A P-VOL has at most
    `secondaries` S-VOLs. Differences are kept for each `grain` bytes (256 KiB in the guides), a multiple of the block
    size. `pace` is how many grains a pair copies in a tick, 1 to 15, where the order does not say. `resignature` gives
    an S-VOL a disk identity of its own when it is split. Raises UsageError for what is out of range.
    """

    restoring_access: HostAccess = HostAccess.NONE
    split_resync: Answer = Answer.REFUSED
    resync_steady_split: Answer = Answer.IGNORED
    resync_quick_split: Answer = Answer.DONE
    delete_quick_split: Answer = Answer.REFUSED
    deleting_ticks: int = 0
    deleting_access: HostAccess = HostAccess.READ
    secondaries: int = 3
    grain: int = 256 * 1024
    pace: int = 3
    resignature: bool = False

    def __post_init__(self) -> None:
        limits = {"secondaries": (1, MIRRORS), "pace": (1, PACES), "deleting_ticks": (0, None), "grain": (512, None)}
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                until = "" if most is None else f" to {most}"
                raise UsageError(f"pairs.{name} {value}: must be {least}{until}" + (" or more" if most is None else ""))
        if self.restoring_access is HostAccess.READ_WRITE:
            raise UsageError("pairs.restoring_access READ_WRITE: must be NONE or READ, since the restore overwrites P")


_A, _N, _R = Answer.DONE, Answer.IGNORED, Answer.REFUSED

#: In the order of the commands in `PairCommand`: create, create with split, split, -E, delete, resync, restore.
_ROWS: dict[PairState, tuple[Answer, ...]] = {
    PairState.SMPL: (_A, _A, _R, _R, _N, _R, _R),
    PairState.SMPL_PD: (_R, _R, _R, _R, _N, _R, _R),
    PairState.COPY: (_N, _A, _A, _A, _A, _N, _R),
    PairState.COPY_RS: (_N, _R, _R, _A, _A, _N, _R),
    PairState.RCPY: (_N, _R, _R, _A, _A, _N, _N),
    PairState.PAIR: (_N, _A, _A, _A, _A, _N, _R),
    PairState.COPY_SP: (_N, _N, _N, _A, _A, _N, _R),
    PairState.PSUS_SP: (_R, _N, _N, _A, _R, _A, _R),
    PairState.PSUS: (_R, _N, _N, _A, _A, _A, _A),
    PairState.PSUE: (_R, _N, _N, _N, _A, _A, _R),
}

#: What a P-VOL and an S-VOL allow a host; RCPY and SMPL(PD) are settings.
_ACCESS: dict[PairState, tuple[HostAccess, HostAccess]] = {
    PairState.SMPL: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.COPY: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.PAIR: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.COPY_SP: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.PSUS_SP: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.PSUS: (HostAccess.READ_WRITE, HostAccess.READ_WRITE),
    PairState.COPY_RS: (HostAccess.READ_WRITE, HostAccess.READ),
    PairState.PSUE: (HostAccess.READ_WRITE, HostAccess.READ),
}


def answer(state: PairState, command: PairCommand, rules: PairRules) -> Answer:
    """Return how a pair in `state` answers a command; SMPL stands for two volumes that are no pair."""
    settings = {
        (PairState.COPY_RS, PairCommand.SPLIT): rules.split_resync,
        (PairState.COPY_RS, PairCommand.CREATE_SPLIT): rules.split_resync,
        (PairState.COPY_SP, PairCommand.RESYNC): rules.resync_steady_split,
        (PairState.PSUS_SP, PairCommand.RESYNC): rules.resync_quick_split,
        (PairState.PSUS_SP, PairCommand.DELETE): rules.delete_quick_split,
    }
    return settings.get((state, command), _ROWS[state][list(PairCommand).index(command)])


def access(state: PairState, role: VolumeRole, rules: PairRules) -> HostAccess:
    """Return what a host may do with a volume of a pair."""
    if state is PairState.SMPL_PD:
        return rules.deleting_access
    if state is PairState.RCPY:
        return rules.restoring_access if role is VolumeRole.PRIMARY else HostAccess.READ
    primary, secondary = _ACCESS[state]
    return primary if role is VolumeRole.PRIMARY else secondary
