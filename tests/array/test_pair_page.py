"""docs/pair-commands.md says what the code does: states, codes, service actions, and the place of each field."""

from __future__ import annotations

import re
from pathlib import Path

from copyproof.array.core.pair_rules import PairRules, access, answer
from copyproof.scsi.pair import Answer, PairCommand, PairState, VolumeRole
from copyproof.scsi.pair_wire import STATE_CODES, PairAction

PAGE = (Path(__file__).parents[2] / "docs" / "pair-commands.md").read_text()
RIGHTS = {"RW": 2, "R": 1, "none": 0}
LETTERS = {"A": Answer.DONE, "n": Answer.IGNORED, "R": Answer.REFUSED}
NOTES = "¹²³⁴⁵⁶"
COLUMNS = (
    PairCommand.CREATE,
    PairCommand.CREATE_SPLIT,
    PairCommand.SPLIT,
    PairCommand.SUSPEND,
    PairCommand.DELETE,
    PairCommand.RESYNC,
    PairCommand.RESTORE,
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_of_states_is_the_one_that_is_obeyed() -> None:
    rows = {cells(line)[0]: cells(line)[1:] for line in PAGE.splitlines() if "| RW / " in line or "/ R " in line}
    assert set(rows) == {state.value for state in PairState}
    for state in PairState:
        both, *letters = ("".join(sign for sign in cell if sign not in NOTES) for cell in rows[state.value])
        due = [LETTERS[letter.split(",")[0].strip()] for letter in letters]
        assert due == [answer(state, command, PairRules()) for command in COLUMNS]
        ends = [RIGHTS[end.strip()] for end in both.split("/")]
        assert ends == [access(state, role, PairRules()) for role in (VolumeRole.PRIMARY, VolumeRole.SECONDARY)]


def test_the_codes_of_states_and_service_actions_are_those_on_the_wire() -> None:
    for state, code in STATE_CODES.items():
        assert re.search(rf" {code:02X}h {re.escape(state.value)}[, ]", PAGE)
    for action in PairAction:
        assert f"| {action:02X}h |" in PAGE
