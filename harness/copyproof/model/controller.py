"""The reference controller model: what each block must hold after each command. It keeps provenance, never data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from copyproof.blocks.origin import ZEROS, Content, Origin
from copyproof.model.extents import Extent, ExtentMap, either
from copyproof.model.held import UNKNOWN, Held, Label, held_of, moved, seen
from copyproof.model.rangemap import Piece

Changed = Callable[[int, int, int], None]
"""Told a volume, an LBA and a count of blocks after each change."""


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

    volumes: Mapping[int, ExtentMap]

    def slice(self, volume: int, lba: int, count: int) -> list[Extent]:
        """Return what [lba, lba + count) of a volume held."""
        return self.volumes[volume].slice(lba, count)


class ReferenceModel:
    """The volumes of a target, by number, with their sizes in blocks.

    `chunk` is the target's overlap rule: 0 copies as if through a buffer (memmove); otherwise a copy reads and writes
    ascending chunks of that many blocks, so that a forward overlap longer than a chunk reads what it wrote.

    Invariants: a block allows what a naive model, which keeps a set for every single block, allows; what one operation
    costs follows the pieces that it touches, never the blocks. Every method raises ValueError for blocks outside a
    volume, unless it says that it cuts, and KeyError for a volume that is not there.

    >>> model = ReferenceModel({1: 100, 2: 100})
    >>> model.write(1, 0, 8, generation=1)
    >>> model.copy(Transfer(1, 0, 2, 50, 8))
    >>> model.slice(2, 50, 1)[0].origins
    (Origin(volume=1, lba=0, generation=1),)
    """

    def __init__(self, volumes: Mapping[int, int], chunk: int = 0) -> None:
        self.chunk = chunk
        self._volumes = {number: ExtentMap(blocks) for number, blocks in volumes.items()}
        self._watchers: list[Changed] = []

    def watch(self, changed: Changed) -> None:
        """Have every change told, after it was made."""
        self._watchers.append(changed)

    def blocks(self, volume: int) -> int:
        """Return the size of a volume in blocks."""
        return self._volumes[volume].blocks

    def slice(self, volume: int, lba: int, count: int) -> list[Extent]:
        """Return what the blocks [lba, lba + count) of a volume must hold."""
        return self._volumes[volume].slice(lba, count)

    def pieces(self, volume: int, lba: int, count: int) -> list[Piece[Held]]:
        """Return the same as `slice`, as the model keeps it."""
        return self._volumes[volume].pieces(lba, count)

    def snapshot(self) -> Snapshot:
        """Return what all volumes hold now; costs as much as there are extents."""
        return Snapshot({number: held.copy() for number, held in self._volumes.items()})

    def write(self, volume: int, lba: int, count: int, generation: int) -> None:
        """The host wrote stamped blocks: each now comes from its own place. `generation` is 0 to 2^32 − 1."""
        self._put(volume, lba, count, held_of(lba, Origin(volume, lba, generation)))

    def zero(self, volume: int, lba: int, count: int, label: Label = Label.OWN) -> None:
        """The blocks read zeros: after WRITE SAME with zeros, or, where the target reads zeros then, after UNMAP with
        `label` ESCAPE."""
        self._put(volume, lba, count, held_of(lba, ZEROS, label))

    def perhaps_zero(self, volume: int, lba: int, count: int, label: Label = Label.OWN) -> None:
        """Each of the blocks reads zeros now, or holds what it held before; cut to the volume.

        >>> model = ReferenceModel({1: 100})
        >>> model.write(1, 0, 2, generation=1)
        >>> model.perhaps_zero(1, 1, 1)
        >>> model.slice(1, 1, 1)[0].origins
        (Origin(volume=1, lba=1, generation=1), <Zeros.ZEROS: 'zeros'>)
        """
        room = max(0, min(count, self.blocks(volume) - lba))
        before = self._volumes[volume].pieces(lba, room) if room else []
        self._volumes[volume].put(lba, room, held_of(lba, ZEROS, label))
        self._also(volume, before)
        self._tell(volume, lba, room)

    def forget(self, volume: int, lba: int, count: int) -> None:
        """Nobody knows any more what the blocks hold."""
        self._put(volume, lba, count, UNKNOWN)

    def copy(self, transfer: Transfer) -> None:
        """A copy was executed in whole, by the target's overlap rule."""
        self._move(transfer)
        self._tell(transfer.destination, transfer.destination_lba, transfer.blocks)

    def perhaps(self, *transfers: Transfer) -> None:
        """The segments of one copy were executed in order, and it may have stopped anywhere, or not have begun: each
        destination block may hold what it held before or after any of them, the newest last. Transfers are cut to their
        volumes.

        >>> model = ReferenceModel({1: 100})
        >>> model.write(1, 0, 2, generation=1)
        >>> model.perhaps(Transfer(1, 0, 1, 1, 1))
        >>> [origin.lba for origin in model.slice(1, 1, 1)[0].origins]
        [1, 0]
        """
        before = [self._moved(self.clipped(transfer)) for transfer in transfers]
        for number, pieces in reversed(before):
            self._also(number, pieces)
        for number, pieces in before:
            self._tell_pieces(number, pieces)

    def prefix(self, transfer: Transfer, done: int) -> None:
        """A copy stopped, and its first `done` blocks are known to be copied; each of the rest may be or not."""
        inside = self.clipped(transfer)
        number, pieces = self._moved(inside)
        rest = inside.destination_lba + max(0, done)
        self._also(number, [Piece(max(lba, rest), end, held) for lba, end, held in pieces if end > rest])
        self._tell_pieces(number, pieces)

    def saw(self, volume: int, lba: int, count: int, which: Content) -> None:
        """A read found the blocks to hold `which`, advanced by i in the i-th: a set of allowed origins narrows to it.

        Raises ValueError, and changes nothing, where the model does not allow that.
        """
        found = self._volumes[volume].pieces(lba, count)
        self._volumes[volume].splice(
            [Piece(at, end, seen(held, at, which.advanced(at - lba))) for at, end, held in found]
        )

    def clipped(self, transfer: Transfer) -> Transfer:
        """Return a transfer cut to the blocks that both its volumes have."""
        room = min(
            self._volumes[transfer.source].blocks - transfer.source_lba,
            self._volumes[transfer.destination].blocks - transfer.destination_lba,
        )
        return replace(transfer, blocks=max(0, min(transfer.blocks, room)))

    def splice(self, volume: int, pieces: Sequence[Piece[Held]]) -> None:
        """Replace what adjoining pieces cover, and tell who watches."""
        self._volumes[volume].splice(pieces)
        self._tell_pieces(volume, pieces)

    def _put(self, volume: int, lba: int, count: int, held: Held) -> None:
        self._volumes[volume].put(lba, count, held)
        self._tell(volume, lba, count)

    def _tell(self, volume: int, lba: int, count: int) -> None:
        if count:
            for changed in self._watchers:
                changed(volume, lba, count)

    def _tell_pieces(self, volume: int, pieces: Sequence[Piece[Held]]) -> None:
        if pieces:
            self._tell(volume, pieces[0].lba, pieces[-1].end - pieces[0].lba)

    def _move(self, transfer: Transfer) -> None:
        for part in self._parts(transfer):
            by = part.destination_lba - part.source_lba
            found = self._volumes[part.source].pieces(part.source_lba, part.blocks)
            pieces = [Piece(lba + by, end + by, moved(held, by)) for lba, end, held in found]
            self._volumes[part.destination].splice(pieces)

    def _moved(self, transfer: Transfer) -> tuple[int, list[Piece[Held]]]:
        """Copy, tell nobody yet, and return the destination and what it held before."""
        before = self._volumes[transfer.destination].pieces(transfer.destination_lba, transfer.blocks)
        self._move(transfer)
        return transfer.destination, before

    def _also(self, volume: int, older: list[Piece[Held]]) -> None:
        """Allow what a range held before beside what it holds; tell nobody yet."""
        if older:
            now = self._volumes[volume].pieces(older[0].lba, older[-1].end - older[0].lba)
            self._volumes[volume].splice(either(older, now))

    def _parts(self, transfer: Transfer) -> list[Transfer]:
        """Cut a copy into what is read at once; without a forward overlap the order of chunks makes no difference."""
        ahead = transfer.destination_lba - transfer.source_lba
        if not self.chunk or transfer.source != transfer.destination or not 0 < ahead < transfer.blocks:
            return [transfer]
        return [
            Transfer(
                transfer.source,
                transfer.source_lba + done,
                transfer.destination,
                transfer.destination_lba + done,
                min(self.chunk, transfer.blocks - done),
            )
            for done in range(0, transfer.blocks, self.chunk)
        ]
