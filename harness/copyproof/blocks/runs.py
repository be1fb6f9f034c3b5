"""Runs: neighbours that are alike, told as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from copyproof.blocks.arrays import I64, Mask
from copyproof.blocks.findings import Finding, Findings, Wrong, shortlist


def run_starts(breaks: Mask) -> I64:
    """Return where runs start, given for each item but the first whether it breaks with the one before it.

    >>> run_starts(np.array([False, True, False])).tolist()
    [0, 2]
    """
    return np.concatenate(([0], np.flatnonzero(breaks) + 1)).astype(np.int64)


def told_by_run(codes: I64, kinds: Sequence[Wrong], breaks: Mask, tell: Callable[[int, int], Finding]) -> Findings:
    """Return the findings of one or more wrong blocks: `tell(first, count)` makes the one of a run.

    `codes` are indices into `kinds`, shape (n,); `breaks`, shape (n − 1,), is as for `run_starts`.
    """
    starts = run_starts(breaks)
    counts = np.diff(np.append(starts, len(codes)))
    kept = shortlist(codes[starts].tolist())
    findings = tuple(tell(int(starts[run]), int(counts[run])) for run in kept)
    tally = np.bincount(codes, minlength=len(kinds)).tolist()
    wrong = {kind: number for kind, number in zip(kinds, tally, strict=True) if number}
    return Findings(wrong=wrong, findings=findings, unlisted=len(starts) - len(kept))
