"""The control unit: what the device server and the pairs ask of the array.

>>> from copyproof.array.settings import VolumeSettings
>>> unit = ControlUnit(ArraySettings(volumes=(VolumeSettings(1, 2048), VolumeSettings(2, 2048))))
>>> unit.write(1, 8, unit.labelled(1, 8, np.ones((2, 512), np.uint8)))
>>> unit.copy(1, 8, 2, 100, 2)
>>> unit.read(2, 100, 2).labels.tolist() == unit.labelled(2, 100, np.ones((2, 512), np.uint8)).labels.tolist()
True
>>> unit.mapped(2, 96, 8)
[(96, 4, False), (100, 2, True), (102, 2, False)]
>>> unit.inventory().cache_bytes, list(unit.parity_errors())
(10000000000, [])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby

import numpy as np

from copyproof.array.core import labels
from copyproof.array.core.backing import Backing, Media
from copyproof.array.core.blocks import NEVER_WRITTEN, Blocks, blank, labelled
from copyproof.array.core.cache import Cache
from copyproof.array.core.damage import Damages
from copyproof.array.core.defective import acu_of, check_of, drr_of, group_of, route_of
from copyproof.array.core.errors import ArrayFault, LabelFault, NoVolume, OutOfRange
from copyproof.array.core.inventory import Inventory, VolumeInfo
from copyproof.array.core.layout import Place
from copyproof.array.core.pairs import PairTable
from copyproof.array.core.recorder import Recorder
from copyproof.array.core.slots import SlotPool
from copyproof.array.defects import Defect
from copyproof.array.media import members
from copyproof.array.settings import ArraySettings, Exchange
from copyproof.array.trace import Actor, Trace
from copyproof.blocks.arrays import U8

FAULTS_KEPT = 64


class ControlUnit:
    """All volumes of an array.

    `pairs` is told of each host's access and each ordered copy. `faults` holds what background work met, the last ones.
    Everything that takes a volume and LBAs raises NoVolume and OutOfRange. `damages` is for tests: what is to be
    damaged in the cache.
    """

    def __init__(self, settings: ArraySettings, trace: Trace | None = None, media: Media = members) -> None:
        self.settings = settings
        self.pairs = PairTable(self, settings.pairs, settings.defects)
        self.faults: list[str] = []
        self.damages = Damages()
        self._infos = {
            volume.number: VolumeInfo(volume.number, volume.blocks, settings.block_size, settings.protection)
            for volume in settings.volumes
        }
        self._backing = Backing(settings, media, group_of(settings))
        self._recorder = Recorder(trace, self._backing.place, settings.unit_blocks)
        self._pool = SlotPool(settings.cache_bytes // settings.slot_bytes, settings.slot_blocks, settings.block_size)
        self._cache = Cache(self._backing, self._pool, self._recorder, self.damages)
        acu = acu_of(settings)(settings.slot_blocks, settings.block_size, self._recorder)
        self._check = check_of(settings)
        parts = self._cache, self._backing, acu, self._recorder, self.damages
        self._make_drr = partial(drr_of(settings), settings, *parts, self._check)
        self.exchange_by(settings.exchange)

    def exchange_by(self, exchange: Exchange) -> None:
        """Let the address change unit work so from now on."""
        self.exchange = exchange
        self._drr = self._make_drr(route_of(replace(self.settings, exchange=exchange)))

    @property
    def tick(self) -> int:
        """The clock: the ticks of background work so far."""
        return self._recorder.tick

    @property
    def trace(self) -> Trace | None:
        """Where every step is recorded, or None; it may be set at any time."""
        return self._recorder.trace

    @trace.setter
    def trace(self, trace: Trace | None) -> None:
        self._recorder.trace = trace

    def volumes(self) -> tuple[int, ...]:
        """The numbers of all volumes."""
        return tuple(self._infos)

    def volume(self, number: int) -> VolumeInfo:
        """Return what is known of a volume."""
        info = self._infos.get(number)
        if info is None:
            raise NoVolume(number)
        return info

    def labelled(self, volume: int, lba: int, data: bytes | U8) -> Blocks:
        """Return a host's payload, whole blocks, with the array's own labels."""
        raw = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        return labelled(raw.reshape(-1, self.settings.block_size), volume, lba)

    def read(self, volume: int, lba: int, count: int) -> Blocks:
        """Return what a host reads, its labels checked; raises LabelFault, MediumFault, AccessFault."""
        blocks = self.read_raw(volume, lba, count)
        self._judge(blocks, volume, lba)
        return blocks

    def read_payload(self, volume: int, lba: int, count: int) -> bytes:
        """As `read`, the payload alone."""
        self._before_read(volume, lba, count)
        payload, octets = self._cache.octets(volume, lba, count)
        if not labels.right(payload, octets, self.settings.block_size, volume, lba):
            # Something is to be told of it, or its checks are off.
            self._judge(self._cache.read(volume, lba, count), volume, lba)
        return payload

    def read_raw(self, volume: int, lba: int, count: int) -> Blocks:
        """Return what a host reads with its checks switched off (RDPROTECT 011b): labels as they are."""
        self._before_read(volume, lba, count)
        return self._cache.read(volume, lba, count)

    def write(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Take a host's blocks with their labels as given, right or wrong; raises MediumFault, AccessFault.

        The application tag is the unit's own (ATO 0): the device server sets it to the volume's number, unless the host
        had its label taken unseen (WRPROTECT 011b) or switched the checks of the block off (FFFFh).
        """
        self._within(volume, lba, len(blocks))
        self.pairs.before_write(volume, lba, len(blocks))
        self._cache.write(volume, lba, blocks, Actor.HOST)
        self.pairs.after_write(volume, lba, len(blocks))

    def fetch(self, volume: int, lba: int, count: int) -> Blocks:
        """Read and check labels without asking the pairs: for the array's own work."""
        blocks = self._load(volume, lba, count)
        self._judge(blocks, volume, lba)
        return blocks

    def store(self, volume: int, lba: int, blocks: Blocks) -> None:
        """Write without asking the pairs: for the array's own work."""
        self._within(volume, lba, len(blocks))
        self._cache.write(volume, lba, blocks, Actor.PAIR)

    def zero(self, volume: int, lba: int, count: int) -> None:
        """Write zeros with the array's own labels."""
        self._within(volume, lba, count)
        self.pairs.before_write(volume, lba, count)
        for part in self._cache.parts(volume, lba, count):
            zeros = blank(part.blocks, self.settings.block_size)
            labels.materialise(zeros, volume, lba + part.at)
            self._cache.write(volume, lba + part.at, zeros, Actor.HOST)
        self.pairs.after_write(volume, lba, count)

    def unmap(self, volume: int, lba: int, count: int) -> None:
        """Take away what the blocks hold: they read as zeros with labels of ones, as if never written."""
        self._within(volume, lba, count)
        self.pairs.before_write(volume, lba, count)
        self._backing.erase(volume, lba, count)
        self._cache.discard(volume, lba, count)
        self.pairs.after_write(volume, lba, count)

    def mapped(self, volume: int, lba: int, count: int) -> list[tuple[int, int, bool]]:
        """Return runs (LBA, count, whether they were written since they were last unmapped), in order.

        What an S-VOL is still to be given counts as written. Raises AccessFault where a host may not read.
        """
        self._before_read(volume, lba, 0)
        self._within(volume, lba, count)
        runs = []
        for held, group in groupby(self._held(volume, lba, count), lambda run: run[1]):
            length = sum(blocks for blocks, _held in group)
            runs.append((lba, length, held))
            lba += length
        return runs

    def copy(self, source: int, source_lba: int, destination: int, destination_lba: int, count: int) -> None:
        """Copy as if all of the source were read first, but what was copied before a fault stays copied.

        Raises LabelFault, MediumFault, AccessFault.
        """
        self._within(destination, destination_lba, count)
        self._before_read(source, source_lba, count)
        self.pairs.before_write(destination, destination_lba, count)
        try:
            self.move(source, source_lba, destination, destination_lba, count, Actor.HOST)
        finally:
            # What was copied before a fault has changed as well, and a resync must know.
            self.pairs.after_write(destination, destination_lba, count)

    def move(
        self, source: int, source_lba: int, destination: int, destination_lba: int, count: int, actor: Actor
    ) -> None:
        """Copy without asking the pairs, destaged when this returns; `actor` is who ordered it. Raises as `copy`."""
        self._within(source, source_lba, count)
        self._within(destination, destination_lba, count)
        self._drr.copy((source, source_lba), (destination, destination_lba), count, actor)

    def flush(self, volume: int, lba: int, count: int) -> None:
        """Destage what the cache holds of a range; raises LabelFault and MediumFault."""
        self._within(volume, lba, count)
        self._cache.flush(volume, lba, count)

    def empty_cache(self) -> None:
        """Destage everything and hold nothing in slots, so that reads come from the members; raises as `flush`."""
        for number, info in self._infos.items():
            self.flush(number, 0, info.blocks)
            self._cache.discard(number, 0, info.blocks)

    def run(self, ticks: int = 1) -> None:
        """Do background work for some ticks: pairs, destaging, rebuilding. What it meets is noted, not raised."""
        for _ in range(ticks):
            self._recorder.tick += 1
            self.pairs.tick()
            self._destage(self.settings.pace)
            self._noting(self._rebuild)

    def inventory(self) -> Inventory:
        """Return what the array tells of itself."""
        settings, group = self.settings, self._backing.group
        told = settings.cache_bytes // (2 if Defect.CACHE_SIZE_MISREPORTED in settings.defects else 1)
        states = {state.value: number for state, number in self._pool.states().items()}
        return Inventory(
            told, self._pool.allocated, settings.slot_bytes, states, self.exchange, settings.raid,
            settings.members, group.missing(), group.to_rebuild(), tuple(self._infos.values()),
        )  # fmt: skip

    def fail_member(self, member: int) -> None:
        """Let a member fail, with all that it holds; numbers are from 0."""
        self._backing.group.fail(member)

    def replace_member(self, member: int) -> None:
        """Put an empty one in its place; the DRR rebuilds it by ticks."""
        self._backing.group.replace(member)

    def parity_errors(self) -> Iterator[int]:
        """Give the stripes of the group, of those with all members, whose parity is wrong."""
        return self._backing.group.parity_errors()

    def place(self, volume: int, lba: int) -> Place:
        """Return where on the members a block is."""
        self._within(volume, lba, 1)
        return self._backing.place(volume, lba)

    def damage(self, volume: int, lba: int, byte: int = 0, mask: int = 1) -> None:
        """Invert bits of a block's payload on its member: for tests. What the cache holds of the block is let go."""
        self.flush(volume, lba, 1)
        self._cache.discard(volume, lba, 1)
        self._backing.damage(volume, lba, byte, mask)

    def close(self) -> None:
        """Destage everything and close the media; what cannot be destaged is noted in `faults`."""
        self._destage(self._pool.capacity)
        self._backing.group.close()

    def _before_read(self, volume: int, lba: int, count: int) -> None:
        self._within(volume, lba, count)
        self.pairs.before_read(volume, lba, count)

    def _load(self, volume: int, lba: int, count: int) -> Blocks:
        self._within(volume, lba, count)
        return self._cache.read(volume, lba, count)

    def _judge(self, blocks: Blocks, volume: int, lba: int) -> None:
        fault = self._check(blocks, volume, lba, self.settings.protection)
        if fault is not None:
            raise LabelFault(fault[1], volume, lba + fault[0])

    def _held(self, volume: int, lba: int, count: int) -> Iterator[tuple[int, bool]]:
        """Give runs of blocks (count, whether written), perhaps several alike."""
        for part in self._cache.parts(volume, lba, count):
            where = volume, lba + part.at, part.blocks
            held = self.pairs.uncopied(*where)
            if self._backing.holds(*where) or self._cache.holds(*where):
                held |= self._load(*where).words != NEVER_WRITTEN
            elif not held.any():
                yield part.blocks, False
                continue
            yield from ((len(list(run)), written) for written, run in groupby(held.tolist()))

    def _destage(self, slots: int) -> None:
        """Destage so many dirty slots, those that cannot be left aside."""
        for key in self._cache.dirty():
            slots -= self._noting(partial(self._cache.destage, key))
            if not slots:
                return

    def _rebuild(self) -> None:
        for place, volume, lba in self._backing.rebuild(self.settings.pace):
            self._recorder.rebuilt(place, volume, lba, self._backing.group.layout.unit)

    def _noting(self, work: Callable[[], None]) -> bool:
        """Do work of the background; return whether it met no fault."""
        try:
            work()
        except ArrayFault as fault:
            if str(fault) not in self.faults:
                self.faults = [*self.faults, str(fault)][-FAULTS_KEPT:]
            return False
        return True

    def _within(self, volume: int, lba: int, count: int) -> None:
        blocks = self.volume(volume).blocks
        if lba < 0 or count < 0 or lba + count > blocks:
            raise OutOfRange(volume, max(lba, blocks))
