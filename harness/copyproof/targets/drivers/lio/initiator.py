"""open-iscsi, the machine's own initiator."""

from __future__ import annotations

from copyproof import process
from copyproof.targets.drivers.lio.backstores import Backstore
from copyproof.targets.lease import Mark


def clear(mark: Mark, run: process.Runner) -> None:
    """TODO."""


def publish(mark: Mark, stores: list[Backstore], run: process.Runner) -> None:
    """TODO."""
