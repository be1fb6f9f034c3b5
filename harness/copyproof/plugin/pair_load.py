"""Hosts that write while a group of pairs is split, and the history of what they wrote and of what the split shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random

from copyproof.blocks.origin import Origin
from copyproof.errors import CopyproofError, DeviceError
from copyproof.model.cuts.check import check
from copyproof.model.cuts.history import History, Shown, Split, Write
from copyproof.plugin.bench import Unit
from copyproof.plugin.pair import Pair
from copyproof.scsi.cdb import write16
from copyproof.scsi.pair import PairCommand, SplitKind
from copyproof.targets.live import Role

WRITERS, MOST = 2, 400
"""Threads, and writes of each at most."""
BLOCKS = 4
"""Blocks of a write at most; they need not take effect at once."""
FIRST, WINDOW = 8, 96
"""The blocks that are written to, of each primary."""
ENOUGH = 24
"""Writes before and after the split."""
PATIENCE = 120.0
"""Seconds that one write may take, or the whole load to end."""


class Load:
    """Writers on the primaries of a group, while `loaded` lasts; their blocks are judged by `breach` alone."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._bench = pairs[0].desk.bench
        self._units = [self._bench.unit(pair.couple.primary) for pair in pairs]
        self._done, self._over = threading.Semaphore(0), threading.Event()
        self._problems: list[CopyproofError] = []
        self._writes: list[Write] = []
        self._splits: list[tuple[float, float]] = []
        self._start()
        self._generations = count(self._bench.generation + 1)

    def wait(self) -> None:
        """Let enough more writes end; raises DeviceError when they do not."""
        for _ in range(ENOUGH):
            if not self._done.acquire(timeout=PATIENCE) or self._problems:
                raise DeviceError(f"the writers stand still: {next(iter(self._problems), 'no answer came')}")

    def split(self, kind: SplitKind) -> None:
        """Order a split of the whole group, writes going on."""
        invoked = time.monotonic()
        self._pairs[0].order(PairCommand.SPLIT, kind, whole_group=True)
        self._splits.append((invoked, time.monotonic()))

    def run(self) -> None:
        """Write until it is over: what every thread does."""
        random = Random(threading.get_ident())
        try:
            for _ in range(MOST):
                if self._over.is_set():
                    return
                self._write(random)
                self._done.release()
        except CopyproofError as problem:
            self._problems.append(problem)
            self._done.release()

    def end(self) -> None:
        """Let no further write begin, and tell the model what the primaries hold then."""
        self._over.set()

    def breach(self) -> str:
        """Say why what the secondaries hold is not the group at one point in time; empty where it is."""
        image = tuple(shown for pair in self._pairs for shown in self._image(pair))
        volumes = frozenset(unit.number for unit in self._units)
        splits = tuple(Split(invoked, completed, volumes, image) for invoked, completed in self._splits)
        wrong = check(History(tuple(self._writes), splits))
        return f"the group was not split at one point in time: {wrong.place}: {wrong.reason}" if wrong else ""

    def settle(self) -> None:
        """Stamp the primaries anew where they were written, so that they are known again."""
        self._bench.generation = next(self._generations)
        for pair in self._pairs:
            pair.write(pair.couple.primary, FIRST, WINDOW)

    def _start(self) -> None:
        """Note what is there at first; the model is told that nobody knows any more."""
        for pair, unit in zip(self._pairs, self._units, strict=True):
            invoked = time.monotonic()
            pair.write(pair.couple.primary, FIRST, WINDOW)
            generation = self._bench.generation
            self._writes.append(Write(0, unit.number, FIRST, WINDOW, generation, invoked, time.monotonic()))
            self._bench.model.forget(unit.number, FIRST, WINDOW)

    def _write(self, random: Random) -> None:
        unit, generation = random.choice(self._units), next(self._generations)
        blocks = random.randint(1, BLOCKS)
        lba = FIRST + random.randrange(WINDOW - blocks)
        data = self._bench.stamper.make(unit.number, lba, blocks, generation).tobytes()
        invoked = time.monotonic()
        result = unit.transport.execute(write16(lba, data, self._bench.stamper.block_size), PATIENCE)
        completed = time.monotonic()
        if not result.good:
            raise DeviceError(f"a write to {unit.lun.role.value} ended in {result.sense or result.status.name}")
        self._writes.append(Write(threading.get_ident(), unit.number, lba, blocks, generation, invoked, completed))

    def _image(self, pair: Pair) -> Iterator[Shown]:
        """What the S-VOL holds of the blocks that were written, block by block."""
        primary = self._unit(pair.couple.primary).number
        volume = self._unit(pair.couple.secondary).volume
        assert volume is not None
        found = self._bench.stamper.read(volume.read(FIRST, WINDOW))
        for at in range(WINDOW):
            origin = found.origins.at(at) if found.valid[at] else None
            own = origin is not None and origin == Origin(primary, FIRST + at, origin.generation)
            yield Shown(primary, FIRST + at, 1, origin if own else None)

    def _unit(self, role: Role) -> Unit:
        return self._pairs[0].desk.unit(role)


@contextmanager
def loaded(pairs: Sequence[Pair]) -> Iterator[Load]:
    """Let hosts write to the primaries of some pairs within the block; raises DeviceError where a write fails."""
    load = Load(pairs)
    threads = [threading.Thread(target=load.run, daemon=True) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.end()
        for thread in threads:
            thread.join(PATIENCE)
    load.settle()
