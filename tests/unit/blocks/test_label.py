"""Labels: the guard against a bit-by-bit CRC and published values, the tags, and the proof of an exchange."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.blocks.format import BlockFormat
from copyproof.blocks.label import (
    ESCAPE,
    LABEL,
    assemble,
    guards,
    make_labels,
    parse_labels,
    proves_relabelling,
)
from copyproof.errors import DeviceError


def bitwise_crc(data: bytes) -> int:
    register = 0
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x8BB7 if register & 0x8000 else 0)) & 0xFFFF
    return register


def as_block(data: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8).reshape(1, -1)


@pytest.mark.parametrize(
    ("data", "value"), [(b"123456789", 0xD0DB), (b"\xff" * 32, 0xA293), (bytes(512), 0), (bytes(4096), 0)]
)
def test_guard_has_the_published_check_values(data: bytes, value: int) -> None:
    assert guards(as_block(data)).tolist() == [value]


@given(st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=5))
def test_guard_equals_a_bitwise_crc(blocks: list[bytes]) -> None:
    data = np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, 64)
    assert guards(data).tolist() == [bitwise_crc(block) for block in blocks]


def test_guard_of_a_strided_view_is_that_of_its_bytes() -> None:
    raw = np.random.default_rng(1).integers(0, 256, (5, 520), np.uint8)
    data = raw[:, :512]
    assert guards(data).tolist() == [bitwise_crc(block.tobytes()) for block in data]


def test_labels_are_big_endian_and_follow_the_lba_modulo_2_to_the_32() -> None:
    labels = make_labels(np.zeros((2, 512), np.uint8), 2**32 - 1, 0x1234)
    assert labels.tobytes().hex(" ", 8) == "00001234ffffffff 0000123400000000"


@pytest.mark.parametrize("application", [-1, 0x10000])
def test_application_tag_out_of_range_is_refused(application: int) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        assemble(np.zeros(1, np.uint16), 0, application)


def test_parsed_labels_give_back_what_was_made() -> None:
    labels = make_labels(np.ones((3, 512), np.uint8), 9, 7)
    assert (parse_labels(labels.tobytes()) == labels).all()


def test_part_of_a_label_is_the_device_s_error() -> None:
    with pytest.raises(DeviceError, match="13 bytes"):
        parse_labels(bytes(13))


def test_escape_is_all_ones() -> None:
    assert parse_labels(b"\xff" * 8)["application"].tolist() == [ESCAPE]


def test_a_copy_to_an_equal_reference_tag_proves_nothing() -> None:
    origins = np.array([100, 17, 2**32 + 102], np.uint64)
    assert proves_relabelling(origins, 100).tolist() == [False, True, False]


@pytest.mark.parametrize("size", [512, 4096])
def test_split_undoes_interleave(size: int) -> None:
    form = BlockFormat(size, labelled=True)
    data = np.random.default_rng(2).integers(0, 256, (4, size), np.uint8)
    labels = make_labels(data, 5)
    raw = form.interleave(data, labels)
    assert raw.shape == (4, size + 8)
    again, tuples = form.split(raw.tobytes())
    assert (again == data).all()
    assert (tuples == labels).all()


@pytest.mark.parametrize("raw", [bytes(519), bytes(1041), bytes(512)])
def test_part_of_a_block_is_the_device_s_error(raw: bytes) -> None:
    with pytest.raises(DeviceError, match="520-byte blocks"):
        BlockFormat(512, labelled=True).split(raw)


def test_bare_blocks_have_no_labels() -> None:
    with pytest.raises(ValueError, match="no labels"):
        BlockFormat(512).split(bytes(512))
    with pytest.raises(ValueError, match="no labels"):
        BlockFormat(512).interleave(np.zeros((1, 512), np.uint8), np.zeros(1, LABEL))


def test_interleave_refuses_labels_of_another_count() -> None:
    with pytest.raises(ValueError, match="2 labels"):
        BlockFormat(512, labelled=True).interleave(np.zeros((1, 512), np.uint8), np.zeros(2, LABEL))


def test_only_512_and_4096_are_block_sizes() -> None:
    with pytest.raises(ValueError, match="520"):
        BlockFormat(520)
