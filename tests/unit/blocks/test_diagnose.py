"""Diagnosis: each way a block can be wrong gets its own name and the exact LBA, and right blocks get none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.blocks.arrays import U8
from copyproof.blocks.diagnose import diagnose
from copyproof.blocks.expected import Expected
from copyproof.blocks.findings import LISTED, Finding, Findings, Wrong
from copyproof.blocks.stamp import UNIT, Origin, Origins, Stamper

NAMES = {1: "source", 2: "destination"}
COUNT, SOURCE, DESTINATION = 8, 16, 64
STAMPERS = {size: Stamper(0x5EED, size) for size in (512, 4096)}
ANY_STAMPER = st.sampled_from(list(STAMPERS.values()))
BLOCK = st.integers(0, COUNT - 1)

EXPECTED = Expected.run(Origin(1, SOURCE, 2), COUNT)
PREVIOUS = Expected.run(Origin(2, DESTINATION, 0), COUNT)


def copied(stamper: Stamper) -> U8:
    """What a right copy leaves."""
    return stamper.make(1, SOURCE, COUNT, 2)


def judged(stamper: Stamper, data: U8, expected: Expected = EXPECTED) -> Findings:
    return diagnose(stamper, data, DESTINATION, expected, PREVIOUS, NAMES, "destination")


def only(findings: Findings, kind: Wrong, block: int) -> Finding:
    """The one finding, which must be of this kind and at this block."""
    assert findings.wrong == {kind: 1}
    assert (findings.checked, findings.right) == (COUNT, COUNT - 1)
    (finding,) = findings.findings
    assert (finding.kind, finding.lba, finding.count) == (kind, DESTINATION + block, 1)
    assert str(finding).startswith(f"destination LBA {DESTINATION + block}: {kind.value}")
    return finding


@given(ANY_STAMPER, st.integers(0, 2**16 - 1), st.integers(0, 2**62), st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_right_blocks_give_no_finding(stamper: Stamper, volume: int, lba: int, generation: int, count: int) -> None:
    data = stamper.make(volume, lba, count, generation)
    findings = diagnose(stamper, data, 0, Expected.run(Origin(volume, lba, generation), count))
    assert findings == Findings(checked=count, right=count)


@given(ANY_STAMPER, BLOCK)
def test_a_block_left_as_it_was_is_not_copied(stamper: Stamper, block: int) -> None:
    data = copied(stamper)
    data[block] = stamper.make(2, DESTINATION + block, 1, 0)
    finding = only(judged(stamper, data), Wrong.NOT_COPIED, block)
    assert finding.found == Origin(2, DESTINATION + block, 0)
    assert finding.expected == Origin(1, SOURCE + block, 2)


def test_zeros_that_were_there_before_are_not_copied() -> None:
    stamper, expected = STAMPERS[512], Expected.run(Origin(1, 5, 1), 1)
    findings = diagnose(stamper, np.zeros((1, 512), np.uint8), 9, expected, Expected.zeros(1), NAMES)
    assert str(findings.findings[0]) == "LBA 9: not copied: still zeros, expected source LBA 5 generation 1"


@given(ANY_STAMPER, BLOCK, st.integers(0, 2**40), st.sampled_from([1, 2, 7]))
def test_a_valid_stamp_of_elsewhere_is_misplaced(stamper: Stamper, block: int, lba: int, volume: int) -> None:
    data = copied(stamper)
    lba += SOURCE + COUNT + DESTINATION
    data[block] = stamper.make(volume, lba, 1, 2)
    assert only(judged(stamper, data), Wrong.MISPLACED, block).found == Origin(volume, lba, 2)


def test_the_line_of_a_misplaced_block_names_all_three_places() -> None:
    stamper = STAMPERS[512]
    findings = diagnose(
        stamper, stamper.make(1, 17, 1, 1), 64, Expected.run(Origin(1, 16, 1), 1), None, NAMES, "destination"
    )
    assert [str(finding) for finding in findings.findings] == [
        "destination LBA 64: copied from the wrong place: "
        "holds source LBA 17 generation 1, expected source LBA 16 generation 1"
    ]


@given(ANY_STAMPER, BLOCK, BLOCK)
def test_swapped_blocks_are_both_misplaced(stamper: Stamper, one: int, other: int) -> None:
    data = copied(stamper)
    data[[one, other]] = data[[other, one]]
    findings = judged(stamper, data)
    assert findings.wrong == ({Wrong.MISPLACED: 2} if one != other else {})
    lbas = {finding.lba + step for finding in findings.findings for step in range(finding.count)}
    assert lbas == ({DESTINATION + one, DESTINATION + other} if one != other else set())


@pytest.mark.parametrize(
    ("generation", "kind"), [(0, Wrong.STALE), (1, Wrong.STALE), (3, Wrong.NEWER), (2**32 - 1, Wrong.NEWER)]
)
@given(stamper=ANY_STAMPER, block=BLOCK)
def test_another_generation_of_the_right_place_is_told(
    stamper: Stamper, block: int, generation: int, kind: Wrong
) -> None:
    data = copied(stamper)
    data[block] = stamper.make(1, SOURCE + block, 1, generation)
    only(judged(stamper, data), kind, block)


@given(ANY_STAMPER, BLOCK, st.data())
def test_two_stamps_in_a_block_are_torn_at_that_byte(stamper: Stamper, block: int, data: st.DataObject) -> None:
    blocks = copied(stamper)
    at = UNIT * data.draw(st.integers(1, stamper.units - 1))
    blocks[block, at:] = stamper.make(2, DESTINATION + block, 1, 0)[0, at:]
    finding = only(judged(stamper, blocks), Wrong.TORN, block)
    assert finding.found == Origin(1, SOURCE + block, 2)
    assert finding.detail == f"torn from byte {at}, also holds destination LBA {DESTINATION + block} generation 0"


@given(ANY_STAMPER, BLOCK, st.data())
def test_a_tear_within_a_unit_is_told_at_most_a_unit_late(stamper: Stamper, block: int, data: st.DataObject) -> None:
    blocks = copied(stamper)
    at = data.draw(st.integers(UNIT, stamper.block_size - 2 * UNIT))
    blocks[block, at:] = stamper.make(2, DESTINATION + block, 1, 0)[0, at:]
    told = only(judged(stamper, blocks), Wrong.TORN, block).detail
    assert at <= int(told.split("byte ")[1].split(",")[0]) < at + UNIT


@given(ANY_STAMPER, BLOCK, st.data())
def test_flipped_bits_are_damage_and_the_first_is_told(stamper: Stamper, block: int, data: st.DataObject) -> None:
    blocks = copied(stamper)
    bits = data.draw(st.sets(st.integers(0, stamper.block_size * 8 - 1), min_size=1, max_size=8))
    for bit in bits:
        blocks[block, bit // 8] ^= np.uint8(1 << bit % 8)
    finding = only(judged(stamper, blocks), Wrong.DAMAGED, block)
    assert finding.detail == f"first wrong byte {min(bits) // 8}"
    assert finding.found == Origin(1, SOURCE + block, 2)


@given(ANY_STAMPER, BLOCK, st.integers(0, 31))
def test_damage_in_every_unit_is_still_damage(stamper: Stamper, block: int, byte: int) -> None:
    blocks = copied(stamper)
    blocks[block, byte::UNIT] ^= np.uint8(0x10)
    finding = only(judged(stamper, blocks), Wrong.DAMAGED, block)
    assert finding.detail == f"first wrong byte {byte}"


@given(ANY_STAMPER, BLOCK, st.sampled_from([0x01, 0x80, 0x30]))
def test_inverted_data_lines_are_damage(stamper: Stamper, block: int, lines: int) -> None:
    blocks = copied(stamper)
    blocks[block] ^= np.uint8(lines)
    assert only(judged(stamper, blocks), Wrong.DAMAGED, block).found == Origin(1, SOURCE + block, 2)


@given(ANY_STAMPER, BLOCK, st.data())
def test_a_shift_by_any_number_of_bytes_is_damage(stamper: Stamper, block: int, data: st.DataObject) -> None:
    blocks = copied(stamper)
    shift = data.draw(st.integers(1, stamper.block_size - 2 * UNIT))
    blocks[block, shift:] = blocks[block, :-shift].copy()
    blocks[block, :shift] = 0xA5
    finding = only(judged(stamper, blocks), Wrong.DAMAGED, block)
    assert finding.detail == f"{UNIT} bytes or more moved by {shift:+d} bytes"
    assert finding.found == Origin(1, SOURCE + block, 2)


@given(ANY_STAMPER, BLOCK, st.data())
def test_a_shift_to_the_front_is_damage(stamper: Stamper, block: int, data: st.DataObject) -> None:
    blocks = copied(stamper)
    shift = data.draw(st.integers(1, stamper.block_size - 2 * UNIT))
    blocks[block, :-shift] = blocks[block, shift:].copy()
    blocks[block, -shift:] = 0xA5
    assert only(judged(stamper, blocks), Wrong.DAMAGED, block).detail.endswith(f"moved by {-shift:+d} bytes")


def test_many_shifted_blocks_are_all_found() -> None:
    stamper, count = STAMPERS[512], 100
    data = np.roll(stamper.make(1, 0, count, 1), 4, axis=1)
    findings = diagnose(stamper, data, 0, Expected.run(Origin(1, 0, 1), count), None, NAMES)
    assert findings.wrong == {Wrong.DAMAGED: count}
    assert findings.findings[0].count == count


@given(ANY_STAMPER, BLOCK, st.integers(0, 2**64 - 1).filter(lambda seed: seed != 0x5EED))
def test_a_block_of_another_seed_is_foreign(stamper: Stamper, block: int, seed: int) -> None:
    data = copied(stamper)
    data[block] = Stamper(seed, stamper.block_size).make(1, SOURCE + block, 1, 2)
    assert only(judged(stamper, data), Wrong.FOREIGN, block).found is None


@given(ANY_STAMPER, BLOCK, st.integers(0, 2**32))
def test_garbage_is_foreign(stamper: Stamper, block: int, seed: int) -> None:
    data = copied(stamper)
    data[block] = np.random.default_rng(seed).integers(0, 256, stamper.block_size, np.uint8)
    only(judged(stamper, data), Wrong.FOREIGN, block)


@given(ANY_STAMPER, BLOCK, st.sampled_from([(0x00, Wrong.ZERO), (0xFF, Wrong.FOREIGN)]))
def test_zeros_and_ones_are_told_apart(stamper: Stamper, block: int, fill: tuple[int, Wrong]) -> None:
    data = copied(stamper)
    data[block] = fill[0]
    only(judged(stamper, data), fill[1], block)


def test_a_stamp_where_zeros_belong_is_misplaced() -> None:
    stamper = STAMPERS[512]
    findings = diagnose(stamper, stamper.make(1, 3, 1, 1), 9, Expected.zeros(1), None, NAMES)
    text = "LBA 9: copied from the wrong place: holds source LBA 3 generation 1, expected zeros"
    assert [str(finding) for finding in findings.findings] == [text]


def test_expected_zeros_are_right() -> None:
    assert diagnose(STAMPERS[512], np.zeros((3, 512), np.uint8), 0, Expected.zeros(3)) == Findings(3, 3)


def test_where_nothing_is_known_anything_is_right_and_nothing_is_checked() -> None:
    garbage = np.random.default_rng(3).integers(0, 256, (3, 512), np.uint8)
    assert diagnose(STAMPERS[512], garbage, 0, Expected.unknown(3)) == Findings()


@given(ANY_STAMPER, st.lists(st.integers(0, 3), min_size=COUNT, max_size=COUNT))
def test_any_allowed_origin_is_right_and_no_other(stamper: Stamper, generations: list[int]) -> None:
    table = np.array(generations, np.uint64)
    run = Origins.run(Origin(1, SOURCE, 0), COUNT)
    data = stamper.make_at(run.volumes, run.lbas, table)
    allowed = Expected.run(Origin(1, SOURCE, 3), COUNT).or_else(
        Expected.run(Origin(1, SOURCE, 1), COUNT), Expected.unknown(COUNT)
    )
    findings = diagnose(stamper, data, DESTINATION, allowed)
    wrong = {DESTINATION + index for index, generation in enumerate(generations) if generation in {0, 2}}
    lbas = {finding.lba + step for finding in findings.findings for step in range(finding.count)}
    assert lbas == wrong
    assert findings.right == COUNT - len(wrong)
    assert all("nor any of 1 other allowed origins" in str(finding) for finding in findings.findings)


def test_parts_of_unlike_expectations_are_joined_block_by_block() -> None:
    stamper = STAMPERS[512]
    ours = Expected.run(Origin(1, 0, 1), 1).or_else(Expected.run(Origin(1, 0, 2), 1))
    expected = Expected.joined([ours, Expected.zeros(1), Expected.unknown(1), Expected.run(Origin(2, 9, 1), 1)])
    blocks = [
        stamper.make(1, 0, 1, 2),
        np.zeros((1, 512), np.uint8),
        stamper.make(7, 7, 1, 7),
        stamper.make(2, 9, 1, 1),
    ]
    assert diagnose(stamper, np.concatenate(blocks), 0, expected) == Findings(3, 3)
    assert diagnose(stamper, np.concatenate(blocks[::-1]), 0, expected).right == 0


def test_a_run_wrong_in_one_way_is_one_finding() -> None:
    stamper = STAMPERS[512]
    data = stamper.make(1, SOURCE + 1, COUNT, 2)
    (finding,) = judged(stamper, data).findings
    assert str(finding) == (
        "destination LBA 64 to 71: copied from the wrong place: "
        "holds source LBA 17 to 24 generation 2, expected source LBA 16 to 23 generation 2"
    )


@pytest.mark.parametrize("wrong", [{2, 3, 5}, {0, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {4}])
def test_runs_end_where_a_right_block_stands(wrong: set[int]) -> None:
    stamper = STAMPERS[512]
    data = copied(stamper)
    data[sorted(wrong)] = 0
    findings = judged(stamper, data).findings
    ranges = [set(range(each.lba - DESTINATION, each.lba - DESTINATION + each.count)) for each in findings]
    assert set().union(*ranges) == wrong
    assert all(max(one) + 1 < min(two) for one, two in pairwise(ranges))


def test_runs_where_zeros_belong_end_at_right_blocks_too() -> None:
    data = np.zeros((COUNT, 512), np.uint8)
    data[[2, 5]] = 0xFF
    findings = diagnose(STAMPERS[512], data, 0, Expected.zeros(COUNT)).findings
    assert [(each.lba, each.count) for each in findings] == [(2, 1), (5, 1)]


def test_blocks_copied_in_reverse_are_told_one_by_one() -> None:
    stamper = STAMPERS[512]
    findings = judged(stamper, stamper.make(1, SOURCE + COUNT, COUNT, 2)[::-1]).findings
    held = [each.found.lba for each in findings if each.found]
    assert held == list(range(SOURCE + 2 * COUNT - 1, SOURCE + COUNT - 1, -1))


def test_an_alternative_that_is_not_known_allows_nothing() -> None:
    stamper, nothing = STAMPERS[512], Expected.unknown(COUNT)
    data = stamper.make_at(nothing.origins.volumes, nothing.origins.lbas, nothing.origins.generations)
    assert judged(stamper, data, EXPECTED.or_else(nothing)).right == 0


def test_checking_in_parts_tells_the_same_as_in_one() -> None:
    stamper = STAMPERS[512]
    data = stamper.make(1, SOURCE + 1, COUNT, 2)
    data[6:] = 0

    def part(which: slice) -> Findings:
        return diagnose(stamper, data[which], DESTINATION + which.start, EXPECTED.take(which), None, NAMES)

    parts = [part(slice(0, 3)), part(slice(3, 7)), part(slice(7, 8))]
    assert Findings.total(parts) == part(slice(0, COUNT))


def test_more_findings_than_are_listed_are_counted() -> None:
    stamper, count = STAMPERS[512], 2 * LISTED + 20
    data = stamper.make(1, 0, count, 1)
    data[::2] = 0
    findings = diagnose(stamper, data, 0, Expected.run(Origin(1, 0, 1), count))
    assert findings.wrong == {Wrong.ZERO: LISTED + 10}
    assert (len(findings.findings), findings.unlisted) == (LISTED, 10)


def test_the_first_of_a_kind_is_listed_however_many_others_there_are() -> None:
    stamper, count = STAMPERS[512], 20 * LISTED
    data = stamper.make(1, 0, count, 1)
    data[::2] = 0
    data[count - 1] ^= np.uint8(1)
    findings = diagnose(stamper, data, 0, Expected.run(Origin(1, 0, 1), count), None, NAMES)
    assert findings.wrong == {Wrong.ZERO: count // 2, Wrong.DAMAGED: 1}
    assert [example.split(":")[0] for example in findings.examples()] == ["LBA 0", f"LBA {count - 1}"]


SPOILS: dict[str, Callable[[U8], object]] = {
    "zeros": lambda block: block.fill(0),
    "bit of each byte": lambda block: block.__ixor__(1),
}


@pytest.mark.parametrize("at", [0, 2047, 2048, 99_999])
@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_one_wrong_block_among_many_is_found_at_its_lba(at: int, spoil: Callable[[U8], object]) -> None:
    stamper, count = STAMPERS[512], 100_000
    data = stamper.make(1, 7, count, 1)
    spoil(data[at])
    findings = diagnose(stamper, data, 5000, Expected.run(Origin(1, 7, 1), count))
    assert [(each.lba, each.count) for each in findings.findings] == [(5000 + at, 1)]
    assert findings.right == count - 1


def test_expectations_of_another_length_are_refused() -> None:
    stamper = STAMPERS[512]
    for expected, previous in ((Expected.zeros(2), None), (Expected.zeros(1), Expected.zeros(2))):
        with pytest.raises(ValueError, match="each of the 1 blocks"):
            diagnose(stamper, np.zeros((1, 512), np.uint8), 0, expected, previous)
    with pytest.raises(ValueError, match="same number"):
        Expected.zeros(1).or_else(Expected.zeros(2))
