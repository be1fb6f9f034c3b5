"""Copy on write: blocks are touched before, at and behind the copy front, on both volumes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from copyproof.hil import Capability, Pair, PairState, Place, Rig, Role, Spot, hil_needs, hil_requirement

pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-03")]


@dataclass(frozen=True, slots=True)
class Touch:
    """A host's touch of a volume in a state in which a split is still being copied."""

    state: PairState
    role: Role
    writes: bool

    def __str__(self) -> str:
        return f"{'write' if self.writes else 'read'}-{self.role.value}-in-{self.state.name}"

    def __call__(self, pair: Pair, spot: Spot) -> None:
        """Let the host try it."""
        (pair.tries_to_write if self.writes else pair.tries_to_read)(self.role, spot.lba, spot.count)


TOUCHES = [
    Touch(PairState.COPY_SP, Role.PRIMARY, writes=True),
    Touch(PairState.COPY_SP, Role.SECONDARY, writes=False),
    Touch(PairState.PSUS_SP, Role.PRIMARY, writes=True),
    Touch(PairState.PSUS_SP, Role.SECONDARY, writes=True),
    Touch(PairState.PSUS_SP, Role.SECONDARY, writes=False),
]


@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
@pytest.mark.parametrize("touch", TOUCHES, ids=str)
def test_the_secondary_keeps_its_point_in_time_whatever_is_touched(hil: Rig, touch: Touch, place: Place) -> None:
    pair = hil.pair().brought_to(touch.state).half_copied()
    spot = pair.spot(place)
    with pair.watched() as watch:
        touch(pair, spot)
    pair.finish()
    hil.judge_pairs(watch.saved_too_late(touch.role, *spot.uncopied) if touch.writes else "")
