"""What a copy manager takes at most; RECEIVE COPY OPERATING PARAMETERS and VPD page 8Fh say so (SPC-4 6.22, 7.8.17).

>>> CopyLimits().segment_length
16777216
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """Counts of descriptors in a list, bytes of the list without header and inline data, bytes of a segment, …

    `segment_length` and `held` are in bytes; `inline` is 0, since no segment type takes inline data. `copies` may be in
    progress at once. `chunk` is how many blocks a background copy moves in one tick.

    For tokens: `ranges` in a list, `token_bytes` a token represents at most, `tokens` known at once, `kept` bytes of
    old data that are kept for all of them, inactivity timeouts in seconds. A tick is a second here.
    """

    cscds: int = 16
    segments: int = 32
    list_length: int = 2048
    segment_length: int = 16 << 20
    inline: int = 0
    held: int = 1 << 20
    copies: int = 8
    chunk: int = 2048
    ranges: int = 16
    token_bytes: int = 256 << 20
    tokens: int = 16
    kept: int = 256 << 20
    default_timeout: int = 60
    maximum_timeout: int = 600
