"""What is behind the unit of an S-VOL: the volume that there is now, or nothing.

The unit itself stays mapped, with its designator and its nodes, as an array's does. Behind it is a device that leads to
the volume, as long as that is no half of a mirror or has not gone; then every read and write of it fails. So nobody
holds a volume that is about to be paired or merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from copyproof.errors import DeviceError
from copyproof.targets.drivers.mirror import mapper
from copyproof.targets.drivers.mirror.mapper import Mapper

Choices: TypeAlias = tuple[tuple[str, bool], ...]
"""What a unit may lead to: device mapper's name, and whether a host may write to it; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One unit's device: its name, its bytes, and where it may lead to."""

    device: str
    size: int
    choices: Choices


class MappedPresence:
    """Lets the units of S-VOLs lead to what is there.

    `protect` has a unit, by name, refuse writes or allow them; `leads_to` tells what a device leads to now. Nothing of
    that is kept: an order may have been given by another process.
    """

    def __init__(
        self,
        units: Mapping[str, Behind],
        devices: Mapper,
        protect: Callable[[str, bool], None],
        exists: Callable[[str], bool] = mapper.exists,
        leads_to: Callable[[str], str] = mapper.leads_to,
    ) -> None:
        self._units, self._mapper, self._protect = units, devices, protect
        self._exists, self._leads_to = exists, leads_to

    def appear(self, name: str) -> None:
        """Lead a unit to the volume that there is; raises DeviceError where there is none."""
        unit = self._units[name]
        there = self._there(unit)
        if there is None:
            raise DeviceError(f"{name}: there is no volume of {', '.join(choice for choice, _ in unit.choices)}")
        found, writable = there
        if self._leads_to(unit.device) != found:
            # First protected, then there: never the other way round.
            self._protect(name, not writable)
            self._mapper.load(unit.device, mapper.linear(str(mapper.NODES / found), unit.size))

    def _there(self, unit: Behind) -> tuple[str, bool] | None:
        return next((choice for choice in unit.choices if self._exists(choice[0])), None)

    def vanish(self, name: str) -> None:
        """Let a unit lead to nothing, and refuse writes as a unit does that must not be written."""
        unit = self._units[name]
        if self._leads_to(unit.device):
            self._protect(name, True)
            self._mapper.load(unit.device, mapper.nothing(unit.size))
