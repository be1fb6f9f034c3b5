"""What a run was made of, counted: kinds of operations, and of the copies those that succeeded, overlapped, ended at
the last LBA; of pairs the orders, how they were answered, and in which states anything met them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import Copy, Flaw, Operation
from copyproof.fuzz.pair_ground import PairGround
from copyproof.fuzz.pair_operations import on_pairs
from copyproof.scsi.command import Status
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer

#: From so many steps on a run must have the promised shares.
ENOUGH = 200

PAIRED = "on pairs"
ORDER, ORDERS, MET, BARRED = "order", "orders ", "in ", "host commands refused"
ACCEPTED = f"{ORDERS}{Answer.DONE.value}"
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


#: Percent of the steps beside those on pairs that are such copies at least.
PROMISED: Mapping[str, int] = {COPIED: 30, OVERLAPPING: 10, AT_END: 10}
#: Percent of all steps that are on pairs at least, where the target has any, and of the orders that are accepted.
PROMISED_ON_PAIRS, PROMISED_ACCEPTED = 25, 50
#: From so many steps on pairs on each state must be met in which they can be held.
ENOUGH_FOR_STATES = 2000


def shares(mix: Mapping[str, int], steps: int) -> str:
    """Say which shares of all steps were copies of which kind, and what was done on pairs.

    >>> shares({"copied": 5, "overlapping": 2, "at the last LBA": 1}, 10)
    'copied 50 %, overlapping 20 %, at the last LBA 10 %'
    >>> print(shares({"copied": 5, "on pairs": 10, "order": 4, "orders accepted": 3, "orders refused": 1}, 20))
    copied 50 %, overlapping 0 %, at the last LBA 0 %; on pairs 50 % of all: orders accepted 3, refused 1
    """
    own = max(1, steps - mix.get(PAIRED, 0))
    told = ", ".join(f"{name} {100 * mix.get(name, 0) // own} %" for name in PROMISED)
    return f"{told}; {_on_pairs(mix, steps)}" if mix.get(PAIRED) else told


def _on_pairs(mix: Mapping[str, int], steps: int) -> str:
    orders = [f"{name.removeprefix(ORDERS)} {many}" for name, many in mix.items() if name.startswith(ORDERS)]
    states = [f"{name.removeprefix(MET)} {many}" for name, many in mix.items() if name.startswith(MET)]
    told = f"{PAIRED} {100 * mix[PAIRED] // max(1, steps)} % of all"
    told += f": orders {', '.join(orders)}" if orders else ""
    told += f"; {BARRED} {mix[BARRED]}" if mix.get(BARRED) else ""
    return told + (f"; met {', '.join(states)}" if states else "")


def shortfall(mix: Mapping[str, int], steps: int, pairs: PairGround | None = None) -> str:
    """Say why a run in which nothing differed proves nothing, or less than is promised; empty when all is well.

    >>> shortfall({"write": 3}, 3)
    'none of 3 operations was a copy that succeeded, so nothing was proved'
    >>> shortfall({"copied": 60, "overlapping": 20, "at the last LBA": 19}, 200)
    'of 200 operations 19 were copies at the last LBA, fewer than 10 %'
    """
    if not steps:
        return "no operation was played, so nothing was proved"
    own = steps - mix.get(PAIRED, 0)
    if own and not mix.get(COPIED) and (pairs is None or own >= ENOUGH):
        return f"none of {own} operations was a copy that succeeded, so nothing was proved"
    short = [_copies_short(mix, own), _pairs_short(mix, steps, pairs) if pairs else ""]
    return "; ".join(filter(None, short))


def _copies_short(mix: Mapping[str, int], steps: int) -> str:
    rare = [name for name, percent in PROMISED.items() if 100 * mix.get(name, 0) < percent * steps]
    if not rare or steps < ENOUGH:
        return ""
    told = (f"{mix.get(name, 0)} were copies {name}, fewer than {PROMISED[name]} %" for name in rare)
    return f"of {steps} operations {'; '.join(told).replace(f'copies {COPIED}', 'copies that succeeded')}"


def _pairs_short(mix: Mapping[str, int], steps: int, pairs: PairGround) -> str:
    many, orders, accepted = (mix.get(name, 0) for name in (PAIRED, ORDER, ACCEPTED))
    if steps < ENOUGH:
        return ""
    if 100 * many < PROMISED_ON_PAIRS * steps:
        return f"of {steps} operations {many} were on pairs, fewer than {PROMISED_ON_PAIRS} %"
    if 100 * accepted < PROMISED_ACCEPTED * orders or not accepted:
        return f"of {orders} orders {accepted} were accepted, fewer than {PROMISED_ACCEPTED} %"
    unmet = sorted(state.value for state in pairs.declared.states if not mix.get(f"{MET}{state.value}"))
    return f"no pair was met in {' or '.join(unmet)}" if unmet and pairs.held and many >= ENOUGH_FOR_STATES else ""
