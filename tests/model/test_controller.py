"""The model against a naive one that keeps a set of origins for every single block."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from copyproof.blocks.origin import ZEROS
from copyproof.model.controller import ReferenceModel, Transfer

BLOCKS = 40
Block = frozenset[tuple[int, int, int]]
Operation = tuple[str, int, int, int, int, int]


class Naive:
    def __init__(self, chunk: int) -> None:
        self.chunk = chunk
        self.volumes: dict[int, list[Block]] = {1: [frozenset()] * BLOCKS, 2: [frozenset()] * BLOCKS}

    def write(self, volume: int, lba: int, count: int, generation: int) -> None:
        for block in range(lba, lba + count):
            self.volumes[volume][block] = frozenset({(volume, block, generation)})

    def copy(self, t: Transfer) -> None:
        step = self.chunk if self.chunk and t.source == t.destination else max(t.blocks, 1)
        for done in range(0, t.blocks, step):
            many = min(step, t.blocks - done)
            buffer = self.volumes[t.source][t.source_lba + done : t.source_lba + done + many]
            self.volumes[t.destination][t.destination_lba + done : t.destination_lba + done + many] = buffer

    def perhaps(self, t: Transfer) -> None:
        before = list(self.volumes[t.destination])
        self.copy(t)
        after = self.volumes[t.destination]
        self.volumes[t.destination] = [
            a | b if a and b else (a if a == b else frozenset()) for a, b in zip(before, after, strict=True)
        ]


operation = st.tuples(
    st.sampled_from(["write", "copy", "perhaps"]),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(0, BLOCKS - 1),
    st.integers(0, BLOCKS - 1),
    st.integers(0, BLOCKS),
)


def apply(model: ReferenceModel | Naive, step: int, op: Operation) -> None:
    kind, source, destination, a, b, count = op
    count = min(count, BLOCKS - a, BLOCKS - b)
    if kind == "write":
        model.write(source, a, count, step)
    else:
        getattr(model, kind)(Transfer(source, a, destination, b, count))


def blocks(model: ReferenceModel, volume: int) -> list[Block]:
    found: list[Block] = []
    for extent in model.slice(volume, 0, BLOCKS):
        for at in range(extent.count):
            found.append(frozenset((o.volume, o.lba + at, o.generation) for o in extent.origins if o is not ZEROS))
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(operation, min_size=1, max_size=30), st.sampled_from([0, 3, 8]))
def test_the_model_agrees_with_a_naive_one_block_by_block(operations: list[Operation], chunk: int) -> None:
    model, naive = ReferenceModel({1: BLOCKS, 2: BLOCKS}, chunk), Naive(chunk)
    for step, op in enumerate(operations):
        apply(model, step, op)
        apply(naive, step, op)
        for volume in (1, 2):
            assert blocks(model, volume) == naive.volumes[volume]


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
