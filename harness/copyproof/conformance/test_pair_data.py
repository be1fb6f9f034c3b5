"""What both volumes of a pair hold when each copy has ended: every block, with its label."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Exchange, PairCommand, PairState, Place, Rig, Role, hil_needs, hil_requirement

pytestmark = hil_needs(Capability.PAIRS)

CLAIMS = [
    pytest.param(claim, id=claim, marks=hil_requirement(claim)) for claim in ("CTL-01", "CTL-12", "CTL-14", "CTL-20")
]
COPIES = [
    pytest.param(state, id=state.name, marks=hil_requirement(row))
    for state, row in {
        PairState.COPY: "CTL-06",
        PairState.COPY_SP: "CTL-06",
        PairState.PSUS_SP: "CTL-06",
        PairState.COPY_RS: "CTL-07",
        PairState.RCPY: "CTL-07",
        PairState.SMPL_PD: "CTL-08",
    }.items()
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_control_unit_copies_every_block_from_volume_to_volume(hil: Rig, claim: str) -> None:
    pair = hil.pair()
    with pair.watched(Exchange.IN_BUFFER) as watch:
        pair.order(PairCommand.CREATE)
        pair.finish()
    pair.order(PairCommand.SPLIT)
    pair.finish()
    hil.judge_pairs(watch.breach(claim))


@hil_requirement("CTL-21")
@hil_needs(Capability.PAIRS, Capability.TRACE)
def test_a_pair_is_copied_by_way_of_one_cache_location(hil: Rig) -> None:
    pair = hil.pair()
    with pair.watched(Exchange.SINGLE_BUFFER) as watch:
        pair.order(PairCommand.CREATE)
        pair.finish()
    hil.judge_pairs(watch.breach("CTL-21"))


@pytest.mark.parametrize("state", COPIES)
def test_every_block_is_right_when_what_is_under_way_has_ended(hil: Rig, state: PairState) -> None:
    hil.pair().brought_to(state).finish()
    hil.judge_pairs()


@hil_requirement("CTL-06")
@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
def test_a_write_to_the_primary_during_the_copy_reaches_the_secondary_of_a_split(hil: Rig, place: Place) -> None:
    pair = hil.pair().brought_to(PairState.COPY).half_copied()
    spot = pair.spot(place)
    pair.write(Role.PRIMARY, spot.lba, spot.count)
    pair.finish()
    pair.order(PairCommand.SPLIT)
    pair.finish()
    hil.judge_pairs()


@hil_requirement("CTL-05")
@hil_needs(Capability.PAIRS, Capability.LABELS)
@pytest.mark.parametrize("state", [PairState.PAIR, PairState.PSUS], ids=lambda state: state.name)
def test_every_block_carries_the_label_of_its_own_volume(hil: Rig, state: PairState) -> None:
    hil.pair().brought_to(state)
    hil.judge_pairs()


@hil_requirement("CTL-07")
def test_a_resync_of_a_pair_suspended_by_an_error_copies_everything(hil: Rig) -> None:
    pair = hil.pair().brought_to(PairState.PSUE)
    pair.write(Role.PRIMARY, pair.blocks // 3)
    with pair.watched() as watch:
        done = pair.order(PairCommand.RESYNC)
        pair.finish()
    hil.judge_pairs(watch.moved_else(done))
