"""Hypothesis without a deadline: shared machines are slow now and then, and slowness is no property of a block."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("copyproof", deadline=None)
settings.load_profile("copyproof")
