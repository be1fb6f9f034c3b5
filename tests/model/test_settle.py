"""What the model holds after a predicted command: certain where the outcome is known, open where it is not."""

from __future__ import annotations

from copyproof.blocks.origin import ZEROS, Origin
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.model.held import Label
from copyproof.model.predict import predict
from copyproof.model.prediction import Branch, Prediction, Zeroing
from copyproof.model.settle import settle
from copyproof.scsi import cdb
from copyproof.scsi.outcome import Outcome
from tests.model.lists import TARGET, predicted

GOOD = Outcome.parse("GOOD")
OUT_OF_RANGE = Outcome.parse("0A/0D/01>05/21/00")


def model() -> ReferenceModel:
    """Volumes 1 and 2, all of generation 1."""
    stamped = ReferenceModel({1: 8192, 2: 8192, 3: 64, 4: 256, 5: 256})
    for volume in (1, 2):
        stamped.write(volume, 0, 8192, generation=1)
    return stamped


def held(stamped: ReferenceModel, volume: int, lba: int) -> set[object]:
    return set(stamped.slice(volume, lba, 1)[0].origins)


def test_good_copies_in_whole() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 2, 100, 8)), GOOD)
    assert held(after, 2, 107) == {Origin(1, 17, 1)}
    assert held(after, 2, 108) == {Origin(2, 108, 1)}


def test_a_refusal_changes_nothing() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 4, 100, 8)), Outcome.parse("0A/0D/02"))
    assert after.slice(2, 0, 8192) == model().slice(2, 0, 8192)


def test_a_time_out_leaves_old_and_new() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 2, 100, 8)), None) is None
    assert held(after, 2, 107) == {Origin(2, 107, 1), Origin(1, 17, 1)}


def test_an_outcome_that_no_rule_allows_leaves_old_and_new() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 2, 100, 8)), Outcome.parse("04/44/00")) is None
    assert held(after, 2, 100) == {Origin(2, 100, 1), Origin(1, 10, 1)}


def test_a_residual_says_which_blocks_were_written() -> None:
    after = model()
    stopped = predicted(Transfer(1, 0, 2, 8187, 8))
    assert settle(after, stopped, OUT_OF_RANGE, residual=6)
    assert [held(after, 2, lba) for lba in (8188, 8189)] == [{Origin(1, 1, 1)}, {Origin(2, 8189, 1)}]


def test_without_a_residual_the_blocks_that_the_unit_has_stay_open() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 0, 2, 8187, 8)), OUT_OF_RANGE)
    assert held(after, 2, 8191) == {Origin(2, 8191, 1), Origin(1, 4, 1)}
    assert held(after, 2, 8186) == {Origin(2, 8186, 1)}


def test_segments_before_the_one_that_failed_are_done() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 2, 100, 8), Transfer(2, 100, 1, 8188, 8)), OUT_OF_RANGE)
    assert held(after, 2, 100) == {Origin(1, 10, 1)}
    assert held(after, 1, 8188) == {Origin(1, 8188, 1), Origin(1, 10, 1)}


def test_the_second_segment_reads_what_the_first_wrote() -> None:
    after = model()
    assert settle(after, predicted(Transfer(1, 10, 2, 100, 8), Transfer(2, 100, 1, 3000, 8)), GOOD)
    assert held(after, 1, 3000) == {Origin(1, 10, 1)}


def test_a_write_is_of_the_generation_given_and_unknown_after_a_time_out() -> None:
    after, write = model(), predict(cdb.write10(5, bytes(1024), 512), 1, TARGET)
    settle(after, write, GOOD, generation=7)
    assert [held(after, 1, lba) for lba in (5, 6, 7)] == [{Origin(1, 5, 7)}, {Origin(1, 6, 7)}, {Origin(1, 7, 1)}]
    settle(after, write, None, generation=8)
    assert [held(after, 1, lba) for lba in (5, 7)] == [set(), {Origin(1, 7, 1)}]


def test_a_zeroing_zeroes() -> None:
    after = model()
    settle(after, Prediction((Branch((GOOD,), "SBC-3 5.48", (Zeroing(1, 5, 2),)),)), GOOD)
    zeroed = model()
    zeroed.zero(1, 5, 2)
    assert after.slice(1, 0, 16) == zeroed.slice(1, 0, 16) != model().slice(1, 0, 16)


def test_blocks_that_may_have_been_zeroed_hold_the_old_or_zeros_and_what_is_outside_is_as_it_was() -> None:
    after, last = model(), 8191
    perhaps = (Zeroing(1, 5, 2, Label.ESCAPE), Zeroing(1, last, 4))
    settle(after, Prediction((Branch((GOOD,), "SBC-3 5.28", perhaps=perhaps),)), GOOD)
    assert [held(after, 1, lba) for lba in (4, 5, 6, 7)] == [
        {Origin(1, 4, 1)},
        {Origin(1, 5, 1), ZEROS},
        {Origin(1, 6, 1), ZEROS},
        {Origin(1, 7, 1)},
    ]
    assert held(after, 1, last) == {Origin(1, last, 1), ZEROS}
