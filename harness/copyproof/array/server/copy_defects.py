"""Pieces of a copy, and the ways in which a copy manager that is told to do so moves them wrongly.

>>> [(piece.source_lba, piece.count) for piece in Move(0, 10, 1, 20, 5).pieces(3)]
[(10, 3), (13, 2)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings


@dataclass(frozen=True, slots=True)
class Move:
    """`count` blocks from an LBA of one volume to an LBA of another, or of the same."""

    source: int
    source_lba: int
    destination: int
    destination_lba: int
    count: int

    @property
    def overlaps(self) -> bool:
        """Whether some block is both read and written.

        >>> Move(0, 0, 0, 3, 4).overlaps, Move(0, 0, 0, 4, 4).overlaps, Move(0, 0, 1, 0, 4).overlaps
        (True, False, False)
        """
        return self.source == self.destination and abs(self.source_lba - self.destination_lba) < self.count

    def pieces(self, size: int) -> Iterator[Move]:
        """Give the move in pieces of `size` blocks, the last as short as it must be."""
        for start in range(0, self.count, size):
            yield self.shifted(start, start).first(min(size, self.count - start))

    def first(self, count: int) -> Move:
        """Return the first `count` blocks of the move."""
        return replace(self, count=count)

    def shifted(self, source: int, destination: int) -> Move:
        """Return the move from and to so many blocks further on."""
        return replace(self, source_lba=self.source_lba + source, destination_lba=self.destination_lba + destination)


def spoilt(piece: Move, settings: ArraySettings) -> tuple[Move, ...]:
    """Return what is really moved for a piece: the piece itself, or what a defect makes of it.

    >>> from copyproof.array.settings import VolumeSettings
    >>> sound = ArraySettings(volumes=(VolumeSettings(1, 8),))
    >>> spoilt(Move(1, 0, 1, 4, 2), sound)
    (Move(source=1, source_lba=0, destination=1, destination_lba=4, count=2),)
    """
    moves: tuple[Move, ...] = (piece,)
    for defect, worse in _WORSE.items():
        if defect in settings.defects:
            moves = tuple(bad for move in moves for bad in worse(move, settings))
    return moves


def _left_out(_piece: Move, _settings: ArraySettings) -> tuple[Move, ...]:
    return ()


def _one_short(piece: Move, _settings: ArraySettings) -> tuple[Move, ...]:
    return (piece.first(piece.count - 1),)


def _one_further(piece: Move, settings: ArraySettings) -> tuple[Move, ...]:
    """Where there is nothing further on, it is one block back."""
    room = piece.source_lba + piece.count < _size(piece.source, settings)
    return (piece.shifted(1 if room else -min(1, piece.source_lba), 0),)


def _one_more(piece: Move, settings: ArraySettings) -> tuple[Move, ...]:
    """The block behind the destination is overwritten too, with the last one of the source."""
    after = piece.shifted(piece.count - 1, piece.count).first(1)
    inside = after.destination_lba < _size(piece.destination, settings)
    return (piece, after) if inside else (piece,)


def _elsewhere_too(piece: Move, settings: ArraySettings) -> tuple[Move, ...]:
    """A volume that the order does not name is written to, at the place of the destination."""
    others = [item for item in settings.volumes if item.number not in (piece.source, piece.destination)]
    strays = (replace(piece, destination=item.number) for item in others[:1])
    return (piece, *(move for move in strays if move.destination_lba + move.count <= _size(move.destination, settings)))


def _size(volume: int, settings: ArraySettings) -> int:
    return next(item.blocks for item in settings.volumes if item.number == volume)


_WORSE: dict[Defect, Callable[[Move, ArraySettings], tuple[Move, ...]]] = {
    Defect.COPY_NOT_EXECUTED: _left_out,
    Defect.COPY_ENDS_EARLY: _one_short,
    Defect.COPY_SHIFTED: _one_further,
    Defect.COPY_OVERRUNS: _one_more,
    Defect.COPY_STRAYS: _elsewhere_too,
}
