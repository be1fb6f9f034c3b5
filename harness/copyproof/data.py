"""Where the data folders are: in the wheel under `_data`, in a checkout beside `harness/`.

>>> folder("targets").is_dir()
True
"""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """Return the folder `targets`, `fixtures` or `reports`; raises FileNotFoundError when the installation lacks it."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "_data" / name, here.parent.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"this installation of copyproof lacks its data folder {name!r}")
