"""What the trace of a controller says of the claims that no host can see (CTL-01, 02, 13 to 17, 19, 23 to 25).

Each function takes events of one or more copies and returns what breaches the claim, or an empty text. Events without
a copy breach every claim about copies: what was not seen is not shown. Sources: US 6,643,667, US 7,451,164.

>>> ctl_01([])
'no copy was ordered'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from copyproof.array.chains import NEVER, Chain, Moment, chains
from copyproof.array.core.layout import Place
from copyproof.array.settings import CACHE_BYTES
from copyproof.array.trace import BUFFER, Actor, Event, Step, Tag
from copyproof.blocks.label import ESCAPE

Locate = Callable[[int, int], Place]
"""Tells the physical address of a block of a volume."""

Witness = Callable[[Sequence[Event]], str]
"""Returns the breach that events show, or an empty text."""


def ctl_01(events: Sequence[Event]) -> str:
    """First volume → slot A → slot B → second volume; A is not B; the mover is the DRR, and no host has a part."""
    return _first_breach(events, _through_two_slots)


def ctl_02(events: Sequence[Event]) -> str:
    """A → buffer of the ACU → exchange there → B: B never holds the first volume's address, A and payload are as
    they were."""
    return _first_breach(events, _through_two_slots, _exchanged_in_buffer, _never_old_in_b, _payload_kept)


def ctl_13(events: Sequence[Event]) -> str:
    """One slot: first volume → cache → second volume, the label exchanged in between by the control unit."""
    return _first_breach(events, _no_host, _in_one_slot, _exchanged_in_time, _payload_kept)


def ctl_16(cache_bytes: int, allocated: int, configured: int = CACHE_BYTES) -> str:
    """The inventory tells the size of the buffer, 10 gigabytes unless configured otherwise; it is allocated as used."""
    if cache_bytes != configured:
        return f"the inventory tells a cache of {cache_bytes} bytes, not of {configured}"
    return "" if allocated <= configured else f"{allocated} bytes are allocated of a cache of {configured}"


def ctl_17(events: Iterable[Event], parity_errors: Iterable[int]) -> str:
    """The storage devices form a RAID: parity is right in every stripe, and what was rebuilt the DRR rebuilt."""
    wrong = next(iter(parity_errors), None)
    if wrong is not None:
        return f"stripe {wrong}: the parity is not that of its blocks"
    by_others = (event for event in events if event.step is Step.REBUILD and event.actor is not Actor.DRR)
    return next((f"member {event.member} was rebuilt by the {event.actor.value}" for event in by_others), "")


def ctl_19(events: Sequence[Event]) -> str:
    """The DRR moves A to B and thereupon the volume number is changed in B; nothing is destaged before."""
    return _first_breach(events, _through_two_slots, _exchanged_after_move, _exchanged_in_time, _payload_kept)


def ctl_23(events: Sequence[Event]) -> str:
    """The volume identifier changes between staging and destage, by the control unit alone."""
    return _first_breach(events, _no_host, _exchanged_in_time)


def ctl_24(events: Sequence[Event]) -> str:
    """Cache → buffer → cache: the address is the old one before the buffer, changed within, and the new one after."""
    return _first_breach(events, _no_host, _exchanged_in_buffer)


def ctl_25(events: Sequence[Event], locate: Locate) -> str:
    """The physical address on the first storage becomes that on the second: both are where the map has the block."""

    def at_home(chain: Chain) -> str:
        for step, home in ((Step.STAGE, (chain.source, chain.source_lba)), (Step.DESTAGE, (chain.volume, chain.lba))):
            seen = chain.first(step)
            if seen is None or seen.place != locate(*home):
                where = "not at all" if seen is None or seen.place is None else "at {}, block {}".format(*seen.place)
                return (
                    f"{step.value}d {where}, and belongs at member {locate(*home).member}, block {locate(*home).offset}"
                )
        return ""

    return _first_breach(events, at_home, _exchanged_in_time)


WITNESSES: dict[str, Witness] = {
    "CTL-01": ctl_01,
    "CTL-02": ctl_02,
    "CTL-12": ctl_01,
    "CTL-13": ctl_13,
    "CTL-14": ctl_01,
    "CTL-15": ctl_02,
    "CTL-19": ctl_19,
    "CTL-20": ctl_01,
    "CTL-21": ctl_13,
    "CTL-23": ctl_23,
    "CTL-24": ctl_24,
}
"""The claims that events alone are enough for; 14 and 15 are 01 and 02 as a system, 12 is 01 as a method, 20 and 21 are
12 and 13 as a program."""


def _first_breach(events: Sequence[Event], *checks: Callable[[Chain], str]) -> str:
    """Return the first thing that is wrong with a copied block, with the name of the block."""
    found = chains(events)
    if not found:
        return "no copy was ordered"
    for chain in found:
        for check in (_complete, *checks):
            said = check(chain)
            if said:
                return f"volume {chain.volume}, LBA {chain.lba}: {said}"
    return ""


def _complete(chain: Chain) -> str:
    missing = [step.value for step in (Step.STAGE, Step.DESTAGE) if chain.first(step) is None]
    return f"no {' and no '.join(missing)} seen" if missing else ""


def _no_host(chain: Chain) -> str:
    return next((f"the host has a part in it ({m.step.value})" for m in chain.moments if m.actor is Actor.HOST), "")


def _slots(chain: Chain) -> tuple[int | None, int | None]:
    """Return A, where the block was staged, and B, where it was destaged from."""
    stage, destage = chain.all(Step.STAGE), chain.first(Step.DESTAGE)
    return (stage[-1].slot if stage else None), (destage.slot if destage else None)


def _through_two_slots(chain: Chain) -> str:
    a, b = _slots(chain)
    moves = chain.all(Step.MOVE)
    if _no_host(chain):
        return _no_host(chain)
    if not moves or moves[0].came_from != a or moves[-1].slot != b:
        return f"no move from slot {a} to slot {b} seen"
    if a == b:
        return f"slot A and slot B are the same, {a}"
    others = [move.actor.value for move in moves if move.actor is not Actor.DRR]
    return f"moved by the {others[0]}" if others else ""


def _in_one_slot(chain: Chain) -> str:
    a, b = _slots(chain)
    return "" if a == b and not chain.all(Step.MOVE) else f"it went from slot {a} to slot {b}"


def _exchange(chain: Chain) -> Moment | str:
    """Return the exchange of the label, or what is wrong with it."""
    exchanges = chain.all(Step.EXCHANGE)
    if len(exchanges) != 1:
        times = f"exchanged {len(exchanges)} times" if exchanges else "not exchanged"
        return f"its label was {times} before it was destaged"
    found = exchanges[0]
    if found.actor is not Actor.ACU:
        return f"its label was exchanged by the {found.actor.value}"
    if (found.before, found.after) != (_old(chain), _new(chain)):
        return f"its label was {_shown(found.before)} and became {_shown(found.after)}, not {_shown(_new(chain))}"
    return found


def _exchanged_in_time(chain: Chain) -> str:
    found = _exchange(chain)
    if isinstance(found, str):
        return found
    destage = chain.first(Step.DESTAGE)
    if destage is not None and destage.after != _new(chain):
        return f"destaged with the label {_shown(destage.after)}, not {_shown(_new(chain))}"
    return ""


def _exchanged_in_buffer(chain: Chain) -> str:
    found = _exchange(chain)
    if isinstance(found, str):
        return found
    if found.slot != BUFFER:
        return f"its label was exchanged in slot {found.slot}, not in the unit's buffer"
    into = [m for m in chain.all(Step.MOVE) if m.slot == BUFFER]
    out = [m for m in chain.all(Step.MOVE) if m.came_from == BUFFER]
    if not into or into[0].after != _old(chain):
        return "it was not moved to the unit's buffer with the first volume's label"
    return "" if out and out[0].after == _new(chain) else "it did not leave the unit's buffer with its new label"


def _exchanged_after_move(chain: Chain) -> str:
    found, (_a, b) = _exchange(chain), _slots(chain)
    if isinstance(found, str):
        return found
    if found.slot != b:
        return f"its label was exchanged in {'the buffer' if found.slot == BUFFER else f'slot {found.slot}'}, not in B"
    move = chain.first(Step.MOVE)
    return "" if move and move.after == _old(chain) else "it did not come to B with the first volume's label"


def _never_old_in_b(chain: Chain) -> str:
    _a, b = _slots(chain)
    stale = [m for m in chain.moments if m.slot == b and m.after != _new(chain)]
    return f"slot B held it with the label {_shown(stale[0].after)}" if stale else ""


def _payload_kept(chain: Chain) -> str:
    first = chain.moments[0].payload
    changed = [m.step.value for m in chain.moments if m.payload != first]
    return f"its payload changed before {changed[0]}, and it was destaged all the same" if changed else ""


def _old(chain: Chain) -> Tag:
    off = _switched_off(chain)
    return Tag(chain.source, chain.source_lba & 0xFFFFFFFF) if off is None else off


def _new(chain: Chain) -> Tag:
    """Return the label that belongs to the new place; where checks are switched off, the tags that say so are kept."""
    off = _switched_off(chain)
    if off == NEVER:
        return NEVER
    return Tag(chain.volume if off is None else ESCAPE, chain.lba & 0xFFFFFFFF)


def _switched_off(chain: Chain) -> Tag | None:
    """Return the label that a block was staged with, if it switches its checks off."""
    stage = chain.first(Step.STAGE)
    return stage.after if stage and stage.after and stage.after.application == ESCAPE else None


def _shown(tag: Tag | None) -> str:
    return "none" if tag is None else f"({tag.application}, {tag.reference})"
