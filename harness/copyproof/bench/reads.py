"""Reads of the software array by TCMU, beside those of LIO's own fileio: one at a time, past the page cache.

Both targets are up at the same time, on tcm_loop, with protection information type 1, and both have their blocks in
memory: the array's are in its cache, fileio's in the page cache. Array and LIO check the label of each block that they
read; the kernel's check at the host is off for both, as it must be for the array. The same stamps were written to
both, and blocks that come back wrong give no figure.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

import msgspec
import numpy as np

from copyproof.bench.figures import Figure, Measured, NotMeasured, least_in_turns, seconds_of
from copyproof.blocks.arrays import U8
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, UsageError
from copyproof.plugin.opening import opened
from copyproof.targets import spec
from copyproof.targets.drivers import open_target
from copyproof.targets.drivers.tcmu.driver import leave_labels_alone
from copyproof.targets.live import Lun, Role
from copyproof.transport.base import Transport
from copyproof.transport.ways import Way
from copyproof.verify.volume import HostVolume

NAME = "reads by TCMU"
ARRAY, PEER = "tcmu-array", "lio-pi"
REACH = 0.3
ROUNDS = 5
SPAN = 64 << 20
"""Bytes that are read from."""

_VOLUME, _GENERATION, _SEED = 1, 1, 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """`count` reads of `size` bytes in a round, at random places or one after the other."""

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
    Pattern("4 KiB random reads", 4096, 400, random=True),
    Pattern("1 MiB sequential reads", 1 << 20, 32, random=False),
)


def measured(array: str = ARRAY, peer: str = PEER, rounds: int = ROUNDS) -> Iterator[Measured]:
    """Give the speed of each pattern in MB/s (10^6 bytes) on the source units of two targets, which are overwritten.

    Raises UsageError when there is no such target; where one cannot run, nothing is measured.
    """
    for name in (array, peer):
        if lacking := open_target(spec.load(name)).obstacles():
            why = f"{name} cannot run here: {'; '.join(lacking)}"
            yield NotMeasured(NAME, f"{why}. In the test machine: ci/vm copyproof bench array")
            return
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(_stamped(name)) for name in (array, peer))
        for pattern in PATTERNS:
            clocks = (partial(node.seconds, pattern) for node in (ours, theirs))
            fast, peers = (pattern.size * pattern.count / each / 1e6 for each in least_in_turns(rounds, *clocks))
            yield Figure(pattern.name, fast, "MB/s", f"fileio ({peer})", peers, REACH)


class Node:
    """A block node with stamps on its first `SPAN` bytes."""

    def __init__(self, volume: HostVolume, stamper: Stamper) -> None:
        self._volume, self._stamper = volume, stamper
        for lba, count in volume.pieces(0, SPAN // volume.block_size):
            volume.write(lba, stamper.make(_VOLUME, lba, count, _GENERATION))

    def seconds(self, pattern: Pattern) -> float:
        """Return what one round of reads takes; raises DeviceError where one ends early, or with wrong blocks."""
        memory = np.frombuffer(mmap.mmap(-1, pattern.size * pattern.count), np.uint8)
        # What an earlier round left is gone, and no read has to wait for a page.
        memory[:] = 0xFF
        blocks = memory.reshape(pattern.count, -1, self._volume.block_size)
        todo = list(zip(blocks, pattern.places(SPAN), strict=True))
        handle = self._volume.open_to_read()
        try:
            seconds = seconds_of(partial(self._read, handle, todo))
        finally:
            os.close(handle)
        for part, at in todo:
            self._look(part, at)
        return seconds

    def _read(self, handle: int, todo: list[tuple[U8, int]]) -> None:
        for part, at in todo:
            if os.preadv(handle, [part.data], at) != part.nbytes:
                raise DeviceError(f"{self._volume.name} ends before byte {at + part.nbytes}: nothing measured")

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
        leave_labels_alone(unit.lun.device)
        if not isinstance(unit.volume, HostVolume):
            raise UsageError(f"target {name} has no block node: choose one behind LIO")
        yield Node(unit.volume, bench.stamper)


def _as_it_is(_lun: Lun, transport: Transport) -> Transport:
    return transport
