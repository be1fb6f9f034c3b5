"""The control unit: what the device server and the pairs ask of the array.

>>> from copyproof.array.settings import ArraySettings, VolumeSettings
>>> unit = ControlUnit(ArraySettings(volumes=(VolumeSettings(1, 2048), VolumeSettings(2, 2048))))
>>> unit.write(1, 8, unit.labelled(1, 8, np.ones((2, 512), np.uint8)))
>>> unit.copy(1, 8, 2, 100, 2)
>>> unit.read(2, 100, 2).labels.tolist() == unit.labelled(2, 100, np.ones((2, 512), np.uint8)).labels.tolist()
True
>>> unit.mapped(2, 96, 8)
[(96, 4, False), (100, 2, True), (102, 2, False)]
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from copyproof.array.core.blocks import Blocks, blank, labelled
from copyproof.array.core.errors import NoVolume, OutOfRange
from copyproof.array.core.hooks import NoPairs, PairHooks
from copyproof.array.settings import ArraySettings
from copyproof.array.trace import Actor, Trace
from copyproof.blocks.arrays import U8


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A volume as the device server shows it: `blocks` of `block_size` bytes, T10 protection type 0 to 3."""

    number: int
    blocks: int
    block_size: int
    protection: int


class ControlUnit:
    """All volumes of an array. `pairs` may be set to a pair table; `tick` is the clock."""

    def __init__(self, settings: ArraySettings, trace: Trace | None = None) -> None:
        self.settings = settings
        self.trace = trace
        self.pairs: PairHooks = NoPairs()
        self.tick = 0
        self._store = {volume.number: blank(volume.blocks, settings.block_size) for volume in settings.volumes}

    def volumes(self) -> tuple[int, ...]:
        """The numbers of all volumes."""
        return tuple(self._store)

    def volume(self, number: int) -> VolumeInfo:
        """Return what is known of a volume; raises NoVolume."""
        if number not in self._store:
            raise NoVolume(number)
        return VolumeInfo(number, len(self._store[number]), self.settings.block_size, self.settings.protection)

    def labelled(self, volume: int, lba: int, data: bytes | U8) -> Blocks:
        """Return a host's payload, whole blocks, with the array's own labels."""
        raw = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        return labelled(raw.reshape(-1, self.settings.block_size), volume, lba)

    def read(self, volume: int, lba: int, count: int) -> Blocks:
        """Return what a host reads, its labels checked; raises LabelFault, MediumFault, AccessFault, OutOfRange."""
        self._within(volume, lba, count)
        self.pairs.before_read(volume, lba, count)
        return self.fetch(volume, lba, count)

    def write(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Take a host's blocks with their labels as given; raises MediumFault, AccessFault, OutOfRange."""
        self._within(volume, lba, len(blocks))
        self.pairs.before_write(volume, lba, len(blocks))
        self.store(volume, lba, blocks)
        self.pairs.after_write(volume, lba, len(blocks))

    def read_raw(self, volume: int, lba: int, count: int) -> Blocks:
        """Read as `read` does, labels as they are and not checked (RDPROTECT 011b)."""
        return self.read(volume, lba, count)

    def fetch(self, volume: int, lba: int, count: int) -> Blocks:
        """Read without asking the pairs: for the array's own work."""
        self._within(volume, lba, count)
        return self._store[volume][lba : lba + count].copy()

    def store(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Write without asking the pairs: for the array's own work."""
        self._within(volume, lba, len(blocks))
        self._store[volume][lba : lba + len(blocks)].assign(blocks)

    def zero(self, volume: int, lba: int, count: int) -> None:
        """Write zeros with the array's own labels."""
        zeros = np.zeros((count, self.settings.block_size), np.uint8)
        self.write(volume, lba, labelled(zeros, volume, lba))

    def unmap(self, volume: int, lba: int, count: int) -> None:
        """Take away what the blocks hold: they read as zeros with labels of ones, as if never written."""
        self.write(volume, lba, blank(count, self.settings.block_size))

    def mapped(self, volume: int, lba: int, count: int) -> list[tuple[int, int, bool]]:
        """Return runs (LBA, count, whether they were written since they were last unmapped), in order."""
        self._within(volume, lba, count)
        held = self._store[volume].labels[lba : lba + count].copy().view(">u8") != 0xFFFFFFFFFFFFFFFF
        starts = [0, *(np.flatnonzero(np.diff(held)) + 1).tolist(), count]
        return [(lba + a, b - a, bool(held[a])) for a, b in pairwise(starts) if b > a]

    def copy(self, source: int, source_lba: int, destination: int, destination_lba: int, count: int) -> None:
        """Copy as if all of the source were read first; raises LabelFault, MediumFault, AccessFault, OutOfRange."""
        self._within(source, source_lba, count)
        self._within(destination, destination_lba, count)
        self.pairs.before_read(source, source_lba, count)
        self.pairs.before_write(destination, destination_lba, count)
        self.move(source, source_lba, destination, destination_lba, count, Actor.HOST)
        self.pairs.after_write(destination, destination_lba, count)

    def move(
        self, source: int, source_lba: int, destination: int, destination_lba: int, count: int, actor: Actor
    ) -> None:
        """Copy without asking the pairs, destaged when this returns; `actor` is who ordered it. Raises as `copy`."""
        data = self.fetch(source, source_lba, count).data
        self.store(destination, destination_lba, labelled(data, destination, destination_lba))

    def flush(self, volume: int, lba: int, count: int) -> None:
        """Destage what the cache holds of a range; raises LabelFault, MediumFault, OutOfRange."""
        self._within(volume, lba, count)

    def run(self, ticks: int = 1) -> None:
        """Do background work for some ticks; nothing it meets is raised."""
        for _ in range(ticks):
            self.tick += 1
            self.pairs.tick()

    def _within(self, volume: int, lba: int, count: int) -> None:
        blocks = self.volume(volume).blocks
        if lba < 0 or count < 0 or lba + count > blocks:
            raise OutOfRange(volume, max(lba, blocks))
