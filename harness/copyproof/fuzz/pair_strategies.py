"""How sequences on pairs are drawn: each step knows in which states those before it may have left the pairs, so that
most orders are accepted, and some are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from copyproof.fuzz.ground import BY_COMMAND, Ground
from copyproof.fuzz.operations import Copy, Operation, Range, Unmap, Write, Zero
from copyproof.fuzz.pair_ground import PairGround
from copyproof.fuzz.pair_operations import Finish, Order, Pass, Read
from copyproof.fuzz.pair_stage import CREATES
from copyproof.fuzz.sizes import log_uniform
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.pairs import NEXT, PairModel
from copyproof.pairing.service import SPLITTING
from copyproof.plugin.bench import NUMBERS
from copyproof.plugin.pairing import PRIMARIES, Couple
from copyproof.scsi.pair import Answer, PairCommand, PairState, SplitKind

LONGEST_SEQUENCE = 30
GOES_ON = 60
"""A sequence ends with one of so many steps."""
GROUP = 1
"""The consistency group that pairs are put in."""
MOST_TICKS = 8
SLOW = 1
"""The pace at which every state lasts for some ticks."""
_OF_GROUP = tuple(command for command in PairCommand if command not in CREATES)
#: How often what is accepted is ordered, where all else is once: deletes and suspensions end what others go on with.
_ORDERED = {
    PairCommand.CREATE: 16,
    PairCommand.CREATE_SPLIT: 16,
    PairCommand.SPLIT: 24,
    PairCommand.SUSPEND: 4,
    PairCommand.DELETE: 4,
    PairCommand.RESYNC: 16,
    PairCommand.RESTORE: 24,
}
_ENDS = frozenset({PairCommand.SUSPEND, PairCommand.DELETE})
#: How many times more often an order is given that has something to copy.
_BUSY = 3


class Course:
    """Where the steps drawn so far may have left the pairs: a model in which what was waited for has ended."""

    def __init__(self, ground: PairGround) -> None:
        self.ground = ground
        self.volumes = ReferenceModel(dict(ground.volumes))
        self.model = PairModel(self.volumes, ground.declared.rules)
        self.grouped: set[Couple] = set()

    @property
    def paired(self) -> list[Couple]:
        """The couples that are pairs, and are not being deleted."""
        gone = (PairState.SMPL, PairState.SMPL_PD)
        return [couple for couple in self.ground.couples if self.state(couple) not in gone]

    @property
    def busy(self) -> list[Couple]:
        """The couples of which something is under way."""
        return [couple for couple in self.ground.couples if self.state(couple) in NEXT]

    def state(self, couple: Couple) -> PairState:
        """The state of a couple."""
        return self.model.state(*couple.numbers)

    @property
    def differing(self) -> list[tuple[Couple, PairCommand]]:
        """The pairs that differ, with what is to be ordered to make them equal again."""
        commands = (PairCommand.RESTORE, PairCommand.RESYNC)
        return [(couple, each) for couple in self.paired for each in commands if self._copies(couple, each)]

    def _copies(self, couple: Couple, command: PairCommand) -> bool:
        if not self.ground.declared.offers(command, self.state(couple)):
            return False
        told = self.model.predict(command, *couple.numbers)
        return told.answer is Answer.DONE and bool(told.copies)

    def finish(self, couples: Sequence[Couple]) -> None:
        """What is under way of them has ended."""
        for couple in couples:
            if self.state(couple) in NEXT:
                self.model.finished(*couple.numbers)

    def told(self, order: Order) -> None:
        """It was ordered."""
        meant = [order.couple]
        if order.whole_group and order.couple in self.grouped:
            meant = [couple for couple in self.paired if couple in self.grouped]
        if order.group and order.couple not in self.paired:
            self.grouped.add(order.couple)
        for couple in meant:
            told = self.model.order(order.command, *couple.numbers, order.kind)
            if told.answer is Answer.DONE and told.state in (PairState.COPY_RS, PairState.RCPY) and not told.copies:
                self.finish([couple])

    def wrote(self, parts: Iterable[Range]) -> None:
        """The host may have written."""
        for part in parts:
            if any(part.volume == number for number, _ in self.ground.volumes):
                self.volumes.write(part.volume, part.lba, part.blocks, generation=0)


@dataclass(frozen=True, slots=True)
class Draw:
    """What a kind is drawn with: the target, the course so far, and the LBA that the sequence stays near."""

    ground: Ground
    course: Course
    base: int

    @property
    def pairs(self) -> PairGround:
        """The target's pairs."""
        return self.course.ground

    def range(self, draw: DrawFn, volumes: Sequence[int], most: int) -> Range:
        """Draw some blocks of one of some volumes, close to the base more often than far from it."""
        blocks = draw(log_uniform(most))
        away = draw(st.integers(0, 2 * self.pairs.slot))
        return Range(draw(st.sampled_from(volumes)), min(self.base + away, self.pairs.blocks - blocks), blocks)


Drawn: TypeAlias = Callable[[DrawFn, Draw], Operation]


@dataclass(frozen=True, slots=True)
class PairKind:
    """One kind of step: how often it comes among the others, how it is drawn, whether the target has it, and what the
    course must have come to for it."""

    name: str
    weight: int
    drawn: Drawn
    offered: Callable[[Ground], bool] = lambda _: True
    ready: Callable[[Course], bool] = lambda _: True


def pair_sequences(ground: Ground, pairs: PairGround) -> SearchStrategy[list[Operation]]:
    """Return sequences of 1 to 30 steps, which all have their places near one LBA of all volumes, most of them just
    before the end of a slot."""
    kinds = [kind for kind in PAIR_KINDS if kind.offered(ground)]

    @st.composite
    def drawn(draw: DrawFn) -> list[Operation]:
        slots = pairs.blocks // pairs.slot
        before = draw(st.integers(0, BY_COMMAND))
        # Block 0 may look like a partition table, which an array gives each S-VOL anew.
        base = max(1, draw(st.integers(1, max(1, slots - 1))) * pairs.slot - before)
        with_ = Draw(ground, Course(pairs), min(base, pairs.blocks - 1))
        return list(_steps(draw, with_, kinds))

    return drawn()


def _steps(draw: DrawFn, with_: Draw, kinds: Sequence[PairKind]) -> Iterator[Operation]:
    """Each is drawn with the decision that there is one, so that it can be left out."""
    for number in range(LONGEST_SEQUENCE):
        step = draw(_one(with_, kinds, last=number > 0))
        if step is None:
            return
        yield step


@st.composite
def _one(draw: DrawFn, with_: Draw, kinds: Sequence[PairKind], *, last: bool) -> Operation | None:
    if last and draw(st.integers(0, GOES_ON)) == 0:
        return None
    return _step(draw, with_, kinds)


def _step(draw: DrawFn, with_: Draw, kinds: Sequence[PairKind]) -> Operation:
    course = with_.course
    kind = draw(st.sampled_from([kind for kind in kinds if kind.ready(course) for _ in range(kind.weight)]))
    operation = kind.drawn(draw, with_)
    if isinstance(operation, Order):
        course.told(operation)
    elif isinstance(operation, Finish):
        course.finish([operation.couple])
    elif isinstance(operation, Pass) and operation.ticks == MOST_TICKS:
        course.finish(course.busy)
    elif not isinstance(operation, Read):
        course.wrote(operation.ranges(with_.ground))
    return operation


def _order(draw: DrawFn, with_: Draw) -> Operation:
    course, declared = with_.course, with_.pairs.declared
    # Pairs that there are come as often as all the others.
    couples = [*with_.pairs.couples[:1], *course.paired, *course.paired, *with_.pairs.couples]
    couple = draw(st.sampled_from(couples))
    ordered = [each for each in PairCommand if any(declared.takes(each, kind) for kind in SplitKind)]
    offered = [each for each in ordered if declared.offers(each, course.state(couple))]
    weighted = [each for each in offered for _ in range(_weight(course, couple, each))]
    if course.busy and _ENDS.issuperset(weighted) and draw(st.integers(0, 3)):
        # Where a copy under way can be ended and nothing else, it is seldom.
        return _finish(draw, with_)
    order = Order(couple, draw(st.sampled_from(weighted or [PairCommand.CREATE])))
    if order.command in SPLITTING:
        order = replace(order, kind=draw(st.sampled_from([kind for kind in SplitKind if kind in declared.kinds])))
    if order.command in CREATES:
        order = replace(order, pace=draw(st.sampled_from([0, SLOW])))
        return replace(order, group=GROUP * draw(st.booleans())) if declared.groups else order
    grouped = with_.pairs.whole_groups and couple in course.grouped
    return replace(order, whole_group=grouped and draw(st.booleans()))


def _weight(course: Course, couple: Couple, command: PairCommand) -> int:
    told = course.model.predict(command, *couple.numbers)
    if told.answer is not Answer.DONE:
        return 1
    return _ORDERED[command] * (_BUSY if told.copies else 1)


def _resume(draw: DrawFn, with_: Draw) -> Operation:
    """What has something to copy, once a host has written to either volume."""
    differing = with_.course.differing
    back = [each for each in differing if each[1] is PairCommand.RESTORE]
    return Order(*draw(st.sampled_from([*back * 3, *differing])))


def _strange(draw: DrawFn, with_: Draw) -> Operation:
    return Order(draw(st.sampled_from(with_.pairs.strange)), draw(st.sampled_from(CREATES)))


def _primaries(with_: Draw) -> list[int]:
    firsts = [NUMBERS[role] for role in PRIMARIES]
    return [number for number, _ in with_.pairs.volumes if number in firsts]


def _volumes(with_: Draw) -> list[int]:
    """All volumes of pairs; the P-VOLs, and those of pairs that there are, the more often, the most while they copy."""
    live = [number for couple in with_.course.paired for number in couple.numbers]
    busy = [number for couple in with_.course.busy for number in couple.numbers]
    return [*_primaries(with_), *live, *live, *busy * 3, *(number for number, _ in with_.pairs.volumes)]


def _write(draw: DrawFn, with_: Draw) -> Operation:
    return Write(with_.range(draw, _volumes(with_), BY_COMMAND), by_command=True)


def _read(draw: DrawFn, with_: Draw) -> Operation:
    return Read(with_.range(draw, _volumes(with_), BY_COMMAND))


def _touch(draw: DrawFn, with_: Draw) -> Operation:
    """What has old blocks copied first, while a split is under way."""
    course = with_.course
    quick = [couple.numbers for couple in course.paired if course.state(couple) is PairState.PSUS_SP]
    steady = [couple.numbers[:1] for couple in course.paired if course.state(couple) is PairState.COPY_SP]
    at = with_.range(draw, [number for numbers in (*quick, *steady) for number in numbers], BY_COMMAND)
    reads = any(at.volume == second for _, second in quick) and draw(st.booleans())
    return Read(at) if reads else Write(at, by_command=True)


def _while_restored(draw: DrawFn, with_: Draw) -> Operation:
    """A host's access, of the P-VOL above all, while it is restored."""
    course = with_.course
    restored = [couple.numbers for couple in course.paired if course.state(couple) is PairState.RCPY]
    at = with_.range(draw, [number for numbers in restored for number in numbers], BY_COMMAND)
    return Read(at) if draw(st.booleans()) else Write(at, by_command=True)


def _zero(draw: DrawFn, with_: Draw) -> Operation:
    return Zero(with_.range(draw, _volumes(with_), min(with_.ground.same, 2 * with_.pairs.slot)))


def _unmap(draw: DrawFn, with_: Draw) -> Operation:
    return Unmap(with_.range(draw, _volumes(with_), min(with_.ground.unmapped, 2 * with_.pairs.slot)))


def _copy(draw: DrawFn, with_: Draw) -> Operation:
    """A copy within the volumes of pairs, or between them and another unit."""
    most = min(with_.ground.longest, 2 * with_.pairs.slot, with_.pairs.blocks // 4)
    at = with_.range(draw, _volumes(with_), most)
    apart, spared = [volume for volume, _ in with_.ground.volumes], _spared(with_)
    near = [volume for volume in _volumes(with_) if not spared.issuperset({volume, at.volume})]
    other = with_.range(draw, [*apart, *near], at.blocks)
    ways = [way for way in ((other, at), (at, other)) if way[1].volume not in spared]
    first, second = draw(st.sampled_from(ways))
    part = Transfer(first.volume, first.lba, second.volume, second.lba, other.blocks)
    return Copy((part,), first.volume in spared or draw(st.booleans()))


def _spared(with_: Draw) -> set[int]:
    """The volumes that no copy may be ordered to, nor sent to: that counts as a write where they are mapped
    read-only."""
    if with_.pairs.declared.refuses_copies:
        return set()
    return {number for number, _ in with_.pairs.volumes} - set(_primaries(with_))


def _pass(draw: DrawFn, with_: Draw) -> Operation:
    del with_
    return Pass(draw(st.integers(1, MOST_TICKS)))


def _finish(draw: DrawFn, with_: Draw) -> Operation:
    return Finish(draw(st.sampled_from(with_.course.busy)))


def _split(course: Course) -> bool:
    return any(course.state(couple) is PairState.PSUS for couple in course.paired)


def _splitting(course: Course) -> bool:
    return any(course.state(couple) in (PairState.COPY_SP, PairState.PSUS_SP) for couple in course.paired)


def _restoring(course: Course) -> bool:
    return any(course.state(couple) is PairState.RCPY for couple in course.paired)


def _any(course: Course) -> bool:
    return bool(course.paired or course.busy)


#: The first kind is what a sequence shrinks to.
PAIR_KINDS: tuple[PairKind, ...] = (
    PairKind("order", 14, _order),
    PairKind("write", 9, _write),
    PairKind("write while split", 9, _write, ready=_split),
    PairKind("touch first", 9, _touch, ready=_splitting),
    PairKind("while restored", 24, _while_restored, ready=_restoring),
    PairKind("read", 4, _read, ready=_any),
    PairKind("copy", 5, _copy, ready=_any),
    PairKind("zero", 2, _zero, lambda ground: ground.same > 0, ready=_any),
    PairKind("unmap", 2, _unmap, lambda ground: ground.unmapped > 0, ready=_any),
    PairKind("pass", 4, _pass, ready=lambda course: bool(course.busy)),
    PairKind("finish", 8, _finish, ready=lambda course: bool(course.busy)),
    PairKind("resume", 10, _resume, ready=lambda course: bool(course.differing)),
    PairKind("strange", 1, _strange, lambda ground: bool(ground.pairs and ground.pairs.strange), ready=_any),
)
