"""The parameter lists of POPULATE TOKEN and WRITE USING TOKEN, read as a copy manager reads them (SBC-4 5.12, 5.59).

>>> from copyproof.scsi.token import Range, populate_token
>>> read_populate(populate_token([Range(8, 2)]).data_out, CopyLimits()).ranges
(Range(lba=8, blocks=2),)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from copyproof.array.core.inventory import VolumeInfo
from copyproof.array.server.sense_data import invalid_parameter, list_length_error, out_of_range
from copyproof.array.settings import CopyLimits
from copyproof.scsi.layout import Layout
from copyproof.scsi.token import POPULATE, RANGE, TOKEN_SIZE, WRITE_USING, Range, RodType

TOO_MANY_RANGES = 0x08

_TYPES = {
    RodType.POINT_IN_TIME_DEFAULT: RodType.POINT_IN_TIME_DEFAULT,
    RodType.POINT_IN_TIME_PERSISTENT: RodType.POINT_IN_TIME_PERSISTENT,
    RodType.POINT_IN_TIME_ANY: RodType.POINT_IN_TIME_PERSISTENT,
}
"""The ROD types that may be asked for, and what is made for each."""


@dataclass(frozen=True, slots=True)
class PopulateOrder:
    """`timeout` is in seconds, the default already put in."""

    ranges: tuple[Range, ...]
    rod_type: RodType
    timeout: int
    immediate: bool


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """`offset` is in blocks of the unit that is written; `token` has 512 bytes."""

    ranges: tuple[Range, ...]
    token: bytes
    offset: int
    delete: bool
    immediate: bool


def read_populate(raw: bytes, limits: CopyLimits) -> PopulateOrder:
    """Read a list; raises CheckCondition (ILLEGAL REQUEST) at the first thing that is wrong with it."""
    values = _head(raw, POPULATE)
    timeout = values["inactivity_timeout"]
    if timeout > limits.maximum_timeout:
        raise invalid_parameter(POPULATE["inactivity_timeout"].offset)
    asked = values["rod_type"] if values["type_valid"] else RodType.POINT_IN_TIME_DEFAULT
    if asked not in _TYPES:
        raise invalid_parameter(POPULATE["rod_type"].offset)
    return PopulateOrder(
        ranges=_ranges(raw, values, POPULATE, limits),
        rod_type=_TYPES[RodType(asked)],
        timeout=timeout or limits.default_timeout,
        immediate=bool(values["immediate"]),
    )


def read_write(raw: bytes, limits: CopyLimits) -> WriteOrder:
    """Read a list; raises CheckCondition (ILLEGAL REQUEST) at the first thing that is wrong with it."""
    values = _head(raw, WRITE_USING)
    if values["data_length"] != values["ranges_length"] + WRITE_USING.size - 2:
        raise invalid_parameter(WRITE_USING["ranges_length"].offset)
    return WriteOrder(
        ranges=_ranges(raw, values, WRITE_USING, limits),
        token=values["token"].to_bytes(TOKEN_SIZE, "big"),
        offset=values["offset"],
        delete=bool(values["delete_token"]),
        immediate=bool(values["immediate"]),
    )


def check_ranges(ranges: tuple[Range, ...], volume: VolumeInfo, layout: Layout, limits: CopyLimits) -> None:
    """Raise CheckCondition where the ranges of a list leave the volume, or have more bytes together than a token
    represents."""
    for item in ranges:
        if item.end > volume.blocks:
            raise out_of_range(item.lba)
    if sum(item.blocks for item in ranges) * volume.block_size > limits.token_bytes:
        raise invalid_parameter(layout["ranges_length"].offset)


def _head(raw: bytes, layout: Layout) -> Mapping[str, int]:
    """The fields before the ranges; the lengths must have room for one range."""
    if len(raw) < layout.size:
        raise list_length_error()
    values = layout.decode(raw)
    if values["data_length"] < layout.size - 2 + RANGE.size:
        raise invalid_parameter(layout["data_length"].offset)
    if values["ranges_length"] < RANGE.size:
        raise invalid_parameter(layout["ranges_length"].offset)
    return values


def _ranges(raw: bytes, values: Mapping[str, int], layout: Layout, limits: CopyLimits) -> tuple[Range, ...]:
    """The ranges that are whole; an incomplete last one is passed over, by both lengths (SBC-4 5.12.2)."""
    end = min(len(raw), layout.size + values["ranges_length"])
    whole = (end - layout.size) // RANGE.size
    if whole > limits.ranges:
        raise invalid_parameter(layout["ranges_length"].offset, ascq=TOO_MANY_RANGES)
    places = [layout.size + index * RANGE.size for index in range(whole)]
    ranges = tuple(Range(**RANGE.decode(raw, at)) for at in places)
    _refuse_twice(ranges, places)
    return ranges


def _refuse_twice(ranges: tuple[Range, ...], places: list[int]) -> None:
    """No LBA may be in two ranges."""
    last = Range(0, 0)
    for item, at in sorted(zip(ranges, places, strict=True), key=lambda pair: pair[0].lba):
        if item.blocks and item.lba < last.end:
            raise invalid_parameter(at)
        last = item if item.blocks else last
