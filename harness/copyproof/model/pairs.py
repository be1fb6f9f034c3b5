"""Pairs in the model: what a pair command does to the provenance of both volumes.

Copying in the background is progress that nobody sees. A block that it may have reached allows what it held and what
it gets; it is known again as soon as the model is told that it was copied.

>>> model = ReferenceModel({1: 100, 2: 100})
>>> model.write(1, 0, 100, generation=1)
>>> model.write(2, 0, 100, generation=2)
>>> pairs = PairModel(model)
>>> pairs.order(PairCommand.CREATE, 1, 2).answer.value
'accepted'
>>> [origin.generation for origin in model.slice(2, 0, 100)[0].origins]
[2, 1]
>>> pairs.finished(1, 2)
>>> [origin.generation for origin in model.slice(2, 0, 100)[0].origins], pairs.state(1, 2).value
([1], 'PAIR')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copyproof.blocks.origin import Content
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.extents import ExtentMap, either, overlaid
from copyproof.model.held import Held, Label, differ, in_doubt, label_of, moved, seen
from copyproof.model.pair_rules import PairRules
from copyproof.model.prediction import Branch, Prediction
from copyproof.model.rangemap import Piece, RangeMap
from copyproof.scsi.command import Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer, HostAccess, PairCommand, PairState, SplitKind

_GOOD = (Outcome(Status.GOOD),)
_COPYING = (PairState.COPY, PairState.COPY_RS, PairState.COPY_SP, PairState.PSUS_SP, PairState.RCPY)
_FED = (PairState.COPY, PairState.COPY_RS, PairState.PAIR)
_TRACKED = (PairState.COPY_SP, PairState.PSUS_SP, PairState.PSUS)
_SPLIT = (PairState.PSUS_SP, PairState.PSUS)
_ENDED = (PairState.PSUE, PairState.SMPL_PD)
_SETTLED = (*_SPLIT, PairState.PSUE)
NEXT = {
    PairState.COPY: PairState.PAIR,
    PairState.COPY_RS: PairState.PAIR,
    PairState.RCPY: PairState.PAIR,
    PairState.COPY_SP: PairState.PSUS,
    PairState.PSUS_SP: PairState.PSUS,
    PairState.SMPL_PD: PairState.SMPL,
}
"""The states in which something is under way, with the state that follows when it has ended."""


@dataclass(frozen=True, slots=True)
class PairPrediction:
    """How a pair command must be answered, by which rule, and the state that the pair is in afterwards.

    `copies` is what the array then has to move; in a resynchronisation these are the slots that differ, no others (at
    most these, where a change is in doubt).
    How a target says its answer, in sense data or an exit code, is a matter of the way to it.
    """

    answer: Answer
    rule: str
    state: PairState
    copies: tuple[Transfer, ...] = ()


@dataclass(slots=True)
class _Pair:
    """`image` is what the copy under way, from volume `source` to `destination`, brings to the blocks that are `due`;
    `changed` are the slots that differ; `touched_first` says that a write of an uncopied block of the P-VOL has it
    copied first. `behind` is what the S-VOL held when it was split quickly: what a host does not see, as long as it is
    in PSUS(SP)."""

    primary: int
    secondary: int
    state: PairState
    image: ExtentMap
    due: RangeMap[bool]
    changed: RangeMap[bool]
    touched_first: bool = False
    source: int = 0
    destination: int = 0
    behind: ExtentMap | None = None


class PairModel:
    """The pairs of a model's volumes. It watches the model, so every change that is told to the model counts here.

    Volumes are numbers; each method that names volumes raises KeyError for one that the model does not have.

    Invariants: after a split has finished, the S-VOL allows block by block what the P-VOL allowed when it was ordered,
    until a host writes; while a pair is split, blocks outside `difference` are equal on both; what a pair command costs
    follows the pieces of its volumes, never their blocks.
    """

    def __init__(self, model: ReferenceModel, rules: PairRules | None = None) -> None:
        self._model, self._rules = model, rules or PairRules()
        self._pairs: dict[tuple[int, int], _Pair] = {}
        model.watch(self._changed)

    @property
    def slot(self) -> int:
        """How many blocks are noted as changed together."""
        return self._rules.slot

    def state(self, primary: int, secondary: int) -> PairState:
        """Return the state of a pair; SMPL where there is none."""
        pair = self._pairs.get((primary, secondary))
        return pair.state if pair else PairState.SMPL

    def difference(self, primary: int, secondary: int) -> list[tuple[int, int]]:
        """Return the ranges, LBA and count in whole slots, that were changed on either volume since the split."""
        return _marked(self._pairs[primary, secondary].changed)

    def predict(
        self, command: PairCommand, primary: int, secondary: int, kind: SplitKind = SplitKind.STEADY
    ) -> PairPrediction:
        """Say how a command must be answered and what it has the array copy, and change nothing."""
        state = self.state(primary, secondary)
        answer = self._rules.answer(state, command)
        rule = f"{command.value} in {state.value} is {answer.value} (commands against states)"
        if answer is Answer.DONE and (why := self._against(command, primary, secondary, state)):
            answer, rule = Answer.REFUSED, why
        if answer is not Answer.DONE:
            return PairPrediction(answer, rule, state)
        after = _after(command, kind)
        return PairPrediction(answer, rule, after, self._copies(command, primary, secondary, state))

    def order(
        self, command: PairCommand, primary: int, secondary: int, kind: SplitKind = SplitKind.STEADY
    ) -> PairPrediction:
        """Predict a command, and let it happen if it is accepted."""
        told = self.predict(command, primary, secondary, kind)
        if told.answer is not Answer.DONE:
            return told
        pair = self._pairs.setdefault((primary, secondary), self._fresh(primary, secondary))
        self._bare(pair)
        begun, pair.state = pair.state, told.state
        if told.state in _ENDED:
            return told
        pair.touched_first = command is PairCommand.CREATE_SPLIT and begun is PairState.SMPL
        ends = (primary, secondary)
        pair.source, pair.destination = reversed(ends) if command is PairCommand.RESTORE else ends
        if told.state is PairState.PSUS_SP:
            pair.behind = ExtentMap(pair.due.blocks)
            pair.behind.splice(self._model.pieces(secondary, 0, pair.due.blocks))
        self._begin(pair, _marked(pair.changed) if begun is PairState.PSUS else [(0, pair.due.blocks)])
        if told.state is PairState.PSUS_SP:
            self._settle(pair, 0, pair.due.blocks)
        if told.state in _TRACKED:
            pair.changed = RangeMap(pair.changed.blocks, False)
        return told

    def copied(self, primary: int, secondary: int, lba: int, count: int) -> None:
        """The copy under way is known to have reached these blocks; raises ValueError when none is under way, KeyError
        when there is no pair."""
        pair = self._pairs[primary, secondary]
        if pair.state not in _COPYING:
            raise ValueError(f"no copy is under way between volumes {primary} and {secondary} in {pair.state.value}")
        self._settle(pair, lba, count)

    def finished(self, primary: int, secondary: int) -> None:
        """What was under way has ended, and the pair is in the state that follows; raises ValueError when nothing was,
        KeyError when there is no pair."""
        pair = self._pairs[primary, secondary]
        if pair.state not in NEXT:
            raise ValueError(f"nothing is under way between volumes {primary} and {secondary} in {pair.state.value}")
        if pair.state in _COPYING:
            self._settle(pair, 0, pair.due.blocks)
        pair.state, pair.behind = NEXT[pair.state], None
        if pair.state is PairState.PAIR:
            # After a restore, too, updates go from the P-VOL to the S-VOL.
            pair.source, pair.destination = primary, secondary
        if pair.state is PairState.SMPL:
            del self._pairs[primary, secondary]

    def failed(self, primary: int, secondary: int) -> None:
        """An error suspended the pair; raises KeyError when there is none. What is due stays in doubt."""
        self._bare(self._pairs[primary, secondary])
        self._pairs[primary, secondary].state = PairState.PSUE

    def dropped(self, primary: int, secondary: int) -> None:
        """The pair is known to be gone, however that came; nothing happens where there is none. What is due stays in
        doubt."""
        self._pairs.pop((primary, secondary), None)

    def access(self, volume: int) -> HostAccess:
        """Return what a host may do with a volume: the least of what its pairs allow."""
        return min(
            (
                self._rules.access(pair.state)[volume == pair.secondary]
                for pair in self._pairs.values()
                if volume in (pair.primary, pair.secondary)
            ),
            default=HostAccess.READ_WRITE,
        )

    def read(self, volume: int) -> Prediction:
        """Predict a host's read of a volume."""
        return self._hosts(volume, HostAccess.READ, self._rules.read_refused)

    def write(self, volume: int) -> Prediction:
        """Predict a host's write to a volume."""
        return self._hosts(volume, HostAccess.READ_WRITE, self._rules.write_refused)

    def saw(self, volume: int, lba: int, count: int, which: Content) -> None:
        """A read found the blocks to hold `which`, as `ReferenceModel.saw` is told; raises ValueError where that is not
        allowed. It narrows nothing while a copy may write the volume: the next read may see another block."""
        if self._settled(volume):
            self._model.saw(volume, lba, count, which)
        for at, _, held in self._model.pieces(volume, lba, count):
            seen(held, at, which.advanced(at - lba))

    def _hosts(self, volume: int, needed: HostAccess, refused: tuple[Outcome, ...]) -> Prediction:
        allowed = self.access(volume)
        rule = f"volume {volume} is {allowed.name} for hosts (access in each state)"
        return Prediction((Branch(_GOOD if allowed >= needed else refused, rule),))

    def _settled(self, volume: int) -> bool:
        return all(volume != pair.destination or pair.state in _SETTLED for pair in self._pairs.values())

    def _fresh(self, primary: int, secondary: int) -> _Pair:
        blocks = self._model.blocks(primary)
        nothing = RangeMap(blocks, False)
        return _Pair(primary, secondary, PairState.SMPL, ExtentMap(blocks), nothing, nothing.copy())

    def _against(self, command: PairCommand, primary: int, secondary: int, state: PairState) -> str:
        """Return the rule, beside the table, that speaks against a command; empty where none does."""
        siblings = [pair for pair in self._pairs.values() if pair.primary == primary and pair.secondary != secondary]
        restoring = any(pair.state is PairState.RCPY for pair in siblings)
        if restoring and command not in (PairCommand.SUSPEND, PairCommand.DELETE):
            return "while one secondary is in RCPY, its siblings allow only suspend and delete"
        if command is PairCommand.RESTORE and any(
            pair.state not in (PairState.PSUS, PairState.PSUE) for pair in siblings
        ):
            return "a restore needs all siblings in PSUS or PSUE"
        return self._unfit(primary, secondary, len(siblings)) if state is PairState.SMPL else ""

    def _unfit(self, primary: int, secondary: int, siblings: int) -> str:
        """Return why two volumes cannot become a pair."""
        primaries = {pair.primary for pair in self._pairs.values()}
        secondaries = {pair.secondary for pair in self._pairs.values()}
        checks = (
            (primary == secondary, "a volume cannot be paired with itself"),
            (self._model.blocks(primary) != self._model.blocks(secondary), "the volumes of a pair are of one size"),
            (secondary in secondaries, f"volume {secondary} is the S-VOL of another pair"),
            (secondary in primaries, f"volume {secondary} is the P-VOL of another pair"),
            (primary in secondaries, f"volume {primary} is the S-VOL of another pair"),
            (siblings >= self._rules.secondaries, f"a P-VOL has {self._rules.secondaries} secondaries at most"),
        )
        return next((why for against, why in checks if against), "")

    def _copies(self, command: PairCommand, primary: int, secondary: int, state: PairState) -> tuple[Transfer, ...]:
        """Return what a command that is accepted has the array copy, beside what the copy under way still has to."""
        if command in (PairCommand.RESYNC, PairCommand.RESTORE) and state is PairState.PSUS:
            ranges = self.difference(primary, secondary)
        elif state in (PairState.SMPL, PairState.PSUE, PairState.PSUS_SP) and command not in (
            PairCommand.SUSPEND,
            PairCommand.DELETE,
        ):
            ranges = [(0, self._model.blocks(primary))]
        else:
            ranges = []
        ends = (secondary, primary) if command is PairCommand.RESTORE else (primary, secondary)
        return tuple(Transfer(ends[0], lba, ends[1], lba, count) for lba, count in ranges)

    def _begin(self, pair: _Pair, ranges: Sequence[tuple[int, int]]) -> None:
        """Start to copy ranges: which of their blocks are copied is not known until it is told."""
        pair.due = RangeMap(pair.due.blocks, False)
        for lba, count in ranges:
            pair.image.splice(self._brought(pair, lba, count))
            pair.due.put(lba, count, True)
            self._also(pair.destination, pair.image.pieces(lba, count))

    def _bare(self, pair: _Pair) -> None:
        """A quick split may end before all is copied: then a block that no host has changed may show what lay behind
        it."""
        if pair.behind is None:
            return
        behind, pair.behind = pair.behind, None
        now = self._model.pieces(pair.secondary, 0, behind.blocks)
        for at, end, (held, image) in list(overlaid(now, pair.image.pieces(0, behind.blocks))):
            if held == image:
                older = behind.pieces(at, end - at)
                self._model.splice(pair.secondary, either(older, [Piece(at, end, held)]))

    def _settle(self, pair: _Pair, lba: int, count: int) -> None:
        """Blocks that were due in a range are copied."""
        for at, end, due in pair.due.pieces(lba, count):
            if due:
                self._model.splice(pair.destination, pair.image.pieces(at, end - at))
        pair.due.put(lba, count, False)

    def _moved(self, volume: int, lba: int, count: int) -> list[Piece[Held]]:
        """Return what a range holds as a copy to the same LBA brings it: with the label of its new place."""
        return [Piece(at, end, moved(held, 0)) for at, end, held in self._model.pieces(volume, lba, count)]

    def _brought(self, pair: _Pair, lba: int, count: int) -> list[Piece[Held]]:
        """Return what a copy brings to the blocks of a range.

        A restore may leave out a block that the P-VOL was perhaps not asked to change: then it holds the same as on the
        S-VOL, but under the label that it had.
        """
        brought = self._moved(pair.source, lba, count)
        if pair.destination == pair.secondary:
            return brought
        old = self._model.pieces(pair.destination, lba, count)
        return [
            Piece(at, end, held if label_of(was) is Label.OWN else in_doubt(held))
            for at, end, (was, held) in overlaid(old, brought)
        ]

    def _also(self, volume: int, newer: Sequence[Piece[Held]]) -> None:
        """Allow blocks of a volume something newer as well."""
        lba, count = newer[0].lba, newer[-1].end - newer[0].lba
        self._model.splice(volume, either(self._model.pieces(volume, lba, count), newer))

    def _changed(self, volume: int, lba: int, count: int) -> None:
        """The model's blocks changed: an update to bring to the S-VOL, or a difference."""
        for pair in self._pairs.values():
            if volume == pair.primary and pair.state in _FED:
                self._feed(pair, lba, count)
            elif volume == pair.primary and pair.state is PairState.COPY_SP and pair.touched_first:
                self._touch(pair, lba, count)
            if self._differs(pair, volume):
                first = lba // self._rules.slot * self._rules.slot
                end = min(-(-(lba + count) // self._rules.slot) * self._rules.slot, pair.changed.blocks)
                pair.changed.put(first, end - first, True)

    def _differs(self, pair: _Pair, volume: int) -> bool:
        """Whether a change of a volume is one that the pair must note: of its P-VOL, or by a host of its S-VOL."""
        if volume == pair.secondary:
            return pair.state in _SPLIT
        return volume == pair.primary and pair.state in _TRACKED

    def _touch(self, pair: _Pair, lba: int, count: int) -> None:
        """Of a block that is surely no longer what it was at the split, that was copied before it changed."""
        now = self._model.pieces(pair.primary, lba, count)
        for at, end, (was, held) in list(overlaid(pair.image.pieces(lba, count), now)):
            if differ(was, held):
                self._settle(pair, at, end - at)

    def _feed(self, pair: _Pair, lba: int, count: int) -> None:
        """The P-VOL's update reaches the S-VOL at some time."""
        update = self._moved(pair.primary, lba, count)
        pair.image.splice(either(pair.image.pieces(lba, count), update))
        self._also(pair.secondary, update)


def _after(command: PairCommand, kind: SplitKind) -> PairState:
    """Return the state that an accepted command leads to."""
    split = PairState.PSUS_SP if kind is SplitKind.QUICK else PairState.COPY_SP
    return {
        PairCommand.CREATE: PairState.COPY,
        PairCommand.CREATE_SPLIT: split,
        PairCommand.SPLIT: split,
        PairCommand.SUSPEND: PairState.PSUE,
        PairCommand.DELETE: PairState.SMPL_PD,
        PairCommand.RESYNC: PairState.COPY_RS,
        PairCommand.RESTORE: PairState.RCPY,
    }[command]


def _marked(marks: RangeMap[bool]) -> list[tuple[int, int]]:
    return [(lba, end - lba) for lba, end, marked in marks.pieces(0, marks.blocks) if marked]
