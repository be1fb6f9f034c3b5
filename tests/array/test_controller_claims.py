"""Each claim about the controller's inside is borne out by the trace of a sound array and breached under its defect."""

from __future__ import annotations

import pytest

from copyproof.array.core.damage import Damage
from copyproof.array.core.errors import LabelFault, LabelKind
from copyproof.array.core.layout import Place
from copyproof.array.defects import Defect
from copyproof.array.settings import CACHE_BYTES, Exchange
from copyproof.array.trace import Actor, Origin, Step, Tag
from copyproof.array.witness import WITNESSES, ctl_02, ctl_16, ctl_17, ctl_25
from copyproof.blocks.label import ESCAPE
from tests.array.traced import BLOCKS, COUNT, FROM, SLOT, TO, UNIT, P, S, Traced

IN_BUFFER, AFTER_MOVE, SINGLE = Exchange

HOLDS = {
    "CTL-01": {IN_BUFFER, AFTER_MOVE},
    "CTL-02": {IN_BUFFER},
    "CTL-13": {SINGLE},
    "CTL-14": {IN_BUFFER, AFTER_MOVE},
    "CTL-15": {IN_BUFFER},
    "CTL-19": {AFTER_MOVE},
    "CTL-23": {IN_BUFFER, AFTER_MOVE, SINGLE},
    "CTL-24": {IN_BUFFER},
}
"""The orders of exchange that each claim is about; of any other it does not hold."""

BREACHES = [
    ("CTL-01", IN_BUFFER, Defect.HOST_MOVES, "no stage seen"),
    ("CTL-01", IN_BUFFER, Defect.ONE_SLOT, "slot A and slot B are the same"),
    ("CTL-01", IN_BUFFER, Defect.LAST_BLOCK_SKIPPED, f"LBA {TO + COUNT - 1}: no stage and no destage seen"),
    ("CTL-02", IN_BUFFER, Defect.NO_EXCHANGE, "became (1, 5), not (2, 42)"),
    ("CTL-02", IN_BUFFER, Defect.SOURCE_NUMBER, "became (1, 42), not (2, 42)"),
    ("CTL-02", IN_BUFFER, Defect.EXCHANGE_IN_SOURCE_SLOT, "not in the unit's buffer"),
    ("CTL-13", SINGLE, Defect.NO_EXCHANGE, "not (2, 42)"),
    ("CTL-13", SINGLE, Defect.EXCHANGE_IN_SOURCE_SLOT, "it went from slot"),
    ("CTL-13", SINGLE, Defect.LAST_BLOCK_SKIPPED, f"LBA {TO + COUNT - 1}: no stage"),
    ("CTL-14", AFTER_MOVE, Defect.HOST_MOVES, "no stage seen"),
    ("CTL-14", AFTER_MOVE, Defect.ONE_SLOT, "slot A and slot B are the same"),
    ("CTL-15", IN_BUFFER, Defect.ONE_SLOT, "slot A and slot B are the same"),
    ("CTL-15", IN_BUFFER, Defect.DESTAGE_BEFORE_EXCHANGE, "not exchanged before it was destaged"),
    ("CTL-19", AFTER_MOVE, Defect.DESTAGE_BEFORE_EXCHANGE, "not exchanged before it was destaged"),
    ("CTL-19", AFTER_MOVE, Defect.EXCHANGE_IN_SOURCE_SLOT, "not in B"),
    ("CTL-19", AFTER_MOVE, Defect.SOURCE_NUMBER, "became (1, 42)"),
    ("CTL-23", IN_BUFFER, Defect.NO_EXCHANGE, "not (2, 42)"),
    ("CTL-23", AFTER_MOVE, Defect.DESTAGE_BEFORE_EXCHANGE, "not exchanged before it was destaged"),
    ("CTL-24", IN_BUFFER, Defect.EXCHANGE_IN_SOURCE_SLOT, "not in the unit's buffer"),
    ("CTL-24", IN_BUFFER, Defect.NO_EXCHANGE, "not (2, 42)"),
]


def place(volume: int, lba: int) -> Place:
    """The physical address by hand: left-rotating RAID 5 of five, volume 2 behind the ten stripes of volume 1."""
    stripe, within = divmod((volume - P) * BLOCKS + lba, 4 * UNIT)
    unit, column = divmod(within, UNIT)
    parity = 4 - stripe % 5
    return Place((parity + 1 + unit) % 5, stripe * UNIT + column)


@pytest.mark.parametrize("exchange", Exchange)
@pytest.mark.parametrize("claim", HOLDS)
def test_a_claim_holds_in_its_order_of_exchange_and_in_no_other(claim: str, exchange: Exchange) -> None:
    breach = WITNESSES[claim](Traced(exchange).copy())
    assert (breach == "") is (exchange in HOLDS[claim])


@pytest.mark.parametrize(("claim", "exchange", "defect", "said"), BREACHES)
def test_a_defect_breaches_the_claim(claim: str, exchange: Exchange, defect: Defect, said: str) -> None:
    assert said in WITNESSES[claim](Traced(exchange, defect).copy())


@pytest.mark.parametrize("exchange", Exchange)
def test_an_exchange_tells_where_its_blocks_come_from(exchange: Exchange) -> None:
    told = [event for event in Traced(exchange).copy() if event.step is Step.EXCHANGE]
    assert sum(event.count for event in told) == COUNT
    for event in told:
        assert event.origin == Origin(event.slot, P, event.lba - TO + FROM)
        assert (event.before, event.after) == (Tag(P, event.lba - TO + FROM), Tag(S, event.lba))


@pytest.mark.parametrize("claim", WITNESSES)
def test_an_array_that_copied_nothing_bears_no_claim_out(claim: str) -> None:
    assert WITNESSES[claim](Traced().events) == "no copy was ordered"


@pytest.mark.parametrize("reference", [FROM + 30, 7, 0xFFFFFFFF])
def test_a_block_whose_checks_are_off_keeps_the_tags_that_say_so_and_bears_the_claim_out(reference: int) -> None:
    array = Traced()
    odd = array.filled(P)[FROM + 30 : FROM + 31]
    odd.labels["application"], odd.labels["reference"] = ESCAPE, reference
    array.unit.write(P, FROM + 30, odd)
    assert ctl_02(array.copy()) == ""
    kept = 0xFFFFFFFF if reference == 0xFFFFFFFF else TO + 30
    assert array.unit.read(S, TO + 30, 1).labels[0].tolist() == (odd.labels["guard"][0], ESCAPE, kept)


@pytest.mark.parametrize("exchange", Exchange)
def test_ctl_25_both_physical_addresses_are_where_the_map_has_the_block(exchange: Exchange) -> None:
    assert ctl_25(Traced(exchange).copy(), place) == ""


@pytest.mark.parametrize("defect", [Defect.WRONG_PHYSICAL_ADDRESS, Defect.NO_EXCHANGE])
def test_ctl_25_is_breached_by_a_wrong_address(defect: Defect) -> None:
    assert ctl_25(Traced(IN_BUFFER, defect).copy(), place) != ""


def test_ctl_16_the_inventory_tells_ten_gigabytes_of_which_only_used_slots_are_allocated() -> None:
    told = Traced().unit.inventory()
    assert ctl_16(told.cache_bytes, told.cache_allocated) == ""
    assert told.cache_bytes == CACHE_BYTES == 10**10
    assert 0 < told.cache_allocated <= (2 * BLOCKS // SLOT + 2) * SLOT * 512


def test_ctl_16_is_breached_by_a_size_that_is_not_the_configured_one() -> None:
    told = Traced(IN_BUFFER, Defect.CACHE_SIZE_MISREPORTED).unit.inventory()
    assert "5000000000 bytes" in ctl_16(told.cache_bytes, told.cache_allocated)


def test_ctl_17_parity_is_right_after_a_copy_and_every_block_survives_a_member_and_its_rebuild() -> None:
    array = Traced()
    array.copy()
    copied = array.unit.read(S, TO, COUNT).data.tobytes()
    assert copied == array.filled(P).data[FROM : FROM + COUNT].tobytes()
    for member in range(5):
        array.unit.fail_member(member)
        array.unit.empty_cache()
        assert array.unit.read(S, TO, COUNT).data.tobytes() == copied
        array.unit.replace_member(member)
        array.unit.run(BLOCKS)
        assert array.unit.inventory().to_rebuild == 0
        assert ctl_17(array.events, array.unit.parity_errors()) == ""
        array.unit.empty_cache()
        assert array.unit.read(S, TO, COUNT).data.tobytes() == copied
    assert array.count(Step.REBUILD, Actor.DRR) == 5 * 2 * BLOCKS // 4


def test_ctl_17_is_breached_by_parity_left_as_it_was() -> None:
    array = Traced(IN_BUFFER, Defect.PARITY_STALE)
    assert "the parity is not that of its blocks" in ctl_17(array.copy(), array.unit.parity_errors())


def test_ctl_17_is_breached_by_a_rebuild_that_leaves_stripes_out() -> None:
    array = Traced(IN_BUFFER, Defect.REBUILD_SKIPS)
    array.copy()
    assert ctl_17(array.events, array.unit.parity_errors()) == ""
    array.unit.fail_member(2)
    array.unit.replace_member(2)
    array.unit.run(BLOCKS)
    assert "the parity is not that of its blocks" in ctl_17(array.events, array.unit.parity_errors())


IN_A, IN_B = Damage(Step.STAGE, P, FROM + 30, 100, 0x40), Damage(Step.MOVE, S, TO + 30, 100, 0x40)


@pytest.mark.parametrize(
    ("exchange", "damage"),
    [(IN_BUFFER, IN_A), (IN_BUFFER, IN_B), (AFTER_MOVE, IN_A), (AFTER_MOVE, IN_B), (SINGLE, IN_A)],
)
@pytest.mark.parametrize("neighbour", ["right", "escaped", "unmapped"])
def test_a_payload_damaged_in_a_slot_is_told_and_not_destaged(
    exchange: Exchange, damage: Damage, neighbour: str
) -> None:
    array = Traced(exchange)
    if neighbour == "escaped":
        odd = array.filled(P)[FROM + 29 : FROM + 30]
        odd.labels["application"] = ESCAPE
        array.unit.write(P, FROM + 29, odd)
    if neighbour == "unmapped":
        array.unit.unmap(P, FROM + 29, 1)
    with pytest.raises(LabelFault) as told:
        array.copy(damage)
    assert (told.value.kind, told.value.volume, told.value.lba) == (LabelKind.GUARD, S, TO + 30)
    kept = array.filled(S).data[TO + 30]
    assert (array.unit.read(S, TO + 30, 1).data[0] == kept).all()


def test_a_guard_made_anew_launders_a_damaged_payload_and_the_trace_shows_it() -> None:
    array = Traced(IN_BUFFER, Defect.GUARD_RECOMPUTED)
    events = array.copy(Damage(Step.STAGE, P, FROM + 30))
    assert f"LBA {TO + 30}: its payload changed before move" in ctl_02(events)
    assert (array.unit.read(S, TO + 30, 1).data != array.filled(P).data[FROM + 30]).any()


def test_the_relabelling_array_without_damage_is_not_accused_of_laundering() -> None:
    assert ctl_02(Traced(IN_BUFFER, Defect.GUARD_RECOMPUTED).copy()) == ""
