"""An array of two small volumes behind a small cache, under trace."""

from __future__ import annotations

import numpy as np

from copyproof.array.core.blocks import Blocks
from copyproof.array.core.unit import ControlUnit
from copyproof.array.settings import ArraySettings, Exchange, RaidLevel, VolumeSettings
from copyproof.array.trace import Step, Trace

BLOCKS = 160
SLOT = 16


def array(
    slots: int = 8,
    protection: int = 1,
    raid: RaidLevel = RaidLevel.RAID5,
    exchange: Exchange = Exchange.IN_BUFFER,
) -> ControlUnit:
    settings = ArraySettings(
        (VolumeSettings(1, BLOCKS), VolumeSettings(2, BLOCKS)), slot_bytes=SLOT * 512, unit_bytes=SLOT * 128,
        cache_bytes=slots * SLOT * 512, protection=protection, raid=raid, exchange=exchange, pace=1,
    )  # fmt: skip
    return ControlUnit(settings, Trace())


def write(unit: ControlUnit, volume: int, lba: int, count: int, number: int = 1) -> Blocks:
    blocks = unit.labelled(volume, lba, np.full((count, 512), number, np.uint8))
    unit.write(volume, lba, blocks)
    return blocks


def steps(unit: ControlUnit, step: Step) -> list[tuple[int, int]]:
    """The runs (LBA, count) of the events of a step."""
    assert unit.trace is not None
    return [(event.lba, event.count) for event in unit.trace.events if event.step is step]
