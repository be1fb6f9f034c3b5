"""What a volume is known by on the wire: its serial number and its NAA designator.

>>> from copyproof.array.settings import ArraySettings, VolumeSettings
>>> array = ArraySettings(volumes=(VolumeSettings(1, 8), VolumeSettings(2, 8, serial="S2")), seed=0xABC)
>>> serial(array, 1), serial(array, 2), designator(array, 1).naa
('00000ABC0001', 'S2', '30000abc00000001')
"""

from __future__ import annotations

from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.scsi.designator import Designator


def serial(settings: ArraySettings, volume: int) -> str:
    """The unit serial number: the one that is set, else seed and volume number in hex."""
    return _settings(settings, volume).serial or f"{settings.seed & 0xFFFFFFFF:08X}{volume:04X}"


def designator(settings: ArraySettings, volume: int) -> Designator:
    """The NAA designator: the one that is set, else a locally assigned one (NAA 3h) of seed and volume number."""
    return Designator.of_naa(
        _settings(settings, volume).naa or f"3{settings.seed & 0xFFFFFFF:07x}{volume:08x}",
    )


def named(settings: ArraySettings, data: bytes) -> int | None:
    """Return the number of the volume whose NAA designator has these bytes; None where none has."""
    numbers = (volume.number for volume in settings.volumes)
    return next((number for number in numbers if designator(settings, number).data == data), None)


def _settings(settings: ArraySettings, volume: int) -> VolumeSettings:
    return next(item for item in settings.volumes if item.number == volume)
