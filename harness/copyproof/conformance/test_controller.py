"""The controller's inside, as a white box shows it: the way of each copied block, its address, cache and RAID group."""

from __future__ import annotations

import pytest

from copyproof.hil import Capability, Exchange, Rig, hil_needs, hil_requirement
from copyproof.scsi import cdb

BLOCKS = 70

ANY = (Capability.TRACE, Capability.LID1)
TWO_SLOTS = (Exchange.IN_BUFFER, Exchange.AFTER_MOVE)

WAYS = {
    "CTL-01": TWO_SLOTS,
    "CTL-02": (Exchange.IN_BUFFER,),
    "CTL-13": (Exchange.SINGLE_BUFFER,),
    "CTL-14": TWO_SLOTS,
    "CTL-15": (Exchange.IN_BUFFER,),
    "CTL-19": (Exchange.AFTER_MOVE,),
    "CTL-23": tuple(Exchange),
    "CTL-24": (Exchange.IN_BUFFER,),
    "CTL-25": tuple(Exchange),
}
"""The ways to exchange addresses that each claim is about."""
CLAIMS = [
    pytest.param(claim, way, id=f"{claim}-{way.name}", marks=hil_requirement(claim))
    for claim, ways in WAYS.items()
    for way in ways
]


@hil_needs(*ANY)
@pytest.mark.parametrize(("claim", "way"), CLAIMS)
def test_the_way_of_each_copied_block_bears_the_claim_out(hil: Rig, claim: str, way: Exchange) -> None:
    order = hil.copy(blocks=BLOCKS)
    with hil.exchanging(way), hil.watched() as watch:
        sent = hil.send(order)
    hil.judge(sent, watch.breach(claim))


@hil_requirement("CTL-16")
@hil_needs(Capability.TRACE)
def test_the_inventory_tells_ten_gigabytes_of_cache(hil: Rig) -> None:
    with hil.watched() as watch:
        sent = hil.send(cdb.inquiry())
    hil.judge(sent, watch.breach("CTL-16"))


@hil_requirement("CTL-17")
@hil_needs(*ANY)
def test_parity_is_right_after_a_copy(hil: Rig) -> None:
    order = hil.copy(blocks=BLOCKS)
    with hil.watched() as watch:
        sent = hil.send(order)
    hil.judge(sent, watch.breach("CTL-17"))


@hil_requirement("CTL-17")
@hil_needs(*ANY)
def test_a_copy_made_without_a_member_is_right(hil: Rig) -> None:
    order = hil.copy(blocks=BLOCKS)
    with hil.degraded(hil.member(order)):
        sent = hil.send(order)
        hil.empty_cache()
        hil.judge(sent)


@hil_requirement("CTL-17")
@hil_needs(*ANY)
def test_a_copy_is_right_after_a_member_was_lost_and_rebuilt(hil: Rig) -> None:
    order = hil.copy(blocks=BLOCKS)
    with hil.watched() as watch:
        sent = hil.send(order)
        with hil.degraded(hil.member(order)):
            pass
    hil.judge(sent, watch.breach("CTL-17"))
