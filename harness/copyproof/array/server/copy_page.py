"""What the copy manager says it can do: VPD page 8Fh and RECEIVE COPY OPERATING PARAMETERS (SPC-4 7.8.17, 6.22).

>>> from copyproof.scsi.answers import parse_operating_parameters
>>> parse_operating_parameters(operating_parameters(CopyLimits(), 512)).descriptors
(2, 13, 228)
"""

from __future__ import annotations

from collections.abc import Iterable

from copyproof.array.server.copy_lists import CSCD_TYPES, SEGMENT_TYPES
from copyproof.array.server.tokens import TAKEN_TYPES
from copyproof.array.settings import CopyLimits
from copyproof.scsi.copylist import NULL_LU, SELF
from copyproof.scsi.layout import Field, Layout
from copyproof.scsi.token import RodType

ROD_PRODUCER = 0xF800
"""The CSCD descriptor ID that has to be listed where tokens are taken (SPC-4 7.8.17.7)."""

_TYPES = bytes(sorted((*SEGMENT_TYPES, *CSCD_TYPES)))

_OPERATING = Layout(
    "operating parameters",
    44,
    Field("available", 0, 4),
    Field("snlid", 4, mask=0x01),
    Field("cscds", 8, 2),
    Field("segments", 10, 2),
    Field("list_bytes", 12, 4),
    Field("segment_bytes", 16, 4),
    Field("inline_bytes", 20, 4),
    Field("held_bytes", 24, 4),
    Field("total", 34, 2),
    Field("concurrent", 36),
    Field("granularity", 37),
    Field("held_granularity", 39),
    Field("types", 43),
)

_ROD_LIMITS = Layout(
    "block device ROD limits",
    32,
    Field("ranges", 6, 2),
    Field("maximum_timeout", 8, 4),
    Field("default_timeout", 12, 4),
    Field("token_blocks", 16, 8),
    Field("optimal_blocks", 24, 8),
)

_PARAMETER_DATA = Layout(
    "parameter data",
    28,
    Field("cscds", 4, 2),
    Field("segments", 6, 2),
    Field("list_bytes", 8, 4),
    Field("inline_bytes", 12, 4),
)

_TOKEN_FEATURES = Layout(
    "ROD token features",
    44,
    Field("maximum_lifetime", 16, 4),
    Field("maximum_timeout", 20, 4),
    Field("length", 42, 2),
)

_BLOCK_ROD = Layout("block ROD features", 48, Field("length", 2, 2), Field("token_bytes", 8, 8))

_ROD_TYPE = Layout(
    "ROD type",
    64,
    Field("type", 0, 4),
    Field("token_in", 4, mask=0x02),
    Field("token_out", 4, mask=0x01),
)

_GENERAL = Layout(
    "general copy operations",
    32,
    Field("total", 0, 4),
    Field("concurrent", 4, 4),
    Field("segment_bytes", 8, 4),
    Field("granularity", 12),
)

_HELD = Layout("held data", 28, Field("held_bytes", 0, 4), Field("held_granularity", 4))


def _values(limits: CopyLimits, block_size: int) -> dict[str, int]:
    """Every number that is told, by the names of the layouts; granularities are powers of two."""
    granularity = block_size.bit_length() - 1
    return {
        "snlid": 1,
        "cscds": limits.cscds,
        "segments": limits.segments,
        "list_bytes": limits.list_bytes,
        "segment_bytes": limits.segment_bytes,
        "inline_bytes": limits.inline_bytes,
        "held_bytes": limits.held_bytes,
        "total": limits.concurrent,
        "concurrent": limits.concurrent,
        "granularity": granularity,
        "held_granularity": granularity,
        "types": len(_TYPES),
        "ranges": limits.ranges,
        "default_timeout": limits.default_timeout,
        "maximum_timeout": limits.maximum_timeout,
        "maximum_lifetime": limits.maximum_timeout,
        "token_bytes": limits.token_bytes,
        "token_blocks": limits.token_bytes // block_size,
        "optimal_blocks": limits.token_bytes // block_size,
    }


def _fill(layout: Layout, values: dict[str, int]) -> bytes:
    return layout.encode({name: values[name] for name in layout.fields if name in values})


def operating_parameters(limits: CopyLimits, block_size: int) -> bytes:
    """Return the parameter data of 84h/03h for units of `block_size` bytes a block."""
    available = _OPERATING.size - 4 + len(_TYPES)
    return _fill(_OPERATING, _values(limits, block_size) | {"available": available}) + _TYPES


def third_party_copy_page(limits: CopyLimits, block_size: int, commands: Iterable[tuple[int, int]]) -> bytes:
    """Return the descriptors of VPD page 8Fh, without the page's header, in ascending order (SPC-4 7.8.17.1).

    `commands` are the operation codes and service actions of the third-party copy commands there are.

    >>> third_party_copy_page(CopyLimits(), 512, [(0x83, 0), (0x84, 3)])[:4].hex()
    '00000020'
    """
    values = _values(limits, block_size)
    identifiers = b"".join(identifier.to_bytes(2, "big") for identifier in (NULL_LU, ROD_PRODUCER, SELF))
    return b"".join(
        (
            _descriptor(0x0000, _fill(_ROD_LIMITS, values)),
            _descriptor(0x0001, _counted(_commands(commands), 1)),
            _descriptor(0x0004, _fill(_PARAMETER_DATA, values)),
            _descriptor(0x0008, _counted(_TYPES, 1)),
            _descriptor(0x000C, _counted(identifiers, 2)),
            _descriptor(0x0106, _token_features(values)),
            _descriptor(0x0108, bytes(2) + _counted(_rod_types(), 2)),
            _descriptor(0x8001, _fill(_GENERAL, values)),
            _descriptor(0xC001, _fill(_HELD, values)),
        )
    )


def _descriptor(kind: int, body: bytes) -> bytes:
    """A third-party copy descriptor: type, length, and a body padded to a multiple of four."""
    padded = body + bytes(-len(body) % 4)
    return kind.to_bytes(2, "big") + len(padded).to_bytes(2, "big") + padded


def _counted(items: bytes, width: int) -> bytes:
    return len(items).to_bytes(width, "big") + items


def _commands(commands: Iterable[tuple[int, int]]) -> bytes:
    """One command support descriptor for each operation code (SPC-4 7.8.17.4.2)."""
    actions: dict[int, list[int]] = {}
    for opcode, action in sorted(commands):
        actions.setdefault(opcode, []).append(action)
    return b"".join(bytes([opcode]) + _counted(bytes(listed), 1) for opcode, listed in actions.items())


def _token_features(values: dict[str, int]) -> bytes:
    features = _fill(_BLOCK_ROD, values | {"length": _BLOCK_ROD.size - 4})
    return _fill(_TOKEN_FEATURES, values | {"length": len(features)}) + features


def _rod_types() -> bytes:
    """Tokens are points in time; `any` becomes one of the others, and the zero token is never given (SPC-4
    7.8.17.9.1)."""
    listed = [(kind, 1, 1) for kind in TAKEN_TYPES]
    listed += [(RodType.POINT_IN_TIME_ANY, 0, 1), (RodType.BLOCK_DEVICE_ZERO, 1, 0)]
    return b"".join(
        _ROD_TYPE.encode({"type": kind, "token_in": taken, "token_out": given}) for kind, taken, given in listed
    )
