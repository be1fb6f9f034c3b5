"""Whatever is done to a control unit, it holds what flat arrays of bytes and labels hold."""

from __future__ import annotations

import pytest

from copyproof.array.settings import Exchange, RaidLevel
from tests.array.flat import Shape, Walk

SHAPES = {
    "RAID 5 of 5": Shape(),
    "RAID 5 of 3, exchange after the move, 4 KiB": Shape(Exchange.AFTER_MOVE, members=3, slots=64, block_size=4096),
    "RAID 5 of 4, one buffer": Shape(Exchange.SINGLE_BUFFER, members=4, slots=9),
    "RAID 1 of 2": Shape(raid=RaidLevel.RAID1, members=2),
    "RAID 1 of 3": Shape(raid=RaidLevel.RAID1, members=3, slots=64),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(n, marks=pytest.mark.nightly) for n in range(8, 400))])
def test_any_sequence_leaves_what_the_reference_says(seed: int, shape: Shape) -> None:
    walk = Walk(seed, shape)
    for _ in range(60):
        walk.step()
    walk.check()
