"""The reference controller model: what each block must hold after each command. It keeps provenance, never data."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from copyproof.blocks.origin import Origin
from copyproof.model.extents import Extent, ExtentMap


@dataclass(frozen=True, slots=True)
class Transfer:
    """One segment's work: `blocks` blocks from a volume and LBA to a volume and LBA. Volumes are numbers, LBAs in
    blocks."""

    source: int
    source_lba: int
    destination: int
    destination_lba: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every volume held at one moment."""

    volumes: Mapping[int, tuple[Extent, ...]]

    def slice(self, volume: int, lba: int, count: int) -> list[Extent]:
        """Return what [lba, lba + count) of a volume held."""
        extents = self.volumes[volume]
        first = bisect_right(extents, lba, key=lambda extent: extent.lba) - 1
        found = takewhile(lambda extent: extent.lba < lba + count, extents[first:])
        return [extent.cut(lba, count) for extent in found]


class ReferenceModel:
    """The volumes of a target, by number, with their sizes in blocks.

    `chunk` is the target's overlap rule: 0 copies as if through a buffer (memmove); otherwise a copy reads and writes
    ascending chunks of that many
    blocks, so that a forward overlap longer than a chunk reads what it wrote.

    >>> model = ReferenceModel({1: 100, 2: 100})
    >>> model.write(1, 0, 8, generation=1)
    >>> model.copy(Transfer(1, 0, 2, 50, 8))
    >>> model.slice(2, 50, 1)[0].origins
    (Origin(volume=1, lba=0, generation=1),)
    """

    def __init__(self, volumes: Mapping[int, int], chunk: int = 0) -> None:
        self.chunk = chunk
        self._volumes = {number: ExtentMap(blocks) for number, blocks in volumes.items()}

    def slice(self, volume: int, lba: int, count: int) -> list[Extent]:
        """Return what the blocks [lba, lba + count) of a volume must hold; raises ValueError outside the volume."""
        return self._volumes[volume].slice(lba, count)

    def snapshot(self) -> Snapshot:
        """Return what all volumes hold now; costs as much as there are extents."""
        return Snapshot({number: tuple(held.slice(0, held.blocks)) for number, held in self._volumes.items()})

    def write(self, volume: int, lba: int, count: int, generation: int) -> None:
        """The host wrote stamped blocks: each now comes from its own place."""
        self._volumes[volume].splice([Extent(lba, count, (Origin(volume, lba, generation),))])

    def copy(self, transfer: Transfer) -> None:
        """A copy was executed in whole, by the target's overlap rule."""
        for part in self._chunks(transfer):
            self._volumes[part.destination].splice(self._moved(part))

    def perhaps(self, transfer: Transfer) -> None:
        """A copy was executed in part or not at all: each destination block within the volume may hold the old or the
        new."""
        inside = self.clipped(transfer)
        old = self._volumes[inside.destination].slice(inside.destination_lba, inside.blocks)
        self.copy(inside)
        new = self._volumes[inside.destination].slice(inside.destination_lba, inside.blocks)
        self._volumes[inside.destination].splice(_either(old, new))

    def clipped(self, transfer: Transfer) -> Transfer:
        """Return a transfer cut to the blocks that both its volumes have."""
        room = min(
            self._volumes[transfer.source].blocks - transfer.source_lba,
            self._volumes[transfer.destination].blocks - transfer.destination_lba,
        )
        return replace(transfer, blocks=max(0, min(transfer.blocks, room)))

    def _chunks(self, transfer: Transfer) -> list[Transfer]:
        step = self.chunk if self.chunk and transfer.source == transfer.destination else transfer.blocks
        return [
            replace(
                transfer,
                source_lba=transfer.source_lba + done,
                destination_lba=transfer.destination_lba + done,
                blocks=min(step, transfer.blocks - done),
            )
            for done in range(0, transfer.blocks, step or 1)
        ]

    def _moved(self, part: Transfer) -> list[Extent]:
        shift = part.destination_lba - part.source_lba
        found = self._volumes[part.source].slice(part.source_lba, part.blocks)
        return [replace(extent, lba=extent.lba + shift) for extent in found]


def _either(old: list[Extent], new: list[Extent]) -> list[Extent]:
    """Join two coverings of one range into extents that allow what either holds; where one is unknown, so is the
    whole."""
    starts = sorted({extent.lba for extent in (*old, *new)} | {old[-1].end} if old else set())
    merged = []
    for lba, end in itertools.pairwise(starts):
        pair = [_at(cover, lba).cut(lba, end - lba) for cover in (old, new)]
        known = all(part.origins for part in pair)
        origins = tuple(dict.fromkeys((*pair[0].origins, *pair[1].origins))) if known else ()
        merged.append(Extent(lba, end - lba, origins))
    return merged


def _at(cover: list[Extent], lba: int) -> Extent:
    return next(extent for extent in cover if extent.lba <= lba < extent.end)
