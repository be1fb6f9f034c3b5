"""What wrong blocks are: each is told from what it holds, what it should hold and what was there before.

>>> stamper = Stamper(seed=1, block_size=512)
>>> names = {1: "source", 2: "destination"}
>>> data = stamper.make(1, 17, 1, generation=1)
>>> found = diagnose(stamper, data, 64, Expected.run(Origin(1, 16, 1), 1), names=names, place="destination")
>>> print(found.findings[0])
destination LBA 64: copied from the wrong place: holds source LBA 17 generation 1, expected source LBA 16 generation 1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import I64, U8, Mask
from copyproof.blocks.code import UNIT, Origins
from copyproof.blocks.expected import Expected
from copyproof.blocks.findings import Finding, Findings, Wrong
from copyproof.blocks.label_diagnosis import diagnose_labels
from copyproof.blocks.moved import look_for_moved
from copyproof.blocks.origin import Origin
from copyproof.blocks.runs import told_by_run
from copyproof.blocks.stamp import Decoded, Stamper

__all__ = ["Expected", "Finding", "Findings", "Origin", "Wrong", "diagnose", "diagnose_labels"]

_KINDS = list(Wrong)
_BATCH = 1024 * 1024
# Half the bits of unrelated blocks are alike, give or take 0.8 % at 512 bytes; a block with this share is ours, spoilt.
_RESEMBLES = 5 / 8


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in n wrong blocks: `kinds` are indices into `_KINDS`, `marks` a byte offset or a shift in bytes.

    `found` tells where `told`; `others` the second origin of a torn block.
    """

    kinds: I64
    told: Mask
    found: Origins
    others: Origins
    marks: I64
    moved: Mask

    def breaks(self) -> Mask:
        """Return for each block but the first whether it is wrong in another way than the one before it."""
        torn = self.kinds == _KINDS.index(Wrong.TORN)
        return np.asarray(
            (np.diff(self.kinds) != 0)
            | (np.diff(self.marks) != 0)
            | (self.moved[1:] != self.moved[:-1])
            | _where_told(self.told, self.found)
            | _where_told(torn, self.others)
        )


def diagnose(
    stamper: Stamper,
    data: U8,
    first_lba: int,
    expected: Expected,
    previous: Expected | None = None,
    names: Mapping[int, str] | None = None,
    place: str = "",
) -> Findings:
    """Check blocks that were read from consecutive LBAs from `first_lba` on.

    `data` has shape (n, block_size), `expected` and `previous` (what was there before the copy) length n. `names` maps
    volume numbers to names, `place` names the volume that was read. A block of which nothing is expected is not counted
    as checked. Right blocks cost one comparison in bulk; only wrong ones are decoded. Raises ValueError where lengths
    differ.
    """
    if len(expected) != len(data) or (previous is not None and len(previous) != len(data)):
        raise ValueError(f"expectations must be told for each of the {len(data)} blocks")
    right = expected.right(stamper, data)
    total = Findings(checked=int(expected.known.sum()), right=int((right & expected.known).sum()))
    for at in _batches(np.flatnonzero(~right), _BATCH // stamper.block_size):
        blocks, wanted = data[at], expected.take(at)
        unchanged = _unchanged(stamper, blocks, previous and previous.take(at))
        look = _look(stamper, blocks, wanted, unchanged)
        total += _told(look, wanted, at + first_lba, names or {}, place)
    return total


def _batches(indices: I64, size: int) -> Iterator[I64]:
    return (indices[at : at + size] for at in range(0, len(indices), size))


def _unchanged(stamper: Stamper, data: U8, previous: Expected | None) -> Mask:
    return previous.known & previous.right(stamper, data) if previous else np.zeros(len(data), np.bool_)


def _look(stamper: Stamper, data: U8, expected: Expected, unchanged: Mask) -> _Look:
    decoded = stamper.read(data)
    told = decoded.intact > 0
    found = decoded.origins
    marks = _first_differences(stamper, data, found, told & ~decoded.valid)
    clean_tear = decoded.torn & (decoded.intact == stamper.units)
    marks = np.where(clean_tear, decoded.second * UNIT, marks)
    lost = np.flatnonzero(~told & ~decoded.zero)
    moved = np.zeros(len(data), np.bool_)
    if lost.size:
        elsewhere = look_for_moved(stamper, data[lost])
        moved[lost] = elsewhere.found
        found = _replaced(found, lost[elsewhere.found], elsewhere.origins.take(elsewhere.found))
        marks[lost] = elsewhere.shift
        like = lost[~elsewhere.found & _resembles(stamper, data[lost], expected.take(lost))]
        found = _replaced(found, like, expected.origins.take(like))
        told[like] = True
        marks[like] = _first_differences(stamper, data[like], expected.origins.take(like), np.ones(like.size, np.bool_))
    told |= moved
    kinds = _kinds(decoded, expected, unchanged, told)
    return _Look(kinds, told, found, decoded.others, marks, moved)


def _kinds(decoded: Decoded, expected: Expected, unchanged: Mask, told: Mask) -> I64:
    older, newer = _other_generation(decoded.origins, expected)
    order: list[tuple[Wrong, Mask]] = [
        (Wrong.NOT_COPIED, unchanged),
        (Wrong.ZERO, decoded.zero),
        (Wrong.TORN, decoded.torn),
        (Wrong.STALE, decoded.valid & older),
        (Wrong.NEWER, decoded.valid & newer),
        (Wrong.MISPLACED, decoded.valid),
        (Wrong.DAMAGED, told),
    ]
    codes = [_KINDS.index(kind) for kind, _ in order]
    return np.select([mask for _, mask in order], codes, _KINDS.index(Wrong.FOREIGN)).astype(np.int64)


def _other_generation(found: Origins, expected: Expected) -> tuple[Mask, Mask]:
    """Return where an allowed place is held at an older, and at a newer generation than is allowed."""
    older = newer = np.zeros(len(found), np.bool_)
    for allowed in (expected, *expected.alternatives):
        here = allowed.known & ~allowed.zero & found.same_place(allowed.origins)
        older = older | here & (found.generations < allowed.origins.generations)
        newer = newer | here & (found.generations > allowed.origins.generations)
    return older, newer & ~older


def _first_differences(stamper: Stamper, data: U8, origins: Origins, which: Mask) -> I64:
    """Return the first byte at which each chosen block is not the one of its origin; 0 for the others."""
    marks = np.zeros(len(data), np.int64)
    chosen = origins.take(which)
    made = stamper.make_at(chosen.volumes, chosen.lbas, chosen.generations)
    marks[which] = (data[which] != made).argmax(axis=1)
    return marks


def _resembles(stamper: Stamper, data: U8, expected: Expected) -> Mask:
    wanted = stamper.make_at(expected.origins.volumes, expected.origins.lbas, expected.origins.generations)
    alike = 1 - np.unpackbits(data ^ wanted, axis=1).mean(axis=1)
    return np.asarray((alike >= _RESEMBLES) & ~expected.zero)


def _replaced(origins: Origins, at: I64, values: Origins) -> Origins:
    columns = origins.volumes.copy(), origins.lbas.copy(), origins.generations.copy()
    for column, new in zip(columns, (values.volumes, values.lbas, values.generations), strict=True):
        column[at] = new
    return Origins(*columns)


def _where_told(told: Mask, origins: Origins) -> Mask:
    return np.asarray((told[1:] != told[:-1]) | (told[1:] & origins.breaks()))


def _told(look: _Look, expected: Expected, lbas: I64, names: Mapping[int, str], place: str) -> Findings:
    """Turn what was seen into findings, one for each run of blocks that are wrong in the same way."""
    stamped, choices = ~expected.zero, _choices(expected)
    breaks = (np.diff(lbas) != 1) | look.breaks() | (np.diff(choices) != 0) | _where_told(stamped, expected.origins)

    def tell(at: int, count: int) -> Finding:
        return Finding(
            lba=int(lbas[at]),
            count=count,
            kind=_KINDS[look.kinds[at]],
            expected=expected.origins.at(at) if stamped[at] else None,
            found=look.found.at(at) if look.told[at] else None,
            detail=_detail(look, expected, at, count, names),
            names=names,
            place=place,
        )

    return told_by_run(look.kinds, _KINDS, breaks, tell)


def _choices(expected: Expected) -> NDArray[np.int64]:
    """Return how many alternatives each block has."""
    return sum((one.known.astype(np.int64) for one in expected.alternatives), np.zeros(len(expected), np.int64))


def _detail(look: _Look, expected: Expected, at: int, count: int, names: Mapping[int, str]) -> str:
    kind, mark = _KINDS[look.kinds[at]], int(look.marks[at])
    parts = []
    if kind is Wrong.NOT_COPIED and not look.told[at]:
        parts.append("still zeros")
    elif kind is Wrong.TORN:
        parts.append(f"torn from byte {mark}, also holds {look.others.at(at).told(names, count)}")
    elif kind is Wrong.DAMAGED and look.moved[at]:
        parts.append(f"{UNIT} bytes or more moved by {mark:+d} bytes")
    elif kind is Wrong.DAMAGED:
        parts.append(f"first wrong byte {mark}")
    if expected.zero[at]:
        parts.append("expected zeros")
    if choices := int(_choices(expected.take(slice(at, at + 1)))[0]):
        parts.append(f"nor any of {choices} other allowed origins")
    return ", ".join(parts)
