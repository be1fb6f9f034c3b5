"""The pairs of a bench: ordered by the target's own service, predicted by the model, brought to an end again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from copyproof.errors import DeviceError, TargetLost, UsageError
from copyproof.model.pairs import NEXT, PairModel, PairPrediction
from copyproof.pairing.service import POLL, Answered, Declared, PairFault, PairRequest, PairStatus, PairVolume
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, SplitKind
from copyproof.targets.known import NUMBERS
from copyproof.targets.live import Control, Role
from copyproof.targets.pairs import rules_of, service_of, volume_of
from copyproof.targets.rules import PAIRED
from copyproof.transport.tape import Waited

if TYPE_CHECKING:
    from copyproof.plugin.bench import Bench

PATIENCE = 300.0
"""Seconds that a copy of one pair may take."""
TICKS = 16
"""Ticks of a white box between two looks at a pair that is waited for."""
PRIMARIES = (Role.PRIMARY, Role.OTHER_PRIMARY)
"""Those of P-VOLs."""
ROLES = tuple(Role(name) for name in PAIRED)
"""The roles of pairs."""

_BOOT, _MARK = slice(0x1FE, 0x200), b"\x55\xaa"
"""Where a master boot record has its mark."""


@dataclass(frozen=True, slots=True)
class Couple:
    """A pair by the roles of its P-VOL and S-VOL."""

    primary: Role = Role.PRIMARY
    secondary: Role = Role.SECONDARY

    def __str__(self) -> str:
        return f"{self.primary.value} and {self.secondary.value}"

    @property
    def numbers(self) -> tuple[int, int]:
        """The numbers by which the model knows both volumes."""
        return NUMBERS[self.primary], NUMBERS[self.secondary]

    @property
    def roles(self) -> tuple[Role, Role]:
        """Both roles."""
        return self.primary, self.secondary


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, what the model had predicted of it, how it was answered and what the pair showed then; `before` is the
    state that it met, `breach` what is wrong with answer or state, empty where nothing is. `overtaken` says that the
    answer is right only if the pair had gone on before the order came, which nobody saw; else it is empty."""

    couple: Couple
    request: PairRequest
    before: PairState
    predicted: PairPrediction
    answered: Answered
    shown: PairStatus
    breach: str
    overtaken: str = ""

    @property
    def expected(self) -> str:
        """What had to come of it, in a line."""
        return f"{self.predicted.answer.value}, then {self.predicted.state.value}"

    @property
    def observed(self) -> str:
        """What came of it, in a line."""
        return f"{self.answered.said}, then {self.shown}"


class PairBench:
    """The pairs of a target that is up. `model` watches the bench's model, so that each stamped write counts in it too.

    Raises UsageError where the target declares no pairs.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.service = service_of(bench.live, {role: unit.transport for role, unit in bench.units.items()})
        self.model = PairModel(bench.model, rules_of(bench.spec))
        self.groups: dict[Couple, int] = {}
        """The pairs that were ordered and are not known to be gone, with their consistency group."""
        self._turn = 0
        self.suspect = set(self.roles)
        """Volumes that may hold something else than the model has of them: each is to be stamped anew."""
        self._let_go()

    @property
    def declared(self) -> Declared:
        """What the target declares of its pairs."""
        return self.service.declared

    @property
    def control(self) -> Control | None:
        """The way past the hosts' commands; None where the target is no white box."""
        return self.bench.live.control

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of pairs that this target has."""
        return tuple(role for role in ROLES if role in self.bench.live.luns)

    def _let_go(self) -> None:
        """Let S-VOLs that nobody can read without a pair be away from the beginning, as they are after a delete."""
        if presence := self.bench.live.pair_hooks.presence:
            for role in self.roles:
                if role not in PRIMARIES and self.access(role) is HostAccess.NONE:
                    presence.vanish(role.value)

    def volume(self, role: Role) -> PairVolume:
        """Return a volume as the service knows it; raises UsageError where the target has none in that role."""
        if role not in self.bench.live.luns:
            raise UsageError(f"target {self.bench.spec.name} has no {role.value} unit")
        unit = self.bench.units.get(role)
        return volume_of(self.bench.live.lun(role), unit.transport if unit else None)

    def order(
        self,
        couple: Couple,
        command: PairCommand,
        kind: SplitKind = SplitKind.STEADY,
        *,
        group: int = 0,
        whole_group: bool = False,
        pace: int = 0,
    ) -> Ordered:
        """Order something of a pair, hold the answer against the model, and let the model follow.

        Raises UsageError and DeviceError as the service does.
        """
        ends = self.volume(couple.primary), self.volume(couple.secondary)
        request = PairRequest(command, *ends, kind, group, whole_group, pace if self.declared.paces else 0)
        meant = self._meant(couple, whole_group)
        before = self.model.state(*couple.numbers)
        predicted = self._predicted(command, kind, meant)
        try:
            answered = self.service.order(request)
        except PairFault:
            self._in_doubt(meant, group)
            raise
        overtaken = self._overtaken(couple, command, predicted, answered) if self.control is None else ""
        if overtaken:
            predicted = self._predicted(command, kind, meant)
        allowed = predicted.answer is not Answer.REFUSED
        if answered.accepted and allowed:
            self._follow(meant, command, kind, group)
        shown, strange = self.sync(couple)
        if shown.primary_state is not PairState.SMPL or (answered.accepted and not allowed):
            # Whatever was to come of it, the pair may be there.
            self.groups.setdefault(couple, group)
        breach = _wrong_answer(command, before, predicted, answered) or strange
        return Ordered(couple, request, before, predicted, answered, shown, breach, overtaken)

    def _predicted(self, command: PairCommand, kind: SplitKind, meant: Sequence[Couple]) -> PairPrediction:
        """Predict what an order comes to for all pairs that it is given for: it is refused where one of them is."""
        told = [self._told(command, each, kind, meant) for each in meant]
        return next((each for each in told if each.answer is Answer.REFUSED), told[0])

    def _told(self, command: PairCommand, couple: Couple, kind: SplitKind, meant: Sequence[Couple]) -> PairPrediction:
        """Predict what an order comes to for one of the pairs that it is given for: of several S-VOLs of one P-VOL no
        two can be restored at once, since the siblings of one in RCPY allow only suspend and delete."""
        told = self.model.predict(command, *couple.numbers, kind)
        siblings = any(each.primary is couple.primary for each in meant if each != couple)
        if command is not PairCommand.RESTORE or not siblings:
            return told
        rule = "while one secondary is in RCPY, its siblings allow only suspend and delete"
        return PairPrediction(Answer.REFUSED, rule, self.model.state(*couple.numbers))

    def sync(self, couple: Couple) -> tuple[PairStatus, str]:
        """Ask for a pair, and tell the model what has ended meanwhile; return the status and what is wrong with it."""
        status = self.status(couple)
        state = self.model.state(*couple.numbers)
        if state in NEXT and self.declared.ended(status, state, NEXT[state]):
            self._ended(couple)
            state = NEXT[state]
        if state is PairState.SMPL and status.primary_state is state:
            self.groups.pop(couple, None)
        must = self.declared.shown(state)
        wrong = {status.primary_state, status.secondary_state} - {must}
        return status, f"{couple}: {status}, where {must.value} must be shown" if wrong else ""

    def stamp(self, role: Role, lba: int, count: int) -> None:
        """Stamp blocks of a volume, so that the first never looks like a partition table: an array that gives its
        S-VOLs disk identities of their own would change it. Raises as `Bench.stamp` does."""
        while lba == 0 and self._like_a_boot_record(role):
            self.bench.generation += 1
        self.bench.stamp(role, lba, count)

    def finish(self, couple: Couple) -> str:
        """Wait until nothing is under way of a pair, as time does, and return what must not be then; raises DeviceError
        when it takes too long."""
        self.release()
        end = time.monotonic() + PATIENCE
        while True:
            before = self.model.state(*couple.numbers)
            status, strange = self.sync(couple)
            state = self.model.state(*couple.numbers)
            if strange or state not in NEXT:
                return strange
            if time.monotonic() > end:
                raise DeviceError(f"{couple} is still in {state.value} after {PATIENCE:g} s: {status}")
            if state is before:
                self._wait_for(couple, NEXT[state])

    def in_turn(self, roles: Sequence[Role]) -> Sequence[Role]:
        """Return one of some roles, each time another; none of none."""
        self._turn += 1
        return [roles[self._turn % len(roles)]] if roles else []

    def status(self, couple: Couple) -> PairStatus:
        """Ask for a pair; raises DeviceError."""
        return self.service.status(self.volume(couple.primary), self.volume(couple.secondary))

    def idle(self) -> None:
        """Let some time pass."""
        if self.control:
            self.control.run(TICKS)
            self.bench.heard(Waited(role=Role.PRIMARY.value, ticks=TICKS))
        else:
            time.sleep(POLL)

    def hold(self) -> None:
        """Let nothing go on by itself until `release`, where the target is a white box."""
        if self.control:
            self.control.hold()

    def release(self) -> None:
        """Let things go on."""
        if self.control:
            self.control.release()

    def clear(self) -> None:
        """Delete every pair that may be there, so that the volumes are on their own; raises DeviceError for the first
        that cannot be deleted, when all were tried."""
        self.release()
        problems: list[DeviceError] = []
        for couple in list(self.groups):
            try:
                self._end(couple)
            except TargetLost:
                raise
            except DeviceError as problem:
                problems.append(problem)
            else:
                self.model.dropped(*couple.numbers)
                self.groups.pop(couple, None)
        if problems:
            raise problems[0]

    def access(self, role: Role) -> HostAccess:
        """Return what a host may do with a volume now: the least of what the states of its pairs allow, as declared."""
        found = [
            self.declared.access[self.model.state(*couple.numbers)][role is couple.secondary]
            for couple in self.groups
            if role in couple.roles
        ]
        return min(found, default=self.declared.access[PairState.SMPL][role not in PRIMARIES])

    def readable(self, role: Role) -> bool:
        """Whether there is a way to a volume, and a host may read it now."""
        unit = self.bench.units.get(role)
        return unit is not None and unit.volume is not None and self.access(role) >= HostAccess.READ

    def _like_a_boot_record(self, role: Role) -> bool:
        first = self.bench.stamper.make(NUMBERS[role], 0, 1, self.bench.generation + 1)
        return first[0, _BOOT].tobytes() == _MARK

    def _meant(self, couple: Couple, whole_group: bool) -> Sequence[Couple]:
        own = self.groups.get(couple, 0)
        if not (whole_group and own):
            return (couple,)
        return tuple(other for other, group in self.groups.items() if group == own)

    def _in_doubt(self, meant: Sequence[Couple], group: int) -> None:
        """Nobody knows whether an order was carried out: the pairs may be there, and their volumes hold anything."""
        for couple in meant:
            self.groups.setdefault(couple, group)
            for role in couple.roles:
                self.bench.model.forget(NUMBERS[role], 0, self.volume(role).blocks)
        self.suspect.update(self.roles)

    def _overtaken(self, couple: Couple, command: PairCommand, predicted: PairPrediction, answered: Answered) -> str:
        """Say that an array that nobody holds may have gone on before an order reached it, where its answer is right
        then; the model goes on too. Empty where it need not have, and where the answer is wrong all the same."""
        state = self.model.state(*couple.numbers)
        then, fits = NEXT.get(state), _fits(predicted, answered)
        must = self.declared.rules.answer(then, command) if then else Answer.REFUSED
        if fits and not (predicted.answer is Answer.IGNORED and must is Answer.DONE):
            return ""
        went_on = (
            ""
            if fits
            else next(filter(None, (self._went_on(other) for other in list(self.groups) if other != couple)), "")
        )
        if then and (must is not Answer.REFUSED) == answered.accepted:
            status = self.status(couple)
            acted = status.primary_state not in (self.declared.shown(state), self.declared.shown(then))
            if (acted or not fits) if answered.accepted else self.declared.ended(status, state, then):
                self._ended(couple)
                return f"{couple} may have gone on from {state.value} to {then.value} before it was ordered"
        return went_on

    def _went_on(self, couple: Couple) -> str:
        """Ask for a pair, and say whether what was under way has ended."""
        before = self.model.state(*couple.numbers)
        self.sync(couple)
        after = self.model.state(*couple.numbers)
        return f"{couple} went on from {before.value} to {after.value} meanwhile" if after is not before else ""

    def _follow(self, meant: Sequence[Couple], command: PairCommand, kind: SplitKind, group: int) -> None:
        for each in meant:
            self.model.order(command, *each.numbers, kind)
            if self.model.state(*each.numbers) is not PairState.SMPL:
                self.groups.setdefault(each, group)

    def _wait_for(self, couple: Couple, state: PairState) -> None:
        """Let the service wait for a state, or for an error; where that is shown as the one before it, for a while."""
        must = self.declared.shown(state)
        if must is self.declared.shown(self.model.state(*couple.numbers)):
            self.idle()
            return
        ends = self.volume(couple.primary), self.volume(couple.secondary)
        self.service.wait(*ends, {must, PairState.PSUE}, PATIENCE, self.idle)

    def _ended(self, couple: Couple) -> None:
        """Let the model follow what has ended of a pair, and the tape wait for it."""
        self.model.finished(*couple.numbers)
        self.bench.heard(Waited(role=couple.primary.value, secondary=couple.secondary.value))

    def _end(self, couple: Couple) -> None:
        """Bring one pair to its end, whatever it is doing; a quick split that is being copied cannot be deleted."""
        ends = self.volume(couple.primary), self.volume(couple.secondary)
        end, said = time.monotonic() + PATIENCE, ""
        while (status := self.status(couple)).primary_state is not PairState.SMPL:
            if time.monotonic() > end:
                raise DeviceError(f"the pair of {couple} cannot be deleted: {said}, {status}")
            if not self.declared.offers(PairCommand.DELETE, status.primary_state):
                self._rejoin(couple)
            elif status.primary_state is not PairState.SMPL_PD:
                said = self.service.order(PairRequest(PairCommand.DELETE, *ends)).said
            self.idle()

    def _rejoin(self, couple: Couple) -> None:
        """Bring a split pair, where it cannot be deleted, to where it can; the model follows."""
        if self.declared.offers(PairCommand.RESYNC, self.model.state(*couple.numbers)):
            self.order(couple, PairCommand.RESYNC)
            self.finish(couple)


def _fits(predicted: PairPrediction, answered: Answered) -> bool:
    return answered.accepted == (predicted.answer is not Answer.REFUSED)


def _wrong_answer(command: PairCommand, before: PairState, predicted: PairPrediction, answered: Answered) -> str:
    if _fits(predicted, answered):
        return ""
    must = f"must be {predicted.answer.value} ({predicted.rule})"
    return f"{command.value} in {before.value} ended in {answered.said}, and {must}"
