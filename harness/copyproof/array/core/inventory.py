"""What the array tells of itself: its cache, its RAID group, its volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from copyproof.array.settings import Exchange, RaidLevel


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A volume as the device server shows it: `blocks` of `block_size` bytes, T10 protection type 0 to 3."""

    number: int
    blocks: int
    block_size: int
    protection: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """`cache_bytes` is the size of the cache and `cache_allocated` what it takes up so far, both bytes of payload.

    `slots` are the slots allocated, by the name of their state; `missing` the members that failed; `to_rebuild` the
    stripe units that replaced members still lack.
    """

    cache_bytes: int
    cache_allocated: int
    slot_bytes: int
    slots: Mapping[str, int]
    exchange: Exchange
    raid: RaidLevel
    members: int
    missing: tuple[int, ...]
    to_rebuild: int
    volumes: tuple[VolumeInfo, ...]
