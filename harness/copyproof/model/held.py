"""What each block of a range holds, as the model keeps it: the same value for all consecutive blocks of one origin.

Plain tuples of numbers, because the cyclic garbage collector of Python leaves those alone: with a class of its own for
what a range holds, it took half of the time of a model with a million extents.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from copyproof.blocks.origin import ZEROS, Content, Origin, Zeros


class Label(Enum):
    """What the label (T10 tuple) of a block must be."""

    OWN = 0
    """Exchanged for the block's own place: its reference tag, and the guard of its data."""
    ESCAPE = 1
    """All FFh, as of an unmapped block (SBC-4 4.21): it checks nothing."""
    UNKNOWN = 2


Way: TypeAlias = tuple[int, int, int, int]
"""One content that a range may have: volume (−1: zeros), distance, generation, value of the label. The block at an LBA
comes from LBA + distance of the volume."""

Held: TypeAlias = tuple[Way, ...]
"""The ways that are allowed, likeliest first and newest last; empty when nobody knows."""

UNKNOWN: Held = ()

_LABELS = tuple(Label)
_OWN = Label.OWN.value
_ZEROS = -1


def held_of(lba: int, content: Content, label: Label = Label.OWN) -> Held:
    """Return that the block at `lba` holds `content`, and the next ones what follows it.

    >>> contents(held_of(50, Origin(1, 0, 3)), 52)
    (Origin(volume=1, lba=2, generation=3),)
    """
    return ((*_placed(lba, content), label.value),)


def contents(held: Held, lba: int) -> tuple[Content, ...]:
    """Return what the block at `lba` may hold, each content once."""
    return tuple(dict.fromkeys([_content(way, lba) for way in held]))


def label_of(held: Held) -> Label:
    """Return what the label must be: unknown where the ways differ in it."""
    labels = {label for _, _, _, label in held}
    return _LABELS[labels.pop()] if len(labels) == 1 else Label.UNKNOWN


def moved(held: Held, blocks: int) -> Held:
    """Return what a copy makes of it, `blocks` higher up: the same contents, exchanged for the new place.

    >>> contents(moved(held_of(0, Origin(1, 0, 3)), 50), 52)
    (Origin(volume=1, lba=2, generation=3),)
    """
    if len(held) == 1:
        volume, distance, generation, _ = held[0]
        return ((volume, distance if volume == _ZEROS else distance - blocks, generation, _OWN),)
    return tuple(dict.fromkeys([way for one in held for way in moved((one,), blocks)]))


def in_doubt(held: Held) -> Held:
    """Return the same contents under a label that nobody knows.

    >>> label_of(in_doubt(held_of(0, ZEROS))).name
    'UNKNOWN'
    """
    return tuple(dict.fromkeys([(*way[:3], Label.UNKNOWN.value) for way in held]))


def older_or(older: Held, newer: Held) -> Held:
    """Return what allows either; nobody knows as soon as one of them is not known."""
    if older == newer or not older or not newer:
        return older and newer
    return (*[way for way in older if way not in newer], *newer)


def differ(one: Held, other: Held) -> bool:
    """Return whether blocks can have nothing in common, whatever their labels; false where one is not known.

    >>> differ(held_of(0, Origin(1, 0, 3)), held_of(0, ZEROS))
    True
    """
    return bool(one and other) and {way[:3] for way in one}.isdisjoint([way[:3] for way in other])


def seen(held: Held, lba: int, content: Content) -> Held:
    """Return what is left once the block at `lba` was seen to hold `content`; raises ValueError when that is not
    allowed."""
    place = _placed(lba, content)
    left = tuple([way for way in held if way[:3] == place])
    if held and not left:
        told = " or ".join(one.told({}) for one in contents(held, lba))
        raise ValueError(f"LBA {lba} was seen to hold {content.told({})}, which is not {told}")
    return left or held_of(lba, content, Label.UNKNOWN)


def _placed(lba: int, content: Content) -> tuple[int, int, int]:
    if isinstance(content, Zeros):
        return (_ZEROS, 0, 0)
    return (content.volume, content.lba - lba, content.generation)


def _content(way: Way, lba: int) -> Content:
    volume, distance, generation, _ = way
    return ZEROS if volume == _ZEROS else Origin(volume, lba + distance, generation)
