"""paircreate, pairsplit and pairresync: one order for each pair of a group, or one for a whole consistency group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code, refusal
from copyproof.cci.horcm import Member
from copyproof.cci.states import SHOWN, Sight, one_role
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
    """Create a pair of each member; raises CciError for the first that is refused, and nothing is ordered after it."""
    command = PairCommand.CREATE_SPLIT if how.split else PairCommand.CREATE
    group = _free_group(array, target.members[0]) if how.group == 0 else how.group or 0
    orders = []
    for member in target.members:
        ends = (member.local, member.remote) if how.local else (member.remote, member.local)
        primary, secondary = map(Designator.of_naa, ends)
        quick = how.split is SplitKind.QUICK
        orders.append((member, PairList(primary, secondary, quick, group=group, pace=how.pace)))
    _send(array, command, orders)


def order(array: Array, target: Target, command: PairCommand, kind: SplitKind = SplitKind.STEADY) -> None:
    """Order something of the pairs that there are; of a whole consistency group by one order, and so of all or none.

    Raises CciError for the first order that is refused, and nothing is ordered after it.
    """
    pairs = [(member, array.meant(member)) for member in target.members]
    # One of them does not stand for a group: -d is of that pair, whichever group it is in.
    roles = [Sight(member.local, pair) for member, pair in pairs]
    if {VolumeRole.PRIMARY, VolumeRole.SECONDARY} <= {each.role for each in roles}:
        one_role(roles)
    quick = kind is SplitKind.QUICK
    if target.whole and _one_group(pairs):
        pairs = pairs[:1]
        _send(array, command, [(member, _named(member, pair, quick, whole=True)) for member, pair in pairs])
    else:
        _send(array, command, [(member, _named(member, pair, quick, whole=False)) for member, pair in pairs])


def _one_group(pairs: Sequence[tuple[Member, PairEntry | None]]) -> bool:
    groups = {pair.group if pair else 0 for _, pair in pairs}
    return len(groups) == 1 and groups != {0}


def _named(member: Member, pair: PairEntry | None, quick: bool, *, whole: bool) -> PairList:
    """An order for a member; where the array knows no such pair, let it say so of these volumes."""
    if pair is None:
        return PairList(Designator.of_naa(member.local), Designator.of_naa(member.remote), quick)
    return PairList(pair.primary, pair.secondary, quick, whole_group=whole)


def _send(array: Array, command: PairCommand, orders: Sequence[tuple[Member, PairList]]) -> None:
    done: list[str] = []
    for member, order in orders:
        said = array.order(command, order)
        if said != "GOOD":
            raise _refused(array, member, said, done)
        done.append(member.name)


def _refused(array: Array, member: Member, said: str, done: Sequence[str]) -> CciError:
    pair = array.meant(member)
    state = f"P-VOL {SHOWN[pair.state]}" if pair else "SMPL"
    code = refusal(said, paired=pair is not None)
    before = f"; ordered before it: {', '.join(done)}" if done else ""
    # Some were taken and this one was not: what the group has no longer in common counts for more than why.
    mixed = done and code is not Code.EX_CMDIOE
    return CciError(
        Code.EX_ENQVOL if mixed else code, f"{member.name} is {state}, and the array answers {said}{before}"
    )


def _free_group(array: Array, member: Member) -> int:
    taken = {pair.group for pair in array.everything(member.local)}
    free = next((number for number in _GROUPS if number not in taken), None)
    if free is None:
        raise CciError(Code.EX_ENOCTG, f"all {len(_GROUPS)} consistency groups of the array are in use")
    return free
