"""Labels that are looked at in bulk are judged as one by one."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core import labels
from copyproof.array.core.blocks import Blocks, labelled
from copyproof.array.core.errors import LabelFault, LabelKind
from copyproof.array.core.unit import ControlUnit
from copyproof.array.settings import ArraySettings, VolumeSettings

VOLUME, SLOT = 0x1234, 128
COUNTS = (1, 2, labels.FEW, labels.FEW + 1, 300)


def blocks_at(lba: int, count: int) -> Blocks:
    data = np.random.default_rng(count).integers(0, 256, (count, 512), np.uint8)
    return labelled(data, VOLUME, lba)


@pytest.mark.parametrize("lba", [0, 7, 2**32 - 301, 2**32, 2**40 + 5])
@pytest.mark.parametrize("count", COUNTS)
def test_right_labels_are_sealed_at_every_length(count: int, lba: int) -> None:
    blocks = blocks_at(lba, count)
    held = labels.seal(blocks, VOLUME, lba)
    assert held is not None
    assert labels.keeps(held, blocks, VOLUME, lba)


@pytest.mark.parametrize("octet", range(8))
@pytest.mark.parametrize("count", COUNTS)
def test_a_wrong_octet_of_a_label_breaks_the_seal_and_is_told(count: int, octet: int) -> None:
    blocks = blocks_at(9, count)
    held = labels.seal(blocks, VOLUME, 9)
    assert held is not None
    at = count * 2 // 3
    blocks.words.view(np.uint8).reshape(-1, 8)[at, octet] ^= 0x10
    assert labels.seal(blocks, VOLUME, 9) is None
    assert not labels.keeps(held, blocks, VOLUME, 9)
    kind = LabelKind.GUARD if octet < 2 else LabelKind.APPLICATION if octet < 4 else LabelKind.REFERENCE
    assert labels.first_fault(blocks, VOLUME, 9, protection=1) == (at, kind)


@pytest.mark.parametrize("count", COUNTS)
def test_wrong_payload_breaks_the_seal_and_is_told(count: int) -> None:
    blocks = blocks_at(9, count)
    held = labels.seal(blocks, VOLUME, 9)
    assert held is not None
    blocks.data[-1, 511] ^= 1
    assert labels.seal(blocks, VOLUME, 9) is None
    assert not labels.keeps(held, blocks, VOLUME, 9)
    assert labels.first_fault(blocks, VOLUME, 9, protection=1) == (count - 1, LabelKind.GUARD)


@pytest.mark.parametrize("count", [2, labels.FEW, labels.FEW + 1])
def test_reference_tags_that_begin_again_are_right(count: int) -> None:
    lba = 2**32 - 1
    assert labels.first_fault(blocks_at(lba, count), VOLUME, lba, protection=1) is None


@pytest.fixture
def unit() -> ControlUnit:
    settings = ArraySettings((VolumeSettings(1, 4 * SLOT),), slot_bytes=SLOT * 512, unit_bytes=32 * 512)
    made = ControlUnit(settings)
    data = np.random.default_rng(1).integers(0, 256, (3 * SLOT, 512), np.uint8)
    made.write(1, 0, made.labelled(1, 0, data))
    return made


@pytest.mark.parametrize(("lba", "count"), [(0, 1), (5, 8), (SLOT - 1, 2), (3, 2 * SLOT), (3 * SLOT - 1, 2), (9, 0)])
@pytest.mark.parametrize("cached", [True, False])
def test_the_payload_alone_is_that_of_a_whole_read(unit: ControlUnit, lba: int, count: int, cached: bool) -> None:
    if not cached:
        unit.empty_cache()
    payload = unit.read_payload(1, lba, count)
    assert payload == unit.read(1, lba, count).data.tobytes()
    assert len(payload) == count * 512


def test_a_wrong_label_is_told_where_the_payload_alone_is_read(unit: ControlUnit) -> None:
    unit.damage(1, 40)
    assert len(unit.read_payload(1, 32, 8)) == 8 * 512
    with pytest.raises(LabelFault, match="volume 1, LBA 40: the guard tag is wrong"):
        unit.read_payload(1, 32, 16)


def test_a_block_with_its_checks_off_is_read_although_its_guard_is_wrong(unit: ControlUnit) -> None:
    blocks = unit.read(1, 8, 4)
    blocks.labels["application"][2], blocks.labels["guard"][2] = 0xFFFF, 0
    unit.write(1, 8, blocks)
    assert unit.read_payload(1, 8, 4) == blocks.data.tobytes()
