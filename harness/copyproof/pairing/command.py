"""Pairs by a vendor's own programs, as a template says: proven volumes, no shell, nothing that is printed believed
without a pattern."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Collection, Sequence

from copyproof.errors import CopyproofError, DeviceError, MalformedAnswer, UsageError
from copyproof.pairing.asking import Asking, paired
from copyproof.pairing.names import name_of, spelled
from copyproof.pairing.programs import Programs, Ran
from copyproof.pairing.proof import prove
from copyproof.pairing.reading import excerpt
from copyproof.pairing.service import (
    Answered,
    Declared,
    PairFault,
    PairRequest,
    PairStatus,
    PairVolume,
    Presence,
    Shown,
    told_of,
    wait_for,
)
from copyproof.pairing.setting import Setting
from copyproof.pairing.template import Operation, Template, Waiting
from copyproof.process import Runner
from copyproof.scsi.pair import PairCommand, PairState

_LEAVE = (PairCommand.SPLIT, PairCommand.SUSPEND)
"""What leaves an S-VOL where it is; before all else one that is there only in some states has to go."""
_CREATES = (PairCommand.CREATE, PairCommand.CREATE_SPLIT)
_MARGIN = 10.0
"""Seconds that a vendor's waiting program has beyond the time that it is told to wait."""


class CommandPairs:
    """The pair service of a target whose vendor has programs for pairs.

    `volumes` are all that the target has for pairs; `presence` maps and unmaps S-VOLs that are not there in all states.
    Raises UsageError for names that do not fit the template.
    """

    def __init__(
        self,
        setting: Setting,
        declared: Declared,
        volumes: Sequence[PairVolume],
        presence: Presence | None = None,
        runner: Runner | None = None,
    ) -> None:
        setting.check()
        self._setting, self._declared, self._presence = setting, declared, presence
        self._programs = Programs(setting.timeout, runner)
        self._asking = Asking(setting, self._programs, volumes)

    @property
    def declared(self) -> Declared:
        """What the target's pairs can do."""
        return self._declared

    @property
    def lists(self) -> bool:
        """Whether the way has a display of its own, beside the query for one pair."""
        return self._template.display is not None

    @property
    def _template(self) -> Template:
        return self._setting.template

    def order(self, request: PairRequest) -> Answered:
        """Run an operation of the template.

        Raises UsageError for an operation or an option that the template or the target lacks, SafetyRefusal for a
        volume that is not proven and an S-VOL that is in another pair, TargetLost for a unit that is another one, and
        PairFault for a time-out, an unknown exit status and output that was not expected.
        """
        operation = self._operation(request)
        prove(request, self._asking, self._declared.secondary_exists)
        self._alike(request)
        operation = self._offered(request, operation)
        steps = self._setting.ordered(request, operation)
        if self._presence and request.command not in _LEAVE:
            self._presence.vanish(request.secondary.name)
        try:
            ran = self._programs.run(steps, operation.timeout)
        except UsageError:
            # Nothing was run, so the S-VOL is to be there as before.
            with contextlib.suppress(CopyproofError):
                self._settle(request.primary, request.secondary)
            raise
        try:
            answered = self._answered(ran, operation)
            self._settle(request.primary, request.secondary)
        except DeviceError as problem:
            told = self._told(request.primary, request.secondary)
            with contextlib.suppress(CopyproofError):
                self._settle(request.primary, request.secondary)
            raise PairFault(f"{request.command.value}: {problem}; the pair: {told}", ran.proof) from None
        return answered

    def _alike(self, request: PairRequest) -> None:
        """Raise UsageError where volumes of unequal size would be paired, and the vendor's programs take them: blocks
        would be read or written past the end of one of them."""
        sizes = request.primary.blocks, request.secondary.blocks
        if request.command in _CREATES and not self._declared.refuses_unequal and sizes[0] != sizes[1]:
            key = f"{self._setting.target}: pairs.refuses_unequal"
            names = request.primary.name, request.secondary.name
            told = " and ".join(f"{name} has {size} blocks" for name, size in zip(names, sizes, strict=True))
            raise UsageError(f"{key}: {told}, which its programs would not refuse, so nothing was ordered")

    def _offered(self, request: PairRequest, operation: Operation) -> Operation:
        """Return the operation as it is in the pair's state. Raises UsageError in a state that the target does not
        offer it in: a program that does not look at states might do harm then."""
        if request.command not in self._declared.only_in and not operation.in_state:
            return operation
        shown = self.status(request.primary, request.secondary)
        if not self._declared.offers(request.command, shown.primary_state):
            key = f"{self._setting.target}: pairs.only_in.{name_of(request.command)}"
            raise UsageError(f"{key}: not in this state, so nothing was ordered; the pair: {shown}")
        return operation.when(spelled(shown.primary_state))

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair; raises DeviceError."""
        return self._asking.status(primary, secondary)

    def display(self, volumes: Sequence[PairVolume]) -> Sequence[Shown]:
        """List pairs, by the template's listing where it has one, else by asking for each two of the volumes."""
        if (listed := self._asking.listed()) is not None:
            return [row for row in listed if {row.primary, row.secondary} <= {volume.name for volume in volumes}]
        couples = ((first, second) for first in volumes for second in volumes if first is not second)
        shown = (Shown(first.name, second.name, self.status(first, second)) for first, second in couples)
        return [row for row in shown if paired(row.status)]

    def wait(
        self,
        primary: PairVolume,
        secondary: PairVolume,
        states: Collection[PairState],
        timeout: float,
        idle: Callable[[], None] | None = None,
    ) -> PairStatus:
        """Ask until the state is reached, after the vendor's own program has waited for it, where the template has one
        that can. Raises DeviceError after `timeout` seconds, with the real state."""
        end = time.monotonic() + timeout
        if idle is None and (waiting := self._template.wait) and (word := _word(waiting, states)):
            self._wait_by(waiting, word, primary, secondary, timeout)
        seen = wait_for(lambda: self.status(primary, secondary), states, max(0, end - time.monotonic()), idle)
        if self._presence and self._declared.there(seen):
            self._presence.appear(secondary.name)
        return seen

    def _wait_by(self, waiting: Waiting, word: str, primary: PairVolume, secondary: PairVolume, timeout: float) -> None:
        told = {"state": word, "timeout": str(math.ceil(timeout))}
        values = self._setting.of_pair(primary, secondary) | told
        ran = self._programs.run(self._setting.filled(waiting.steps, values), timeout + _MARGIN)
        if ran.code or ran.problem:
            raise DeviceError(f"waiting: {ran.ended}; the pair: {self._told(primary, secondary)}")

    def _operation(self, request: PairRequest) -> Operation:
        """The operation of an order, vetted before anything is sent or run."""
        name, setting = name_of(request.command), self._setting
        if request.command not in self._declared.operations:
            raise UsageError(f"{setting.target}: pairs.operations: {name} is not among them")
        if not self._declared.takes(request.command, request.kind):
            raise UsageError(f"{setting.target}: pairs.kinds: {request.kind.value} is not among them")
        operation = self._template.operations.get(name)
        if operation is None:
            raise UsageError(f"{setting.file}: operations.{name}: is missing, and {setting.target} declares it")
        setting.ordered(request, operation)
        return operation

    def _answered(self, ran: Ran, operation: Operation) -> Answered:
        """Read how an order ended; raises DeviceError for what is neither done nor refused."""
        refusals = self._template.refusals if not ran.problem else ()
        for refusal in refusals:
            if refusal.exit == ran.code and re.search(refusal.pattern, ran.text, re.MULTILINE):
                if ran.run > 1:
                    raise DeviceError(f"refused, after what comes before it was done: {ran.ended}")
                return Answered(False, f"exit {ran.code}: {refusal.name or excerpt(ran.text, 80)}", ran.proof)
        if ran.code or ran.problem:
            raise DeviceError(ran.ended)
        if operation.expect and not re.search(operation.expect, ran.text, re.MULTILINE):
            raise MalformedAnswer(f"exit 0, but what was expected is not in: {excerpt(ran.text)}")
        return Answered(True, "exit 0", ran.proof)

    def _told(self, primary: PairVolume, secondary: PairVolume) -> str:
        return told_of(lambda: self.status(primary, secondary))

    def _settle(self, primary: PairVolume, secondary: PairVolume) -> None:
        """Let an S-VOL that is there only in some states be there if it is."""
        if self._presence is None:
            return
        if self._declared.there(self.status(primary, secondary)):
            self._presence.appear(secondary.name)
        else:
            self._presence.vanish(secondary.name)


def _word(waiting: Waiting, states: Collection[PairState]) -> str:
    """What the vendor's program calls the state that is waited for; empty where it cannot wait for it."""
    return next((waiting.words.get(state.value, "") for state in states), "") if len(states) == 1 else ""
