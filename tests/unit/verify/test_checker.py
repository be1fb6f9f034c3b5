"""Blocks are held against the model, labels where they are seen: each planted error is told at its exact LBA."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from copyproof.blocks.findings import Findings, Wrong
from copyproof.blocks.label import make_labels
from copyproof.blocks.stamp import Stamper
from copyproof.errors import DeviceError, TargetLost
from copyproof.model.controller import ReferenceModel, Transfer
from copyproof.verify.check import Checker, Place
from copyproof.verify.labels import Sidecar
from copyproof.verify.volume import PIECE, HostVolume, UnreadableBlocks

SOURCE, DESTINATION = 1, 2
BLOCKS = 256


class Bench:
    """A model and two volumes of files that agree with it, a source that was stamped and a destination likewise."""

    def __init__(self, folder: Path, blocks: int = BLOCKS, *, labelled: bool = False) -> None:
        self.stamper = Stamper(5, 512)
        self.model = ReferenceModel({SOURCE: blocks, DESTINATION: blocks})
        self.volumes: dict[int, HostVolume] = {}
        self.sidecars: dict[int, Sidecar] = {}
        for number in (SOURCE, DESTINATION):
            node = folder / str(number)
            node.write_bytes(bytes(blocks * 512))
            self.volumes[number] = _volume(node)
            if labelled:
                self.sidecars[number] = Sidecar(folder / f"{number}.protection")
                self.sidecars[number].path.write_bytes(bytes(blocks * 8))
        places = {number: Place(volume, self.sidecars.get(number)) for number, volume in self.volumes.items()}
        self.checker = Checker(self.model, self.stamper, {SOURCE: "source", DESTINATION: "destination"}, places)
        for number in (SOURCE, DESTINATION):
            self.put(number, 0, self.stamper.make(number, 0, blocks, generation=1))
            self.model.write(number, 0, blocks, generation=1)

    def put(self, number: int, lba: int, data: np.ndarray) -> None:
        """Write blocks with their labels, past the model."""
        self.volumes[number].write(lba, data)
        if number in self.sidecars:
            self.sidecars[number].write(lba, make_labels(data, lba))

    def copy(self, source_lba: int, lba: int, count: int) -> None:
        """Copy in truth and in the model, after noting what was there."""
        self.checker.remember()
        self.put(DESTINATION, lba, self.volumes[SOURCE].read(source_lba, count))
        self.model.copy(Transfer(SOURCE, source_lba, DESTINATION, lba, count))

    def told(self, number: int = DESTINATION, lba: int = 0, count: int = BLOCKS) -> list[str]:
        return [str(finding) for finding in self.check(number, lba, count).findings]

    def check(self, number: int = DESTINATION, lba: int = 0, count: int = BLOCKS) -> Findings:
        return self.checker.check(number, lba, count)


def _volume(node: Path) -> HostVolume:
    return HostVolume(node, 512, lambda: os.open(node, os.O_RDWR))


@pytest.fixture(autouse=True)
def _no_direct_io(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "O_DIRECT", 0)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def labelled(tmp_path: Path) -> Bench:
    return Bench(tmp_path, labelled=True)


def test_what_agrees_with_the_model_is_right_and_counted(bench: Bench) -> None:
    bench.copy(10, 100, 20)
    found = bench.check()
    assert (found.checked, found.right, found.clean) == (BLOCKS, BLOCKS, True)


def test_a_copy_that_did_not_happen_is_told_by_what_was_there(bench: Bench) -> None:
    bench.checker.remember()
    bench.model.copy(Transfer(SOURCE, 10, DESTINATION, 100, 20))
    assert bench.told() == [
        "destination LBA 100 to 119: not copied: holds destination LBA 100 to 119 generation 1, "
        "expected source LBA 10 to 29 generation 1"
    ]


def test_a_block_from_elsewhere_is_told_with_its_origin(bench: Bench) -> None:
    bench.copy(10, 100, 20)
    bench.put(DESTINATION, 107, bench.stamper.make(SOURCE, 90, 1, generation=1))
    assert bench.told() == [
        "destination LBA 107: copied from the wrong place: holds source LBA 90 generation 1, "
        "expected source LBA 17 generation 1"
    ]


def test_zeros_and_strangers_are_told(bench: Bench) -> None:
    bench.put(DESTINATION, 3, np.zeros((1, 512), np.uint8))
    bench.put(DESTINATION, 9, np.random.default_rng(1).integers(0, 256, (1, 512), np.uint8))
    assert bench.check().wrong == {Wrong.ZERO: 1, Wrong.FOREIGN: 1}
    assert [finding.lba for finding in bench.check().findings] == [3, 9]


def test_blocks_of_which_nothing_is_known_are_not_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.model = ReferenceModel({DESTINATION: BLOCKS})
    place = {DESTINATION: Place(bench.volumes[DESTINATION])}
    found = Checker(bench.model, bench.stamper, {}, place).check(DESTINATION, 0, BLOCKS)
    assert (found.checked, found.clean) == (0, True)


def test_after_an_unknown_outcome_a_block_may_be_the_old_or_the_new_one_but_no_third(bench: Bench) -> None:
    bench.model.perhaps(Transfer(SOURCE, 10, DESTINATION, 100, 4))
    bench.put(DESTINATION, 101, bench.stamper.make(SOURCE, 11, 1, generation=1))
    assert bench.check().clean
    bench.put(DESTINATION, 102, bench.stamper.make(SOURCE, 99, 1, generation=1))
    (told,) = bench.told()
    assert told.startswith("destination LBA 102: copied from the wrong place: holds source LBA 99 generation 1")


def test_a_range_of_several_pieces_is_checked_to_its_last_block(tmp_path: Path) -> None:
    blocks = PIECE // 512 + 40
    bench = Bench(tmp_path, blocks)
    bench.put(DESTINATION, blocks - 1, np.zeros((1, 512), np.uint8))
    found = bench.check(count=blocks)
    assert (found.checked, found.right, [finding.lba for finding in found.findings]) == (
        blocks,
        blocks - 1,
        [blocks - 1],
    )


def test_right_labels_are_counted(labelled: Bench) -> None:
    labelled.copy(10, 100, 20)
    found = labelled.check()
    assert (found.labels_checked, found.clean) == (BLOCKS, True)


def test_labels_that_kept_their_old_reference_tags_are_told(labelled: Bench) -> None:
    labelled.copy(10, 100, 20)
    labelled.sidecars[DESTINATION].write(100, labelled.sidecars[SOURCE].read(10, 20))
    (told,) = labelled.told()
    assert told.startswith("destination LBA 100 to 119: label not exchanged: ")


@pytest.mark.parametrize(
    ("tag", "value", "kind"),
    [
        ("guard", 0x1234, Wrong.GUARD),
        ("application", 7, Wrong.APPLICATION),
        ("application", 0xFFFF, Wrong.ESCAPE),
        ("reference", 0x12345678, Wrong.LABEL_WRONG),
    ],
)
def test_each_wrong_tag_is_told(labelled: Bench, tag: str, value: int, kind: Wrong) -> None:
    label = labelled.sidecars[DESTINATION].read(33, 1)
    label[tag] = value
    labelled.sidecars[DESTINATION].write(33, label)
    found = labelled.check()
    assert found.wrong == {kind: 1}
    assert [finding.lba for finding in found.findings] == [33]


def test_a_wrong_block_is_told_before_its_label(labelled: Bench) -> None:
    labelled.checker.remember()
    labelled.model.copy(Transfer(SOURCE, 10, DESTINATION, 100, 1))
    assert [finding.kind for finding in labelled.check().findings] == [Wrong.NOT_COPIED, Wrong.GUARD]


def test_a_sidecar_that_is_too_short_is_the_devices_fault(labelled: Bench) -> None:
    os.truncate(labelled.sidecars[DESTINATION].path, 8 * 40)
    with pytest.raises(DeviceError, match=r"2\.protection ends before the label of LBA 255"):
        labelled.check()


def spoilt(volume: HostVolume, bad: set[int]) -> Callable[[int, int], np.ndarray]:
    """Return a `read` that fails where it meets one of some blocks."""
    whole = volume.read

    def read(lba: int, count: int) -> np.ndarray:
        if bad & set(range(lba, lba + count)):
            raise UnreadableBlocks(f"reading {count} blocks at LBA {lba}: Input/output error", lba, count, 5)
        return whole(lba, count)

    return read


@pytest.mark.parametrize("bad", [{0}, {255}, {100}, {7, 8, 200}, {3, 40, 41, 120, 190, 254}], ids=str)
def test_unreadable_blocks_are_told_one_by_one_and_the_others_checked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, bad: set[int]
) -> None:
    monkeypatch.setattr(bench.volumes[DESTINATION], "read", spoilt(bench.volumes[DESTINATION], bad))
    found = bench.check()
    assert [(finding.lba, finding.count) for finding in found.findings] == [(lba, 1) for lba in sorted(bad)]
    assert found.wrong == {Wrong.UNREADABLE: len(bad)}
    assert (found.checked, found.right) == (BLOCKS, BLOCKS - len(bad))


def test_what_is_left_when_too_many_reads_failed_is_neither_unreadable_nor_right(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.volumes[DESTINATION], "read", spoilt(bench.volumes[DESTINATION], set(range(250))))
    found = bench.check()
    told, left = found.wrong[Wrong.UNREADABLE], found.wrong[Wrong.UNSOUGHT]
    assert 100 < told < 250
    assert (found.checked, found.right, found.clean) == (BLOCKS - left, BLOCKS - left - told, False)
    assert "destination LBA 128 to 255: not looked at: reading 128 blocks at LBA 128: Input/output error" in map(
        str, found.findings
    )


def test_a_wrong_label_is_told_before_the_block_that_it_makes_unreadable(
    labelled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = labelled.sidecars[DESTINATION].read(33, 1)
    label["guard"] ^= 1
    labelled.sidecars[DESTINATION].write(33, label)
    monkeypatch.setattr(labelled.volumes[DESTINATION], "read", spoilt(labelled.volumes[DESTINATION], {33}))
    assert [(finding.kind, finding.lba) for finding in labelled.check().findings] == [
        (Wrong.GUARD, 33),
        (Wrong.UNREADABLE, 33),
    ]


def test_wrong_labels_of_unreadable_blocks_in_a_row_are_told_as_one_range(
    labelled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = labelled.sidecars[DESTINATION].read(33, 5)
    labels["reference"] += 7
    labelled.sidecars[DESTINATION].write(33, labels)
    monkeypatch.setattr(
        labelled.volumes[DESTINATION], "read", spoilt(labelled.volumes[DESTINATION], set(range(33, 38)))
    )
    first = labelled.check().findings[0]
    assert (first.lba, first.count) == (33, 5)
    assert first.kind in (Wrong.LABEL_WRONG, Wrong.LABEL_NOT_EXCHANGED)


def test_a_lost_target_is_no_finding(bench: Bench) -> None:
    bench.volumes[DESTINATION].node.unlink()
    with pytest.raises(TargetLost):
        bench.check()
