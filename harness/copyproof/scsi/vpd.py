"""Vital product data pages: 00h, 80h, 83h, 8Fh and B0h (SPC-4 7.8, SBC-3 6.5).

Every parser raises MalformedAnswer for another page than asked for, and for lengths that do not add up.

>>> unit_serial(bytes.fromhex("00800004") + b"A1  ")
'A1'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from copyproof.errors import MalformedAnswer
from copyproof.scsi.designator import Designator, printable
from copyproof.scsi.layout import counted, need, number


class Page(IntEnum):
    """VPD page codes."""

    SUPPORTED = 0x00
    UNIT_SERIAL = 0x80
    DEVICE_IDENTIFICATION = 0x83
    THIRD_PARTY_COPY = 0x8F
    BLOCK_LIMITS = 0xB0


def page_body(raw: bytes, page: int) -> bytes:
    """Return the bytes after a page's header; where the page is longer than what came, ask again with `page_length`.

    >>> page_body(bytes.fromhex("0083000201020000"), 0x83).hex()
    '0102'
    """
    need(raw, 4, f"VPD page {page:02X}h")
    if raw[1] != page:
        raise MalformedAnswer(f"VPD page {page:02X}h was asked for, page {raw[1]:02X}h came")
    return counted(raw, 2, 2, f"VPD page {page:02X}h")


def page_length(raw: bytes) -> int:
    """Return how many bytes the whole page has, 4 to 65539.

    >>> page_length(bytes.fromhex("00830102"))
    262
    """
    need(raw, 4, "VPD page")
    return 4 + number(raw, 2, 2)


def supported_pages(raw: bytes) -> tuple[int, ...]:
    """Read page 00h: the codes of the pages there are.

    >>> supported_pages(bytes.fromhex("00000002 0083"))
    (0, 131)
    """
    return tuple(page_body(raw, Page.SUPPORTED))


def unit_serial(raw: bytes) -> str:
    """Read page 80h: the unit serial number, without padding."""
    return printable(page_body(raw, Page.UNIT_SERIAL))


def designators(raw: bytes) -> tuple[Designator, ...]:
    """Read page 83h: every designation descriptor, in the device's order.

    >>> designators(bytes.fromhex("0083000c 01030008 5001405aabbccdde"))[0].naa
    '5001405aabbccdde'
    """
    body = page_body(raw, Page.DEVICE_IDENTIFICATION)
    found, start = [], 0
    while start < len(body):
        need(body, start + 4, "designation descriptor")
        data = counted(body, start + 3, 1, "designation descriptor")
        head = body[start + 1]
        found.append(Designator(body[start] & 0x0F, head >> 4 & 0x03, head & 0x0F, data))
        start += 4 + len(data)
    return tuple(found)


def unit_naa(raw: bytes) -> str:
    """Read page 83h for the NAA of the logical unit, the longest where there are several; empty where there is none.

    >>> unit_naa(bytes.fromhex("00830000"))
    ''
    """
    return max((named.naa for named in designators(raw)), key=len, default="")


@dataclass(frozen=True, slots=True)
class CopySupport:
    """VPD page 8Fh, as far as it is read; a part is None where its third-party copy descriptor is absent.

    `commands` pairs operation codes with service actions; limits are counts, or bytes. `kinds` lists the descriptor
    types in order.
    """

    kinds: tuple[int, ...]
    commands: frozenset[tuple[int, int]] | None = None
    max_cscds: int | None = None
    max_segments: int | None = None
    max_list_length: int | None = None
    max_inline_length: int | None = None
    descriptors: tuple[int, ...] | None = None
    total_copies: int | None = None
    max_copies: int | None = None
    max_segment_length: int | None = None
    granularity: int | None = None
    inline_granularity: int | None = None
    held_data_limit: int | None = None


def third_party_copy(raw: bytes) -> CopySupport:
    """Read page 8Fh (SPC-4 7.8.17); descriptors of unknown type are named in `kinds` and passed over."""
    found: dict[str, object] = {}
    kinds = []
    for kind, body in _copy_descriptors(page_body(raw, Page.THIRD_PARTY_COPY)):
        kinds.append(kind)
        if kind in _READERS:
            length, reader = _READERS[kind]
            need(body, length, f"third-party copy descriptor {kind:04X}h")
            found |= reader(body)
    return CopySupport(kinds=tuple(kinds), **found)  # type: ignore[arg-type]  # the readers' keys are the fields


def _copy_descriptors(body: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(body):
        need(body, start + 4, "third-party copy descriptor")
        parameters = counted(body, start + 2, 2, "third-party copy descriptor")
        yield number(body, start, 2), parameters
        start += 4 + len(parameters)


def _commands(body: bytes) -> dict[str, object]:
    """Supported commands: a list of operation codes, each with a list of service actions."""
    listed = counted(body, 0, 1, "supported commands")
    found, start = set(), 0
    while start < len(listed):
        need(listed, start + 2, "command support descriptor")
        actions = counted(listed, start + 1, 1, "command support descriptor")
        found |= {(listed[start], action) for action in actions}
        start += 2 + len(actions)
    return {"commands": frozenset(found)}


def _parameters(body: bytes) -> dict[str, object]:
    return {
        "max_cscds": number(body, 4, 2),
        "max_segments": number(body, 6, 2),
        "max_list_length": number(body, 8, 4),
        "max_inline_length": number(body, 12, 4),
    }


def _types(body: bytes) -> dict[str, object]:
    return {"descriptors": tuple(counted(body, 0, 1, "supported descriptors"))}


def _general(body: bytes) -> dict[str, object]:
    return {
        "total_copies": number(body, 0, 4),
        "max_copies": number(body, 4, 4),
        "max_segment_length": number(body, 8, 4),
        "granularity": 1 << min(body[12], 63),
        "inline_granularity": 1 << min(body[13], 63),
    }


def _held(body: bytes) -> dict[str, object]:
    return {"held_data_limit": number(body, 0, 4)}


#: Third-party copy descriptor types, the bytes that each needs, and its reader (SPC-4 7.8.17.4 to 7.8.17.12).
_READERS = {
    0x0001: (1, _commands),
    0x0004: (16, _parameters),
    0x0008: (1, _types),
    0x8001: (14, _general),
    0xC001: (4, _held),
}


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """VPD page B0h, in blocks; 0 means not reported. Unmap granules begin at `unmap_alignment`."""

    granularity: int
    max_transfer: int
    optimal_transfer: int
    max_unmap: int
    max_write_same: int
    unmap_granularity: int = 0
    unmap_alignment: int = 0


def block_limits(raw: bytes) -> BlockLimits:
    """Read page B0h; the fields that a short, older page lacks are 0 (SBC-3 6.5.3)."""
    body = page_body(raw, Page.BLOCK_LIMITS)
    need(body, 12, "VPD page B0h")
    padded = body.ljust(60, b"\0")
    return BlockLimits(
        granularity=number(padded, 2, 2),
        max_transfer=number(padded, 4, 4),
        optimal_transfer=number(padded, 8, 4),
        max_unmap=number(padded, 16, 4),
        max_write_same=number(padded, 32, 8),
        unmap_granularity=number(padded, 24, 4),
        # Without UGAVALID the alignment is taken for 0, as hosts do.
        unmap_alignment=number(padded, 28, 4) & 0x7FFFFFFF if padded[28] & 0x80 else 0,
    )
