"""Pairs of volumes as arrays name them: what both sides of a pair operation speak of.

Sources: Hitachi ShadowImage guides and the CCI command reference (pairdisplay's status names).
"""

from __future__ import annotations

from enum import Enum, IntEnum


class PairState(Enum):
    """The state of one pair of a P-VOL and an S-VOL."""

    SMPL = "SMPL"
    """No pair."""
    SMPL_PD = "SMPL(PD)"
    """The pair is being deleted."""
    COPY = "COPY"
    """The initial copy is under way."""
    PAIR = "PAIR"
    """Updates of the P-VOL reach the S-VOL, later."""
    COPY_SP = "COPY(SP)"
    """A steady split is under way."""
    PSUS_SP = "PSUS(SP)"
    """Split quickly: usable, and still copying in the background."""
    PSUS = "PSUS"
    """Split (the S-VOL shows SSUS)."""
    COPY_RS = "COPY(RS)"
    """A resynchronisation from P-VOL to S-VOL is under way."""
    RCPY = "RCPY"
    """A restore from S-VOL to P-VOL is under way."""
    PSUE = "PSUE"
    """Suspended by an error, or as if by one."""


class PairCommand(Enum):
    """What can be ordered of a pair, with CCI's name for it."""

    CREATE = "paircreate"
    CREATE_SPLIT = "paircreate -split"
    SPLIT = "pairsplit"
    SUSPEND = "pairsplit -E"
    DELETE = "pairsplit -S"
    RESYNC = "pairresync"
    RESTORE = "pairresync -restore"


class VolumeRole(IntEnum):
    """Which end of its pairs a volume is; the number stands for it on the wire."""

    SIMPLEX = 0
    PRIMARY = 1
    SECONDARY = 2


class SplitKind(Enum):
    """When the S-VOL of a split can be used: after the copy, or at once."""

    STEADY = "normal"
    QUICK = "quick"


class Answer(Enum):
    """How a pair command is answered; in which sense data or exit code is each target's own."""

    DONE = "accepted"
    IGNORED = "accepted without action"
    REFUSED = "refused"


class HostAccess(IntEnum):
    """What a host may do with a volume of a pair; of several pairs the least counts."""

    NONE = 0
    READ = 1
    READ_WRITE = 2
