"""The model against a naive one and a simulated array, over random sequences; and proof that this finds mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from copyproof.blocks.origin import Origin
from copyproof.model import controller, extents, held, pairs
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.held import Held
from copyproof.model.pair_rules import PairRules
from copyproof.model.pairs import PairModel
from copyproof.model.rangemap import Piece, RangeMap
from copyproof.scsi.pair import Answer, PairCommand, PairState
from tests.model.sequences import Kind, Operation, copies
from tests.model.side_by_side import replay, sequence, shrunk

LENGTH = 44


def agree(seeds: Iterable[int]) -> str:
    """Run sequences until one differs, which fails with its shrunk operations; return the mix of what was done."""
    kinds, copied, overlapping = Counter[Kind](), 0, 0
    for seed in seeds:
        chunk, done, wrong = sequence(seed, LENGTH)
        if wrong:
            pytest.fail(story(seed, chunk, done))
        kinds.update(operation.kind.family for operation in done)
        segments, overlaps = copies(done)
        copied, overlapping = copied + segments, overlapping + overlaps
    total = kinds.total()
    mix = ", ".join(f"{kind.value} {many / total:.1%}" for kind, many in kinds.most_common())
    assert min(kinds[kind.family] for kind in Kind) >= 0.05 * total, mix
    assert overlapping >= 0.2 * copied
    return f"{total} operations: {mix}; {overlapping / copied:.1%} of {copied} copies overlap"


def story(seed: int, chunk: int, done: list[Operation]) -> str:
    few = shrunk(chunk, done)
    return "\n".join([f"seed {seed}, chunk {chunk}: {replay(chunk, few)}", *map(str, few)])


def test_the_model_agrees_block_by_block_in_some_sequences() -> None:
    print(agree(range(150)))


@pytest.mark.nightly
def test_the_model_agrees_block_by_block_in_ten_thousand_sequences() -> None:
    print(agree(range(1000, 11000)))


Plant = Callable[[pytest.MonkeyPatch], None]


def _copy_does_not_shift(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(controller, "moved", lambda was, _by: held.moved(was, 0))


def _copy_keeps_the_label(patch: pytest.MonkeyPatch) -> None:
    def moved(was: Held, blocks: int) -> Held:
        return tuple((*new[:3], old[3]) for old, new in zip(was, held.moved(was, blocks), strict=False))

    patch.setattr(controller, "moved", moved)


def _overlap_through_a_buffer_always(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReferenceModel, "_parts", lambda _self, transfer: [transfer])


def _doubt_forgets_the_old(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(extents, "older_or", lambda _older, newer: newer)


def _doubt_forgets_the_unknown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(extents, "older_or", lambda older, newer: (*(w for w in older if w not in newer), *newer))


def _prefix_one_short(patch: pytest.MonkeyPatch) -> None:
    real = ReferenceModel.prefix
    patch.setattr(ReferenceModel, "prefix", lambda self, transfer, done: real(self, transfer, done - 1))


def _perhaps_is_surely(patch: pytest.MonkeyPatch) -> None:
    def perhaps(self: ReferenceModel, *transfers: Transfer) -> None:
        for transfer in transfers:
            self.copy(transfer)

    patch.setattr(ReferenceModel, "perhaps", perhaps)


def _splice_swallows_what_follows(patch: pytest.MonkeyPatch) -> None:
    real = RangeMap.splice

    def splice(self: RangeMap[Held], parts: list[Piece[Held]]) -> None:
        if parts and parts[-1].end - parts[0].lba > 1 and parts[-1].end == self.blocks - 1:
            parts = [*parts[:-1], parts[-1]._replace(end=self.blocks)]
        real(self, parts)

    patch.setattr(RangeMap, "splice", splice)


def _read_narrows_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ReferenceModel, "saw", lambda _self, *_what: None)


def _read_narrows_what_is_copied_to(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PairModel, "_settled", lambda _self, _volume: True)


def _resync_of_the_primary_only(patch: pytest.MonkeyPatch) -> None:
    real = PairModel._differs
    patch.setattr(PairModel, "_differs", lambda self, p, volume: volume == p.primary and real(self, p, volume))


def _updates_do_not_reach_the_secondary(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PairModel, "_feed", lambda _self, *_what: None)


def _last_block_of_a_copy_left_out(patch: pytest.MonkeyPatch) -> None:
    real = PairModel._settle
    patch.setattr(PairModel, "_settle", lambda self, pair, lba, count: real(self, pair, lba, max(0, count - 1)))


def _touched_block_not_copied_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PairModel, "_touch", lambda _self, *_what: None)


def _split_at_its_end(patch: pytest.MonkeyPatch) -> None:
    """The point in time is that of the end of a split, not of its order."""
    fed = (*pairs._FED, PairState.COPY_SP)
    patch.setattr(pairs, "_FED", fed)


def _differences_by_block(patch: pytest.MonkeyPatch) -> None:
    real = PairModel.__init__
    patch.setattr(PairModel, "__init__", lambda self, model, rules: real(self, model, replace(rules, slot=1)))


def _restore_from_any_state(patch: pytest.MonkeyPatch) -> None:
    real = PairRules.answer

    def answer(self: PairRules, state: PairState, command: PairCommand) -> Answer:
        return Answer.DONE if command is PairCommand.RESTORE else real(self, state, command)

    patch.setattr(PairRules, "answer", answer)


def _restore_exchanges_every_label(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pairs, "in_doubt", lambda was: was)


PLANTS: list[Plant] = [
    _copy_does_not_shift,
    _copy_keeps_the_label,
    _overlap_through_a_buffer_always,
    _doubt_forgets_the_old,
    _doubt_forgets_the_unknown,
    _prefix_one_short,
    _perhaps_is_surely,
    _splice_swallows_what_follows,
    _read_narrows_nothing,
    _read_narrows_what_is_copied_to,
    _resync_of_the_primary_only,
    _updates_do_not_reach_the_secondary,
    _last_block_of_a_copy_left_out,
    _touched_block_not_copied_first,
    _split_at_its_end,
    _differences_by_block,
    _restore_from_any_state,
    _restore_exchanges_every_label,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_wrong_model_is_found_and_told_in_few_operations(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    chunk, done, wrong = next((run for run in (sequence(seed, LENGTH) for seed in range(200)) if run[2]), (0, [], ""))
    assert wrong
    few = shrunk(chunk, done)
    assert replay(chunk, few)
    assert len(few) <= 8


def test_a_read_that_contradicts_the_model_changes_nothing() -> None:
    model = ReferenceModel({1: 10})
    model.write(1, 0, 10, 1)
    with pytest.raises(ValueError, match="LBA 4 was seen to hold volume 1 LBA 4 generation 0, which is not volume 1"):
        model.saw(1, 4, 2, Origin(1, 4, 0))
    assert [extent.origins[0] for extent in model.slice(1, 0, 10)] == [Origin(1, 0, 1)]
