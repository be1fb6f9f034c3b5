"""What a run was made of, counted: kinds of operations, and of the copies those that succeeded, overlapped, ended at
the last LBA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import Copy, Flaw, Operation
from copyproof.scsi.command import Status
from copyproof.scsi.outcome import Outcome

COPIED, OVERLAPPING, AT_END, SEVERAL = "copied", "overlapping", "at the last LBA", "several segments"


def kinds(operation: Operation, seen: Outcome, ground: Ground) -> Counter[str]:
    """Return what one operation counts as. Only copies that succeed count as overlapping or at the last LBA."""
    counted = Counter([type(operation).__name__.lower()])
    if isinstance(operation, Copy) and seen.status is Status.GOOD and operation.flaw is Flaw.NONE:
        counted[COPIED] = 1
        counted[OVERLAPPING] = int(operation.overlapping)
        counted[AT_END] = int(operation.at_end(ground))
        counted[SEVERAL] = int(len(operation.segments) > 1)
        longest = max(part.blocks for part in operation.segments)
        counted[f"below {1 << longest.bit_length()} blocks"] = 1
    return +counted


def shares(mix: Mapping[str, int], steps: int) -> str:
    """Say which shares of all steps were copies of which kind.

    >>> shares({"copied": 5, "overlapping": 2, "at the last LBA": 1}, 10)
    'copied 50 %, overlapping 20 %, at the last LBA 10 %'
    """
    named = (COPIED, OVERLAPPING, AT_END)
    return ", ".join(f"{name} {100 * mix.get(name, 0) // max(1, steps)} %" for name in named)
