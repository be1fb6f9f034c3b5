"""Where a block came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

VOLUMES = 2**16
LBAS = 2**63
GENERATIONS = 2**32
SEEDS = 2**64
"""One more than the largest seed: a stamp is made from 64 bits of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who a block is: `volume` 0 to 2^16 − 1, `lba` 0 to 2^63 − 1, `generation` 0 to 2^32 − 1 (one a host write).

    Raises ValueError outside these ranges.

    >>> Origin(1, 17, 3).told({1: "source"})
    'source LBA 17 generation 3'
    """

    volume: int
    lba: int
    generation: int

    def __post_init__(self) -> None:
        for name, value, limit in (
            ("volume", self.volume, VOLUMES),
            ("LBA", self.lba, LBAS),
            ("generation", self.generation, GENERATIONS),
        ):
            if not 0 <= value < limit:
                raise ValueError(f"{name} {value} is not within 0 to {limit - 1}")

    def advanced(self, blocks: int) -> Origin:
        """Return the origin of the block `blocks` further on."""
        return replace(self, lba=self.lba + blocks)

    def told(self, names: Mapping[int, str], count: int = 1) -> str:
        """Say who this block, and the `count` − 1 behind it, are; a volume without a name is told by its number.

        >>> Origin(1, 17, 3).told({}, 4)
        'volume 1 LBA 17 to 20 generation 3'
        """
        name = names.get(self.volume, f"volume {self.volume}")
        return f"{name} {lba_range(self.lba, count)} generation {self.generation}"


class Zeros(Enum):
    """The one content that has no origin: a block of zeros, wherever it is."""

    ZEROS = "zeros"

    def advanced(self, blocks: int) -> Zeros:  # noqa: ARG002
        """Return the content of the block `blocks` further on: zeros as well."""
        return self

    def told(self, names: Mapping[int, str], count: int = 1) -> str:  # noqa: ARG002
        """Say what these blocks are.

        >>> ZEROS.told({})
        'zeros'
        """
        return self.value


ZEROS: Final = Zeros.ZEROS
Content = Origin | Zeros
"""What a block may hold: the stamp of an origin, or zeros."""


def lba_range(lba: int, count: int) -> str:
    """Name a range of blocks.

    >>> lba_range(64, 1), lba_range(64, 8)
    ('LBA 64', 'LBA 64 to 71')
    """
    return f"LBA {lba}" if count == 1 else f"LBA {lba} to {lba + count - 1}"
