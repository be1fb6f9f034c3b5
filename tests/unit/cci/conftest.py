"""An array and the commands for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cci.cci_desk import Desk, opened


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An array whose time stands still, and the commands."""
    with opened(tmp_path) as desk:
        yield desk
