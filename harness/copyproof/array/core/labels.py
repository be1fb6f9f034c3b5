"""The array's own labels in bulk: application tag = number of the volume, reference tag = low 32 bits of the LBA.

The application tag is the unit's own (ATO 0). FFFFh in it switches the checks of a block off (type 3: with a reference
tag of ones), and a block never written has a label of ones. The reference tag is checked for the protection types that
tie it to the LBA (0, where labels are only kept inside, and 1).

>>> from copyproof.array.core.blocks import labelled
>>> blocks = labelled(np.ones((4, 512), np.uint8), volume=1, lba=100)
>>> first_fault(blocks, 1, 100, protection=1), first_fault(blocks, 2, 100, protection=1)
(None, (0, <LabelKind.APPLICATION: 'application'>))
>>> exchange(blocks, 2, 7)
>>> first_fault(blocks, 2, 7, protection=1)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from copyproof.array.core.blocks import NEVER_WRITTEN, Blocks
from copyproof.array.core.errors import LabelKind
from copyproof.blocks.arrays import U16, U64, Mask
from copyproof.blocks.guard_check import guards_sum, payload_sum, wrong_guards
from copyproof.blocks.label import ESCAPE, LABEL_SIZE, guards

_APPLICATION = np.uint64(32)
_REFERENCE = np.uint64(0xFFFFFFFF)
_ADDRESS = np.uint64(0xFFFFFFFFFFFF)


def _raw(label: str) -> np.uint64:
    return np.uint64(np.frombuffer(bytes.fromhex(label), np.uint64)[0])


_RAW_GUARD, _RAW_APPLICATION, _RAW_REFERENCE = map(_raw, ("ffff000000000000", "0000ffff00000000", "00000000ffffffff"))
_RAW_ADDRESS = _RAW_APPLICATION | _RAW_REFERENCE

FEW = 64
"""Labels that are handled faster as one number than by numpy."""
"""The fields of a label as it lies in memory."""

Fault = tuple[int, LabelKind]
"""A wrong label: the index of its block, and the first field that is wrong."""

Check = Callable[[Blocks, int, int, int], Fault | None]
"""Judges the labels of blocks on a volume from an LBA, of a protection type."""


def numbers(words: U64) -> U64:
    """Return labels, as `Blocks.words` has them, as numbers: guard in the high 16 bits, application tag, reference tag
    in the low 32 bits."""
    return words.view(">u8").astype(np.uint64)


def addresses(volume: int, lba: int, count: int) -> U64:
    """Return what `numbers` has below the guard for blocks at home: application and reference tag."""
    first = lba & 0xFFFFFFFF
    if first + count <= 1 << 32:
        return np.arange(volume << 32 | first, (volume << 32 | first) + count, dtype=np.uint64)
    home = np.arange(lba, lba + count, dtype=np.uint64)
    home &= _REFERENCE
    home |= np.uint64(volume << 32)
    return home


@lru_cache(maxsize=2)
def _home(volume: int, lba: int, count: int) -> bytes:
    """Return the labels of blocks at home, with guard tags of 0. A copy asks for those of its destination twice."""
    return addresses(volume, lba, count).astype(">u8").tobytes()


@cache
def _steps(count: int) -> tuple[int, int, int]:
    """Return what takes the addresses of so many labels out of one number, what an address times which is the same
    address for each of them, and what is to be added so that the reference tags follow one another."""
    places = [64 * (count - 1 - number) for number in range(count)]
    each = sum(1 << place for place in places)
    return each * int(_ADDRESS), each, sum(number << place for number, place in enumerate(places))


def _at_home(octets: bytes, volume: int, lba: int) -> bool:
    """Return whether labels have the addresses of blocks at home, reference tags that begin again not counted."""
    count = len(octets) // LABEL_SIZE
    if count > FEW:
        return (np.frombuffer(octets, np.uint64) & _RAW_ADDRESS).tobytes() == _home(volume, lba, count)
    addressed, each, steps = _steps(count)
    return int.from_bytes(octets, "big") & addressed == (volume << 32 | lba & 0xFFFFFFFF) * each + steps


def _guard_tags(words: U64) -> U16:
    return words.view(">u2")[::4].astype(np.uint16)


class Seal(NamedTuple):
    """What the labels and the payload of blocks came to when they were checked: the high and the low octets of the
    guard tags, and the sum of the payload. Blocks that come to the same elsewhere, with its address, are right."""

    high: bytes
    low: bytes
    payload: int


def seal(blocks: Blocks, volume: int, lba: int) -> Seal | None:
    """Return the seal of blocks whose labels are all right, or None where one is not, or has its checks off."""
    octets = blocks.words.tobytes()
    if not _at_home(octets, volume, lba):
        return None
    found = Seal(octets[::8], octets[1::8], payload_sum(blocks.data))
    return found if guards_sum(found.high, found.low, blocks.data.shape[1]) == found.payload else None


def right(payload: bytes, octets: bytes, size: int, volume: int, lba: int) -> bool:
    """Return whether all labels, as they lie in memory, go with their blocks of `size` bytes, with volume and LBA."""
    return _at_home(octets, volume, lba) and guards_sum(octets[::8], octets[1::8], size) == payload_sum(payload)


def keeps(held: Seal, blocks: Blocks, volume: int, lba: int) -> bool:
    """Return whether blocks are still what was sealed, with the address of this volume and LBA."""
    octets = blocks.words.tobytes()
    return _at_home(octets, volume, lba) and held == Seal(octets[::8], octets[1::8], payload_sum(blocks.data))


def first_fault(blocks: Blocks, volume: int, lba: int, protection: int) -> Fault | None:
    """Return the first block whose label does not go with payload, volume and LBA, or None."""
    if seal(blocks, volume, lba):
        return None
    words = numbers(blocks.words)
    away = (words ^ addresses(volume, lba, len(blocks))) & _ADDRESS
    checked = _checked(words, protection)
    number = checked & (away >> _APPLICATION != 0)
    reference = checked & (away & _REFERENCE != 0) & (protection in (0, 1))
    return _first(checked & _wrong_guards(blocks, checked), number, reference)


def first_guard_fault(blocks: Blocks, _volume: int, _lba: int, protection: int) -> Fault | None:
    """Return the first block whose guard tag does not go with its payload, wherever it is."""
    checked = _checked(numbers(blocks.words), protection)
    nowhere = np.zeros(len(blocks), np.bool_)
    return _first(checked & _wrong_guards(blocks, checked), nowhere, nowhere)


def exchange(blocks: Blocks, volume: int, lba: int) -> None:
    """Give blocks the labels of their new place, in their memory; guard tags are carried, never made anew.

    Blocks whose checks are switched off keep the tags that say so: the application tag, or for type 3 both.
    """
    words, new = blocks.words, np.frombuffer(_home(volume, lba, len(blocks)), np.uint64)
    # Only a tag that begins with FFh can be the one that switches checks off, and few volumes have such numbers.
    if 0xFF in words.tobytes()[2::8]:
        escaped = words & _RAW_APPLICATION == _RAW_APPLICATION
        new = np.where(escaped, new | _RAW_APPLICATION, new)
        new[escaped & (words & _RAW_REFERENCE == _RAW_REFERENCE)] |= _RAW_REFERENCE
    words &= _RAW_GUARD
    words |= new


def materialise(blocks: Blocks, volume: int, lba: int) -> None:
    """Give blocks never written the labels of zeros at home, in their memory, so that they can be copied."""
    never = blocks.words == NEVER_WRITTEN
    if never.any():
        never[never] = ~blocks.data[never].any(axis=1)
        blocks.words.view(">u8")[never] = addresses(volume, lba, len(blocks))[never]


def wrong(blocks: Blocks) -> Mask:
    """Return which blocks have a guard tag that does not go with their payload, checks switched off or not."""
    return wrong_guards(blocks.data, _guard_tags(blocks.words))


def _checked(words: U64, protection: int) -> Mask:
    """Return which blocks have their checks on: type 3 takes both tags to switch them off, the others one."""
    escape = np.uint64(0xFFFFFFFFFFFF if protection == 3 else ESCAPE << 32)
    return np.asarray((words & escape) != escape)


def _wrong_guards(blocks: Blocks, checked: Mask) -> Mask:
    if checked.all():
        return wrong(blocks)
    found = np.zeros(len(blocks), np.bool_)
    found[checked] = guards(blocks.data[checked]) != blocks.labels["guard"][checked]
    return found


def _first(guard: Mask, application: Mask, reference: Mask) -> Fault | None:
    """Return the first block with a fault, and of its faults the first in the order of their checks."""
    any_of = np.flatnonzero(guard | application | reference)
    if not any_of.size:
        return None
    at = int(any_of[0])
    kinds = zip(LabelKind, (guard, application, reference), strict=True)
    return at, next(kind for kind, mask in kinds if mask[at])
