"""Pair orders given by a process of their own, which stands still (SIGSTOP) as soon as it has its answer.

What then goes on is done by the target alone, as far as this machine's processes are concerned.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from copyproof.errors import CopyproofError, DeviceError, SafetyRefusal, TargetLost, UsageError
from copyproof.pairing.service import (
    Answered,
    Declared,
    PairFault,
    PairRequest,
    PairService,
    PairStatus,
    PairVolume,
    Said,
    Shown,
)
from copyproof.scsi.pair import PairState
from copyproof.transport.counting import Tally

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h"""
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl


@dataclass(frozen=True, slots=True)
class _Report:
    """What the ordering process tells: an answer, or why there is none; and what it moved."""

    answered: Answered | None
    problem: str
    kind: type[CopyproofError]
    moved: Tally
    proof: tuple[Said, ...] = ()

    @property
    def error(self) -> CopyproofError:
        """What there is to raise here for a missing answer: nobody may take an order that was given for one that was
        not."""
        if self.kind is PairFault:
            return PairFault(self.problem, self.proof)
        return self.kind(self.problem)


def _told(said: bytes) -> _Report:
    if not said:
        return _Report(None, "the process that was to order a pair ended without a word", PairFault, Tally())
    report: _Report = pickle.loads(said)
    return report


class Stopped:
    """A process that did some work, and was stopped then; `end` makes an end of it.

    >>> aside = Stopped(lambda: b"done")
    >>> aside.said, aside.still
    (b'done', True)
    >>> aside.end()
    >>> aside.still
    False
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        reading, writing = os.pipe()
        self._there = True
        self._child = os.fork()
        if not self._child:
            _work(work, writing)
        try:
            os.close(writing)
            with os.fdopen(reading, "rb") as told:
                self.said = told.read()
            os.kill(self._child, signal.SIGSTOP)
            self._there = os.WIFSTOPPED(os.waitpid(self._child, os.WUNTRACED)[1])
        except BaseException:
            self.end()
            raise

    @property
    def still(self) -> bool:
        """Whether it is there and stopped, as the kernel shows it (`T` in /proc/PID/stat)."""
        with contextlib.suppress(OSError):
            return self._there and (PROC / str(self._child) / "stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def end(self) -> None:
        """Kill it, once: its number may be another's afterwards."""
        there, self._there = self._there, False
        if there:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._child, signal.SIGKILL)
                os.waitpid(self._child, 0)


def _work(work: Callable[[], bytes], writing: int) -> None:
    """Be the child: nothing of the parent's may run here, neither its handlers nor what it does at its end."""
    try:
        # What is stopped could not see that its parent has gone, and would stay for ever.
        _PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with os.fdopen(writing, "wb") as told:
            told.write(work())
        signal.pause()
    finally:
        os._exit(0)


class Elsewhere:
    """A pair service whose orders another process gives; it asks for itself. `tally` counts what that process moved
    too, and `aside` is the process of the last order."""

    def __init__(self, service: PairService, tally: Tally) -> None:
        self._service, self._tally = service, tally
        self.aside: Stopped | None = None

    @property
    def declared(self) -> Declared:
        """What the target's pairs can do."""
        return self._service.declared

    @property
    def lists(self) -> bool:
        """Whether the way has a display of its own, beside the query for one pair."""
        return self._service.lists

    def order(self, request: PairRequest) -> Answered:
        """Have it ordered, and the process that did so stopped; raises UsageError, TargetLost and PairFault
        as they were raised there, and DeviceError for all else."""
        self.end()
        self.aside = Stopped(lambda: pickle.dumps(self._given(request)))
        report = _told(self.aside.said)
        self._tally.blocks += report.moved.blocks
        self._tally.others += report.moved.others
        if report.answered is None:
            self.end()
            raise report.error
        return report.answered

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair."""
        return self._service.status(primary, secondary)

    def display(self, volumes: Sequence[PairVolume]) -> Sequence[Shown]:
        """List the pairs among some volumes."""
        return self._service.display(volumes)

    def wait(
        self,
        primary: PairVolume,
        secondary: PairVolume,
        states: Collection[PairState],
        timeout: float,
        idle: Callable[[], None] | None = None,  # noqa: ARG002
    ) -> PairStatus:
        """Ask until the pair is in one of some states, and sleep between: nobody lends the target a hand."""
        return self._service.wait(primary, secondary, states, timeout)

    def end(self) -> None:
        """Make an end of the process that ordered last."""
        if self.aside is not None:
            self.aside.end()

    def _given(self, request: PairRequest) -> _Report:
        before = Tally(self._tally.blocks, self._tally.others)
        answered, problem, kind, proof = None, "", _kind(None), ()
        try:
            answered = self._service.order(request)
        except Exception as raised:
            problem, kind = f"{type(raised).__name__}: {raised}", _kind(raised)
            proof = getattr(raised, "proof", ())
        moved = Tally(self._tally.blocks - before.blocks, self._tally.others - before.others)
        return _Report(answered, problem, kind, moved, proof)


def _kind(raised: Exception | None) -> type[CopyproofError]:
    """As what an error is raised here: what was ordered, or may have been, must be known for that."""
    kinds: tuple[type[CopyproofError], ...] = (PairFault, TargetLost, SafetyRefusal, UsageError)
    return next((kind for kind in kinds if isinstance(raised, kind)), DeviceError)
