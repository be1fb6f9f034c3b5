"""Pair commands on the wire: golden bytes, both ways, and what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof.errors import MalformedAnswer
from copyproof.scsi.designator import Designator
from copyproof.scsi.pair import PairCommand, PairState, VolumeRole
from copyproof.scsi.pair_wire import (
    STATE_CODES,
    ArrayInventory,
    MalformedPairList,
    PairAction,
    PairEntry,
    PairList,
    VolumeEntry,
    decode_inventory,
    decode_pairs,
    encode_inventory,
    encode_pairs,
    pair_order,
    pair_query,
)

P, S = (Designator.of_naa(f"6001405aabbccddeeff001122334455{n}") for n in "ab")
LIST = """
    01 03 0f 00 0007 0000
    01 03 00 10 6001405aabbccddeeff001122334455a 00000000
    01 03 00 10 6001405aabbccddeeff001122334455b 00000000
"""
DESIGNATORS = st.one_of(
    st.binary(min_size=16, max_size=16).map(lambda raw: Designator.of_naa("6" + raw.hex()[1:])),
    st.builds(Designator, *[st.integers(0, limit) for limit in (15, 3, 15)], st.binary(max_size=20)),
)


def number(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * size) - 1)


def test_a_parameter_list_has_the_bytes_that_its_page_tells() -> None:
    assert PairList(P, S, quick=True, whole_group=True, group=7, pace=15).encode() == bytes.fromhex(LIST)


def test_each_pair_command_has_a_service_action_of_its_own() -> None:
    assert [action.command for action in PairAction if action.command] == list(PairCommand)
    assert [pair_order(command, PairList(P, S)).cdb[1] for command in PairCommand] != [0] * 7


def test_a_designator_that_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        PairList(P, Designator(1, 0, 8, bytes(21))).encode()


def test_a_query_of_all_pairs_says_so_in_its_cdb() -> None:
    assert pair_query(0x1234, everything=True).cdb.hex() == "c1100100000000123400"


@given(st.builds(PairList, DESIGNATORS, DESIGNATORS, st.booleans(), st.booleans(), number(2), number(1)))
def test_a_parameter_list_is_read_as_it_was_written(told: PairList) -> None:
    assert PairList.decode(told.encode()) == told


@given(st.binary(min_size=56, max_size=56).map(lambda raw: b"\x01" + raw[1:]))
def test_any_bytes_are_a_list_or_point_into_themselves(raw: bytes) -> None:
    try:
        assert PairList.decode(raw).encode() == raw
    except MalformedPairList as malformed:
        assert 0 <= malformed.offset < 56  # noqa: PT017


ENTRIES = st.builds(
    PairEntry,
    st.sampled_from(list(STATE_CODES)),
    st.sampled_from(VolumeRole),
    st.integers(0, 100),
    number(1),
    number(2),
    number(1),
    DESIGNATORS,
    DESIGNATORS,
    number(4),
    *[number(8)] * 4,
)


@given(st.lists(ENTRIES, max_size=3).map(tuple))
def test_pairs_are_read_as_they_were_written(entries: tuple[PairEntry, ...]) -> None:
    assert decode_pairs(encode_pairs(entries)) == entries


VOLUMES = st.builds(
    VolumeEntry, DESIGNATORS, number(8), number(4), st.integers(0, 3), st.sampled_from(VolumeRole), number(2), number(1)
)


@given(
    st.builds(
        ArrayInventory,
        *[number(size) for size in (1, 1, 1, 8, 4, 4, 1)],
        st.booleans(),
        st.lists(VOLUMES, max_size=3).map(tuple),
    )
)
def test_an_inventory_is_read_as_it_was_written(told: ArrayInventory) -> None:
    assert decode_inventory(encode_inventory(told)) == told


ONE = encode_pairs([PairEntry(PairState.PAIR, VolumeRole.PRIMARY, 100, 0, 0, 3, P, S, 1, 64, 0, 0, 64)])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        ONE[:7],
        ONE[:-1],
        ONE[:4] + b"\x02" + ONE[5:],
        ONE[:5] + b"\x5f" + ONE[6:],
        ONE[:8] + b"\x0a" + ONE[9:],
        ONE[:9] + b"\x03" + ONE[10:],
    ],
    ids=["nothing", "header cut", "descriptor cut", "version", "descriptor length", "state", "role"],
)
def test_what_is_no_answer_to_a_query_is_told_so(raw: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        decode_pairs(raw)


def test_a_longer_descriptor_of_a_later_array_is_read_as_far_as_it_is_known() -> None:
    longer = ONE[:5] + bytes([100]) + ONE[6:] + bytes(4)
    assert decode_pairs(longer) == decode_pairs(ONE)
