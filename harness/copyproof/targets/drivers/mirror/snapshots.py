"""Volumes that device mapper can take snapshots of, by dmsetup alone.

The blocks of a P-VOL are on a device beneath its unit (`real`), which a snapshot reads as well. Its S-VOL has a store:
the old contents of blocks that were changed on P-VOL or S-VOL since, in chunks.
"""

from __future__ import annotations

from collections.abc import Sequence

from copyproof import process
from copyproof.targets.drivers.lio.backstores import Wanted, attach
from copyproof.targets.drivers.mirror import mapper
from copyproof.targets.drivers.mirror.lvm import SECONDARIES
from copyproof.targets.drivers.mirror.mapper import Mapper
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role

SPARE = 4 << 20
"""Bytes of a store beside the blocks themselves: what it notes about them, in chunks of at most 256 KiB."""


def build(mark: Mark, wanted: Sequence[Wanted], run: process.Runner) -> dict[Role, str]:
    """Make what is beneath each unit, and return device mapper's names by role."""
    return {each.role: _beneath(mark, each, run) for each in wanted}


def _beneath(mark: Mark, each: Wanted, run: process.Runner) -> str:
    name = beneath(mark, each.role)
    size = each.size + SPARE if each.role in SECONDARIES else each.size
    Mapper(run).create(name, mapper.linear(attach(each.file, size, run), size))
    return name


def beneath(mark: Mark, role: Role) -> str:
    """Return the name of what holds a unit's blocks: a P-VOL's own, an S-VOL's store.

    >>> beneath(Mark("00c0ffe", "main"), Role.SECONDARY)
    'copyproof-00c0ffe-main-secondary-store'
    """
    return f"{mark}-{role.value}-{'store' if role in SECONDARIES else 'real'}"


def image(mark: Mark, role: Role) -> str:
    """Return the name of an S-VOL's snapshot."""
    return f"{mark}-{role.value}-image"
