"""Histories of real threads: writers and splits on volumes in memory, stamped outside every lock.

Plain values only: it shares nothing with the checker that judges what it records.
"""

from __future__ import annotations

import itertools
import queue
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

VOLUMES = (1, 2, 3)
BLOCKS = 24
PATIENCE = 30.0

Place = tuple[int, int]
Stamp = tuple[int, int, int]
Image = dict[Place, Stamp | None]


class Put(NamedTuple):
    """One write as its writer saw it; `completed` is None where it was given up."""

    writer: int
    volume: int
    lba: int
    blocks: int
    generation: int
    invoked: float
    completed: float | None

    @property
    def places(self) -> list[Place]:
        return [(self.volume, lba) for lba in range(self.lba, self.end)]

    @property
    def end(self) -> int:
        return self.lba + self.blocks

    def stamp(self, place: Place) -> Stamp:
        return (*place, self.generation)

    def before(self, later: Put) -> bool:
        return self.completed is not None and self.completed < later.invoked


@dataclass
class Taken:
    """One split. `earliest`, `position` and `latest` count the effects logged when it began, took its image, ended."""

    invoked: float
    earliest: int
    position: int = 0
    image: Image = field(default_factory=dict)
    latest: int = 0
    completed: float = 0.0


@dataclass
class Recording:
    """Everything that happened: `log` has each block's stamp in the order in which it came to be."""

    puts: list[Put]
    splits: list[Taken]
    log: list[Stamp]


class Store:
    """Volumes in memory. A split marks a moment; writers then save what they overwrite, until the image is read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks: dict[Place, Stamp] = {(v, lba): (v, lba, 0) for v in VOLUMES for lba in range(BLOCKS)}
        self.log: list[Stamp] = []
        self.saved: dict[Place, Stamp] | None = None

    def put(self, stamps: list[Stamp]) -> None:
        """Let blocks take effect together."""
        with self.lock:
            for stamp in stamps:
                if self.saved is not None:
                    self.saved.setdefault(stamp[:2], self.blocks[stamp[:2]])
                self.blocks[stamp[:2]] = stamp
                self.log.append(stamp)

    def mark(self) -> int:
        with self.lock:
            self.saved = {}
            return len(self.log)

    def read(self) -> Image:
        image: Image = {}
        for place in self.blocks:
            with self.lock:
                image[place] = (self.saved or {}).get(place, self.blocks[place])
        with self.lock:
            self.saved = None
        return image


class Recorder:
    """Threads that write at random and hand one another the turn, while the caller's thread splits."""

    def __init__(self, seed: int, writers: int = 4, writes: int = 50, atomic: bool = False) -> None:
        self.seed, self.writers, self.writes, self.atomic = seed, writers, writes, atomic
        self.store = Store()
        self.count = itertools.count(1)
        self.puts: list[Put] = []
        self.lost: queue.SimpleQueue[list[Stamp]] = queue.SimpleQueue()
        self.turns: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(writers)]
        self.progress = threading.Semaphore(0)

    def now(self) -> float:
        """A clock that never shows the same time twice, in ms."""
        return next(self.count) / 1000

    def record(self, splits: int = 3) -> Recording:
        self.puts += [Put(0, volume, 0, BLOCKS, 0, self.now(), self.now()) for volume in VOLUMES]
        threads = [threading.Thread(target=self.write_all, args=(writer,)) for writer in range(1, self.writers + 1)]
        with hasty_threads():
            for thread in threads:
                thread.start()
            taken = list(self.take(splits))
            for thread in threads:
                thread.join(PATIENCE)
        assert len(self.puts) == len(VOLUMES) + self.writers * self.writes, "a writer died"
        return Recording(self.puts, taken, self.store.log)

    def write_all(self, writer: int) -> None:
        rng = random.Random(f"{self.seed} {writer}")
        for number in range(self.writes):
            if number % 5 == 4:
                self.turns[writer % self.writers].get(timeout=PATIENCE)
            self.write(writer, writer * 1000 + number, rng)
            self.turns[(writer + 1) % self.writers].put(None)
            self.progress.release()

    def write(self, writer: int, generation: int, rng: random.Random) -> None:
        volume, lba = rng.choice(VOLUMES), rng.randrange(BLOCKS)
        count = rng.randint(1, min(6, BLOCKS - lba))
        stamps = [(volume, block, generation) for block in range(lba, lba + count)]
        answered, invoked = rng.random() > 0.08, self.now()
        parts = [stamps] if self.atomic else [[stamp] for stamp in stamps]
        for part in parts:
            stand_aside(rng)
            if answered or rng.random() < 0.4:
                self.store.put(part)
            else:
                self.lost.put(part)
        stand_aside(rng)
        completed = self.now() if answered else None
        self.puts.append(Put(writer, volume, lba, count, generation, invoked, completed))
        if rng.random() < 0.1:
            self.find_lost()

    def find_lost(self) -> None:
        """Some of what got lost arrives late, some never."""
        try:
            self.store.put(self.lost.get_nowait())
        except queue.Empty:
            return

    def take(self, splits: int) -> Iterator[Taken]:
        rng = random.Random(self.seed)
        pause = self.writers * self.writes // (splits + 1) - 16
        for _ in range(splits):
            self.wait(pause)
            taken = Taken(self.now(), len(self.store.log))
            self.wait(rng.randrange(8))
            taken.position = self.store.mark()
            taken.image = self.store.read()
            self.wait(rng.randrange(8))
            taken.latest = len(self.store.log)
            taken.completed = self.now()
            yield taken

    def wait(self, writes: int) -> None:
        for _ in range(writes):
            assert self.progress.acquire(timeout=PATIENCE), "the writers stand still"


def stand_aside(rng: random.Random) -> None:
    """Let another thread run, now and then."""
    if rng.random() < 0.6:
        time.sleep(0)


@contextmanager
def hasty_threads() -> Iterator[None]:
    """Switch threads a thousand times as often as usual, so that they truly mix."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def replayed(log: list[Stamp], position: int) -> Image:
    """What the volumes held after the first `position` effects."""
    image: Image = {(v, lba): (v, lba, 0) for v in VOLUMES for lba in range(BLOCKS)}
    image.update({stamp[:2]: stamp for stamp in log[:position]})
    return image
