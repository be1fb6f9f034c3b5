"""A target that really keeps contents and really copies in the background, a random few blocks at a time.

What it holds must be among what the model allows. It keeps no sets: a block holds one content, chance decides which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.model.sequences import BLOCKS, BYSTANDER, PRIMARY, SLOT, VOLUMES, Kind, Operation, Segment

Content = tuple[int, int, int] | str
Block = tuple[Content, str]


@dataclass
class LivePair:
    """`todo` is not copied yet; `updates` are writes of the primary on their way; `image` is the past to be copied."""

    state: str
    todo: set[int] = field(default_factory=set)
    updates: list[tuple[int, Block]] = field(default_factory=list)
    image: list[Block] | None = None
    differs: set[int] = field(default_factory=set)
    cow: bool = False
    backwards: bool = False


class SimulatedArray:
    def __init__(self, chunk: int) -> None:
        self.chunk = chunk
        self.held: dict[int, list[Block]] = {v: [((v, b, 0), "own") for b in range(BLOCKS)] for v in VOLUMES}
        self.held[BYSTANDER] = [(f"unknown {b}", "unknown") for b in range(BLOCKS)]
        self.pairs: dict[int, LivePair] = {}

    def run(self, operation: Operation) -> list[Content]:
        """Do an accepted operation and some work in the background; return what was seen, for a read."""
        chance = Random(operation.chance)
        self.background(chance)
        seen = self._do(operation, chance)
        self.background(chance)
        return seen

    def _do(self, operation: Operation, chance: Random) -> list[Content]:
        o = operation
        blocks = range(o.lba, o.lba + o.count)
        if o.kind is Kind.SAW:
            return [self.held[o.volume][block][0] for block in blocks]
        if o.kind.orders:
            self._order(o.kind, o.volume, o.quick)
        elif o.kind in (Kind.COPIED, Kind.FINISHED):
            self._told(o.kind, o.volume, blocks)
        elif o.segments:
            self._copies(o, chance)
        else:
            for block in blocks:
                self._store(o.volume, block, self._new(o, block, chance))
        return []

    def _new(self, o: Operation, block: int, chance: Random) -> Block:
        if o.kind is Kind.WRITE:
            return (o.volume, block, o.generation), "own"
        if o.kind is Kind.ZERO:
            return "zeros", "escape" if o.escape else "own"
        return f"junk {chance.random()}", "unknown"

    def _copies(self, o: Operation, chance: Random) -> None:
        """Copy block by block; what was not copied in whole stops after a random block."""
        total = sum(segment.blocks for segment in o.segments)
        least = {Kind.COPY: total, Kind.PREFIX: o.count}.get(o.kind, 0)
        self._segments(o.segments, chance.randint(least, total))

    def _segments(self, segments: Sequence[Segment], left: int) -> None:
        for segment in segments:
            through = self.chunk if self.chunk and segment.source == segment.destination else segment.blocks
            for done in range(segment.blocks):
                if done % through == 0:
                    first = segment.source_lba + done
                    buffer = self.held[segment.source][first : first + through]
                if left == 0:
                    return
                left -= 1
                self._store(segment.destination, segment.destination_lba + done, (buffer[done % through][0], "own"))

    def _store(self, volume: int, block: int, new: Block) -> None:
        """A host, or a copy that it ordered, writes a block."""
        for secondary, pair in self.pairs.items():
            if volume == PRIMARY and pair.state == "COPY(SP)" and pair.cow and block in pair.todo:
                self._bring(secondary, pair, block)
        self.held[volume][block] = new
        for secondary, pair in self.pairs.items():
            if volume == PRIMARY and pair.state in ("COPY", "COPY(RS)", "PAIR") and block not in pair.todo:
                pair.updates.append((block, new))
            split = pair.state in ("PSUS", "PSUS(SP)") or (pair.state == "COPY(SP)" and volume == PRIMARY)
            if volume in (PRIMARY, secondary) and split:
                pair.differs.add(block // SLOT)

    def _bring(self, secondary: int, pair: LivePair, block: int) -> None:
        """The background copy reaches a block."""
        pair.todo.discard(block)
        if pair.backwards:
            self._store(PRIMARY, block, (self.held[secondary][block][0], "own"))
        else:
            source = pair.image or self.held[PRIMARY]
            self.held[secondary][block] = (source[block][0], "own")

    def background(self, chance: Random) -> None:
        for secondary, pair in self.pairs.items():
            for _ in range(chance.randint(0, 4)):
                if pair.todo and (not pair.updates or chance.random() < 0.5):
                    self._bring(secondary, pair, chance.choice(sorted(pair.todo)))
                elif pair.updates:
                    block, update = pair.updates.pop(0)
                    # After a split, an update that is still on its way must not come behind the image.
                    if pair.image is None or block in pair.todo:
                        self.held[secondary][block] = (update[0], "own")

    def _order(self, kind: Kind, secondary: int, quick: bool) -> None:
        pair = self.pairs.setdefault(secondary, LivePair("SMPL"))
        begun = pair.state
        if kind in (Kind.SUSPEND, Kind.DELETE):
            pair.state = "PSUE" if kind is Kind.SUSPEND else "SMPL(PD)"
            if kind is Kind.SUSPEND:
                pair.todo, pair.updates = set(), []
            return
        part = {block for block in range(BLOCKS) if block // SLOT in pair.differs}
        pair.todo = part if begun == "PSUS" else set(range(BLOCKS))
        pair.image, pair.backwards = None, kind is Kind.RESTORE
        if kind in (Kind.SPLIT, Kind.CREATE_SPLIT):
            pair.image, pair.differs = list(self.held[PRIMARY]), set()
            pair.cow = begun == "SMPL"
        pair.state = {Kind.CREATE: "COPY", Kind.RESYNC: "COPY(RS)", Kind.RESTORE: "RCPY"}.get(kind, "COPY(SP)")
        if pair.image and quick:
            self._complete(secondary, pair)
            pair.state = "PSUS(SP)"

    def _told(self, kind: Kind, secondary: int, blocks: range) -> None:
        pair = self.pairs[secondary]
        if kind is Kind.COPIED:
            for block in sorted(pair.todo.intersection(blocks)):
                self._bring(secondary, pair, block)
        elif pair.state == "SMPL(PD)":
            del self.pairs[secondary]
        else:
            self._complete(secondary, pair)
            pair.state = "PSUS" if pair.state in ("COPY(SP)", "PSUS(SP)") else "PAIR"

    def _complete(self, secondary: int, pair: LivePair) -> None:
        for block in sorted(pair.todo):
            self._bring(secondary, pair, block)
        if pair.image:
            pair.updates = []
