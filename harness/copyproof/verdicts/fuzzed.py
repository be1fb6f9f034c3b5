"""What random sequences on the target and the model at once found: a part of the record, beside the verdicts."""

from __future__ import annotations

import msgspec


class FuzzDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The shortest sequence found that shows a difference. `script` and `tape` name files in the report's folder, empty
    where there are none."""

    operations: list[str]
    diagnosis: str
    script: str = ""
    tape: str = ""


class FuzzRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` operations of `budget` were played in `examples` sequences before the first difference, and `tries` more
    sequences to shrink it.

    `mix` counts the steps by kind, and the copies among them by what they were; `checked` counts blocks. `ended` says
    why it ended, `problem` what the target failed of, or why too little was played.
    """

    budget: int
    steps: int
    seconds: float
    examples: int = 0
    tries: int = 0
    checked: int = 0
    ended: str = ""
    mix: dict[str, int] = {}
    shares: str = ""
    problem: str = ""
    difference: FuzzDifference | None = None

    @property
    def clean(self) -> bool:
        """Whether no difference was found, enough was played, and the target did not fail."""
        return self.difference is None and not self.problem
