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
    PARITY_STALE = "a copy's destage leaves the parity as it was"
    HOST_MOVES = "a copy goes through the hosts' reads and writes"
    LAST_BLOCK_SKIPPED = "the last block of a copy is not copied"
    WRONG_PHYSICAL_ADDRESS = "a copy's blocks are destaged one stripe unit further than their address"
    CACHE_SIZE_MISREPORTED = "the inventory tells half the size of the cache"
    REBUILD_SKIPS = "a rebuild leaves out every other stripe"
