"""Run one sequence on the model, on the naive model and on the simulated array, and find where they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from copyproof.blocks.origin import ZEROS, Origin
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.held import Label
from copyproof.model.pair_rules import PairRules
from copyproof.model.pairs import PairModel
from copyproof.scsi.pair import HostAccess, PairCommand, SplitKind
from tests.model import sequences
from tests.model.naive import Content, Naive
from tests.model.sequences import BLOCKS, CHUNKS, PRIMARY, SECONDARIES, SLOT, VOLUMES, Kind, Operation, Segment
from tests.model.simulated import SimulatedArray

_COMMANDS = {
    Kind.CREATE: PairCommand.CREATE,
    Kind.CREATE_SPLIT: PairCommand.CREATE_SPLIT,
    Kind.SPLIT: PairCommand.SPLIT,
    Kind.SUSPEND: PairCommand.SUSPEND,
    Kind.DELETE: PairCommand.DELETE,
    Kind.RESYNC: PairCommand.RESYNC,
    Kind.RESTORE: PairCommand.RESTORE,
}
_UNDER_WAY = ("COPY", "COPY(RS)", "COPY(SP)", "RCPY")


class Bench:
    """The three of them in the same state."""

    def __init__(self, chunk: int) -> None:
        self.model = ReferenceModel(dict.fromkeys(VOLUMES, BLOCKS), chunk)
        self.pairs = PairModel(self.model, PairRules(slot=SLOT))
        self.naive = Naive(chunk)
        self.array = SimulatedArray(chunk)
        for volume in (PRIMARY, *SECONDARIES):
            self.model.write(volume, 0, BLOCKS, 0)
            self.naive.write(volume, 0, BLOCKS, 0)

    def possible(self, kind: Kind, volume: int) -> bool:
        """Whether a pair operation is accepted now, or tells what can be."""
        state = self.naive.state(volume)
        if kind.orders:
            return self.naive.answer(kind, volume) == "accepted"
        if kind is Kind.COPIED:
            return state in _UNDER_WAY
        return state in (*_UNDER_WAY, "PSUS(SP)", "SMPL(PD)")

    def fits(self, operation: Operation) -> bool:
        """Whether hosts may do this now; nobody told the model of what a target refuses."""
        if operation.kind.orders or operation.kind in (Kind.COPIED, Kind.FINISHED):
            return self.possible(operation.kind, operation.volume)
        access = self.naive.access
        if operation.kind is Kind.SAW:
            return access(operation.volume) != "none"
        written = {segment.destination for segment in operation.segments} or {operation.volume}
        read = {segment.source for segment in operation.segments}
        return all(access(v) == "read and write" for v in written) and all(access(v) != "none" for v in read)

    def step(self, operation: Operation) -> str:
        """Do one operation everywhere; return what differs, empty when nothing does."""
        if told := self._answers(operation):
            return told
        if not self.fits(operation):
            return ""
        seen = self.array.run(operation)
        self._naive(operation, seen)
        self._model(operation, seen)
        return self._difference()

    def _answers(self, o: Operation) -> str:
        if o.kind.orders:
            told, naive = self._predicted(o), self.naive.answer(o.kind, o.volume)
            return "" if told == naive else f"the model answers {told!r}, the naive one {naive!r}"
        for volume in VOLUMES:
            access, naive = self.pairs.access(volume), self.naive.access(volume)
            if access is not HostAccess[naive.replace(" and ", "_").upper()]:
                return f"hosts may {access.name} volume {volume}, by the naive model {naive}"
        return ""

    def _predicted(self, o: Operation) -> str:
        return self.pairs.predict(_COMMANDS[o.kind], PRIMARY, o.volume, _split(o)).answer.value

    def _naive(self, o: Operation, seen: Sequence[Content]) -> None:
        naive = self.naive
        if o.kind.orders:
            naive.order(o.kind, o.volume, o.quick)
        elif o.segments:
            self._naive_copy(o)
        elif o.kind is Kind.SAW:
            for at, count in told(o.lba, seen):
                naive.saw(o.volume, at, seen[at - o.lba : at - o.lba + count])
        else:
            what: dict[Kind, Callable[[], None]] = {
                Kind.WRITE: lambda: naive.write(o.volume, o.lba, o.count, o.generation),
                Kind.ZERO: lambda: naive.zero(o.volume, o.lba, o.count, "escape" if o.escape else "own"),
                Kind.FORGET: lambda: naive.forget(o.volume, o.lba, o.count),
                Kind.COPIED: lambda: naive.copied(o.volume, o.lba, o.count),
                Kind.FINISHED: lambda: naive.finished(o.volume),
            }
            what[o.kind]()

    def _naive_copy(self, o: Operation) -> None:
        if o.kind is Kind.PERHAPS:
            self.naive.perhaps(o.segments)
        elif o.kind is Kind.PREFIX:
            self.naive.prefix(o.segments[0], o.count)
        else:
            for segment in o.segments:
                self.naive.copy(segment)

    def _model(self, o: Operation, seen: Sequence[Content]) -> None:
        model, pairs = self.model, self.pairs
        if o.kind.orders:
            pairs.order(_COMMANDS[o.kind], PRIMARY, o.volume, _split(o))
        elif o.segments:
            self._model_copy(o)
        elif o.kind is Kind.SAW:
            for at, count in told(o.lba, seen):
                first = seen[at - o.lba]
                pairs.saw(o.volume, at, count, ZEROS if isinstance(first, str) else Origin(*first))
        else:
            label = Label.ESCAPE if o.escape else Label.OWN
            what: dict[Kind, Callable[[], None]] = {
                Kind.WRITE: lambda: model.write(o.volume, o.lba, o.count, o.generation),
                Kind.ZERO: lambda: model.zero(o.volume, o.lba, o.count, label),
                Kind.FORGET: lambda: model.forget(o.volume, o.lba, o.count),
                Kind.COPIED: lambda: pairs.copied(PRIMARY, o.volume, o.lba, o.count),
                Kind.FINISHED: lambda: pairs.finished(PRIMARY, o.volume),
            }
            what[o.kind]()

    def _model_copy(self, o: Operation) -> None:
        transfers = [_transfer(segment) for segment in o.segments]
        if o.kind is Kind.PERHAPS:
            self.model.perhaps(*transfers)
        elif o.kind is Kind.PREFIX:
            self.model.prefix(transfers[0], o.count)
        else:
            for transfer in transfers:
                self.model.copy(transfer)

    def _difference(self) -> str:
        for volume in VOLUMES:
            for lba, (cell, naive, block) in enumerate(
                zip(_cells(self.model, volume), self.naive.cells[volume], self.array.held[volume], strict=True)
            ):
                expected = frozenset(content for content, _ in naive), _label({label for _, label in naive})
                if cell != expected:
                    return f"volume {volume} LBA {lba}: the model allows {cell}, the naive one {expected}"
                if naive and (block[0] not in cell[0] or cell[1] not in ("unknown", block[1])):
                    return f"volume {volume} LBA {lba}: the array holds {block}, the model allows {cell}"
        return self._pair_difference()

    def _pair_difference(self) -> str:
        for volume in SECONDARIES:
            state, naive = self.pairs.state(PRIMARY, volume).value, self.naive.state(volume)
            if state != naive:
                return f"volume {volume} is in {state}, by the naive model in {naive}"
            if state not in ("PSUS", "PSUS(SP)"):
                continue
            marked = {b for lba, count in self.pairs.difference(PRIMARY, volume) for b in range(lba, lba + count)}
            if {block // SLOT for block in marked} != self.naive.pairs[volume].slots or len(marked) % SLOT:
                return f"volume {volume} differs in blocks {sorted(marked)}, not in {self.naive.pairs[volume].slots}"
        return ""


def told(lba: int, seen: Sequence[Content]) -> list[tuple[int, int]]:
    """Return the runs, LBA and count, that a read tells as one: of stamps that follow one another, or of zeros."""
    runs: list[tuple[int, int]] = []
    for at, content in enumerate(seen):
        if isinstance(content, str) and content != "zeros":
            continue
        last = seen[at - 1] if at else None
        follows = runs and sum(runs[-1]) == lba + at
        if follows and (last == content == "zeros" or (isinstance(last, tuple) and content == _next(last))):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((lba + at, 1))
    return runs


def _next(content: tuple[int, int, int]) -> Content:
    return content[0], content[1] + 1, content[2]


def _split(o: Operation) -> SplitKind:
    return SplitKind.QUICK if o.quick else SplitKind.STEADY


def _transfer(segment: Segment) -> Transfer:
    return Transfer(segment.source, segment.source_lba, segment.destination, segment.destination_lba, segment.blocks)


def _cells(model: ReferenceModel, volume: int) -> list[tuple[frozenset[Content], str]]:
    found: list[tuple[frozenset[Content], str]] = []
    for extent in model.slice(volume, 0, BLOCKS):
        label = extent.label.name.lower()
        for at in range(extent.count):
            contents = (
                (origin.volume, origin.lba + at, origin.generation) if isinstance(origin, Origin) else "zeros"
                for origin in extent.origins
            )
            found.append((frozenset(contents), label))
    return found


def _label(labels: set[str]) -> str:
    return labels.pop() if len(labels) == 1 else "unknown"


def sequence(seed: int, length: int) -> tuple[int, list[Operation], str]:
    """Choose and run a sequence; return the chunk of the overlap rule, what was done, and what then differed."""
    random = Random(seed)
    chunk = random.choice(CHUNKS)
    # A restore needs all siblings split, so most sequences have one or two.
    paired = SECONDARIES[: random.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3))]
    bench, counts = Bench(chunk), Counter[Kind]()
    done: list[Operation] = []
    while len(done) < length:
        kind = sequences.kinds(random, counts, _possible(random, bench, paired))
        targets = [v for v in paired if not _of_pairs(kind) or bench.possible(kind, v)]
        if random.random() < 0.05:
            kind, targets = random.choice([kind for kind in Kind if kind.orders]), list(SECONDARIES)
        operation = sequences.operation(random, kind, len(done) + 1, targets)
        fits = bench.fits(operation)
        wrong = bench.step(operation)
        if fits or wrong:
            done.append(operation)
            counts[kind.family] += 1
        if wrong:
            return chunk, done, wrong
    return chunk, done, ""


def _of_pairs(kind: Kind) -> bool:
    return kind.orders or kind in (Kind.COPIED, Kind.FINISHED)


def _possible(random: Random, bench: Bench, paired: Sequence[int]) -> list[Kind]:
    """Return the kinds to choose from; now and then what hosts do alone, whatever is under way."""
    hosts = random.random() < 0.08
    ending = random.random() < 0.8 or "PSUE" in map(bench.naive.state, paired)
    return [
        kind
        for kind in Kind
        if (not _of_pairs(kind) or (not hosts and any(bench.possible(kind, volume) for volume in paired)))
        and (ending or kind is not Kind.DELETE)
    ]


def replay(chunk: int, operations: Sequence[Operation]) -> str:
    """Run operations anew; return what differs."""
    bench = Bench(chunk)
    return next(filter(None, map(bench.step, operations)), "")


def shrunk(chunk: int, operations: Sequence[Operation]) -> list[Operation]:
    """Leave out what is not needed for a difference."""
    left, before = list(operations), 0
    while len(left) != before:
        before = len(left)
        for at in reversed(range(before)):
            without = left[:at] + left[at + 1 :]
            left = without if replay(chunk, without) else left
    return left
