"""The initial copy of a pair of the software array, beside memcpy of as many bytes.

Both volumes are protected by labels and lie on the array's default RAID group, RAID 5 in memory; the pair has the
fastest copy pace. Before each round hosts' writes give every block of the P-VOL a new generation and are destaged;
after it every block and label of the S-VOL is looked at, so a copy that left one out gives no figure. The best of the
rounds counts on both sides: by then the memory of both has been used before, and what is timed is copying, not the
kernel's handing out of pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np

from copyproof.array.core.pair_orders import PairOrder
from copyproof.array.core.pair_rules import PACES
from copyproof.array.core.unit import ControlUnit
from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.bench.figures import Figure, Measured, NotMeasured, least_in_turns, seconds_of
from copyproof.blocks.label import assemble
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, UsageError
from copyproof.scsi.pair import PairCommand, PairState

NAME = "initial copy, with labels"
SIZE = 1 << 30
ROUNDS = 3
REACH = 0.15
MEMORY = 5
"""Bytes of memory for each byte of a volume: two volumes with labels and parity, memcpy's two buffers, and room."""

_PRIMARY, _SECONDARY = 1, 2
_BLOCK, _SEED = 512, 1
_PIECE = 1 << 20
_AT_ONCE = 64 << 20
"""Bytes that are written or read by hosts before the cache is emptied: so much of it is made."""


def measured(size: int = SIZE, rounds: int = ROUNDS) -> Iterator[Measured]:
    """Give the speed of the copy of a volume of `size` bytes, a multiple of 1 MiB, in GB/s (10^9 bytes).

    Raises UsageError for another size, and DeviceError where the S-VOL is not what the P-VOL was.

    >>> [figure.name for figure in measured(size=1 << 20, rounds=1)]
    ['initial copy, with labels']
    """
    if size <= 0 or size % _PIECE:
        raise UsageError(f"the size to copy is {size} bytes; it must be a multiple of {_PIECE}")
    free = _available()
    if free < MEMORY * size:
        needed = f"{MEMORY * size >> 20} MiB of memory are needed, {free >> 20} are free"
        yield NotMeasured(NAME, f"{needed}: give the machine more, or measure where there is more")
        return
    pair, memory = PairOfVolumes(size), np.ones(size, np.uint8)
    peer = partial(seconds_of, partial(np.copyto, np.ones(size, np.uint8), memory), process_time)
    ours, theirs = least_in_turns(rounds, pair.seconds, peer)
    yield Figure(NAME, size / ours / 1e9, "GB/s", "memcpy", size / theirs / 1e9, REACH)


class PairOfVolumes:
    """A P-VOL and an S-VOL of `size` bytes each on an array of their own, in no pair between the rounds."""

    def __init__(self, size: int, defects: frozenset[Defect] = frozenset()) -> None:
        self.blocks = size // _BLOCK
        volumes = VolumeSettings(_PRIMARY, self.blocks), VolumeSettings(_SECONDARY, self.blocks)
        self.unit = ControlUnit(ArraySettings(volumes=volumes, defects=defects))
        self._stamper = Stamper(_SEED, _BLOCK)
        self._generation = 0

    def seconds(self) -> float:
        """Stamp the P-VOL anew, copy it, look at the S-VOL and end the pair; return what the copy alone took.

        Raises DeviceError where a block or label of the S-VOL is wrong, and for every fault of the array.
        """
        self._stamp()
        seconds = seconds_of(self._copy, process_time)
        self._look()
        self._order(PairCommand.DELETE)
        return seconds

    def _stamp(self) -> None:
        self._generation += 1
        for lba, count in self._pieces():
            data = self._stamper.make(_PRIMARY, lba, count, self._generation)
            self.unit.write(_PRIMARY, lba, self.unit.labelled(_PRIMARY, lba, data))

    def _copy(self) -> None:
        self._order(PairCommand.CREATE)
        while self._state is PairState.COPY:
            self.unit.run()

    def _look(self) -> None:
        if self._state is not PairState.PAIR:
            told = "; ".join(status.cause for status in self.unit.pairs.status(_PRIMARY))
            raise DeviceError(f"the initial copy ended in {self._state.value}: {told}")
        for lba, count in self._pieces():
            found = self.unit.read(_SECONDARY, lba, count)
            guards = self._stamper.guards_run(_PRIMARY, lba, count, self._generation)
            labels = assemble(guards, lba, _SECONDARY)
            right = self._stamper.compare(found.data, _PRIMARY, lba, self._generation) & (found.labels == labels)
            if not right.all():
                raise DeviceError(f"the initial copy left a wrong S-VOL, the first at LBA {lba + int(right.argmin())}")

    @property
    def _state(self) -> PairState:
        return self.unit.pairs.state(_PRIMARY, _SECONDARY)

    def _order(self, command: PairCommand) -> None:
        self.unit.pairs.order(PairOrder(command, _PRIMARY, _SECONDARY, pace=PACES))

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """Cut a volume, and empty the cache so often that it takes little memory, and at the end."""
        step = _PIECE // _BLOCK
        for lba in range(0, self.blocks, step):
            yield lba, step
            if (lba + step) % (_AT_ONCE // _BLOCK) == 0 or lba + step == self.blocks:
                self.unit.empty_cache()


def _available(told: Path = Path("/proc/meminfo")) -> int:
    """Return bytes of memory that can be had without swapping."""
    lines = dict(line.split(":", 1) for line in told.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) << 10
