"""Whatever is done to a control unit, it holds what flat arrays of bytes and labels hold."""

from __future__ import annotations

import pytest

from copyproof.array.settings import Exchange, RaidLevel
from tests.array.flat import Shape, Walk

SHAPES = {
    "RAID 5 of 5": Shape(),
    "RAID 5 of 3, exchange after the move, 4 KiB, type 3": Shape(
        Exchange.AFTER_MOVE, members=3, slots=64, block_size=4096, protection=3
    ),
    "RAID 5 of 4, one buffer, type 0": Shape(Exchange.SINGLE_BUFFER, members=4, slots=9, protection=0),
    "RAID 1 of 2, type 3": Shape(raid=RaidLevel.RAID1, members=2, protection=3),
    "RAID 1 of 3, type 2": Shape(raid=RaidLevel.RAID1, members=3, slots=64, protection=2),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(n, marks=pytest.mark.nightly) for n in range(8, 400))])
def test_any_sequence_leaves_what_the_reference_says(seed: int, shape: Shape) -> None:
    walk = Walk(seed, shape)
    for _ in range(60):
        walk.step()
    walk.check()
