"""Which versions of what a run used, for its record."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version

import copyproof
from copyproof import process
from copyproof.errors import CopyproofError

PACKAGES = ("pytest", "numpy", "pyudev", "rtslib-fb", "tabulate")


def versions() -> dict[str, str]:
    """Return name → version of the program, its libraries and sg3_utils; what is not there is left out."""
    found = {"copyproof": copyproof.__version__, "python": platform.python_version(), "sg3_utils": _sg3_utils()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {name: text for name, text in found.items() if text}


def _sg3_utils() -> str:
    """The version that sg_raw prints, which is its own; empty where there is none."""
    try:
        done = process.run(["sg_raw", "--version"], timeout=10)
    except CopyproofError:
        return ""
    hit = re.search(r"version:?\s*(\S+)", done.text + done.error_text)
    return hit[1] if hit else ""
