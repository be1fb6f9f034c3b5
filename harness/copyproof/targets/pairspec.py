"""The `[pairs]` table of a target file: how its pairs are reached, and what they can do.

>>> PairSpec().way
'inband'
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from copyproof.targets.scalars import Size
from copyproof.targets.table import Struct

OperationName = Literal["create", "create-split", "split", "suspend", "delete", "resync", "restore"]
"""The names of `scsi.pair.PairCommand`, as TOML keys are written."""
StateName = Literal[
    "SMPL", "SMPL(PD)", "COPY", "PAIR", "COPY(SP)", "PSUS(SP)", "PSUS", "COPY(RS)", "RCPY", "PSUE",
]  # fmt: skip
AnswerName = Literal["accepted", "ignored", "refused"]
AccessName = Literal["none", "read", "read-write"]
ALL_OPERATIONS: tuple[OperationName, ...] = (
    "create", "create-split", "split", "suspend", "delete", "resync", "restore",
)  # fmt: skip
ALL_STATES: tuple[StateName, ...] = (
    "SMPL", "SMPL(PD)", "COPY", "PAIR", "COPY(SP)", "PSUS(SP)", "PSUS", "COPY(RS)", "RCPY", "PSUE",
)  # fmt: skip


class AccessSpec(Struct, frozen=True, kw_only=True):
    """What a host may do with P-VOL and S-VOL in a state."""

    primary: AccessName
    secondary: AccessName


class RuleSpec(Struct, frozen=True, kw_only=True):
    """The choices where the guides conflict, named as in `model.pair_rules.PairRules`, which explains each."""

    split_of_resync: AnswerName = "refused"
    create_split_of_resync: AnswerName = "accepted"
    split_of_split: AnswerName = "ignored"
    resync_of_quick: AnswerName = "refused"
    primary_in_restore: AccessName = "none"
    while_deleting: AccessName = "none"
    write_refused: tuple[str, ...] = ("07/27/00",)
    read_refused: tuple[str, ...] = ()


class PairSpec(Struct, frozen=True, kw_only=True):
    """How pairs are reached and what they can do.

    `way` is by the vendor commands in band, or by the commands of a `template`: a shipped one by name, or a file by a
    path ending in `.toml`. `slot` is in bytes, `timeout` in seconds for one command of a template. `access` says where
    a state allows a host something else than the guides' table. `names` are values for the template's placeholders,
    `volumes` such values by role.
    """

    way: Literal["inband", "command"] = "inband"
    template: str = ""
    operations: tuple[OperationName, ...] = ALL_OPERATIONS
    kinds: tuple[Literal["normal", "quick"], ...] = ("normal", "quick")
    states: tuple[StateName, ...] = ALL_STATES
    access: dict[StateName, AccessSpec] = field(default_factory=dict)
    secondary_exists: Literal["always", "split"] = "always"
    secondaries: int = 3
    groups: bool = True
    generations: bool = True
    resignature: bool = False
    progress: bool = True
    slot: Size = Size(256 * 1024)
    timeout: float = 60.0
    rules: RuleSpec = RuleSpec()
    names: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)
