"""A range that this host cannot write must hold what it held; what changed is told by what it holds now."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from copyproof.blocks.arrays import U8
from copyproof.blocks.stamp import Stamper
from copyproof.model.controller import ReferenceModel
from copyproof.verify.check import Checker, Place
from copyproof.verify.volume import HostVolume

BLOCKS = 64


class Memory(HostVolume):
    def __init__(self, data: U8) -> None:
        self.data, self.block_size = data, 512

    def pieces(self, lba: int, count: int) -> Iterator[tuple[int, int]]:
        yield lba, count

    def read(self, lba: int, count: int) -> U8:
        return self.data[lba : lba + count].copy()


def checker(data: U8) -> tuple[Checker, Stamper]:
    stamper = Stamper(1, 512)
    frozen = Checker(ReferenceModel({5: BLOCKS}), stamper, {1: "source", 5: "readonly"}, {5: Place(Memory(data))})
    frozen.freeze(5, 8, 16)
    return frozen, stamper


def test_an_unchanged_range_is_right() -> None:
    frozen, _ = checker(np.zeros((BLOCKS, 512), np.uint8))
    found = frozen.check(5, 0, BLOCKS)
    assert (found.checked, found.right, found.wrong) == (16, 16, {})


def test_a_block_that_a_copy_put_there_is_told_by_its_origin() -> None:
    data = np.zeros((BLOCKS, 512), np.uint8)
    frozen, stamper = checker(data)
    data[20] = stamper.make(1, 33, 1, 2)[0]
    found = frozen.check(5, 0, BLOCKS)
    assert (found.checked, found.right) == (16, 15)
    assert [str(finding) for finding in found.findings] == [
        "readonly LBA 20: copied from the wrong place: holds source LBA 33 generation 2, changed by the target"
    ]


def test_a_change_outside_the_range_is_nobodys_business() -> None:
    data = np.zeros((BLOCKS, 512), np.uint8)
    frozen, stamper = checker(data)
    data[30] = stamper.make(1, 33, 1, 2)[0]
    assert frozen.check(5, 0, BLOCKS).wrong == {}
