"""Stamps: every unit tells the origin, nothing else passes for one, and the bulk paths agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copyproof.blocks import code
from copyproof.blocks.label import guards
from copyproof.blocks.stamp import UNIT, Origin, Origins, Stamper

SIZES = (512, 4096)
STAMPERS = {size: Stamper(0x5EED, size) for size in SIZES}
sizes = st.sampled_from(SIZES)
origins = st.builds(
    Origin, st.integers(0, 2**16 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**32 - 1)
) | st.builds(Origin, st.integers(0, 3), st.integers(0, 3000), st.integers(0, 3))


def one(stamper: Stamper, origin: Origin) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return stamper.make(origin.volume, origin.lba, 1, origin.generation)


def columns(chosen: list[Origin]) -> Origins:
    table = np.array([(each.volume, each.lba, each.generation) for each in chosen], np.uint64).reshape(-1, 3)
    return Origins(table[:, 0], table[:, 1], table[:, 2])


@given(sizes, origins)
def test_a_block_says_who_it_is(size: int, origin: Origin) -> None:
    decoded = STAMPERS[size].read(one(STAMPERS[size], origin))
    assert decoded.valid.tolist() == [True]
    assert (decoded.torn.tolist(), decoded.zero.tolist()) == ([False], [False])
    assert decoded.origins.at(0) == origin
    assert decoded.agreeing.tolist() == [size // UNIT]


@given(sizes, origins, st.data())
def test_any_single_unit_tells_the_origin(size: int, origin: Origin, data: st.DataObject) -> None:
    stamper, unit = STAMPERS[size], data.draw(st.integers(0, size // UNIT - 1))
    garbage = np.frombuffer(data.draw(st.randoms()).randbytes(size), np.uint8).reshape(1, size).copy()
    part = slice(unit * UNIT, (unit + 1) * UNIT)
    garbage[:, part] = one(stamper, origin)[:, part]
    decoded = stamper.read(garbage)
    assert decoded.origins.at(0) == origin
    assert (decoded.intact.tolist(), decoded.first.tolist(), decoded.valid.tolist()) == ([1], [unit], [False])


@given(sizes, origins, st.data())
def test_a_unit_with_up_to_four_flipped_bits_is_not_whole(size: int, origin: Origin, data: st.DataObject) -> None:
    stamper = STAMPERS[size]
    block = one(stamper, origin)
    bits = data.draw(st.sets(st.integers(0, UNIT * 8 - 1), min_size=1, max_size=4))
    unit = data.draw(st.integers(0, size // UNIT - 1))
    for bit in bits:
        block[0, unit * UNIT + bit // 8] ^= np.uint8(1 << bit % 8)
    assert stamper.read(block).intact.tolist() == [size // UNIT - 1]


def test_every_one_and_two_bit_flip_of_a_unit_is_seen() -> None:
    flips = np.zeros((256, 4), np.uint64)
    flips[np.arange(256), np.arange(256) // 64] = np.uint64(1) << (np.arange(256) % 64).astype(np.uint64)
    pairs = flips[:, None] ^ flips[None, :]
    seen = code.syndromes(flips).any(axis=-1), code.syndromes(pairs).any(axis=-1)
    assert seen[0].all()
    assert (seen[1] | np.eye(256, dtype=np.bool_)).all()


@pytest.mark.parametrize(("word", "bit"), [(0, 63), (1, 48), (1, 63)])
def test_a_unit_with_unused_bits_set_is_not_whole_whatever_its_checks_say(word: int, bit: int) -> None:
    units = code.encode(Origins.run(Origin(1, 2, 3), 1))
    assert code.intact(units).tolist() == [True]
    units[0, word] |= np.uint64(1 << bit)
    units[:, 2:] = code.checks(units)
    assert code.intact(units).tolist() == [False]


@given(origins, origins, st.integers(1, UNIT - 1))
def test_two_units_torn_at_any_byte_make_no_third_one(first: Origin, second: Origin, at: int) -> None:
    stamper = STAMPERS[512]
    blocks = one(stamper, first), one(stamper, second)
    mixed = np.concatenate((blocks[0][:, :at], blocks[1][:, at:]), axis=1)
    decoded = stamper.read(mixed)
    same_as = [bool((mixed[0, :UNIT] == block[0, :UNIT]).all()) for block in blocks]
    assert (decoded.first.tolist() == [0]) == any(same_as)
    assert decoded.origins.at(0) == (first if same_as[0] else second)


@given(sizes, origins, st.data())
def test_no_unit_is_whole_in_another_place_of_the_block(size: int, origin: Origin, data: st.DataObject) -> None:
    shift = data.draw(st.integers(1, size - 1))
    assert STAMPERS[size].read(np.roll(one(STAMPERS[size], origin), shift, axis=1)).intact.tolist() == [0]


@given(st.integers(0, 2**64 - 1), sizes, origins)
def test_a_block_of_another_seed_has_no_whole_unit(seed: int, size: int, origin: Origin) -> None:
    other = Stamper(seed, size)
    assert STAMPERS[size].read(one(other, origin)).intact.tolist() == [size // UNIT if seed == 0x5EED else 0]


def test_a_large_block_is_no_eight_small_ones() -> None:
    large = STAMPERS[4096].make(1, 5, 1, 1).reshape(8, 512)
    assert STAMPERS[512].read(large).intact.tolist() == [0] * 8


@given(st.integers(0, 2**64 - 1), sizes, st.sampled_from([0x00, 0xFF]))
def test_zeros_and_ones_are_never_a_stamp(seed: int, size: int, fill: int) -> None:
    decoded = Stamper(seed, size).read(np.full((1, size), fill, np.uint8))
    assert decoded.intact.tolist() == [0]
    assert decoded.zero.tolist() == [fill == 0]


@given(sizes, origins, origins, st.data())
def test_a_torn_block_tells_both_origins(size: int, head: Origin, tail: Origin, data: st.DataObject) -> None:
    stamper, unit = STAMPERS[size], data.draw(st.integers(1, size // UNIT - 1))
    block = one(stamper, head)
    block[:, unit * UNIT :] = one(stamper, tail)[:, unit * UNIT :]
    decoded = stamper.read(block)
    assert decoded.torn.tolist() == [head != tail]
    assert decoded.origins.at(0) == head
    if head != tail:
        assert (decoded.others.at(0), decoded.second.tolist()) == (tail, [unit])


@settings(max_examples=30)
@given(
    sizes, st.builds(Origin, st.integers(0, 9), st.integers(0, 2**63 - 5000), st.integers(0, 9)), st.integers(0, 1500)
)
def test_a_run_is_made_as_its_single_blocks_are(size: int, first: Origin, count: int) -> None:
    stamper, wanted = STAMPERS[size], Origins.run(first, count)
    run = stamper.make(first.volume, first.lba, count, first.generation)
    assert (run == stamper.make_at(wanted.volumes, wanted.lbas, wanted.generations)).all()
    assert stamper.compare(run, first.volume, first.lba, first.generation).all()
    assert stamper.compare_at(run, wanted.volumes, wanted.lbas, wanted.generations).all()


@given(sizes, st.lists(origins, max_size=40), st.data())
def test_comparing_finds_exactly_the_changed_blocks(size: int, chosen: list[Origin], data: st.DataObject) -> None:
    stamper, wanted = STAMPERS[size], columns(chosen)
    blocks = stamper.make_at(wanted.volumes, wanted.lbas, wanted.generations)
    changed = data.draw(st.sets(st.integers(0, len(chosen) - 1))) if chosen else set()
    for index in changed:
        blocks[index, data.draw(st.integers(0, size - 1))] ^= np.uint8(1)
    right = stamper.compare_at(blocks, wanted.volumes, wanted.lbas, wanted.generations)
    assert set(np.flatnonzero(~right).tolist()) == changed


@pytest.mark.parametrize("size", SIZES)
def test_comparing_a_run_finds_its_one_changed_block(size: int) -> None:
    stamper, count = STAMPERS[size], 2 * 256 * 1024 // size + 3
    for index in (0, count // 2, count - 1):
        blocks = stamper.make(1, 77, count, 2)
        blocks[index, size - 1] ^= np.uint8(0x80)
        assert np.flatnonzero(~stamper.compare(blocks, 1, 77, 2)).tolist() == [index]


@given(sizes, st.lists(origins, min_size=1, max_size=8))
def test_guards_follow_from_the_origins(size: int, chosen: list[Origin]) -> None:
    stamper, wanted = STAMPERS[size], columns(chosen)
    blocks = stamper.make_at(wanted.volumes, wanted.lbas, wanted.generations)
    assert (stamper.guards_at(wanted.volumes, wanted.lbas, wanted.generations) == guards(blocks)).all()


@given(sizes, st.data())
def test_blocks_between_labels_are_read_in_place(size: int, data: st.DataObject) -> None:
    stamper = STAMPERS[size]
    raw = np.zeros((3, size + 8), np.uint8)
    raw[:, :size] = stamper.make(1, 2, 3, 4)
    assert stamper.compare(raw[:, :size], 1, 2, 4).all()
    assert stamper.read(raw[:, :size]).valid.all()


def test_a_stamp_stays_the_same_from_release_to_release() -> None:
    block = Stamper(1, 512).make(2, 3, 1, 4)
    assert block[0, :32].tobytes().hex() == GOLDEN


GOLDEN = "946e441895f67ff881f68835e9771ba6a3f12282fe24d1ab087b57346cb62181"


@pytest.mark.parametrize("wrong", [(-1, 0, 0), (2**16, 0, 0), (0, -1, 0), (0, 2**63, 0), (0, 0, -1), (0, 0, 2**32)])
def test_an_origin_out_of_range_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not within"):
        Origin(*wrong)
    with pytest.raises(ValueError, match=r"not within|fit"):
        STAMPERS[512].make(wrong[0], wrong[1], 1, wrong[2])


def test_origins_out_of_range_are_refused_in_arrays_too() -> None:
    zero, big = np.zeros(1, np.uint64), np.full(1, 2**63, np.uint64)
    for arrays in ((big, zero, zero), (zero, big, zero), (zero, zero, big)):
        with pytest.raises(ValueError, match="fit"):
            STAMPERS[512].make_at(*arrays)
    with pytest.raises(ValueError, match="length"):
        STAMPERS[512].make_at(zero, zero, np.zeros(2, np.uint64))


def test_a_run_may_end_at_the_last_lba_but_not_beyond() -> None:
    assert STAMPERS[512].read(STAMPERS[512].make(0, 2**63 - 2, 2, 0)).origins.at(1).lba == 2**63 - 1
    with pytest.raises(ValueError, match="not within"):
        STAMPERS[512].make(0, 2**63 - 2, 3, 0)


def test_seed_size_and_shape_are_checked() -> None:
    with pytest.raises(ValueError, match="seed"):
        Stamper(-1, 512)
    with pytest.raises(ValueError, match="seed"):
        Stamper(2**64, 512)
    with pytest.raises(ValueError, match="block size"):
        Stamper(0, 520)
    with pytest.raises(ValueError, match="shape"):
        STAMPERS[512].read(np.zeros((1, 4096), np.uint8))
