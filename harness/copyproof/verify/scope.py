"""How much of a target is verified, besides what every judgement looks at.

>>> str(Scope.parse("sample:64")), str(Scope.parse("full"))
('sample:64', 'full')
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from copyproof.errors import UsageError

LARGEST_SAMPLE = 1_000_000


class Reach(Enum):
    """CHANGED: at the end of the session all that the model knows. FULL: so, after units were stamped whole. SAMPLE:
    also some blocks at random after each test."""

    CHANGED = "changed"
    FULL = "full"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is verified; `sample` is how many blocks of each unit are drawn after a test, 0 but for SAMPLE."""

    reach: Reach = Reach.CHANGED
    sample: int = 0

    def __str__(self) -> str:
        return f"{self.reach.value}:{self.sample}" if self.sample else self.reach.value

    @staticmethod
    def parse(text: str) -> Scope:
        """Read `changed`, `full` or `sample:N`, N from 1 to 1,000,000; raises UsageError for anything else."""
        word, colon, number = text.partition(":")
        if not colon and word in (Reach.CHANGED.value, Reach.FULL.value):
            return Scope(Reach(word))
        whole = word == Reach.SAMPLE.value and number.isascii() and number.isdigit() and len(number) < 9
        if whole and 1 <= int(number) <= LARGEST_SAMPLE:
            return Scope(Reach.SAMPLE, int(number))
        allowed = f"changed, full, or sample:N with N from 1 to {LARGEST_SAMPLE}"
        raise UsageError(f"--hil-verify={text} is not allowed; it must be {allowed}")
