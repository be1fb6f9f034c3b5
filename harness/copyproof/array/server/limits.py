"""How much a single command may ask for: VPD page B0h, and the check of it.

The limits keep a command's working memory at a few times 32 MiB, and its time short.
"""

from __future__ import annotations

from copyproof.array.core.inventory import VolumeInfo

TRANSFER_BYTES = 32 << 20
WRITE_SAME_BYTES = 1 << 30
COMPARE_AND_WRITE = 255
"""Blocks; the field has one byte."""
UNMAP_DESCRIPTORS = 256
UNMAP_BLOCKS = 1 << 20
LBA_STATUS_BLOCKS = 1 << 14
"""How far a single GET LBA STATUS looks, so that it takes no longer than other commands."""


def transfer(info: VolumeInfo) -> int:
    """Blocks of a single transfer: MAXIMUM TRANSFER LENGTH.

    >>> transfer(VolumeInfo(1, 1 << 30, 4096, 0))
    8192
    """
    return TRANSFER_BYTES // info.block_size


def write_same(info: VolumeInfo) -> int:
    """Blocks of a single WRITE SAME: MAXIMUM WRITE SAME LENGTH.

    >>> write_same(VolumeInfo(1, 1 << 30, 512, 0))
    2097152
    """
    return WRITE_SAME_BYTES // info.block_size
