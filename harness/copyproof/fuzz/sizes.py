"""Sizes as sequences have them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


def log_uniform(most: int) -> SearchStrategy[int]:
    """Draw 1 to `most`, each power of two as often as the others: over a wide range Hypothesis itself prefers small
    numbers."""
    octaves = st.integers(0, most.bit_length() - 1)
    return octaves.flatmap(lambda octave: st.integers(1 << octave, min((2 << octave) - 1, most)))
