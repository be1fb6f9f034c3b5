"""How operations, states and answers are spelled in target files and templates.

>>> operation("create-split").value, name_of(PairCommand.CREATE_SPLIT)
('paircreate -split', 'create-split')
"""

from __future__ import annotations

from typing import Literal, get_args

from copyproof.scsi.pair import PairCommand, PairState

OperationName = Literal["create", "create-split", "split", "suspend", "delete", "resync", "restore"]
StateName = Literal[
    "SMPL", "SMPL(PD)", "COPY", "PAIR", "COPY(SP)", "PSUS(SP)", "PSUS", "COPY(RS)", "RCPY", "PSUE",
]  # fmt: skip
OptionName = Literal["pace", "group", "quick", "steady", "whole_group", "one_pair"]
"""What an order may have beside its volumes: the conditions on which a template adds arguments."""

OPERATIONS: tuple[OperationName, ...] = get_args(OperationName)
STATES: tuple[StateName, ...] = get_args(StateName)
OPTIONS: tuple[OptionName, ...] = get_args(OptionName)


def operation(name: OperationName) -> PairCommand:
    """Return the pair command of a name."""
    return PairCommand[name.replace("-", "_").upper()]


def name_of(command: PairCommand) -> OperationName:
    """Return the name of a pair command."""
    return next(name for name in OPERATIONS if operation(name) is command)


def spelled(state: PairState) -> StateName:
    """Return the name of a state."""
    return next(name for name in STATES if name == state.value)
