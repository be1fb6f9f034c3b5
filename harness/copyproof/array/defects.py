"""What the array can be told to do wrong, on purpose: each defect must make a requirement of the suite fail."""

from __future__ import annotations

from enum import Enum


class Defect(Enum):
    """One thing done wrong; the value says what the array then does."""

    NO_EXCHANGE = "the blocks of a copy keep the label of their source"
    EXCHANGE_IN_SOURCE_SLOT = "the label is exchanged in slot A, before the move"
    ONE_SLOT = "slot A is slot B"
    DESTAGE_BEFORE_EXCHANGE = "slot B is destaged before its label is exchanged"
    SOURCE_NUMBER = "the exchange gives the reference tag of the destination with the number of the source volume"
    GUARD_RECOMPUTED = "the address change unit makes the guard tag anew from the payload as it finds it"
    PARITY_STALE = "a destage leaves the parity as it was"
    HOST_MOVES = "a copy goes through the hosts' reads and writes"
    LAST_BLOCK_SKIPPED = "the last block of a copy is not copied"
    WRONG_PHYSICAL_ADDRESS = "a copy's blocks are destaged one stripe unit away from their address"
    CACHE_SIZE_MISREPORTED = "the inventory tells half the size of the cache"
    REBUILD_SKIPS = "a rebuild leaves out every other stripe"
    COW_SKIPPED = "a write to a block not yet copied does not copy the old one first"
    COW_LATE = "a write to a block not yet copied copies it afterwards"
    COW_PRIMARY_ONLY = "only a touch of the P-VOL copies a block first, none of the S-VOL"
    DIFFERENCE_LOST = "of a write over several grains only the first is noted as a difference"
    RESYNC_PRIMARY_ONLY = "a resync copies what changed on the P-VOL and leaves what changed on the S-VOL"
    UNCOPIED_READABLE = "after a quick split the S-VOL gives what it happens to hold of blocks not yet copied"
    GROUP_SPLIT_TORN = "a group's pairs are split one a tick"
    DELETED_COPIES_ON = "a deleted pair goes on copying"
    COPY_NOT_EXECUTED = "EXTENDED COPY ends GOOD and copies nothing"
    COPY_ENDS_EARLY = "EXTENDED COPY leaves out the last block of each piece"
    COPY_SHIFTED = "EXTENDED COPY reads from one block further on"
    COPY_OVERRUNS = "EXTENDED COPY writes one block more than it is told to"
    COPY_STRAYS = "EXTENDED COPY writes to a third volume too"
    COPY_REACHES_HIDDEN = "EXTENDED COPY reaches volumes that the initiator does not see"
    COPY_WRITES_READ_ONLY = "EXTENDED COPY writes to volumes that the initiator may only read"
    COPY_RESIDUAL_WRONG = "the residual of a copy that failed is one block too small"
    COPY_STATUS_STAYS = "RECEIVE COPY STATUS(LID1) answers again after it has been read"
    TOKEN_STALE = "WRITE USING TOKEN writes what its source holds now, not what it held then"
