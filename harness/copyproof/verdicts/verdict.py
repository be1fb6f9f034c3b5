"""The eight verdicts, and which of several is the worst.

>>> worst([Verdict.PASS, Verdict.DEVIATION]).name
'DEVIATION'
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(Enum):
    """How a requirement ended. Declared from worst to best; only PASS counts as a pass."""

    ERROR = "ERROR"
    FAIL = "FAIL"
    UNEXPECTED_PASS = "UNEXPECTED_PASS"
    DEVIATION = "DEVIATION"
    NOT_RUN = "NOT_RUN"
    PASS = "PASS"
    NOT_OBSERVABLE = "NOT_OBSERVABLE"
    NOT_SUPPORTED = "NOT_SUPPORTED"

    @property
    def rank(self) -> int:
        """0 for the worst, 7 for the mildest."""
        return list(Verdict).index(self)

    @property
    def bad(self) -> bool:
        """Whether a run that holds it must not be called compliant."""
        return self in {Verdict.ERROR, Verdict.FAIL, Verdict.UNEXPECTED_PASS, Verdict.NOT_RUN}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; of none, NOT_RUN."""
    return min(verdicts, key=lambda verdict: verdict.rank, default=Verdict.NOT_RUN)
