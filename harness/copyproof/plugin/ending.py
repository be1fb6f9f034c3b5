"""How a run ends: why early, and with which exit status."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, NoReturn

import pytest

from copyproof.verdicts.fuzzed import FuzzRecord
from copyproof.verdicts.record import CaseRecord
from copyproof.verdicts.verdict import Verdict
from copyproof.verdicts.verification import Verification

_FAILING = (Verdict.ERROR, Verdict.FAIL, Verdict.UNEXPECTED_PASS)


class Ending:
    """The end of one session. `reason` says why it came early, empty where it did not; `refused` that the user can
    mend it. A worker of xdist hands both on to the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.reason, self.refused = "", False
        self._before = signal.signal(signal.SIGTERM, self._terminated)

    def refuse(self, session: pytest.Session, problem: str) -> NoReturn:
        """End the session for something that the user can mend, with pytest's status 4."""
        self.reason, self.refused = problem, True
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["hil_refused"] = problem
            session.shouldstop = problem
        pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over why a worker refused to go on."""
        if problem := getattr(node, "workeroutput", {}).get("hil_refused"):
            self.reason, self.refused = str(problem), True

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note who ended the run: the user, or pytest itself for a reason of its own."""
        told = "" if excinfo.type is KeyboardInterrupt else str(getattr(excinfo.value, "msg", excinfo.value))
        self.reason = self.reason or told or "interrupted by the user"

    def pytest_unconfigure(self) -> None:
        """Let go of the signal."""
        signal.signal(signal.SIGTERM, self._before)

    def settle(
        self,
        session: pytest.Session,
        cases: list[CaseRecord],
        verification: Verification | None,
        fuzz: FuzzRecord | None,
    ) -> None:
        """Complete the reason, and let the exit status follow the verdicts, the last verification and the random
        sequences: neither a rerun nor a mark mends them."""
        self.reason = self.reason or str(session.shouldfail or session.shouldstop or "")
        if self.refused:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif session.exitstatus == pytest.ExitCode.OK and not cases and fuzz is None:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        elif session.exitstatus == pytest.ExitCode.OK and _failed(cases, verification, fuzz):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        # The target is about to be taken down, which a second signal must not cut short.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.reason = "ended by SIGTERM"
        raise KeyboardInterrupt


def _failed(cases: list[CaseRecord], verification: Verification | None, fuzz: FuzzRecord | None) -> bool:
    differs = any(found is not None and not found.clean for found in (verification, fuzz))
    return differs or any(case.verdict in _FAILING for case in cases)
