"""Whether a copy is the target's own: what the host moved meanwhile, whether it goes on without the process that
ordered it, and how fast it is beside the host's own copy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from copyproof.errors import DeviceError
from copyproof.model.pairs import NEXT
from copyproof.plugin.elsewhere import Elsewhere
from copyproof.scsi.pair import HostAccess, PairState
from copyproof.targets.live import LiveTarget
from copyproof.transport.counting import Tally
from copyproof.verdicts.record import OffloadRecord
from copyproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from copyproof.plugin.pair import Pair

SYSFS = Path("/sys")
SECTOR = 512
"""Bytes of a sector in the kernel's statistics, whatever the unit's block size (Documentation/block/stat.rst)."""
READ, WRITTEN = 2, 6
"""Fields of /sys/block/NODE/stat: sectors read and written."""
SHARE = 8
"""The host may move an eighth of what is copied, by the kernel's count, which has the reads of others too (udev's)."""


@dataclass(slots=True)
class Offload:
    """What was found; `seconds` is how long the copy took, `by_host` how long the host's own copy of the same blocks,
    None where it could not be made. `kernel` counts bytes at the block nodes, None where there are none."""

    copied: int
    moved: Tally = field(default_factory=Tally)
    kernel: int | None = None
    seconds: float = 0.0
    by_host: float | None = None
    stopped: bool = False

    @property
    def breach(self) -> str:
        """Say that the host moved the blocks; empty where it did not.

        >>> Offload(8192, Tally(blocks=16384)).breach
        "the host moved 16384 bytes of blocks by commands while 8192 were copied: the copy is not the target's own"
        """
        theirs = f"while {self.copied} were copied: the copy is not the target's own"
        if self.moved.blocks:
            return f"the host moved {self.moved.blocks} bytes of blocks by commands {theirs}"
        if self.kernel is not None and self.kernel * SHARE > self.copied:
            return f"the kernel counted {self.kernel} bytes at the block nodes {theirs}"
        return ""

    @property
    def record(self) -> OffloadRecord:
        """What the record says of it."""
        return OffloadRecord(
            copied=self.copied,
            by_commands=self.moved.blocks,
            parameters=self.moved.others,
            by_kernel=self.kernel,
            stopped=self.stopped,
            seconds=self.seconds,
            host_seconds=self.by_host,
        )


def counted_by_kernel(live: LiveTarget, sysfs: Path = SYSFS) -> int | None:
    """Return the bytes that this host read and wrote at all block nodes of a target so far; None where it has none."""
    nodes = [node for lun in live.luns.values() for node in lun.device.block]
    return sum(_bytes(sysfs / "block" / node.name / "stat") for node in nodes) if nodes else None


def _bytes(stat: Path) -> int:
    try:
        fields = stat.read_text().split()
        return SECTOR * (int(fields[READ]) + int(fields[WRITTEN]))
    except (OSError, ValueError, IndexError) as problem:
        raise DeviceError(f"{stat}: cannot be read: {problem}") from None


def _grown(before: int, after: int) -> int:
    """Return what was counted meanwhile. Counts go back only where a node was made anew, or at 2 to the 32 sectors on
    a 32-bit kernel: then nobody knows."""
    if after < before:
        raise DeviceError(f"the kernel's counts at the block nodes went back from {before} to {after} bytes")
    return after - before


def blindness(before: int | None, after: int | None, found: Offload) -> str:
    """Say why the kernel's count shows nothing: it must have seen the host's own copy, where there was one, else how
    the units were stamped, before its silence is believed (`queue/iostats` can be off). Empty where it shows what is
    moved.

    >>> blindness(0, 0, Offload(8192, by_host=0.1)), blindness(0, 16384, Offload(8192, by_host=0.1))
    ("it did not see the host's own copy", '')
    >>> blindness(0, 0, Offload(8192)), blindness(4096, 4096, Offload(8192))
    ('it saw nothing of what the host wrote before', '')
    """
    if before is None or after is None:
        return "the units have no nodes"
    if found.by_host is None:
        return "" if after else "it saw nothing of what the host wrote before"
    return "" if _grown(before, after) >= found.copied else "it did not see the host's own copy"


@contextmanager
def offloaded(pair: Pair) -> Iterator[Offload]:
    """Watch what the host does while a pair is copied within the block, and keep it for the record.

    Each order is given by a process of its own, which then stands still, where the target is another process than
    this. Raises DeviceError where a count cannot be had, or where a process that was stopped went on.
    """
    desk, bench = pair.desk, pair.desk.bench
    if PairState.COPY not in desk.declared.states:
        desk.left_out(Verdict.NOT_SUPPORTED, "the target declares no COPY: no block is copied when a pair is made")
    first = counted_by_kernel(bench.live)
    found = Offload(pair.blocks * bench.stamper.block_size, by_host=_by_host(pair))
    before, moved = counted_by_kernel(bench.live), Tally(bench.tally.blocks, bench.tally.others)
    blind = blindness(first, before, found)
    started = time.monotonic()
    with _apart(pair, found):
        yield found
    found.seconds = time.monotonic() - started
    after = counted_by_kernel(bench.live)
    found.kernel = None if blind or before is None or after is None else _grown(before, after)
    found.moved = Tally(bench.tally.blocks - moved.blocks, bench.tally.others - moved.others)
    desk.breaches += [found.breach] if found.breach else []
    if blind:
        desk.missed(f"the kernel's count of what the host moved: {blind}")
    desk.test.offload = found.record


@contextmanager
def _apart(pair: Pair, found: Offload) -> Iterator[None]:
    """Let orders be given by a process that is stopped then, and see that it stayed so while the copy went on."""
    pairs = pair.bench
    if any(lun.path for lun in pair.desk.bench.live.luns.values()):
        pair.desk.missed("that the copy goes on while the process that ordered it is stopped: that is the array's too")
        yield
        return
    own = pairs.service
    aside = Elsewhere(own, pair.desk.bench.tally)
    pairs.service = aside
    try:
        yield
        found.stopped = _stood_still(pair, aside)
    finally:
        pairs.service = own
        aside.end()


def _stood_still(pair: Pair, aside: Elsewhere) -> bool:
    if aside.aside is None:
        return False
    if not aside.aside.still:
        raise DeviceError("the process that ordered the copy was to be stopped, and is not")
    if pair.state in NEXT:
        raise DeviceError(
            f"the copy was to go on to its end while its process stood still, and is in {pair.state.value}"
        )
    shown = pair.desk.last.shown if pair.desk.last else None
    if shown is None or shown.primary_state not in NEXT or shown.percent == 100:
        pair.desk.missed("that the copy goes on while the process that ordered it is stopped: it was over before")
        return False
    return True


def _by_host(pair: Pair) -> float | None:
    """Return how long the host takes to copy the same blocks, in seconds; both volumes are as before afterwards."""
    desk, (first, second) = pair.desk, pair.couple.roles
    source, destination = desk.bench.units.get(first), desk.bench.units.get(second)
    if source is None or destination is None or source.volume is None or destination.volume is None:
        return None
    if pair.bench.access(second) is not HostAccess.READ_WRITE:
        return None
    desk.bench.model.forget(destination.number, 0, destination.blocks)
    started = time.monotonic()
    for lba, count in source.volume.pieces(0, source.blocks):
        destination.volume.write(lba, source.volume.read(lba, count))
    seconds = time.monotonic() - started
    desk.fill(second)
    return seconds
