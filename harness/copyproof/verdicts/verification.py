"""What the verification at the end of a run found: a part of the record, beside the verdicts."""

from __future__ import annotations

import msgspec


class MapRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`count` blocks from `lba` on of which the worst is `state`: unknown, right, or a diagnosis."""

    lba: int
    count: int
    state: str


class UnitVerification(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, read through `node`: `read` of its `blocks` blocks, `checked` those of which something was expected.

    `wrong` counts blocks and labels by diagnosis; `examples` are the first and the longest range of each; `map` covers
    the unit.
    """

    role: str
    node: str = ""
    blocks: int
    read: int = 0
    checked: int = 0
    right: int = 0
    labels_checked: int = 0
    wrong: dict[str, int] = {}
    examples: list[str] = []
    map: list[MapRecord] = []


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """`mode` is what was asked for. `sampled` blocks were drawn after the tests, and judged there; at the end of the
    session `bytes` were read in `seconds`. `problem` says why the end was not verified, or not all of it."""

    mode: str
    units: list[UnitVerification] = []
    sampled: int = 0
    seconds: float = 0.0
    bytes: int = 0
    problem: str = ""

    @property
    def wrong(self) -> int:
        """Wrong blocks and labels."""
        return sum(sum(unit.wrong.values()) for unit in self.units)

    @property
    def clean(self) -> bool:
        """Whether all was looked at, and nothing was wrong."""
        return not self.wrong and not self.problem
