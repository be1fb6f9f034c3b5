"""A naive model: for every single block the set of (content, label) that it may have; an empty set: nobody knows.

It shares no code with the model. What is refused, and who may access what, is written out as conditions here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.model.sequences import BLOCKS, PRIMARY, SLOT, VOLUMES, Kind, Segment

Content = tuple[int, int, int] | str
Cell = frozenset[tuple[Content, str]]
NOBODY_KNOWS: Cell = frozenset()
COPYING = ("COPY", "COPY(RS)", "COPY(SP)", "RCPY")


def join(one: Cell, other: Cell) -> Cell:
    return one | other if one and other else NOBODY_KNOWS


def exchanged(cell: Cell) -> Cell:
    return frozenset((content, "own") for content, _ in cell)


@dataclass
class NaivePair:
    state: str
    brings: list[Cell] = field(default_factory=lambda: [NOBODY_KNOWS] * BLOCKS)
    due: set[int] = field(default_factory=set)
    slots: set[int] = field(default_factory=set)
    touched_first: bool = False
    reverse: bool = False
    behind: list[Cell] = field(default_factory=list)


class Naive:
    def __init__(self, chunk: int) -> None:
        self.chunk = chunk
        self.cells: dict[int, list[Cell]] = {volume: [NOBODY_KNOWS] * BLOCKS for volume in VOLUMES}
        self.pairs: dict[int, NaivePair] = {}

    def put(self, volume: int, block: int, cell: Cell) -> None:
        """A block changes, and every pair does what follows from it."""
        self.cells[volume][block] = cell
        for secondary, pair in self.pairs.items():
            if volume == PRIMARY:
                self._primary_changed(secondary, pair, block, exchanged(cell))
            if volume == secondary and pair.state in ("PSUS", "PSUS(SP)"):
                pair.slots.add(block // SLOT)

    def _primary_changed(self, secondary: int, pair: NaivePair, block: int, update: Cell) -> None:
        if pair.state in ("COPY", "COPY(RS)", "PAIR"):
            pair.brings[block] = join(pair.brings[block], update)
            self.cells[secondary][block] = join(self.cells[secondary][block], update)
        if pair.state in ("PSUS", "PSUS(SP)", "COPY(SP)"):
            pair.slots.add(block // SLOT)
        surely_new = update and not {way[0] for way in update} & {way[0] for way in pair.brings[block]}
        if pair.state == "COPY(SP)" and pair.touched_first and block in pair.due and surely_new and pair.brings[block]:
            pair.due.discard(block)
            self.cells[secondary][block] = pair.brings[block]

    def write(self, volume: int, lba: int, count: int, generation: int) -> None:
        for block in range(lba, lba + count):
            self.put(volume, block, frozenset({((volume, block, generation), "own")}))

    def zero(self, volume: int, lba: int, count: int, label: str) -> None:
        for block in range(lba, lba + count):
            self.put(volume, block, frozenset({("zeros", label)}))

    def forget(self, volume: int, lba: int, count: int) -> None:
        for block in range(lba, lba + count):
            self.put(volume, block, NOBODY_KNOWS)

    def copy(self, segment: Segment) -> None:
        self._copied_unseen(segment)
        first = segment.destination_lba
        for block, cell in enumerate(self.cells[segment.destination][first : first + segment.blocks], first):
            self.put(segment.destination, block, cell)

    def _copied_unseen(self, segment: Segment) -> None:
        """Copy, and let no pair do anything yet."""
        at_once = self.chunk if self.chunk and segment.source == segment.destination else segment.blocks
        for done in range(0, segment.blocks, at_once):
            many = min(at_once, segment.blocks - done)
            first = segment.source_lba + done
            buffer = self.cells[segment.source][first : first + many]
            for at, cell in enumerate(buffer):
                self.cells[segment.destination][segment.destination_lba + done + at] = exchanged(cell)

    def perhaps(self, segments: Sequence[Segment]) -> None:
        moments = [self._all()]
        for segment in segments:
            self._copied_unseen(segment)
            moments.append(self._all())
        for segment in segments:
            for block in range(segment.destination_lba, segment.destination_lba + segment.blocks):
                self._any_of(segment.destination, block, [moment[segment.destination][block] for moment in moments])

    def prefix(self, segment: Segment, done: int) -> None:
        before = self._all()
        self._copied_unseen(segment)
        volume = segment.destination
        for at in range(segment.blocks):
            block = segment.destination_lba + at
            now = self.cells[volume][block]
            self._any_of(volume, block, [now] if at < done else [before[volume][block], now])

    def _any_of(self, volume: int, block: int, cells: list[Cell]) -> None:
        total = cells[0]
        for cell in cells[1:]:
            total = join(total, cell)
        self.put(volume, block, total)

    def saw(self, volume: int, lba: int, contents: Sequence[Content]) -> None:
        for block, content in enumerate(contents, lba):
            cell = self.cells[volume][block]
            left = frozenset(way for way in cell if way[0] == content)
            if cell and not left:
                raise ValueError("not allowed")
            if not self.in_flux(volume):
                self.cells[volume][block] = left or frozenset({(content, "unknown")})

    def in_flux(self, volume: int) -> bool:
        for secondary, pair in self.pairs.items():
            written = PRIMARY if pair.reverse else secondary
            if volume == written and pair.state in (*COPYING, "PAIR", "SMPL(PD)"):
                return True
        return False

    def state(self, secondary: int) -> str:
        return self.pairs[secondary].state if secondary in self.pairs else "SMPL"

    def access(self, volume: int) -> str:
        if volume == PRIMARY:
            states = [pair.state for pair in self.pairs.values()]
            return "none" if "RCPY" in states or "SMPL(PD)" in states else "read and write"
        state = self.state(volume)
        if state == "SMPL(PD)":
            return "none"
        return "read and write" if state in ("SMPL", "PSUS", "PSUS(SP)") else "read"

    def answer(self, kind: Kind, secondary: int) -> str:
        state, others = self.state(secondary), [pair.state for s, pair in self.pairs.items() if s != secondary]
        answer = self._by_state(kind, state)
        if answer == "accepted" and kind not in (Kind.SUSPEND, Kind.DELETE) and "RCPY" in others:
            return "refused"
        if answer == "accepted" and kind is Kind.RESTORE and set(others) - {"PSUS", "PSUE"}:
            return "refused"
        return answer

    def _by_state(self, kind: Kind, state: str) -> str:
        accepted = {
            Kind.CREATE: ("SMPL",),
            Kind.CREATE_SPLIT: ("SMPL", "COPY", "PAIR", "COPY(RS)", "RCPY"),
            Kind.SPLIT: ("COPY", "PAIR"),
            Kind.SUSPEND: (*COPYING, "PAIR", "PSUS", "PSUS(SP)"),
            Kind.DELETE: (*COPYING, "PAIR", "PSUS", "PSUE"),
            Kind.RESYNC: ("PSUS", "PSUE"),
            Kind.RESTORE: ("PSUS",),
        }[kind]
        ignored = {
            Kind.CREATE: (*COPYING, "PAIR"),
            Kind.CREATE_SPLIT: ("COPY(SP)", "PSUS", "PSUS(SP)", "PSUE"),
            Kind.SPLIT: ("COPY(SP)", "PSUS", "PSUS(SP)", "PSUE"),
            Kind.SUSPEND: ("PSUE",),
            Kind.DELETE: ("SMPL", "SMPL(PD)"),
            Kind.RESYNC: (*COPYING, "PAIR"),
            Kind.RESTORE: ("RCPY",),
        }[kind]
        if state in accepted:
            return "accepted"
        return "accepted without action" if state in ignored else "refused"

    def order(self, kind: Kind, secondary: int, quick: bool) -> None:
        """Do what an accepted command does."""
        begun = self.state(secondary)
        pair = self.pairs.setdefault(secondary, NaivePair("SMPL"))
        self.bare(secondary)
        if kind in (Kind.SUSPEND, Kind.DELETE):
            pair.state = "PSUE" if kind is Kind.SUSPEND else "SMPL(PD)"
            return
        splits = kind in (Kind.SPLIT, Kind.CREATE_SPLIT)
        blocks = [b for b in range(BLOCKS) if begun != "PSUS" or b // SLOT in pair.slots]
        pair.state = {Kind.CREATE: "COPY", Kind.RESYNC: "COPY(RS)", Kind.RESTORE: "RCPY"}.get(kind, "COPY(SP)")
        pair.reverse = kind is Kind.RESTORE
        pair.touched_first = begun == "SMPL" and kind is Kind.CREATE_SPLIT
        pair.due = set(blocks)
        pair.behind = list(self.cells[secondary]) if splits and quick else []
        source, destination = (secondary, PRIMARY) if pair.reverse else (PRIMARY, secondary)
        for block in blocks:
            pair.brings[block] = exchanged(self.cells[source][block])
            if pair.reverse and {label for _, label in self.cells[PRIMARY][block]} != {"own"}:
                pair.brings[block] = frozenset((content, "unknown") for content, _ in pair.brings[block])
            self.put(destination, block, join(self.cells[destination][block], pair.brings[block]))
        if splits and quick:
            self.copied(secondary, 0, BLOCKS)
            pair.state = "PSUS(SP)"
        if splits:
            pair.slots = set()

    def copied(self, secondary: int, lba: int, count: int) -> None:
        pair = self.pairs[secondary]
        for block in range(lba, lba + count):
            if block in pair.due:
                pair.due.discard(block)
                self.put(PRIMARY if pair.reverse else secondary, block, pair.brings[block])

    def bare(self, secondary: int) -> None:
        """What a quick split had not copied yet may show, where no host has changed it."""
        pair = self.pairs[secondary]
        for block, behind in enumerate(pair.behind):
            if self.cells[secondary][block] == pair.brings[block]:
                self.put(secondary, block, join(behind, self.cells[secondary][block]))
        pair.behind = []

    def finished(self, secondary: int) -> None:
        pair = self.pairs[secondary]
        pair.behind = []
        if pair.state == "SMPL(PD)":
            del self.pairs[secondary]
            return
        self.copied(secondary, 0, BLOCKS)
        pair.state = "PSUS" if pair.state in ("COPY(SP)", "PSUS(SP)") else "PAIR"
        pair.reverse = False

    def _all(self) -> dict[int, list[Cell]]:
        return {volume: list(cells) for volume, cells in self.cells.items()}
