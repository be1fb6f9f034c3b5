"""What a run was made of, counted: kinds of operations, and of the copies those that succeeded, overlapped, ended at
the last LBA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import Copy, Flaw, Operation
from copyproof.fuzz.pair_operations import on_pairs
from copyproof.scsi.command import Status
from copyproof.scsi.outcome import Outcome

#: From so many steps on a run must have the promised shares.
ENOUGH = 200

PAIRED = "on pairs"
COPIED, OVERLAPPING, AT_END, SEVERAL = "copied", "overlapping", "at the last LBA", "several segments"


def kinds(operation: Operation, seen: Outcome, ground: Ground) -> Counter[str]:
    """Return what one operation counts as. Only copies that succeed count as overlapping or at the last LBA; what is on
    pairs counts by itself."""
    name = type(operation).__name__.lower()
    if on_pairs(operation, ground):
        return Counter([PAIRED, f"{PAIRED}: {name}"])
    counted = Counter([name])
    if isinstance(operation, Copy) and seen.status is Status.GOOD and operation.flaw is Flaw.NONE:
        counted[COPIED] = 1
        counted[OVERLAPPING] = int(operation.overlapping)
        counted[AT_END] = int(operation.at_end(ground))
        counted[SEVERAL] = int(len(operation.segments) > 1)
        longest = max(part.blocks for part in operation.segments)
        counted[f"below {1 << longest.bit_length()} blocks"] = 1
    return +counted


#: Percent of all steps that are such copies at least.
PROMISED: Mapping[str, int] = {COPIED: 30, OVERLAPPING: 10, AT_END: 10}


def shares(mix: Mapping[str, int], steps: int) -> str:
    """Say which shares of all steps were copies of which kind.

    >>> shares({"copied": 5, "overlapping": 2, "at the last LBA": 1}, 10)
    'copied 50 %, overlapping 20 %, at the last LBA 10 %'
    """
    return ", ".join(f"{name} {100 * mix.get(name, 0) // max(1, steps)} %" for name in PROMISED)


def shortfall(mix: Mapping[str, int], steps: int) -> str:
    """Say why a run in which nothing differed proves nothing, or less than is promised; empty when all is well.

    >>> shortfall({"write": 3}, 3)
    'none of 3 operations was a copy that succeeded, so nothing was proved'
    >>> shortfall({"copied": 60, "overlapping": 20, "at the last LBA": 19}, 200)
    'of 200 operations 19 were copies at the last LBA, fewer than 10 %'
    """
    if not steps:
        return "no operation was played, so nothing was proved"
    if not mix.get(COPIED):
        return f"none of {steps} operations was a copy that succeeded, so nothing was proved"
    rare = [name for name, percent in PROMISED.items() if 100 * mix.get(name, 0) < percent * steps]
    if not rare or steps < ENOUGH:
        return ""
    told = (f"{mix.get(name, 0)} were copies {name}, fewer than {PROMISED[name]} %" for name in rare)
    return f"of {steps} operations {'; '.join(told).replace(f'copies {COPIED}', 'copies that succeeded')}"
