"""How much a single command may ask for: VPD page B0h, and the check of it.

The limits keep a command's working memory at a few times 16 MiB.
"""

from __future__ import annotations

from copyproof.array.core.unit import VolumeInfo

TRANSFER_BYTES = 16 << 20
WRITE_SAME_BYTES = 1 << 30
COMPARE_AND_WRITE = 255
"""Blocks; the field has one byte."""
UNMAP_DESCRIPTORS = 256
UNMAP_BLOCKS = 1 << 22


def transfer(info: VolumeInfo) -> int:
    """Blocks of a single transfer: MAXIMUM TRANSFER LENGTH.

    >>> transfer(VolumeInfo(1, 1 << 30, 4096, 0))
    4096
    """
    return TRANSFER_BYTES // info.block_size


def write_same(info: VolumeInfo) -> int:
    """Blocks of a single WRITE SAME: MAXIMUM WRITE SAME LENGTH.

    >>> write_same(VolumeInfo(1, 1 << 30, 512, 0))
    2097152
    """
    return WRITE_SAME_BYTES // info.block_size
