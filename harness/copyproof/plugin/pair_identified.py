"""A pair whose primary has the identity of a disk for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from copyproof.errors import UsageError
from copyproof.plugin.disk_identity import Disk, blank_disk, breach
from copyproof.targets.live import Role
from copyproof.verify.volume import Volume

if TYPE_CHECKING:
    from copyproof.plugin.pair import Pair


class Identified:
    """What was written to the primary, and what both volumes show of it."""

    def __init__(self, pair: Pair, disk: Disk) -> None:
        self._pair, self._disk = pair, disk

    def breach(self) -> str:
        """Say what is wrong with the identities on both volumes."""
        declared = self._pair.desk.declared.resignature
        return self.primary_breach() or breach(self._disk, self._read(self._pair.couple.secondary), resigned=declared)

    def primary_breach(self) -> str:
        """Say where the primary has not kept its identity."""
        changed = breach(self._disk, self._read(self._pair.couple.primary), resigned=False)
        return f"the primary did not keep its identity: {changed.replace('of the copy', 'of it')}" if changed else ""

    def _read(self, role: Role) -> Disk:
        volume = _volume(self._pair, role)
        return {lba: volume.read(lba, 1).tobytes() for lba in self._disk}


@contextmanager
def identified(pair: Pair) -> Iterator[Identified]:
    """Write a master boot record and GPT headers to the primary, and stamps over them again in the end, on both
    volumes: a disk that looks used would be refused by the next run."""
    bench, primary = pair.desk.bench, pair.couple.primary
    random = Random(bench.seed)
    disk = blank_disk(pair.blocks, bench.stamper.block_size, random.randbytes(4), random.randbytes(16))
    for lba, block in disk.items():
        bench.write(primary, lba, np.frombuffer(block, np.uint8).reshape(1, -1))
    try:
        yield Identified(pair, disk)
    finally:
        pair.bench.clear()
        for role in pair.couple.roles:
            pair.desk.fill(role)


def _volume(pair: Pair, role: Role) -> Volume:
    volume = pair.desk.unit(role).volume
    if volume is None:
        raise UsageError(f"the {role.value} unit has no block node on this host")
    return volume
