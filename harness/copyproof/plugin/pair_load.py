"""Hosts that write while a group of pairs is split, and the history of what they wrote and of what the split shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from random import Random

from copyproof.blocks.origin import Origin
from copyproof.errors import DeviceError
from copyproof.model.cuts.check import check
from copyproof.model.cuts.history import History, Shown, Split, Write
from copyproof.plugin.bench import Unit
from copyproof.plugin.pair import Pair
from copyproof.scsi.cdb import write16
from copyproof.scsi.pair import PairCommand, SplitKind
from copyproof.targets.live import Role

WRITERS, MOST = 2, 50_000
"""Threads, and writes of each at most: an order that takes longer than these is given to nobody's load."""
PAUSE = 0.001
"""Seconds between two writes of a thread, in which the others come to their turn."""
BLOCKS = 4
"""Blocks of a write at most; they need not take effect at once."""
FIRST, WINDOW = 8, 96
"""The blocks that are written to, of each primary."""
ENOUGH = 24
"""Writes before and after the split, at least."""
PATIENCE = 120.0
"""Seconds that one write may take, or the whole load to end."""


class Load:
    """Writers on the primaries of a group, while `loaded` lasts; their blocks are judged by `breach` alone."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._bench = pairs[0].desk.bench
        self._units = [self._bench.unit(pair.couple.primary) for pair in pairs]
        self._done, self._over = threading.Semaphore(0), threading.Event()
        self._problems: list[Exception] = []
        self._writes: list[Write] = []
        self._splits: list[tuple[float, float]] = []
        self._start()
        self._generations = count(self._bench.generation + 1)

    def wait(self) -> None:
        """Let enough more writes begin and end; raises DeviceError when they do not."""
        while self._done.acquire(blocking=False):
            pass
        # Of those that end now, one of each thread had begun before.
        for _ in range(ENOUGH + WRITERS):
            if self._problems or not self._done.acquire(timeout=PATIENCE) or self._problems:
                raise DeviceError(f"the writers stand still: {next(iter(self._problems), 'no answer came')}")

    def split(self, kind: SplitKind) -> None:
        """Order a split of the whole group, writes going on."""
        invoked = time.monotonic()
        self._pairs[0].order(PairCommand.SPLIT, kind, whole_group=True)
        self._splits.append((invoked, time.monotonic()))

    def run(self, writer: int) -> None:
        """Write until it is over: what every thread does, by its number from 1."""
        random = Random(self._bench.seed + writer)
        try:
            for _ in range(MOST):
                if self._over.wait(PAUSE):
                    return
                self._write(writer, random)
                self._done.release()
            raise DeviceError(f"{MOST} writes were not enough for the orders given meanwhile")
        except Exception as problem:
            # Nobody sees what a thread raises: `wait` and `settle` tell of it.
            self._problems.append(problem)
            self._done.release()

    def end(self, threads: Sequence[threading.Thread]) -> None:
        """Let no further write begin, and wait for the last; what comes afterwards has generations of its own."""
        self._over.set()
        for thread in threads:
            thread.join(PATIENCE)
        self._bench.generation = next(self._generations)

    def breach(self) -> str:
        """Say why what the secondaries hold is not the group at one point in time; empty where it is.

        Raises DeviceError where no split was ordered while hosts wrote: nothing tells points in time then.
        """
        if not self._splits or not all(map(self._beset, self._splits)):
            raise DeviceError("the group was not split while hosts wrote, so nothing shows at which point in time")
        image = tuple(shown for pair in self._pairs for shown in self._image(pair))
        volumes = frozenset(unit.number for unit in self._units)
        splits = tuple(Split(invoked, completed, volumes, image) for invoked, completed in self._splits)
        wrong = check(History(tuple(self._writes), splits))
        return f"the group was not split at one point in time: {wrong.place}: {wrong.reason}" if wrong else ""

    def _beset(self, split: tuple[float, float]) -> bool:
        """Whether hosts wrote before a split, and went on when it was ordered."""
        (invoked, completed), own = split, [write for write in self._writes if write.writer]
        before = any(write.ended < invoked for write in own)
        return before and any(write.invoked > completed for write in own)

    def settle(self) -> None:
        """Stamp the primaries anew where they were written, so that they are known again; raises DeviceError where a
        write failed."""
        if self._problems:
            raise DeviceError(f"a writer failed: {self._problems[0]}")
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

    def _write(self, writer: int, random: Random) -> None:
        unit, generation = random.choice(self._units), next(self._generations)
        blocks = random.randint(1, BLOCKS)
        lba = FIRST + random.randrange(WINDOW - blocks)
        data = self._bench.stamper.make(unit.number, lba, blocks, generation).tobytes()
        invoked = time.monotonic()
        result = unit.transport.execute(write16(lba, data, self._bench.stamper.block_size), PATIENCE)
        completed = time.monotonic()
        if not result.good:
            raise DeviceError(f"a write to {unit.lun.role.value} ended in {result.sense or result.status.name}")
        self._writes.append(Write(writer, unit.number, lba, blocks, generation, invoked, completed))

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
    threads = [threading.Thread(target=load.run, args=(number,), daemon=True) for number in range(1, WRITERS + 1)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.end(threads)
    if any(thread.is_alive() for thread in threads):
        raise DeviceError(f"a writer still writes {PATIENCE:g} s after it was to stop")
    load.settle()
