"""Where the plugin keeps its things on pytest's own objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from copyproof.plugin.active import Active
    from copyproof.plugin.rig import Rig

ACTIVE: pytest.StashKey[Active] = pytest.StashKey()
RIG: pytest.StashKey[Rig] = pytest.StashKey()
#: A test's place in the order of the collection, which is the same in every worker.
NUMBER: pytest.StashKey[int] = pytest.StashKey()
