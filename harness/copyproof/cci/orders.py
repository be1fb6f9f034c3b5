"""paircreate, pairsplit and pairresync: one order for each pair of a group, or one for a whole consistency group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code, refusal
from copyproof.cci.horcm import Member
from copyproof.cci.states import SHOWN, Sight, one_role
from copyproof.errors import CopyproofError
from copyproof.scsi.designator import Designator
from copyproof.scsi.pair import PairCommand, SplitKind, VolumeRole
from copyproof.scsi.pair_wire import PairEntry, PairList

_GROUPS = range(1, 256)
"""The numbers that a consistency group may have (docs/pair-commands.md)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: the members of a group, all of it where `whole`."""

    members: Sequence[Member]
    whole: bool


@dataclass(frozen=True, slots=True)
class Creation:
    """How pairs are created: `local` says that the P-VOLs are on this side. `group` is the consistency group, 1 to 255,
    0 for any that is free, None for none; `pace` is 1 (slow) to 15, 0 for the array's own; `split` is how they are
    split at once, None for not at all."""

    local: bool
    split: SplitKind | None = None
    group: int | None = None
    pace: int = 0


def create(array: Array, target: Target, how: Creation) -> None:
    """Create a pair of each member; raises CciError as `order`."""
    command = PairCommand.CREATE_SPLIT if how.split else PairCommand.CREATE
    _alike([(member, array.meant(member)) for member in target.members])
    group = _free_group(array, target.members[0]) if how.group == 0 else how.group or 0
    orders = []
    for member in target.members:
        ends = (member.local, member.remote) if how.local else (member.remote, member.local)
        primary, secondary = map(Designator.of_naa, ends)
        quick = how.split is SplitKind.QUICK
        orders.append((member, PairList(primary, secondary, quick, group=group, pace=how.pace)))
    array.unused(command, [each for _, each in orders])
    _send(array, command, orders)


def order(array: Array, target: Target, command: PairCommand, kind: SplitKind = SplitKind.STEADY) -> None:
    """Order something of the pairs that there are; of a whole consistency group by one order, and so of all or none.

    Raises CciError where the volumes of the group are not all alike, and nothing is ordered then; and for the first
    order that is refused, after which nothing more is.
    """
    pairs = [(member, array.meant(member)) for member in target.members]
    roles = [Sight(member.local, pair) for member, pair in pairs]
    if {VolumeRole.PRIMARY, VolumeRole.SECONDARY} <= {each.role for each in roles}:
        one_role(roles)
    together = target.whole and _one_group(pairs)
    if together:
        _no_strangers(array, pairs)
    elif command is not PairCommand.DELETE:
        _alike(pairs)
    quick = kind is SplitKind.QUICK
    array.unused(command, [_named(member, pair, quick, whole=together) for member, pair in pairs])
    chosen = pairs[:1] if together else pairs
    _send(array, command, [(member, _named(member, pair, quick, whole=together)) for member, pair in chosen])


def _alike(pairs: Sequence[tuple[Member, PairEntry | None]]) -> None:
    """Raise CciError where no one order could be meant for all: those being copied count as paired."""
    words = {member.name: SHOWN[pair.state] if pair else "SMPL" for member, pair in pairs}
    if len({"PAIR" if word == "COPY" else word for word in words.values()}) > 1:
        told = ", ".join(f"{name} is {word}" for name, word in words.items())
        raise CciError(Code.EX_ENQVOL, f"the pairs of the group are not alike, so nothing was ordered: {told}")


def _one_group(pairs: Sequence[tuple[Member, PairEntry | None]]) -> bool:
    groups = {pair.group if pair else 0 for _, pair in pairs}
    return len(groups) == 1 and groups != {0}


def _no_strangers(array: Array, pairs: Sequence[tuple[Member, PairEntry | None]]) -> None:
    """Raise CciError where an order for a consistency group would be one for pairs that the group file does not
    name: the array takes it for every pair with that number."""
    named = [{member.local, member.remote} for member, _ in pairs]
    number = next(pair.group for _, pair in pairs if pair)
    for pair in array.everything(pairs[0][0].local):
        ends = (pair.primary.naa, pair.secondary.naa)
        if pair.group == number and set(ends) not in named:
            why = f"consistency group {number} has also the pair of naa.{ends[0]} and naa.{ends[1]}"
            way = "name it in the group file, or order each pair by -d"
            raise CciError(Code.EX_ENQVOL, f"{why}, which the group does not; nothing was ordered: {way}")


def _named(member: Member, pair: PairEntry | None, quick: bool, *, whole: bool) -> PairList:
    """An order for a member; where the array knows no such pair, let it say so of these volumes."""
    if pair is None:
        return PairList(Designator.of_naa(member.local), Designator.of_naa(member.remote), quick)
    return PairList(pair.primary, pair.secondary, quick, whole_group=whole)


def _send(array: Array, command: PairCommand, orders: Sequence[tuple[Member, PairList]]) -> None:
    done: list[str] = []
    for member, order in orders:
        said = _answer(array, command, member, order, done)
        if said != "GOOD":
            raise _refused(array, member, said, done)
        done.append(member.name)


def _answer(array: Array, command: PairCommand, member: Member, order: PairList, done: Sequence[str]) -> str:
    try:
        return array.order(command, order)
    except CopyproofError as problem:
        if not done:
            raise
        told = f"{member.name}: {problem}; ordered before it: {', '.join(done)}"
        raise CciError(Code.EX_CMDIOE, told) from None


def _refused(array: Array, member: Member, said: str, done: Sequence[str]) -> CciError:
    pair = array.meant(member)
    state = f"P-VOL {SHOWN[pair.state]}" if pair else "SMPL"
    why = f"{member.name} is {state}, and the array answers {said}"
    if done:
        # A refusal means that nothing was changed, and here something was.
        return CciError(Code.EX_CMDIOE, f"{why}; ordered before it: {', '.join(done)}")
    return CciError(refusal(said, paired=pair is not None), why)


def _free_group(array: Array, member: Member) -> int:
    taken = {pair.group for pair in array.everything(member.local)}
    free = next((number for number in _GROUPS if number not in taken), None)
    if free is None:
        raise CciError(Code.EX_ENOCTG, f"all {len(_GROUPS)} consistency groups of the array are in use")
    return free
