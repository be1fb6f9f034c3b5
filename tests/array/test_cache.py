"""The cache: written back later, checked on the way, never a place where damage is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core.damage import Damage
from copyproof.array.core.errors import ArrayFault, LabelFault, LabelKind, MediumFault, NoVolume, OutOfRange
from copyproof.array.core.unit import ControlUnit
from copyproof.array.settings import ArraySettings, Exchange, VolumeSettings
from copyproof.array.trace import Actor, Step, Trace
from copyproof.array.witness import ctl_02
from tests.array.small import BLOCKS, SLOT, array, steps, write


def test_a_write_stays_in_the_cache_until_it_is_flushed() -> None:
    unit = array()
    write(unit, 1, 3, 4)
    assert (steps(unit, Step.COMMIT), steps(unit, Step.DESTAGE)) == ([(3, 4)], [])
    unit.flush(1, 5, 1)
    assert steps(unit, Step.DESTAGE) == [(5, 1)]
    unit.flush(1, 0, BLOCKS)
    assert steps(unit, Step.DESTAGE) == [(5, 1), (3, 1), (4, 1), (6, 1)]


def test_each_tick_destages_as_many_slots_as_the_pace_allows_the_longest_unused_first() -> None:
    unit = array()
    for lba in (0, SLOT, 2 * SLOT):
        write(unit, 1, lba, 1)
    unit.read(1, 0, 1)
    seen = []
    for _ in range(4):
        unit.run()
        seen.append([lba for lba, _count in steps(unit, Step.DESTAGE)])
    assert seen == [[16], [16, 32], [16, 32, 0], [16, 32, 0]]


def test_a_full_cache_destages_its_longest_unused_slot_and_stays_within_its_size() -> None:
    unit = array(slots=4)
    for number in range(10):
        write(unit, 1, number * SLOT, SLOT, number + 1)
    told = unit.inventory()
    assert told.cache_allocated == told.cache_bytes == 4 * SLOT * 512
    assert [lba // SLOT for lba, _count in steps(unit, Step.DESTAGE)][::4] == [0, 1, 2, 3, 4, 5]
    assert [int(unit.read(1, number * SLOT, 1).data[0, 0]) for number in range(10)] == [*range(1, 11)]


def test_a_block_in_the_cache_is_not_staged_again() -> None:
    unit = array()
    unit.read(1, 0, 8)
    unit.read(1, 4, 8)
    assert steps(unit, Step.STAGE) == [(0, 4), (4, 4), (4, 4), (8, 4)]
    unit.read(1, 2, 9)
    assert len(steps(unit, Step.STAGE)) == 4


def test_a_payload_damaged_in_the_cache_is_told_and_not_destaged() -> None:
    unit = array()
    unit.damages.add(Damage(Step.COMMIT, 1, 6, byte=511, mask=0x80))
    write(unit, 1, 4, 4, 9)
    for work in (lambda: unit.flush(1, 0, BLOCKS), lambda: unit.read(1, 4, 4), lambda: unit.copy(1, 4, 2, 4, 4)):
        with pytest.raises(LabelFault) as told:
            work()
        assert (told.value.kind, told.value.volume, told.value.lba) == (LabelKind.GUARD, 1, 6)
    assert steps(unit, Step.DESTAGE) == []


@pytest.mark.parametrize(
    ("byte", "kind"), [(512, LabelKind.GUARD), (515, LabelKind.APPLICATION), (519, LabelKind.REFERENCE)]
)
@pytest.mark.parametrize("protection", range(4))
def test_a_label_damaged_in_the_cache_is_told_and_not_destaged(byte: int, kind: LabelKind, protection: int) -> None:
    unit = array(protection=protection)
    unit.damages.add(Damage(Step.COMMIT, 1, 6, byte))
    write(unit, 1, 4, 4, 9)
    with pytest.raises(LabelFault) as told:
        unit.flush(1, 0, BLOCKS)
    assert (told.value.kind, told.value.volume, told.value.lba) == (kind, 1, 6)
    assert steps(unit, Step.DESTAGE) == []


@pytest.mark.parametrize(
    ("byte", "kind"), [(512, LabelKind.GUARD), (515, LabelKind.APPLICATION), (519, LabelKind.REFERENCE)]
)
def test_a_label_damaged_in_slot_b_is_told_and_not_destaged(byte: int, kind: LabelKind) -> None:
    unit = array()
    write(unit, 1, 4, 4, 9)
    unit.damages.add(Damage(Step.MOVE, 2, 21, byte))
    with pytest.raises(LabelFault) as told:
        unit.copy(1, 4, 2, 20, 4)
    assert (told.value.kind, told.value.volume, told.value.lba) == (kind, 2, 21)
    assert unit.mapped(2, 0, BLOCKS) == [(0, BLOCKS, False)]


def test_a_slot_with_a_damaged_payload_is_kept_when_others_make_room() -> None:
    unit = array(slots=4)
    unit.damages.add(Damage(Step.COMMIT, 1, 6))
    write(unit, 1, 4, 4, 9)
    for number in range(10):
        write(unit, 2, number * SLOT, SLOT, number)
    with pytest.raises(LabelFault, match="volume 1, LBA 6: the guard tag is wrong"):
        unit.read(1, 4, 4)
    assert [int(unit.read(2, number * SLOT, 1).data[0, 0]) for number in range(10)] == [*range(10)]


@pytest.mark.parametrize("exchange", Exchange)
def test_a_copy_that_finds_no_room_for_its_second_slot_keeps_none(exchange: Exchange) -> None:
    unit = array(slots=4, exchange=exchange)
    for number in range(4 - (exchange is not Exchange.SINGLE_BUFFER)):
        unit.damages.add(Damage(Step.COMMIT, 1, number * SLOT))
        write(unit, 1, number * SLOT, 1)
    with pytest.raises(ArrayFault, match="volume 1, LBA 0: the guard tag is wrong"):
        unit.copy(2, 0, 2, 100, 4)
    assert "moving" not in unit.inventory().slots


def test_a_host_that_finds_no_room_in_the_cache_is_not_told_of_blocks_that_are_anothers() -> None:
    unit = array(slots=4)
    for number in range(4):
        unit.damages.add(Damage(Step.COMMIT, 1, number * SLOT))
        write(unit, 1, number * SLOT, 1)
    with pytest.raises(ArrayFault, match=r"no slot .* can be freed: volume 1, LBA 0: the guard tag is wrong") as told:
        unit.read(2, 0, 4)
    assert type(told.value) is ArrayFault


def test_background_destaging_notes_a_damaged_payload_once_and_goes_on_with_the_others() -> None:
    unit = array()
    unit.damages.add(Damage(Step.COMMIT, 1, 0))
    write(unit, 1, 0, 1)
    write(unit, 1, SLOT, 1)
    unit.run(3)
    assert unit.faults == ["volume 1, LBA 0: the guard tag is wrong"]
    assert steps(unit, Step.DESTAGE) == [(SLOT, 1)]


def test_a_block_written_wrong_on_purpose_is_checked_again_once_it_is_written_right() -> None:
    unit = array()
    blocks = unit.labelled(1, 0, np.ones((1, 512), np.uint8))
    blocks.labels["guard"] ^= 1
    unit.write(1, 0, blocks)
    unit.damages.add(Damage(Step.COMMIT, 1, 0))
    write(unit, 1, 0, 1)
    with pytest.raises(LabelFault, match="LBA 0: the guard tag is wrong"):
        unit.flush(1, 0, 1)


def test_a_damaged_block_is_right_again_once_it_is_written_anew() -> None:
    unit = array()
    unit.damages.add(Damage(Step.COMMIT, 1, 0))
    write(unit, 1, 0, 1)
    again = write(unit, 1, 0, 1, 5)
    unit.empty_cache()
    assert (unit.read(1, 0, 1).data == again.data).all()


def test_a_payload_damaged_on_a_member_is_told_when_it_is_staged_and_copied_nowhere() -> None:
    unit = array()
    write(unit, 1, 0, 8)
    due = write(unit, 2, 0, 8, 7)
    unit.damage(1, 5)
    for work in (lambda: unit.read(1, 0, 8), lambda: unit.copy(1, 0, 2, 0, 8)):
        with pytest.raises(LabelFault) as told:
            work()
        assert (told.value.kind, told.value.lba) == (LabelKind.GUARD, 5)
    assert (unit.read(2, 0, 8).data == due.data).all()
    assert unit.read_raw(1, 5, 1).data[0, 0] == 0


@pytest.mark.parametrize(
    ("field", "kind", "protections"),
    [
        ("guard", LabelKind.GUARD, {0, 1, 2, 3}),
        ("application", LabelKind.APPLICATION, {0, 1, 2, 3}),
        ("reference", LabelKind.REFERENCE, {0, 1}),
    ],
)
@pytest.mark.parametrize("protection", range(4))
def test_a_label_written_wrong_is_kept_as_it_is_and_told_by_what_its_type_checks(
    field: str, kind: LabelKind, protections: set[int], protection: int
) -> None:
    unit = array(protection=protection)
    blocks = unit.labelled(1, 0, np.ones((3, 512), np.uint8))
    blocks.labels[field][1] ^= 4
    unit.write(1, 0, blocks)
    unit.empty_cache()
    assert (unit.read_raw(1, 0, 3).labels == blocks.labels).all()
    if protection in protections:
        with pytest.raises(LabelFault) as told:
            unit.read(1, 0, 3)
        assert (told.value.kind, told.value.lba) == (kind, 1)
    else:
        assert (unit.read(1, 0, 3).labels == blocks.labels).all()


@pytest.mark.parametrize("exchange", Exchange)
@pytest.mark.parametrize("kind", LabelKind)
def test_a_label_that_is_wrong_at_the_source_is_told_of_the_source_and_not_exchanged(
    kind: LabelKind, exchange: Exchange
) -> None:
    unit = array(exchange=exchange)
    blocks = unit.labelled(1, 0, np.ones((8, 512), np.uint8))
    blocks.labels[kind.value][5] ^= 4
    unit.write(1, 0, blocks)
    due = write(unit, 2, 20, 8, 7)
    with pytest.raises(LabelFault) as told:
        unit.copy(1, 0, 2, 20, 8)
    assert (told.value.kind, told.value.volume, told.value.lba) == (kind, 1, 5)
    assert (unit.read(2, 20, 8).data == due.data).all()


def test_a_copy_that_cannot_be_destaged_leaves_what_a_host_wrote() -> None:
    unit = array()
    write(unit, 1, 0, BLOCKS)
    unit.empty_cache()
    due = write(unit, 2, 0, 4, 7)
    here = unit.place(1, 0).member
    for member in [number for number in range(5) if number != here][:2]:
        unit.fail_member(member)
    with pytest.raises(MediumFault):
        unit.copy(1, 0, 2, 0, 4)
    assert (unit.read(2, 0, 4).data == due.data).all()


def test_a_copy_passes_the_cache_by_and_the_next_read_sees_it() -> None:
    unit = array()
    write(unit, 1, 0, 8, 1)
    write(unit, 2, 0, 8, 2)
    unit.copy(1, 0, 2, 4, 4)
    assert unit.read(2, 0, 8).data[:, 0].tolist() == [2] * 4 + [1] * 4
    assert unit.inventory().slots.get("moving") is None


@pytest.mark.parametrize("exchange", Exchange)
@pytest.mark.parametrize(("source", "destination"), [(3, 5), (5, 3), (3, 40), (40, 3), (3, 19), (19, 3), (3, 3)])
def test_a_copy_over_itself_is_as_if_all_were_read_first(exchange: Exchange, source: int, destination: int) -> None:
    unit = array(exchange=exchange)
    payload = np.random.default_rng(1).integers(0, 256, (BLOCKS, 512), np.uint8)
    unit.write(1, 0, unit.labelled(1, 0, payload))
    unit.copy(1, source, 1, destination, 100)
    due = payload.copy()
    due[destination : destination + 100] = payload[source : source + 100]
    assert (unit.read(1, 0, BLOCKS).data == due).all()


@pytest.mark.parametrize(("source", "destination"), [(2**32 - 3, 2**32 - 500), (2**32 - 3, 5), (5, 2**32 - 9)])
def test_labels_go_by_the_low_bits_of_an_lba_beyond_them(source: int, destination: int) -> None:
    unit = ControlUnit(ArraySettings((VolumeSettings(1, 2**33), VolumeSettings(2, 2**33))), Trace())
    payload = np.random.default_rng(1).integers(0, 256, (1000, 512), np.uint8)
    unit.write(1, source, unit.labelled(1, source, payload))
    unit.copy(1, source, 2, destination, 1000)
    assert (unit.read(2, destination, 1000).data == payload).all()
    references = unit.read(2, destination, 1000).labels["reference"].tolist()
    assert references == [(destination + at) % 2**32 for at in range(1000)]
    assert unit.trace is not None
    assert ctl_02(unit.trace.events) == ""


def test_a_block_that_a_host_gave_a_label_of_ones_is_copied_with_its_payload_and_that_label() -> None:
    unit = array()
    block = unit.labelled(1, 0, np.full((1, 512), 7, np.uint8))
    block.words[...] = 2**64 - 1
    unit.write(1, 0, block)
    unit.copy(1, 0, 2, 9, 1)
    assert (unit.read(2, 9, 1).data == 7).all()
    assert unit.read(2, 9, 1).words.tolist() == [2**64 - 1]


def test_an_order_is_recorded_with_who_gave_it() -> None:
    unit = array()
    unit.move(1, 0, 2, 8, 4, Actor.PAIR)
    assert unit.trace is not None
    order = unit.trace.events[0]
    assert (order.step, order.actor, order.volume, order.lba, order.count) == (Step.ORDER, Actor.PAIR, 2, 8, 4)


@pytest.mark.parametrize(("lba", "count", "first"), [(BLOCKS - 1, 2, BLOCKS), (BLOCKS, 1, BLOCKS), (-1, 1, BLOCKS)])
def test_what_is_not_on_the_volume_is_refused(lba: int, count: int, first: int) -> None:
    unit = array()
    for work in (unit.read, unit.read_raw, unit.unmap, unit.zero, unit.flush, unit.mapped):
        with pytest.raises(OutOfRange) as told:
            work(1, lba, count)
        assert told.value.lba == first
    with pytest.raises(OutOfRange):
        unit.copy(2, 0, 1, lba, count)
    with pytest.raises(OutOfRange):
        unit.copy(1, lba, 2, 0, count)
    with pytest.raises(NoVolume):
        unit.read(9, 0, 1)
