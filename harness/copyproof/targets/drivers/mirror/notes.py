"""What this machine's own LVM notes of groups that a run made: udev shows it every disk that comes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from copyproof.targets.lease import Mark

NOTES = Path("/run/lvm")
"""Where LVM notes which devices and groups are there."""


def forget(mark: Mark, notes: Path = NOTES) -> None:
    """Remove the notes of a mark's group: files by its name, and those of its devices, which name it."""
    for path in notes.glob("*/*"):
        # udev has LVM take its own notes away meanwhile.
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            if path.name == str(mark) or f"vg:{mark}" in path.read_text(errors="replace").split():
                path.unlink()
