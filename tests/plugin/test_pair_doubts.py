"""What a run makes of arrays that go on by themselves, answer in part or not at all, or refuse what they must not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.errors import TransportTimeout
from copyproof.pairing import service
from copyproof.plugin import pair, pair_load, pairing
from copyproof.scsi.cdb import test_unit_ready as ready
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair_wire import PAIR_OPCODE, PairAction
from copyproof.scsi.sense import decode_sense
from copyproof.targets.drivers.software import SoftwareDriver
from copyproof.targets.live import LiveTarget, Lun
from copyproof.transport.base import Transport
from copyproof.verdicts.record import CaseRecord
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import Run, run_suite
from tests.plugin.test_pair_liars import Liar, Lying

READ_16, WRITE_16 = 0x88, 0x8A
BLOCKS = pair.BLOCKS * 512
REFUSED = Result(Status.CHECK_CONDITION, decode_sense(bytes.fromhex("700005000000000a000000002c0000000000")))


@pytest.fixture
def _black_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the software array show nothing of its inside; its time passes with each command, so there is no wait."""
    sound = SoftwareDriver.__enter__

    def enter(driver: SoftwareDriver) -> LiveTarget:
        return replace(sound(driver), control=None)

    monkeypatch.setattr(SoftwareDriver, "__enter__", enter)
    for module in (service, pairing):
        monkeypatch.setattr(module, "POLL", 0.0)


def is_order(command: Command, *actions: PairAction) -> bool:
    """Whether a command orders something of a pair."""
    return command.opcode == PAIR_OPCODE and command.service_action in actions


class Late(Lying):
    """Lets an array finish what it is doing before certain commands reach it."""

    def execute(self, command: Command, timeout: float) -> Result:
        tried = command.opcode in (READ_16, WRITE_16) and max(command.data_in, len(command.data_out)) == BLOCKS
        if tried or is_order(command, PairAction.SPLIT, PairAction.DELETE, PairAction.RESYNC, PairAction.RESTORE):
            for _ in range(64):
                self._transport.execute(ready(), timeout)
        return super().execute(command, timeout)


class Slow:
    """Puts `Late` before every unit."""

    @pytest.hookimpl
    def pytest_hil_transport(self, lun: Lun, transport: Transport) -> Transport:
        return Late(transport, lambda _, result: result)


def cases(run: Run) -> list[CaseRecord]:
    """The cases that a run judged."""
    found = [case for row in run.record.requirements for case in row.cases]
    return [case for case in found if case.verdict is not Verdict.NOT_RUN]


@pytest.mark.usefixtures("_black_box")
@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("test_pair_commands and in-COPY_SP", "may have gone on from COPY(SP) to PSUS before it was ordered"),
        pytest.param(
            "what_it_allows and COPY_SP",
            "went on from COPY(SP) to PSUS while a write to secondary was tried",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_what_a_pair_did_that_nobody_holds_is_not_observable(tests: str, said: str, tmp_path: Path) -> None:
    found = cases(run_suite("software-array", tmp_path, "-k", tests, plugins=[Slow()]))
    assert {case.verdict for case in found} == {Verdict.PASS, Verdict.NOT_OBSERVABLE}, [case.cause for case in found]
    assert any(said in case.cause for case in found)


def refuses_resyncs(command: Command, result: Result) -> Result:
    return REFUSED if is_order(command, PairAction.RESYNC) else result


@pytest.mark.usefixtures("_black_box")
def test_a_wrong_answer_on_the_way_to_a_state_is_judged_where_the_state_cannot_be_met(tmp_path: Path) -> None:
    run = run_suite("software-array", tmp_path, "-k", "what_it_allows and COPY_RS", plugins=[Liar(refuses_resyncs)])
    causes = [case.cause for case in run.cases("CTL-06") if case.verdict is Verdict.FAIL]
    assert len(causes) == 2, run.output
    assert all(cause.startswith("pairresync in PSUS ended in 05/2C/00, and must be accepted") for cause in causes)


def reads_nothing(command: Command, result: Result) -> Result:
    return replace(result, data=b"") if command.opcode == READ_16 and command.data_in == BLOCKS else result


def reads_half_a_block(command: Command, result: Result) -> Result:
    return replace(result, data=result.data[:256]) if command.data_in == BLOCKS else result


@pytest.mark.parametrize("lie", [reads_nothing, pytest.param(reads_half_a_block, marks=pytest.mark.nightly)])
def test_a_read_that_brings_less_than_was_asked_for_is_no_read(
    lie: Callable[[Command, Result], Result], tmp_path: Path
) -> None:
    run = run_suite("software-array", tmp_path, "-k", "what_it_allows and PAIR-primary", plugins=[Liar(lie)])
    (case,) = run.cases("CTL-06")
    assert case.verdict is Verdict.FAIL
    assert "and must have 4096" in case.cause


class Unanswered:
    """Has the first create carried out, and lets no answer come."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, command: Command, result: Result) -> Result:
        self._asked += is_order(command, PairAction.CREATE)
        if is_order(command, PairAction.CREATE) and self._asked == 1:
            raise TransportTimeout("no answer came")
        return result


def test_a_pair_whose_order_was_not_answered_is_ended_and_its_volumes_are_stamped_anew(tmp_path: Path) -> None:
    run = run_suite("software-array", tmp_path, "-k", "test_pair_commands and in-PAIR", plugins=[Liar(Unanswered())])
    first, *others = cases(run)
    assert first.verdict is Verdict.ERROR
    assert {case.verdict for case in others} == {Verdict.PASS}, [(case.test, case.cause) for case in others]


class Sluggish(Lying):
    """Takes its time to pass on the order of a split, as a vendor's program does that has to start first."""

    def execute(self, command: Command, timeout: float) -> Result:
        if is_order(command, PairAction.SPLIT):
            time.sleep(0.5)
        return super().execute(command, timeout)


class Sleepy:
    """Puts `Sluggish` before every unit."""

    @pytest.hookimpl
    def pytest_hil_transport(self, lun: Lun, transport: Transport) -> Transport:
        return Sluggish(transport, lambda _, result: result)


def test_a_group_that_is_split_when_no_host_writes_any_more_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_load, "MOST", 40)
    run = run_suite("software-array", tmp_path, "-k", "one_point_in_time_while and quick", plugins=[Sleepy()])
    (case,) = run.cases("CTL-09")
    assert (case.verdict, case.cause) == (
        Verdict.ERROR,
        "the writers stand still: 40 writes were not enough for the orders given meanwhile",
    )
