"""What the control unit asks of the pairs of its volumes before and after it touches blocks."""

from __future__ import annotations

from typing import Protocol


class PairHooks(Protocol):
    """Called for each host access and each ordered copy; ranges are in blocks, and lie on the volume."""

    def before_read(self, volume: int, lba: int, count: int) -> None:
        """Raise AccessFault where a host may not read, and see to it that what it reads is right."""

    def before_write(self, volume: int, lba: int, count: int) -> None:
        """Raise AccessFault where a host may not write, and save what the write would overwrite."""

    def after_write(self, volume: int, lba: int, count: int) -> None:
        """Take note that the blocks have changed."""

    def tick(self) -> None:
        """Do one tick of background work."""


class NoPairs:
    """An array without pairs."""

    def before_read(self, volume: int, lba: int, count: int) -> None:
        """Allow it."""

    def before_write(self, volume: int, lba: int, count: int) -> None:
        """Allow it."""

    def after_write(self, volume: int, lba: int, count: int) -> None:
        """Nothing follows."""

    def tick(self) -> None:
        """Nothing to do."""
