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
    """Return name → version of the program, its libraries, sg3_utils and this host's kernel; what is not there is left
    out."""
    found = {
        "copyproof": copyproof.__version__,
        "python": platform.python_version(),
        "sg3_utils": _sg3_utils(),
        "host kernel": platform.release(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {name: text for name, text in found.items() if text}


def _sg3_utils() -> str:
    """The release of the package where dpkg knows it, else sg_raw's own version; empty where there is neither."""
    asked = (["dpkg-query", "--show", "--showformat=${Version}", "sg3-utils"], ["sg_raw", "--version"])
    for argv in asked:
        try:
            done = process.run(argv, timeout=10)
        except CopyproofError:
            continue
        if done.code == 0 and (hit := re.search(r"\d+\.\d\S*", done.text + done.error_text)):
            return hit[0]
    return ""
