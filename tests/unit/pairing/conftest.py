"""A vendor with a program in a folder of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.pairing.vendor import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """The vendor of one test."""
    return Lab(tmp_path)
