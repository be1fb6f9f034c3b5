"""The paired volumes in one sequence: stamped before it, ordered, judged by answer, state and blocks.

Pairs copy whole volumes, so what is to be known of them must be stamped before the first order: the blocks that the
sequence touches on any of its volumes, on all of them, and both ends. Nothing is known of the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from copyproof.errors import UsageError
from copyproof.fuzz.events import Awaited, Difference, Event, PairOrdered, Passed, Stamped
from copyproof.fuzz.ground import Ground
from copyproof.fuzz.mix import BARRED, MET, ORDER, ORDERS
from copyproof.fuzz.operations import Operation, Range, merged
from copyproof.fuzz.pair_ground import PairGround
from copyproof.fuzz.pair_operations import Finish, Order, Pass
from copyproof.model.controller import Transfer
from copyproof.model.pairs import NEXT
from copyproof.model.prediction import Forgetting, HostWrite, Prediction, Zeroing
from copyproof.plugin.bench import NUMBERS, ROLES, Bench
from copyproof.plugin.pairing import Couple, PairBench
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.command import Command, Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, SplitKind
from copyproof.targets.live import Role

AROUND = 64
"""Blocks on each side of what a sequence touches, so that its places run into one another."""
ENDS = 16
"""Blocks at both ends of each volume that are always looked at."""
CREATES = (PairCommand.CREATE, PairCommand.CREATE_SPLIT)
_FROZEN = (PairState.COPY_SP, PairState.PSUS_SP)
_READS = (Opcode.READ_10, Opcode.READ_16)


@dataclass(frozen=True, slots=True)
class Barred:
    """A host's command that must be refused; `outcomes` are the ways in which it may be, empty for any."""

    outcomes: tuple[Outcome, ...]
    rule: str

    def allows(self, seen: Outcome) -> bool:
        """Whether it may end so."""
        if seen.status is Status.GOOD:
            return False
        return not self.outcomes or any(outcome.allows(seen) for outcome in self.outcomes)


@dataclass(slots=True)
class PairStage:
    """`windows` are the LBAs and counts that are known of each volume in `playing`; `counted` what the last operation
    met, for the mix."""

    bench: Bench
    pairs: PairBench
    ground: PairGround
    log: list[Event] = field(default_factory=list)
    windows: list[tuple[int, int]] = field(default_factory=list)
    playing: tuple[Role, ...] = ()
    counted: Counter[str] = field(default_factory=Counter)

    def begin(self, operations: Sequence[Operation], ground: Ground, log: list[Event]) -> None:
        """Free the volumes of what came before, stamp what a sequence will touch, and let time stand; raises
        DeviceError."""
        self.log, self.windows, self.playing, self.counted = log, [], (), Counter()
        self.pairs.clear()
        parts = [part for operation in operations for part in operation.ranges(ground) if self.paired(part.volume)]
        couples = [operation.couple for operation in operations if isinstance(operation, Order | Finish)]
        roles = {ROLES[part.volume] for part in parts} | {role for couple in couples for role in couple.roles}
        if not roles:
            return
        self.playing = tuple(role for role in self.pairs.roles if role in roles)
        self.windows = list(self._windows(parts))
        for role in self.playing:
            self._renew(role)
        self.pairs.hold()

    def end(self) -> None:
        """Leave the volumes on their own, and time to itself; raises DeviceError."""
        self.pairs.clear()

    def paired(self, volume: int) -> bool:
        """Whether a volume is one of pairs."""
        return any(volume == number for number, _ in self.ground.volumes)

    def _windows(self, parts: Sequence[Range]) -> Iterator[tuple[int, int]]:
        end = self.ground.blocks
        around = [(max(0, part.lba - AROUND), min(end, part.lba + part.blocks + AROUND)) for part in parts]
        for part in merged([Range(0, a, b - a) for a, b in [*around, (0, ENDS), (end - ENDS, end)]]):
            yield part.lba, part.blocks

    def _renew(self, role: Role) -> None:
        """Forget a volume, and stamp its windows where there is a way to it without a pair."""
        number = NUMBERS[role]
        self.bench.model.forget(number, 0, self.bench.model.blocks(number))
        if self.pairs.access(role) is not HostAccess.READ_WRITE:
            return
        for lba, count in self.windows:
            self.pairs.stamp(role, lba, count)
            self.log.append(Stamped(Range(number, lba, count), self.bench.generation))

    def looks(self, operation: Operation, ground: Ground) -> Iterator[Range]:
        """Yield what an operation may have changed, as far as a look changes nothing; the rest is looked at in the
        end."""
        near = self._near(operation, ground)
        for role in self.playing:
            if role in near and self.pairs.readable(role) and not self._frozen(role):
                yield from self._of(role)

    def _near(self, operation: Operation, ground: Ground) -> set[Role]:
        """The volumes of an operation and those that they are paired with; all of them where time passes."""
        if isinstance(operation, Pass | Finish) or getattr(operation, "whole_group", False):
            return set(self.playing)
        couple = operation.couple.roles if isinstance(operation, Order) else ()
        own = {ROLES[part.volume] for part in operation.ranges(ground)} | set(couple)
        return own.union(*(each.roles for each in self.pairs.groups if own & set(each.roles)))

    def known(self) -> Iterator[Range]:
        """Yield what may be looked at."""
        for role in self.playing:
            if self.pairs.readable(role):
                yield from self._of(role)

    def _of(self, role: Role) -> Iterator[Range]:
        yield from (Range(NUMBERS[role], lba, count) for lba, count in self.windows)

    def _frozen(self, role: Role) -> bool:
        """Whether a read has old blocks copied first, so that a look would hide what a later write does wrong."""
        return any(self._state(couple) in _FROZEN for couple in self.pairs.groups if role is couple.secondary)

    def _state(self, couple: Couple) -> PairState:
        return self.pairs.model.state(*couple.numbers)

    def order(self, order: Order) -> None:
        """Order something of a pair where the target offers it; raises Difference, and DeviceError as the service."""
        couple = order.couple
        self._steady(couple, order.command)
        if not self._fits(order):
            self.counted[f"{ORDERS}not offered"] += 1
            return
        self._meet(couple)
        whole = order.whole_group and bool(self.pairs.groups.get(couple))
        must = self.pairs.model.predict(order.command, *couple.numbers, order.kind).answer
        try:
            done = self.pairs.order(
                couple, order.command, order.kind, group=order.group, whole_group=whole, pace=order.pace
            )
        except UsageError:
            # A way by commands refuses what would harm before it runs anything.
            if must is not Answer.REFUSED:
                raise
            self.counted += Counter([ORDER, f"{ORDERS}{must.value}", f"{ORDERS}never given"])
            return
        told = done.predicted.answer
        self.counted += Counter([ORDER, order.command.value, f"{ORDERS}{told.value}"])
        self.log.append(PairOrdered(done.request, told is not Answer.REFUSED, done.answered))
        self._note_end(couple, done.predicted.state)
        if done.breach:
            as_due = done.answered.accepted == (told is not Answer.REFUSED)
            raise Difference(done.breach, shown=as_due)
        self.sync()

    def _fits(self, order: Order) -> bool:
        """Whether a target offers an order here. What is ordered of two volumes that cannot become a pair, except to
        create one, is in no guide; nor are strange couples ever to be accepted."""
        model, numbers = self.pairs.model, order.couple.numbers
        state = model.state(*numbers)
        if not self.pairs.declared.offers(order.command, state):
            return False
        alone = state is PairState.SMPL
        barred = alone and model.predict(PairCommand.CREATE, *numbers).answer is Answer.REFUSED
        if order.couple in self.ground.strange:
            return barred and order.command in CREATES
        return not barred or order.command in CREATES

    def _steady(self, couple: Couple, command: PairCommand) -> None:
        """Where time cannot be stopped, wait for the end of what would be answered otherwise a moment later."""
        if self.ground.held:
            return
        self.sync()
        rules, pairs = self.pairs.declared.rules, list(self.pairs.groups)
        for each in pairs:
            state = self._state(each)
            passing = state in (PairState.RCPY, PairState.SMPL_PD)
            own = each == couple and state in NEXT
            if passing or (own and rules.answer(state, command) is not rules.answer(NEXT[state], command)):
                self.await_end(each)

    def idle(self, ticks: int) -> None:
        """Let time pass; raises Difference."""
        if self.pairs.control:
            self.pairs.control.run(ticks)
        else:
            self.pairs.idle()
        self.log.append(Passed(ticks))
        self.sync()

    def await_end(self, couple: Couple) -> None:
        """Wait until nothing is under way of a pair; raises Difference, and DeviceError when it takes too long."""
        strange = self.pairs.finish(couple)
        self.pairs.hold()
        self.log.append(Awaited(*couple.numbers))
        if strange:
            raise Difference(strange, shown=True)
        self.sync()

    def sync(self) -> None:
        """Hold what each pair shows against the model, which follows what has ended; raises Difference."""
        for couple in list(self.pairs.groups):
            before = self._state(couple)
            _, strange = self.pairs.sync(couple)
            self._note_end(couple, before)
            if strange:
                raise Difference(strange, shown=True)

    def _note_end(self, couple: Couple, before: PairState) -> None:
        """Log that what was under way of a pair had ended by itself: what is expected from here on relies on that."""
        if before in NEXT and self._state(couple) is NEXT[before]:
            self.log.append(Awaited(*couple.numbers))

    def close(self) -> None:
        """Let all copying end, and split the pairs that follow, so that their S-VOLs must hold something; raises
        Difference."""
        for couple in list(self.pairs.groups):
            self.await_end(couple)
        for couple in list(self.pairs.groups):
            if self._state(couple) is PairState.PAIR and self.pairs.declared.offers(PairCommand.SPLIT, PairState.PAIR):
                self.order(Order(couple, PairCommand.SPLIT, self._kind))
                self.await_end(couple)

    @property
    def _kind(self) -> SplitKind:
        kinds = self.pairs.declared.kinds
        return SplitKind.STEADY if SplitKind.STEADY in kinds else SplitKind.QUICK

    def barred(self, prediction: Prediction, command: Command, receiver: int) -> Barred | None:
        """Return how a host's command must be refused for what a pair's state allows; None where it need not be."""
        needs = dict(_needs(prediction, command, receiver))
        self._unmoving(needs)
        for volume in needs:
            for couple in self.pairs.groups:
                if ROLES[volume] in couple.roles:
                    self._meet(couple)
        for volume, needed in needs.items():
            if self.paired(volume) and (allowed := self.pairs.access(ROLES[volume])) < needed:
                self.counted[BARRED] += 1
                rule = f"{ROLES[volume].value} is {allowed.name} for hosts in this state"
                copied = command.opcode == Opcode.THIRD_PARTY_COPY_OUT
                return Barred(tuple(self._refusals(allowed, copied=copied)), rule)
        return None

    def _unmoving(self, needs: dict[int, HostAccess]) -> None:
        """Where time cannot be stopped, wait for the end of what would allow hosts something else a moment later."""
        access = self.pairs.declared.access
        for couple in [] if self.ground.held else list(self.pairs.groups):
            state = self._state(couple)
            touched = any(number in needs for number in couple.numbers)
            if touched and state in NEXT and access[state] != access[NEXT[state]]:
                self.await_end(couple)

    def _refusals(self, allowed: HostAccess, *, copied: bool) -> Iterator[Outcome]:
        """How a command is refused: where not even a read is allowed, as a read; a copy forwards it (SPC-4
        5.17.7.4)."""
        rules = self.pairs.declared.rules
        for outcome in rules.write_refused if allowed is HostAccess.READ else rules.read_refused:
            yield Outcome.parse(f"0A/0D/01>{outcome.sense}") if copied and outcome.sense else outcome

    def _meet(self, couple: Couple) -> None:
        self.counted[f"{MET}{self._state(couple).value}"] += 1


def _needs(prediction: Prediction, command: Command, receiver: int) -> Iterator[tuple[int, HostAccess]]:
    """Yield what a command needs to be allowed of each volume, the most of it last."""
    if command.opcode in _READS:
        yield receiver, HostAccess.READ
    steps = [step for branch in prediction.branches for step in (*branch.done, *branch.perhaps)]
    yield from ((step.source, HostAccess.READ) for step in steps if isinstance(step, Transfer))
    for step in steps:
        if isinstance(step, Transfer):
            yield step.destination, HostAccess.READ_WRITE
        elif isinstance(step, HostWrite | Zeroing | Forgetting):
            yield step.volume, HostAccess.READ_WRITE
