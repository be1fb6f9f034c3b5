"""Pairs by a vendor's own programs, as a template says: proven volumes, no shell, nothing that is printed believed
without a pattern.

What is run is under the target's control only as far as the template goes, so before each order the units themselves
are asked who they are.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from copyproof.errors import CopyproofError, DeviceError, MalformedAnswer, SafetyRefusal, TargetLost, UsageError
from copyproof.pairing.filling import filled
from copyproof.pairing.names import name_of
from copyproof.pairing.programs import Programs, Ran
from copyproof.pairing.reading import excerpt, status_in, status_of
from copyproof.pairing.service import (
    Answered,
    Declared,
    Existence,
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
from copyproof.pairing.template import Listing, Operation, Question, Reading, Steps, Template, Waiting
from copyproof.process import Runner
from copyproof.safety import TIMEOUT, unit_naas
from copyproof.scsi.pair import PairCommand, PairState

_CREATES = (PairCommand.CREATE, PairCommand.CREATE_SPLIT)
_JOINS = (PairCommand.RESYNC, PairCommand.RESTORE, PairCommand.DELETE)
_SPLIT = (PairState.PSUS, PairState.PSUS_SP)
_MARGIN = 10.0
"""Seconds that a vendor's waiting program has beyond the time that it is told to wait."""


class CommandPairs:
    """The pair service of a target whose vendor has programs for pairs.

    `volumes` are all that the target has for pairs; `presence` maps and unmaps S-VOLs that are there only while split.
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
        self._setting, self._declared, self._volumes = setting, declared, volumes
        self._presence, self._programs = presence, Programs(setting.timeout, runner)

    @property
    def declared(self) -> Declared:
        """What the target's pairs can do."""
        return self._declared

    @property
    def _template(self) -> Template:
        return self._setting.template

    def order(self, request: PairRequest) -> Answered:
        """Run an operation of the template.

        Raises UsageError for an operation or an option that the template or the target lacks, SafetyRefusal for a
        volume that is not proven and an S-VOL that is in another pair, TargetLost for a unit that is another one, and
        PairFault for a time-out, an unknown exit status and output that was not expected.
        """
        steps, operation = self._steps(request)
        self._vet(request)
        if self._presence and request.command in _JOINS:
            self._presence.vanish(request.secondary.name)
        ran = self._programs.run(steps, operation.timeout)
        try:
            answered = self._answered(ran, operation)
        except DeviceError as problem:
            told = self._told(request.primary, request.secondary)
            with contextlib.suppress(CopyproofError):
                self._settle(request.primary, request.secondary)
            raise PairFault(f"{request.command.value}: {problem}; the pair: {told}", ran.proof) from None
        self._settle(request.primary, request.secondary)
        return answered

    def status(self, primary: PairVolume, secondary: PairVolume) -> PairStatus:
        """Ask for a pair; raises DeviceError."""
        return self._ask(self._template.status, self._setting.of_pair(primary, secondary))

    def display(self, volumes: Sequence[PairVolume]) -> Sequence[Shown]:
        """List pairs, by the template's listing where it has one, else by asking for each two of the volumes."""
        if listing := self._template.display:
            return [row for row in self._listed(listing) if {row.primary, row.secondary} <= {v.name for v in volumes}]
        couples = ((first, second) for first in volumes for second in volumes if first is not second)
        shown = (Shown(first.name, second.name, self.status(first, second)) for first, second in couples)
        return [row for row in shown if _paired(row.status)]

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
        if self._presence and seen.secondary_state in _SPLIT:
            self._presence.appear(secondary.name)
        return seen

    def _wait_by(self, waiting: Waiting, word: str, primary: PairVolume, secondary: PairVolume, timeout: float) -> None:
        told = {"state": word, "timeout": str(math.ceil(timeout))}
        values = self._setting.of_pair(primary, secondary) | told
        ran = self._programs.run(self._setting.filled(waiting.steps, values), timeout + _MARGIN)
        if ran.code or ran.problem:
            raise DeviceError(f"waiting: {ran.ended}; the pair: {self._told(primary, secondary)}")

    def _steps(self, request: PairRequest) -> tuple[list[list[str]], Operation]:
        """The programs of an order, before anything is sent or run."""
        name, setting = name_of(request.command), self._setting
        if request.command not in self._declared.operations:
            raise UsageError(f"{setting.target}: pairs.operations: {name} is not among them")
        if request.kind not in self._declared.kinds:
            raise UsageError(f"{setting.target}: pairs.kinds: {request.kind.value} is not among them")
        operation = self._template.operations.get(name)
        if operation is None:
            raise UsageError(f"{setting.file}: operations.{name}: is missing, and {setting.target} declares it")
        return setting.ordered(request, operation), operation

    def _vet(self, request: PairRequest) -> None:
        if request.primary.naa == request.secondary.naa:
            raise SafetyRefusal(f"{request.primary.name} cannot be its own S-VOL: nothing was run")
        self._prove(request.primary, needed=True)
        self._prove(request.secondary, needed=self._declared.secondary_exists is Existence.ALWAYS)
        for other in self._volumes if request.whole_group else ():
            self._prove(other, needed=False)
        self._identify_pair(request)
        if request.command in _CREATES:
            self._vacant(request)

    def _prove(self, volume: PairVolume, needed: bool) -> None:
        """Raise unless the unit is the one that the target names, and the vendor's name for it means the same."""
        if volume.transport is None:
            if needed:
                raise SafetyRefusal(f"{volume.name} cannot be asked who it is, so no order about it is run")
            return
        if volume.naa not in (names := unit_naas(volume.transport, TIMEOUT)):
            found = ", ".join(sorted(names)) or "a unit without NAA"
            raise TargetLost(f"{volume.transport.name} was {volume.naa} and is now {found}; no order about it is run")
        self._identify(volume)

    def _identify(self, volume: PairVolume) -> None:
        if asked := self._template.identify:
            values = self._setting.of_volume(volume)
            found = self._found(asked.steps, asked.pattern, asked.timeout, values, volume.name)
            self._same(volume.name, found["id"], filled(asked.expected, values))

    def _identify_pair(self, request: PairRequest) -> None:
        if asked := self._template.identify_pair:
            values = self._setting.of_pair(request.primary, request.secondary)
            called = f"the pair of {request.primary.name} and {request.secondary.name}"
            found = self._found(asked.steps, asked.pattern, asked.timeout, values, called)
            self._same(request.primary.name, found["primary"], filled(asked.primary, values))
            self._same(request.secondary.name, found["secondary"], filled(asked.secondary, values))

    def _found(self, steps: Steps, pattern: str, timeout: float, values: dict[str, str], called: str) -> re.Match[str]:
        """What the vendor's program says of a volume or pair by its own name; raises MalformedAnswer."""
        ran = self._programs.run(self._setting.filled(steps, values), timeout)
        found = re.search(pattern, ran.text, re.MULTILINE)
        if ran.code or ran.problem or not found or None in found.groupdict().values():
            raise MalformedAnswer(f"identifying {called}: {ran.ended}")
        return found

    def _same(self, name: str, found: str, expected: str) -> None:
        if found.lower() != expected.lower():
            why = (
                f"the vendor's program says {excerpt(found, 80)} for it, not {expected} (correct pairs.volumes.{name})"
            )
            raise SafetyRefusal(f"{self._setting.target}: {name}: {why}; nothing was ordered")

    def _vacant(self, request: PairRequest) -> None:
        """Raise SafetyRefusal for an S-VOL that is in another pair than the one that is ordered."""
        if others := list(self._occupied(request)):
            raise SafetyRefusal(f"{request.secondary.name} is already in {others[0]} (delete that pair first)")

    def _occupied(self, request: PairRequest) -> Iterator[str]:
        primary, secondary = request.primary, request.secondary
        if asked := self._template.paired:
            seen = self._ask(asked, self._setting.of_volume(secondary))
            if _paired(seen) and not _paired(self.status(primary, secondary)):
                yield f"another pair: {seen}"
            return
        for row in self._rows(secondary):
            if secondary.name in (row.primary, row.secondary) and row.primary != primary.name and _paired(row.status):
                yield f"the pair of {row.primary} and {row.secondary}: {row.status}"

    def _rows(self, volume: PairVolume) -> Iterator[Shown]:
        """The pairs that a volume may be in, as far as the target's volumes go."""
        if listing := self._template.display:
            yield from self._listed(listing)
            return
        for other in self._volumes:
            if other.name != volume.name:
                yield Shown(other.name, volume.name, self.status(other, volume))
                yield Shown(volume.name, other.name, self.status(volume, other))

    def _listed(self, listing: Listing) -> list[Shown]:
        setting = self._setting
        ran = self._programs.run(setting.filled(listing.steps, setting.common()), listing.timeout)
        if ran.code or ran.problem:
            raise DeviceError(f"listing the pairs: {ran.ended}")
        names = {filled(listing.called, setting.of_volume(volume)): volume.name for volume in self._volumes}
        return [
            Shown(names[row["primary"]], names[row["secondary"]], status_of(row, Reading(), listing.words))
            for row in re.finditer(listing.row, ran.text, re.MULTILINE)
            if row["primary"] in names and row["secondary"] in names
        ]

    def _ask(self, asked: Question, values: dict[str, str]) -> PairStatus:
        ran = self._programs.run(self._setting.filled(asked.steps, values), asked.timeout)
        if ran.problem or ran.run < ran.steps:
            raise DeviceError(f"asking for the state: {ran.ended}")
        return status_in(ran.text, ran.code, asked)

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
        """Let an S-VOL that is there only while split be there if it is."""
        if self._presence is None:
            return
        if self.status(primary, secondary).secondary_state in _SPLIT:
            self._presence.appear(secondary.name)
        else:
            self._presence.vanish(secondary.name)


def _paired(status: PairStatus) -> bool:
    return {status.primary_state, status.secondary_state} != {PairState.SMPL}


def _word(waiting: Waiting, states: Collection[PairState]) -> str:
    """What the vendor's program calls the state that is waited for; empty where it cannot wait for it."""
    return next((waiting.words.get(state.value, "") for state in states), "") if len(states) == 1 else ""
