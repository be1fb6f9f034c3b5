"""The rows on pairs fail when answers, displays and identities are not as they must be, whatever the blocks are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from copyproof import data
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair_wire import (
    PAIR,
    PAIR_LIST,
    PAIR_OPCODE,
    QUERY_HEADER,
    PairAction,
    decode_inventory,
    decode_pairs,
    encode_inventory,
    encode_pairs,
)
from copyproof.targets.live import Lun
from copyproof.transport.base import Transport
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite

Lie = Callable[[Command, Result], Result]
GOOD = Result(Status.GOOD, None)
WRITE_16 = 0x8A


class Lying:
    """A transport whose answers are changed."""

    def __init__(self, transport: Transport, lie: Lie) -> None:
        self._transport, self._lie = transport, lie

    @property
    def name(self) -> str:
        return self._transport.name

    def execute(self, command: Command, timeout: float) -> Result:
        return self._lie(command, self._transport.execute(command, timeout))

    def repeat_by_hand(self, command: Command) -> str:
        return self._transport.repeat_by_hand(command)


class Liar:
    """Puts a lie before every unit."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie

    @pytest.hookimpl
    def pytest_hil_transport(self, lun: Lun, transport: Transport) -> Transport:
        return Lying(transport, self._lie)


def _is(command: Command, action: PairAction) -> bool:
    return command.opcode == PAIR_OPCODE and command.service_action == action


def _pairs(result: Result, **changes: object) -> Result:
    told = [replace(entry, **changes) for entry in decode_pairs(result.data)]  # type: ignore[arg-type]
    return replace(result, data=encode_pairs(told))


def takes_one_volume_for_two(command: Command, result: Result) -> Result:
    if command.opcode != PAIR_OPCODE or len(command.data_out) != PAIR_LIST.size:
        return result
    alike = command.data_out[8:32] == command.data_out[32:56]
    return GOOD if alike else result


def takes_every_write(command: Command, result: Result) -> Result:
    return GOOD if command.opcode == WRITE_16 else result


def takes_every_order(command: Command, result: Result) -> Result:
    return GOOD if command.opcode == PAIR_OPCODE and command.data_out else result


def shows_another_progress(command: Command, result: Result) -> Result:
    if not _is(command, PairAction.QUERY) or len(result.data) < QUERY_HEADER.size + PAIR.size:
        return result
    return _pairs(result, percent=99)


def numbers_every_split_alike(command: Command, result: Result) -> Result:
    if not _is(command, PairAction.QUERY) or not result.good:
        return result
    return _pairs(result, generation=1)


class ShowsEveryOtherTime:
    """Tells of no pair, every third time it is asked for some."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, command: Command, result: Result) -> Result:
        if not _is(command, PairAction.QUERY) or len(result.data) < QUERY_HEADER.size + PAIR.size:
            return result
        self._asked += 1
        return replace(result, data=encode_pairs(())) if self._asked % 3 == 0 else result


def leaves_a_volume_out(command: Command, result: Result) -> Result:
    if not _is(command, PairAction.INVENTORY):
        return result
    told = decode_inventory(result.data)
    return replace(result, data=encode_inventory(replace(told, volumes=told.volumes[:-1])))


def counts_a_block_more(command: Command, result: Result) -> Result:
    if not _is(command, PairAction.INVENTORY):
        return result
    told = decode_inventory(result.data)
    first = replace(told.volumes[0], blocks=told.volumes[0].blocks + 1)
    return replace(result, data=encode_inventory(replace(told, volumes=(first, *told.volumes[1:]))))


@dataclass(frozen=True)
class Caught:
    """A lie, the tests that must catch it, the row that fails, and what its cause must say."""

    lie: Lie
    tests: str
    row: str
    said: str


CAUGHT = {
    "one-volume": Caught(
        takes_one_volume_for_two, "paired_with_itself", "CTL-04", "ended in GOOD, and must be refused"
    ),
    "writes": Caught(
        takes_every_write, "what_it_allows and PAIR and secondary", "CTL-06", "a write to secondary in PAIR"
    ),
    "orders": Caught(takes_every_order, "SPLIT-in-PSUE or RESTORE-in-COPY", "CTL-07", "pairresync -restore in COPY"),
    "fourth": Caught(takes_every_order, "fourth_secondary", "CTL-09", "paircreate in SMPL ended in GOOD"),
    "display": Caught(ShowsEveryOtherTime(), "lists_every_pair_once", "CTL-11", "0 times"),
    "command-line": Caught(
        shows_another_progress, "command_line_shows and COPY", "CTL-22", "the pair itself says 99 %"
    ),
    "inventory": Caught(leaves_a_volume_out, "inventory_agrees", "CTL-18", "the inventory lists 9 volumes"),
    "capacity": Caught(counts_a_block_more, "inventory_agrees", "CTL-18", "the inventory tells of source"),
    "numbers": Caught(numbers_every_split_alike, "secondaries_in_rotation", "CTL-10", "have the generations [1, 1, 1]"),
}


EVERY_TIME = ("writes", "display", "inventory")
"""Those that are tried in every run of the tests."""


@pytest.mark.parametrize(
    "caught",
    [
        pytest.param(each, id=name, marks=() if name in EVERY_TIME else pytest.mark.nightly)
        for name, each in CAUGHT.items()
    ],
)
def test_a_lie_fails_the_row_that_it_is_about(caught: Caught, tmp_path: Path) -> None:
    run = run_suite("software-array", tmp_path, "-k", caught.tests, plugins=[Liar(caught.lie)])
    assert any(caught.said in cause for cause in failures(run, caught.row)), run.output


@pytest.mark.parametrize(
    ("array", "declared", "said"),
    [
        ("false", "true", "the MBR signature of the copy is that of its source"),
        ("true", "false", "LBA 0 of the copy differs from its source in byte 0x1b8"),
    ],
)
def test_an_identity_that_is_not_as_declared_fails_its_row(
    array: str, declared: str, said: str, tmp_path: Path
) -> None:
    shipped = (data.folder("targets") / "software-array.toml").read_text()
    head, middle, tail = shipped.split("resignature = true")
    target = tmp_path / "own.toml"
    target.write_text(f"{head}resignature = {array}{middle}resignature = {declared}{tail}")
    run = run_suite(str(target), tmp_path, "-k", "identity_that_is_declared")
    assert any(said in cause for cause in failures(run, "CTL-05")), run.output


def failures(run: Run, row: str) -> list[str]:
    """The causes of the cases of a row that failed."""
    return [case.cause for case in run.cases(row) if case.verdict is Verdict.FAIL]
