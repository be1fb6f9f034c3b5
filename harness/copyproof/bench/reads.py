"""Reads of the software array by TCMU, beside those of LIO's own fileio: one at a time, past the page cache.

All targets are up at the same time, on tcm_loop, and have their blocks in memory: the array's are in its cache,
fileio's in the page cache. The array always checks the label of each block that it reads. So its fair peer is fileio
with protection information type 1, read as the kernel reads such a unit: LIO checks the labels, and so does the kernel
behind it. For what TCMU has no room for, labels beside the blocks, the kernel cannot check the array's. Fileio without
labels, which checks nothing, is shown beside it.

The same stamps were written to all, and blocks that come back wrong give no figure.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

import msgspec
import numpy as np

from copyproof.bench.figures import Figure, Measured, NotMeasured, least_in_turns
from copyproof.blocks.arrays import U8
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, UsageError
from copyproof.integrity import kernel_blindness
from copyproof.plugin.opening import opened
from copyproof.targets import spec
from copyproof.targets.drivers import open_target
from copyproof.targets.live import Lun, Role
from copyproof.transport.base import Transport
from copyproof.transport.ways import Way
from copyproof.verify.volume import HostVolume

NAME = "reads by TCMU"
ARRAY, LABELLED, PLAIN = "tcmu-array", "lio-pi", "lio-loopback"
REACH = 0.3
ROUNDS = 10
SPELL = 0.2
"""Seconds of a round: short, so that on a busy machine some of them are not disturbed."""
SPAN = 32 << 20
"""Bytes that are read from."""

_VOLUME, _GENERATION, _SEED = 1, 1, 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """Reads of `size` bytes, at random places or one after the other. They are done again and again, `count` places
    in turn."""

    name: str
    size: int
    count: int
    random: bool

    def places(self, span: int) -> list[int]:
        """Return where in the first `span` bytes the reads begin, the same at each call.

        >>> Pattern("two", 512, 2, random=False).places(4096)
        [0, 512]
        """
        if self.random:
            choice = Random(_SEED)
            return [choice.randrange(span // self.size) * self.size for _ in range(self.count)]
        return [number * self.size % span for number in range(self.count)]


PATTERNS = (
    Pattern("4 KiB random reads", 4096, 50, random=True),
    Pattern("1 MiB sequential reads", 1 << 20, 8, random=False),
)


def measured(rounds: int = ROUNDS, spell: float = SPELL) -> Iterator[Measured]:
    """Give the speed of each pattern in MB/s (10^6 bytes) on the source units of the targets, which are overwritten;
    `spell` is how many seconds a round takes.

    Where one of the targets cannot run, nothing is measured. Raises UsageError and DeviceError where one does not come
    up.
    """
    for name in (ARRAY, LABELLED, PLAIN):
        if lacking := open_target(spec.load(name)).obstacles():
            why = f"{name} cannot run here: {'; '.join(lacking)}"
            yield NotMeasured(NAME, f"{why}. In the test machine: ci/vm copyproof bench array")
            return
    with ExitStack() as stack:
        nodes = [stack.enter_context(_stamped(name)) for name in (ARRAY, LABELLED, PLAIN)]
        if unchecked := kernel_blindness(nodes[1].path):
            raise DeviceError(f"{LABELLED} is no peer: {unchecked}")
        for pattern in PATTERNS:
            least = least_in_turns(rounds, *(partial(node.seconds, pattern, spell) for node in nodes))
            ours, labelled, plain = (pattern.size / seconds / 1e6 for seconds in least)
            yield Figure(pattern.name, ours, "MB/s", "fileio, labels checked", labelled, REACH)
            yield Figure(pattern.name, ours, "MB/s", "fileio, no labels", plain)


class Node:
    """A block node with stamps on its first `SPAN` bytes."""

    def __init__(self, volume: HostVolume, stamper: Stamper) -> None:
        self._volume, self._stamper = volume, stamper
        for lba, count in volume.pieces(0, SPAN // volume.block_size):
            volume.write(lba, stamper.make(_VOLUME, lba, count, _GENERATION))

    @property
    def path(self) -> Path:
        """The node."""
        return self._volume.node

    def seconds(self, pattern: Pattern, spell: float) -> float:
        """Return what a read takes in a round of so many seconds; raises DeviceError where one ends early, or with
        wrong blocks."""
        memory = np.frombuffer(mmap.mmap(-1, pattern.size * pattern.count), np.uint8)
        # What an earlier round left is gone, and no read has to wait for a page.
        memory[:] = 0xFF
        blocks = memory.reshape(pattern.count, -1, self._volume.block_size)
        todo = list(zip(blocks, pattern.places(SPAN), strict=True))
        handle = self._volume.open_to_read()
        try:
            seconds = self._read(handle, todo, spell)
        finally:
            os.close(handle)
        for part, at in todo:
            self._look(part, at)
        return seconds

    def _read(self, handle: int, todo: list[tuple[U8, int]], spell: float) -> float:
        started, done = perf_counter(), 0
        while not done or perf_counter() < started + spell:
            for part, at in todo:
                if os.preadv(handle, [part.data], at) != part.nbytes:
                    raise DeviceError(f"{self._volume.name} ends before byte {at + part.nbytes}: nothing measured")
            done += len(todo)
        return (perf_counter() - started) / done

    def _look(self, part: U8, at: int) -> None:
        lba = at // self._volume.block_size
        if not self._stamper.compare(part, _VOLUME, lba, _GENERATION).all():
            raise DeviceError(f"{self._volume.name} came back wrong from LBA {lba} on: nothing measured")


@contextmanager
def _stamped(name: str) -> Iterator[Node]:
    """Bring a target up and stamp its source unit; raises what bringing it up does."""
    target = msgspec.structs.replace(spec.load(name), transport=Way.SGIO)
    with opened(target, _SEED, _as_it_is) as bench:
        unit = bench.units[Role.SOURCE]
        if not isinstance(unit.volume, HostVolume):
            raise UsageError(f"target {name} has no block node: choose one behind LIO")
        yield Node(unit.volume, bench.stamper)


def _as_it_is(_lun: Lun, transport: Transport) -> Transport:
    return transport
