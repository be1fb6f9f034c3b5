"""Runs that end early: the target is taken down, the record written, and what was not run says why."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from copyproof.verdicts.catalogue import catalogue

if TYPE_CHECKING:
    from copyproof.verdicts.record import Record
    from tests.plugin.conftest import Stand

TESTS = """
@hil_requirement("XC1-SAME-LUN")
def test_before(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))

@hil_requirement("XC1-ONE-BLOCK")
def test_hanging(hil):
    hil.judge(hil.send(hil.copy(blocks=1)))

@hil_requirement("XC1-MAXIMUM")
def test_after(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))
"""
PATIENCE = 40.0


def ended(stand: Stand, *signals: signal.Signals, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Start a run in a process of its own, end it while a command hangs, and return its status and what it said."""
    stand.write(TESTS)
    stand.misbehave("hangs 2")
    command = [sys.executable, "-m", "pytest", *stand.options(*options)]
    process = subprocess.Popen(
        command, cwd=stand.pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(stand, "hangs")
    for number in signals:
        process.send_signal(number)
        time.sleep(0.1)
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_for(stand: Stand, event: str) -> None:
    """Wait until the target notes an event."""
    path = stand.folder / "events"
    for _ in range(int(PATIENCE / 0.05)):
        if path.exists() and event in path.read_text().split():
            return
        time.sleep(0.05)
    pytest.fail(f"the target never noted {event!r}")


def check(stand: Stand, reason: str) -> None:
    """Check what a run left that was ended in its second test."""
    record = load(stand)
    assert record.interrupted == reason
    rows = {row.id: (row.verdict.value, row.cause) for row in record.requirements}
    assert rows.pop("XC1-SAME-LUN") == ("PASS", "")
    assert set(rows.values()) == {("NOT_RUN", reason)}
    assert (stand.folder / "events").read_text().split() == ["enter", "hangs", "exit"]
    assert not list(stand.folder.glob("main"))


def load(stand: Stand) -> Record:
    from copyproof.reports import schema

    return schema.load(stand.folder / "report" / "record.json")


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ((signal.SIGTERM,), "ended by SIGTERM"),
        ((signal.SIGTERM, signal.SIGTERM), "ended by SIGTERM"),
        ((signal.SIGINT,), "interrupted by the user"),
    ],
    ids=["SIGTERM", "SIGTERM-twice", "Ctrl-C"],
)
def test_a_signal_takes_the_target_down_and_leaves_a_record(
    stand: Stand, signals: tuple[signal.Signals, ...], reason: str
) -> None:
    status, said = ended(stand, *signals)
    assert status == pytest.ExitCode.INTERRUPTED
    check(stand, reason)
    assert "Compliant: not proven" in said
    assert f"NOT_RUN ({len(catalogue()) - 1}): {reason}" in said
    assert "INTERNALERROR" not in said


def test_a_signal_to_the_controller_of_xdist_takes_the_targets_of_its_workers_down(stand: Stand) -> None:
    status, _ = ended(stand, signal.SIGTERM, options=("-n1",))
    assert status == pytest.ExitCode.INTERRUPTED
    assert (stand.folder / "events").read_text().split() == ["enter", "hangs", "exit"]
    assert load(stand).interrupted == "ended by SIGTERM"


def test_stopping_at_the_first_failure_is_the_reason_of_the_rest(stand: Stand) -> None:
    stand.write(TESTS)
    stand.misbehave("copies-nothing 2")
    run = stand.run("-x")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert run.record.interrupted == "stopping after 1 failures"
    assert (run.verdict("XC1-SAME-LUN"), run.verdict("XC1-ONE-BLOCK")) == ("PASS", "FAIL")
    assert run.requirement("XC1-MAXIMUM").cause == "stopping after 1 failures"
    assert run.events == ["enter", "exit"]


def test_the_signal_handler_of_the_process_is_given_back(stand: Stand) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stand.write(TESTS)
    stand.run()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_target_that_does_not_come_down_still_leaves_a_record(stand: Stand) -> None:
    stand.write(TESTS)
    stand.misbehave("does-not-come-down")
    run = stand.run()
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert [run.verdict(name) for name in ("XC1-SAME-LUN", "XC1-ONE-BLOCK")] == ["PASS", "PASS"]
    assert (run.verdict("XC1-MAXIMUM"), run.requirement("XC1-MAXIMUM").cause) == ("ERROR", "configfs is busy")
