"""Any sequence of pair orders, writes, ordered copies and ticks leaves what a plain reference says, block by block."""

from __future__ import annotations

from random import Random

import pytest

from copyproof.array.core.errors import AccessFault
from copyproof.array.core.pair_rules import PairRefused, PairRules
from copyproof.array.defects import Defect
from copyproof.scsi.pair import Answer, PairCommand, PairState, SplitKind
from tests.array.pair_bench import BLOCKS, GRAIN, P, PairBench, S, T, U, V, first
from tests.array.pair_reference import Reference

VOLUMES = (P, S, T, U, V)
COMMANDS = [*PairCommand, PairCommand.RESYNC, PairCommand.SPLIT, PairCommand.SPLIT, *[PairCommand.RESTORE] * 3]


class Walk:
    """One random sequence on the array and on the reference side by side."""

    def __init__(self, seed: int, *defects: Defect) -> None:
        self.random = Random(seed)
        grain = self.random.choice([1, 3, GRAIN, BLOCKS]) * 512
        answer = self.random.choice(list(Answer))
        rules = PairRules(
            grain=grain, pace=self.random.choice([1, 2, 5]), split_resync=answer, resync_steady_split=answer
        )
        self.bench = PairBench(*defects, rules=rules, slots=self.random.choice([4, 5, 100]))
        self.reference = Reference({number: list(first(number)) for number in VOLUMES})
        self.value = 1000
        self.bench.order(PairCommand.CREATE, group=1)
        self.note(PairCommand.CREATE, P, S, True)

    def step(self) -> None:
        often = [self.order, self.write, self.write, self.wait] * 3
        actions = [*often, self.read, self.copy, self.erase, self.order_group, self.exchange_a_member]
        self.random.choice(actions)()
        for status in self.bench.table.status():
            self.reference.see((status.primary, status.secondary), status.state)

    def order(self) -> None:
        command = self.random.choice(COMMANDS)
        primary, secondary = self.random.choice([(P, S), (P, S), (P, T), (U, V), (U, S)])
        group = 1 if (primary, secondary) in ((P, S), (U, V)) else 0
        before = {(each.primary, each.secondary): each for each in self.bench.table.status()}.get((primary, secondary))
        kind = self.random.choice(list(SplitKind))
        try:
            answer = self.bench.order(command, secondary, primary, kind=kind, group=group)
        except PairRefused:
            return
        if answer is Answer.DONE:
            self.note(command, primary, secondary, before is None or before.pending == 0)

    def order_group(self) -> None:
        """Split or resynchronise the group at once."""
        command = self.random.choice([PairCommand.SPLIT, PairCommand.RESYNC])
        members = [each for each in self.bench.table.status() if each.group == 1]
        before = {each.secondary: each for each in members}
        if not members:
            return
        try:
            self.bench.order(command, members[0].secondary, members[0].primary, whole_group=True, kind=SplitKind.QUICK)
        except PairRefused:
            return
        for each in self.bench.table.status():
            old = before.get(each.secondary)
            if old and (old.generation, old.state) != (each.generation, each.state):
                self.note(command, each.primary, each.secondary, old.pending == 0)

    def note(self, command: PairCommand, primary: int, secondary: int, settled: bool) -> None:
        self.reference.done(command, primary, secondary, self.bench.state(secondary, primary), settled)

    def place(self) -> tuple[int, int, int]:
        lba = self.random.randrange(BLOCKS)
        return self.random.choice(VOLUMES), lba, min(self.random.choice([1, 1, 5, 20]), BLOCKS - lba)

    def write(self) -> None:
        volume, lba, count = self.place()
        values = list(range(self.value, self.value + count))
        try:
            self.bench.write(volume, lba, *values)
        except AccessFault:
            return
        self.value += count
        self.reference.write(volume, lba, values)

    def erase(self) -> None:
        """UNMAP, or zeros written."""
        volume, lba, count = self.place()
        try:
            self.random.choice([self.bench.unit.unmap, self.bench.unit.zero])(volume, lba, count)
        except AccessFault:
            return
        self.reference.write(volume, lba, [0] * count)

    def copy(self) -> None:
        """EXTENDED COPY between two volumes, neither of which follows the other."""
        source, source_lba, count = self.place()
        destination = self.random.choice([each for each in VOLUMES if each != source])
        lba = self.random.randrange(BLOCKS - count + 1)
        try:
            self.bench.unit.copy(source, source_lba, destination, lba, count)
        except AccessFault:
            return
        self.reference.copy(source, source_lba, destination, lba, count)

    def read(self) -> None:
        volume, lba, count = self.place()
        try:
            held = self.bench.read(volume, lba, count)
        except AccessFault:
            return
        due = self.reference.volumes[volume][lba : lba + count]
        assert [seen for seen, known in zip(held, due, strict=True) if known is not None] == [
            known for known in due if known is not None
        ]

    def exchange_a_member(self) -> None:
        """Let a member fail, or put another in its place, which is rebuilt before the next fails."""
        told = self.bench.unit.inventory()
        if told.missing:
            self.bench.unit.replace_member(told.missing[0])
        elif not told.to_rebuild:
            self.bench.unit.fail_member(self.random.randrange(told.members))

    def wait(self) -> None:
        self.bench.unit.run(self.random.choice([1, 1, 3, 2 * BLOCKS]))

    def check(self) -> dict[int, list[int]]:
        """Which blocks are wrong, by volume; all copying is let end and the pairs in PAIR are split first."""
        self.bench.finish()
        assert self.bench.unit.faults == []
        for status in self.bench.table.status():
            if status.state is PairState.PAIR:
                self.bench.split(status.secondary, status.primary)
                self.note(PairCommand.SPLIT, status.primary, status.secondary, True)
        return {volume: wrong for volume in VOLUMES if (wrong := self.reference.wrong(volume, self.bench.read(volume)))}


def walked(seed: int, steps: int, *defects: Defect) -> dict[int, list[int]]:
    walk = Walk(seed, *defects)
    for _ in range(steps):
        walk.step()
    return walk.check()


@pytest.mark.parametrize("seed", range(25))
def test_any_sequence_leaves_what_the_reference_says(seed: int) -> None:
    assert walked(seed, 80) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("hundred", range(1, 21))
def test_many_sequences_leave_what_the_reference_says(hundred: int) -> None:
    found = {seed: walked(seed, 150) for seed in range(100 * hundred, 100 * hundred + 100)}
    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "defect",
    [
        Defect.COW_SKIPPED,
        Defect.COW_LATE,
        Defect.COW_PRIMARY_ONLY,
        Defect.DIFFERENCE_LOST,
        Defect.RESYNC_PRIMARY_ONLY,
        Defect.DELETED_COPIES_ON,
    ],
)
def test_the_reference_finds_a_defect_in_twenty_sequences(defect: Defect) -> None:
    assert any(finds(seed, defect) for seed in range(20))


def finds(seed: int, defect: Defect) -> bool:
    try:
        return bool(walked(seed, 80, defect))
    except AssertionError:
        return True
