"""Spoil one thing in a parameter list: a field, its length, its number of descriptors.

A spoiler edits bytes and knows nothing of what they order, so the CDB's length follows from its result. It finds its
place by the lengths that the list declares, so falsify those last.

>>> from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd, Designator
>>> unit = Cscd(Designator.of_naa("6001405aabbccddeeff0011223344556"))
>>> good = CopyList((unit,), (BlockSegment(8, 0, 64),)).encode()
>>> wrong = spoil("segment[0].source_index", 7)
>>> wrong.name, wrong.offset(good), wrong(good)[52:54].hex()
('segment[0].source_index = 7', 52, '0007')
>>> len(cut(15)(good))
15
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice

from copyproof.scsi.copylist import CSCD, CSCD_LENGTH, HEADER, HEADER_LENGTH, SEGMENT
from copyproof.scsi.layout import Field, Layout

_PATH = re.compile(r"(header|cscd|segment)(?:\[(\d+)\])?\.(\w+)")


@dataclass(frozen=True, slots=True)
class Spoiler:
    """An edit with a name for reports, and the byte where it happens, as a field pointer would give it.

    Both raise ValueError when the list lacks the place.
    """

    name: str
    edit: Callable[[bytes], bytes]
    place: Callable[[bytes], int]

    def __call__(self, raw: bytes) -> bytes:
        """Return the spoilt list."""
        return self.edit(raw)

    def offset(self, raw: bytes) -> int:
        """Return the offset, in the list as it was, of the first byte that the edit concerns."""
        return self.place(raw)

    def __str__(self) -> str:
        return self.name


def spoil(path: str, value: int) -> Spoiler:
    """Set one field, such as `header.list_id_usage`, `cscd[0].type` or `segment[1].blocks`, named as in the layouts.

    Raises ValueError or KeyError for a path that no list has, ValueError for a value that does not fit.
    """
    part, index, field = _parse(path)
    if not 0 <= value <= field.limit:
        raise ValueError(f"{path} holds 0 to {field.limit:#x}, not {value:#x}")

    def edit(raw: bytes) -> bytes:
        edited = bytearray(raw)
        field.put(edited, value, _base(raw, part, index))
        return bytes(edited)

    return Spoiler(f"{path} = {_shown(value)}", edit, lambda raw: _base(raw, part, index) + field.offset)


def cut(length: int) -> Spoiler:
    """Keep the first `length` bytes.

    >>> cut(40).name
    'cut to 40 bytes'
    """
    return Spoiler(f"cut to {length} bytes", lambda raw: raw[:length], lambda raw: min(length, len(raw)))


def inline(data: bytes) -> Spoiler:
    """Add inline data and count it in the header.

    >>> inline(bytes(8))(bytes(16))[12:].hex()
    '000000080000000000000000'
    """

    def edit(raw: bytes) -> bytes:
        edited = bytearray(raw)
        HEADER["inline_length"].put(edited, HEADER["inline_length"].get(raw) + len(data))
        return bytes(edited) + data

    return Spoiler(f"{len(data)} bytes of inline data", edit, len)


def repeat_cscds(count: int) -> Spoiler:
    """Make it `count` CSCD descriptors, by repeating in turn those there are.

    >>> repeat_cscds(3).name
    '3 CSCD descriptors'
    """

    def edit(raw: bytes) -> bytes:
        start, end, last = _bounds(raw)
        parts = [raw[at : at + CSCD_LENGTH] for at in range(start, end, CSCD_LENGTH)]
        return _rebuilt(raw, b"".join(islice(cycle(parts), count)), raw[end:last], raw[last:])

    return Spoiler(f"{count} CSCD descriptors", edit, lambda _: HEADER["cscd_length"].offset)


def repeat_segments(count: int) -> Spoiler:
    """Make it `count` segment descriptors, by repeating in turn those there are.

    >>> repeat_segments(2).name
    '2 segment descriptors'
    """

    def edit(raw: bytes) -> bytes:
        start, end, last = _bounds(raw)
        parts = [raw[at:stop] for at, stop in _segments(raw)]
        return _rebuilt(raw, raw[start:end], b"".join(islice(cycle(parts), count)), raw[last:])

    return Spoiler(f"{count} segment descriptors", edit, lambda _: HEADER["segment_length"].offset)


def together(*spoilers: Spoiler) -> Spoiler:
    """Apply several spoilers in order; the place is that of the first.

    >>> together(spoil("header.priority", 1), cut(15)).name
    'header.priority = 1, cut to 15 bytes'
    """

    def edit(raw: bytes) -> bytes:
        for spoiler in spoilers:
            raw = spoiler(raw)
        return raw

    return Spoiler(", ".join(spoiler.name for spoiler in spoilers), edit, spoilers[0].place)


def _parse(path: str) -> tuple[str, int, Field]:
    found = _PATH.fullmatch(path)
    if not found or (found[1] == "header") != (found[2] is None):
        raise ValueError(f"{path!r} is no path: header.FIELD, cscd[N].FIELD or segment[N].FIELD")
    layouts: dict[str, Layout] = {"header": HEADER, "cscd": CSCD, "segment": SEGMENT}
    return found[1], int(found[2] or 0), layouts[found[1]][found[3]]


def _shown(value: int) -> str:
    """Small numbers as such, larger ones as hex, designators without their padding."""
    return str(value) if value < 10 else f"{value:X}h"


def _bounds(raw: bytes) -> tuple[int, int, int]:
    """Where the CSCD list, the segment list and the inline data begin: as declared, but none past the end."""
    segments = min(HEADER_LENGTH + HEADER["cscd_length"].get(raw), len(raw))
    return HEADER_LENGTH, segments, min(segments + HEADER["segment_length"].get(raw), len(raw))


def _segments(raw: bytes) -> list[tuple[int, int]]:
    """Begin and end of each segment descriptor, by the lengths that they declare."""
    _, start, last = _bounds(raw)
    found = []
    while start + 4 <= last:
        stop = min(start + 4 + SEGMENT["length"].get(raw, start), last)
        found.append((start, stop))
        start = stop
    return found


def _base(raw: bytes, part: str, index: int) -> int:
    if part == "header":
        return 0
    start, end, _ = _bounds(raw)
    places = list(range(start, end, CSCD_LENGTH)) if part == "cscd" else [at for at, _ in _segments(raw)]
    if index >= len(places):
        raise ValueError(f"this list has {len(places)} of {part}, so there is no {part}[{index}]")
    return places[index]


def _rebuilt(raw: bytes, cscds: bytes, segments: bytes, rest: bytes) -> bytes:
    header = bytearray(raw[:HEADER_LENGTH])
    HEADER["cscd_length"].put(header, len(cscds))
    HEADER["segment_length"].put(header, len(segments))
    return bytes(header) + cscds + segments + rest
