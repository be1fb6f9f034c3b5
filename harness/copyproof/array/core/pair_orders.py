"""How a pair command is judged and carried out: all that it is about, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from copyproof.array.core.errors import ArrayFault
from copyproof.array.core.pair_book import PairBook
from copyproof.array.core.pair_copying import resign, settle, suspend, unsign
from copyproof.array.core.pair_grains import Grains
from copyproof.array.core.pair_record import Pair
from copyproof.array.core.pair_rules import GROUPS, PACES, PairRefused, Refusal, answer
from copyproof.array.defects import Defect
from copyproof.scsi.pair import Answer, PairCommand, PairState, SplitKind, VolumeRole

_SPLITS = (PairCommand.SPLIT, PairCommand.CREATE_SPLIT)
_DURING_RESTORE = (PairCommand.SUSPEND, PairCommand.DELETE)
_RESTORABLE = (PairState.PSUS, PairState.PSUE)


@dataclass(frozen=True, slots=True)
class PairOrder:
    """A pair command for the pair of two volumes, given by their numbers.

    `group` (0 for none, to 255) and `pace` (0 for the rules' own, to 15) are for a create, `kind` for a split.
    `whole_group` orders it of all pairs of the consistency group that the pair is in: of all of them or of none.
    """

    command: PairCommand
    primary: int
    secondary: int
    kind: SplitKind = SplitKind.STEADY
    group: int = 0
    pace: int = 0
    whole_group: bool = False


def obey(book: PairBook, order: PairOrder) -> Answer:
    """Carry out a pair command, or take it without action; raises PairRefused, and then nothing has changed."""
    pairs = _meant(book, order)
    answers = [_answer(book, pair, order.command) for pair in pairs]
    if Answer.REFUSED in answers or (order.command is PairCommand.RESTORE and _share_primary(pairs)):
        raise PairRefused(Refusal.STATE)
    chosen = [pair for pair, given in zip(pairs, answers, strict=True) if given is Answer.DONE]
    if not chosen:
        return Answer.IGNORED
    _carry_out(book, chosen, order)
    return Answer.DONE


def _share_primary(pairs: Sequence[Pair]) -> bool:
    return len({pair.primary for pair in pairs}) < len(pairs)


def _meant(book: PairBook, order: PairOrder) -> list[Pair]:
    """The pairs that an order is about; a pair that a create would make is in SMPL, and in no book yet."""
    pair = book.find(order.primary, order.secondary)
    if pair is None:
        refusal = _unfit(book, order)
        if refusal is not None:
            raise PairRefused(refusal)
        return [_made(book, order)]
    if not order.whole_group:
        return [pair]
    if not pair.group:
        raise PairRefused(Refusal.GROUP)
    return [each for each in book.pairs if each.group == pair.group]


def _unfit(book: PairBook, order: PairOrder) -> Refusal | None:
    """Why two volumes that are no pair cannot be one, whatever is ordered."""
    for number, missing in ((order.primary, Refusal.NO_PRIMARY), (order.secondary, Refusal.NO_SECONDARY)):
        try:
            book.engine.volume(number)
        except ArrayFault:
            return missing
    refusals = {
        Refusal.SELF: order.primary == order.secondary,
        Refusal.PRIMARY_ROLE: book.role(order.primary) is VolumeRole.SECONDARY,
        Refusal.SECONDARY_ROLE: book.role(order.secondary) is not VolumeRole.SIMPLEX,
        Refusal.SIZE: _shape(book, order.primary) != _shape(book, order.secondary),
        Refusal.FULL: len(book.of(order.primary)) >= book.rules.secondaries,
        Refusal.GROUP: not 0 <= order.group <= GROUPS or order.whole_group,
        Refusal.PACE: not 0 <= order.pace <= PACES,
    }
    return next((refusal for refusal, holds in refusals.items() if holds), None)


def _shape(book: PairBook, number: int) -> tuple[int, int, int]:
    volume = book.engine.volume(number)
    return volume.blocks, volume.block_size, volume.protection


def _made(book: PairBook, order: PairOrder) -> Pair:
    blocks, block_size, _ = _shape(book, order.primary)
    grain = book.rules.grain // block_size
    taken = {pair.mirror for pair in book.of(order.primary)}
    return Pair(
        primary=order.primary,
        secondary=order.secondary,
        mirror=next(number for number in range(len(taken) + 1) if number not in taken),
        group=order.group,
        pace=order.pace or book.rules.pace,
        pending=Grains(blocks, grain),
        primary_changes=Grains(blocks, grain),
        secondary_changes=Grains(blocks, grain),
    )


def _answer(book: PairBook, pair: Pair, command: PairCommand) -> Answer:
    """How a pair answers, its siblings considered: while one is restored, the others allow no more than suspend and
    delete; and one is restored only where the others are split or suspended."""
    siblings = book.siblings(pair)
    if command not in _DURING_RESTORE and any(other.state is PairState.RCPY for other in siblings):
        return Answer.REFUSED
    if command is PairCommand.RESTORE and any(other.state not in _RESTORABLE for other in siblings):
        return Answer.REFUSED
    return answer(pair.state, command, book.rules)


def _carry_out(book: PairBook, pairs: Sequence[Pair], order: PairOrder) -> None:
    for pair in pairs:
        if pair.state is PairState.SMPL:
            book.pairs.append(pair)
            pair.state = PairState.COPY
            pair.pending.fill()
    if order.command in _SPLITS:
        _split(book, pairs, order.kind)
    elif order.command in _ACTIONS:
        for pair in pairs:
            _ACTIONS[order.command](book, pair)


def _split(book: PairBook, pairs: Sequence[Pair], kind: SplitKind) -> None:
    """Give all of them one point in time: each is frozen before a block of any is moved."""
    book.generation += 1
    first = pairs[:1] if Defect.GROUP_SPLIT_TORN in book.defects else pairs
    book.torn += [(pair, kind) for pair in pairs if pair not in first]
    for pair in first:
        freeze(book, pair, kind)
    for pair in first:
        use(book, pair)


def freeze(book: PairBook, pair: Pair, kind: SplitKind) -> None:
    """Let the S-VOL stand for what the P-VOL holds now."""
    pair.state = PairState.PSUS_SP if kind is SplitKind.QUICK else PairState.COPY_SP
    pair.generation = book.generation
    pair.primary_changes.empty()
    pair.secondary_changes.empty()


def use(book: PairBook, pair: Pair) -> None:
    """Make a frozen pair's S-VOL a volume of its own."""
    if book.rules.resignature:
        resign(book.engine, pair)
    settle(pair)


def drop(book: PairBook, pair: Pair) -> None:
    """Take a pair out of the book when its delete has had its time."""
    if pair.ticks_left > 0:
        return
    book.pairs.remove(pair)
    if Defect.DELETED_COPIES_ON in book.defects:
        pair.state = PairState.COPY
        book.deleted.append(pair)


def _suspend(_: PairBook, pair: Pair) -> None:
    suspend(pair, "ordered")


def _delete(book: PairBook, pair: Pair) -> None:
    pair.state = PairState.SMPL_PD
    pair.ticks_left = book.rules.deleting_ticks
    drop(book, pair)


def _resync(book: PairBook, pair: Pair) -> None:
    if pair.state is PairState.PSUE:
        pair.pending.fill()
    pair.pending.join(pair.primary_changes)
    if Defect.RESYNC_PRIMARY_ONLY not in book.defects:
        pair.pending.join(pair.secondary_changes)
    pair.identity = None
    _start(pair, PairState.COPY_RS)


def _restore(book: PairBook, pair: Pair) -> None:
    unsign(book.engine, pair)
    if pair.state is PairState.PSUS:
        pair.pending.join(pair.primary_changes, pair.secondary_changes)
        _start(pair, PairState.RCPY)


def _start(pair: Pair, state: PairState) -> None:
    pair.state, pair.moved, pair.cause = state, 0, ""
    pair.primary_changes.empty()
    pair.secondary_changes.empty()
    settle(pair)


_ACTIONS: dict[PairCommand, Callable[[PairBook, Pair], None]] = {
    PairCommand.SUSPEND: _suspend,
    PairCommand.DELETE: _delete,
    PairCommand.RESYNC: _resync,
    PairCommand.RESTORE: _restore,
}
