"""Draw sequences, play them until the budget is spent or a difference shows, and shrink what showed it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from tempfile import TemporaryDirectory
from typing import TypeAlias

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.configuration import set_hypothesis_home_dir

from copyproof.blocks.findings import LABELS, Findings
from copyproof.blocks.origin import Origin
from copyproof.errors import CopyproofError, TargetLost
from copyproof.fuzz.events import Difference, Event, Stamped
from copyproof.fuzz.mix import kinds
from copyproof.fuzz.operations import Operation, Range
from copyproof.fuzz.player import Player, told
from copyproof.fuzz.strategies import sequences
from copyproof.model.extents import Extent
from copyproof.plugin.bench import NAMES, NUMBERS
from copyproof.targets.live import Role

#: Seconds after the first difference in which it is shrunk, and those of them that are left to leave out operations.
SHRINKING = 300.0
THINNING = 150.0


class Ended(Enum):
    """Why a search ended."""

    STEPS = "all steps were done"
    TIME = "the time was up"
    DIFFERENCE = "a difference was found"
    BROKEN = "the target failed"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many operations in all, and seconds; shrinking comes on top, for at most `SHRINKING` seconds."""

    steps: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The shortest sequence that showed a difference, what was done in it, what each volume had to hold afterwards, and
    the diagnosis. `labels` says that labels were wrong, `shown` that what a pair showed of itself was."""

    operations: tuple[Operation, ...]
    diagnosis: str
    events: tuple[Event, ...] = ()
    due: tuple[tuple[int, Extent], ...] = ()
    labels: bool = False
    shown: bool = False


@dataclass(slots=True)
class Search:
    """One search; `steps` and `mix` count what was played before the first difference, `tries` sequences after it."""

    player: Player
    budget: Budget
    clock: Callable[[], float] = time.monotonic
    steps: int = 0
    examples: int = 0
    tries: int = 0
    mix: Counter[str] = field(default_factory=Counter)
    found: Counterexample | None = None
    problem: str = ""
    seconds: float = 0.0
    ended: Ended = Ended.STEPS
    _deadline: float = math.inf
    _played: list[tuple[int, tuple[Operation, ...]]] = field(default_factory=list)
    _until: int = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.budget.steps

    def run(self, seed: int) -> None:
        """Search; the same seed draws the same sequences where Hypothesis and the loaded modules are the same: it also
        draws constants that it finds in these."""
        started = self.clock()
        self._deadline = started + self.budget.seconds
        try:
            with _no_traces():
                for strategy in self._kinds():
                    self._draw(strategy, seed)
        except Difference:
            pass
        except _Stop as stop:
            self._stopped(stop)
        except hypothesis.errors.Flaky:
            assert self.found is not None
            self.found = replace(self.found, diagnosis=f"{self.found.diagnosis}; it does not show every time")
        if self.found:
            self.ended = Ended.DIFFERENCE
            self._deadline += THINNING
            self._thin()
        elif not self.problem:
            self._whole()
        self._leave()
        self.seconds = self.clock() - started

    def _kinds(self) -> Iterator[_Sequences]:
        """Yield the kinds of sequences, each with its share of the steps."""
        kinds = sequences(self.player.ground)
        for number, kind in enumerate(kinds, start=1):
            self._until = self.budget.steps * number // len(kinds)
            yield kind

    def _draw(self, strategy: _Sequences, seed: int) -> None:
        """Play sequences of one kind until its steps are done."""
        try:
            _drawn(strategy, self._example, seed, self.budget.steps)
        except _Stop as stop:
            if stop.ended is not Ended.STEPS:
                raise

    def _leave(self) -> None:
        """Leave no pairs behind; a target that has failed already is not asked for more."""
        if self.ended is Ended.BROKEN:
            return
        try:
            self.player.end()
        except CopyproofError as problem:
            self._stopped(_Stop(Ended.BROKEN, problem))

    def _thin(self) -> None:
        """Leave out what is not needed, halves first and then ever less: Hypothesis stops after 200 tries without
        success."""
        many = len(self.found.operations) // 2 if self.found else 0
        while many and self.found:
            at = 0
            while at < len(self.found.operations) > 1:
                fewer = (*self.found.operations[:at], *self.found.operations[at + many :])
                before = self.found
                try:
                    self._example(fewer)
                except Difference:
                    pass
                except _Stop:
                    return
                at += many if self.found is before else 0
            many //= 2

    def _stopped(self, stop: _Stop) -> None:
        self.ended = stop.ended
        self.problem = str(stop.problem or "")

    def _example(self, operations: Sequence[Operation]) -> None:
        """Play one sequence; only a Difference may reach Hypothesis, which takes every other exception for one too."""
        try:
            self.play(operations)
        except CopyproofError as problem:
            if isinstance(problem, TargetLost):
                self.player.bench.broken = str(problem)
            raise _Stop(Ended.BROKEN, problem) from problem

    def play(self, operations: Sequence[Operation]) -> None:
        """Play one sequence and note what it shows; raises Difference, and what ends a search."""
        first = self.found is None
        self.examples, self.tries = self.examples + first, self.tries + (not first)
        done: list[Operation] = []
        self._played.append((self.player.bench.generation, tuple(operations)))
        self.player.begin(operations)
        try:
            for operation in operations:
                self._spend(first)
                done.append(operation)
                seen = self.player.play(operation)
                if first:
                    self.mix += kinds(operation, seen, self.player.ground) + self.player.met
            self.player.finish()
        except Difference as difference:
            self._note(tuple(done), difference)
            raise

    def _spend(self, first: bool) -> None:
        if first and self.steps >= self._until:
            raise _Stop(Ended.STEPS)
        if self.clock() > self._deadline:
            raise _Stop(Ended.TIME)
        self.steps += first

    def _note(self, operations: tuple[Operation, ...], difference: Difference) -> None:
        if self.found is None:
            self._deadline = self.clock() + SHRINKING - THINNING
        if self.found and self._size(operations) > self._size(self.found.operations):
            return
        model = self.player.bench.model
        strays = list(strayed(difference.findings))
        due = [(part.volume, extent) for part in [*self.player.known(), *strays] for extent in model.slice(*part)]
        # What a stray write hit was stamped before this sequence.
        before = [
            Stamped(Range(origin.volume, extent.lba, extent.count), origin.generation)
            for part in strays
            for extent in model.slice(*part)
            for origin in extent.origins
            if isinstance(origin, Origin)
        ]
        labels = not LABELS.isdisjoint(difference.findings.wrong)
        events = (*before, *self.player.log)
        self.found = Counterexample(operations, str(difference), events, tuple(due), labels, difference.shown)

    def _size(self, operations: tuple[Operation, ...]) -> tuple[int, int]:
        ground = self.player.ground
        return len(operations), sum(part.blocks for one in operations for part in one.ranges(ground))

    def _whole(self) -> None:
        """Look at the whole units at last: a stray write is told by its stamp, and with it the sequence that it came
        from."""
        try:
            findings = self.player.whole()
        except CopyproofError as problem:
            self._stopped(_Stop(Ended.BROKEN, problem))
            return
        if findings.wrong:
            strays = [finding.found.generation for finding in findings.findings if finding.found]
            before = [operations for start, operations in self._played if strays and start < strays[0]]
            self.found = Counterexample(before[-1] if before else (), f"after the last sequence: {told(findings)}")
            self.ended = Ended.DIFFERENCE


def strayed(findings: Findings) -> Iterator[Range]:
    """Yield where the bystander was hit."""
    number = NUMBERS[Role.BYSTANDER]
    for finding in findings.findings:
        if finding.place == NAMES[number]:
            yield Range(number, finding.lba, finding.count)


class _Stop(BaseException):
    """Ends a search from within. No Exception, since Hypothesis would take that for a difference and shrink it."""

    def __init__(self, ended: Ended, problem: CopyproofError | None = None) -> None:
        super().__init__(ended.value)
        self.ended, self.problem = ended, problem


_Sequences: TypeAlias = hypothesis.strategies.SearchStrategy[list[Operation]]


def _drawn(
    strategy: _Sequences,
    example: Callable[[Sequence[Operation]], None],
    seed: int,
    most: int,
) -> None:
    """Let Hypothesis draw sequences and shrink; a device takes its time, and nothing is kept between runs."""

    @hypothesis.seed(seed)
    @settings(
        max_examples=most + 1,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    @given(strategy)
    def play(operations: list[Operation]) -> None:
        example(operations)

    play()


@contextmanager
def _no_traces() -> Iterator[None]:
    """Keep what Hypothesis caches out of the current folder."""
    with TemporaryDirectory(prefix="copyproof-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
