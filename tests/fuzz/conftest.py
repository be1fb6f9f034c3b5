"""The stand of the plugin's tests serves here too."""

from __future__ import annotations

from copyproof.fuzz import search  # noqa: F401  # loaded once for all runs in this process
from tests.plugin.conftest import stand

__all__ = ["stand"]
