"""The model's promises one by one; that they hold together is in test_provenance.py."""

from __future__ import annotations

import itertools

from copyproof.blocks.origin import Origin
from copyproof.model.controller import ReferenceModel, Transfer


def test_extents_cover_the_volume_in_order_without_gap() -> None:
    model = ReferenceModel({1: 10**15 // 512})
    model.write(1, 5, 10, 1)
    model.write(1, 8, 2, 2)
    extents = model.slice(1, 0, 10**15 // 512)
    assert [(e.lba, e.count) for e in extents][:4] == [(0, 5), (5, 3), (8, 2), (10, 5)]
    assert all(a.end == b.lba for a, b in itertools.pairwise(extents))


def test_a_partial_copy_past_the_end_leaves_only_blocks_that_exist_in_doubt() -> None:
    model = ReferenceModel({1: 20, 2: 20})
    model.write(1, 0, 20, 1)
    model.write(2, 0, 20, 2)
    model.perhaps(Transfer(1, 0, 2, 16, 8))
    doubt = [e for e in model.slice(2, 0, 20) if len(e.origins) == 2]
    assert [(e.lba, e.count) for e in doubt] == [(16, 4)]


def test_where_a_copy_stopped_somewhere_a_segment_never_read_what_the_one_before_it_had_yet_to_write() -> None:
    model = ReferenceModel({1: 20})
    for lba, generation in ((0, 1), (4, 2), (8, 3)):
        model.write(1, lba, 4, generation)
    model.perhaps(Transfer(1, 0, 1, 4, 4), Transfer(1, 4, 1, 8, 4))
    assert [(e.lba, e.origins) for e in model.slice(1, 4, 8)] == [
        (4, (Origin(1, 4, 2), Origin(1, 0, 1))),
        (8, (Origin(1, 8, 3), Origin(1, 0, 1))),
    ]


def test_neighbours_that_continue_each_other_are_one_extent() -> None:
    model = ReferenceModel({1: 10**12, 2: 10**12})
    model.write(1, 0, 1000, 1)
    for lba in reversed(range(0, 1000, 10)):
        model.copy(Transfer(1, lba, 2, 5 * 10**11 + lba, 10))
    assert len(model.slice(2, 0, 10**12)) == 3


def test_a_snapshot_keeps_what_was() -> None:
    model = ReferenceModel({1: 10})
    model.write(1, 0, 10, 1)
    before = model.snapshot()
    model.forget(1, 0, 10)
    assert before.slice(1, 3, 1)[0].origins == (Origin(1, 3, 1),)
    assert model.slice(1, 3, 1)[0].origins == ()
