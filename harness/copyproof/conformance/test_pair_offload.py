"""Whether the copy of a pair is the control unit's own: the host moves no block of it, and need not even run."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, PairCommand, Rig, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIRS)

SLOW = 1
CLAIMS = [
    pytest.param(claim, id=claim, marks=hil_requirement(claim)) for claim in ("CTL-01", "CTL-12", "CTL-14", "CTL-20")
]


@pytest.mark.parametrize("_claim", CLAIMS)
def test_no_block_of_a_copy_passes_through_the_host(hil: Rig, _claim: str) -> None:
    pair = hil.pair()
    with pair.offloaded():
        pair.order(PairCommand.CREATE, pace=SLOW)
        pair.finish()
    pair.order(PairCommand.SPLIT)
    pair.finish()
    hil.judge_pairs()
