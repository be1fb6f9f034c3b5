"""POPULATE TOKEN, WRITE USING TOKEN and what is told of ROD tokens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from copyproof.array.server import tokens as tokens_of_server
from copyproof.array.server.copy_operations import Phase
from copyproof.array.server.tokens import Tokens
from copyproof.array.settings import CopyLimits
from copyproof.scsi import cdb
from copyproof.scsi.cdb import ReceiveCopy
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.layout import number
from copyproof.scsi.token import (
    CDB,
    POPULATE,
    TOKEN,
    WRITE_USING,
    Range,
    RodType,
    populate_token,
    write_using_token,
    zero_token,
)
from copyproof.scsi.vpd import page_body
from tests.array.server.copy_bench import (
    BLOCKS,
    BYSTANDER,
    DESTINATION,
    OTHER,
    READ_ONLY,
    SIZE,
    SOURCE,
    Bench,
    bench,
)

INFORMATION = ReceiveCopy.ROD_TOKEN_INFORMATION
LIMITS = CopyLimits(token_bytes=64 * SIZE, tokens_bytes=100 * SIZE, ranges=4, chunk_blocks=4, concurrent=2)


@pytest.fixture
def array() -> Bench:
    return bench(copy=LIMITS)


def populate(array: Bench, *ranges: Range, timeout: int = 0, rod_type: int | None = None) -> bytes:
    """Make a token of blocks of the source, and fetch it."""
    assert array.send(populate_token(ranges, 7, timeout=timeout, rod_type=rod_type)).good
    (token,) = tokens(array.receive(INFORMATION, 7).data)
    return token


def tokens(told: bytes) -> list[bytes]:
    """The tokens in the answer of RECEIVE ROD TOKEN INFORMATION, after the status and two reserved bytes each."""
    start = 32 + told[13]
    length = number(told, start, 4)
    assert len(told) == start + 4 + length == 4 + number(told, 0, 4)
    return [told[at + 2 : at + 514] for at in range(start + 4, start + 4 + length, 514)]


def write(array: Bench, token: bytes, *ranges: Range, offset: int = 0, delete: bool = False) -> Result:
    """Write with a token to the destination."""
    return array.send(write_using_token(token, ranges, 7, offset=offset, delete=delete), DESTINATION)


def outcome(array: Bench) -> tuple[int, int]:
    """The operation status of the last write, and how many blocks it wrote."""
    told = array.receive(INFORMATION, 7, volume=DESTINATION).data
    return told[5], number(told, 16, 8)


def test_the_reads_of_a_population_and_the_writes_with_a_token_are_counted(array: Bench) -> None:
    array.send(populate_token([Range(0, 5), Range(9, 0), Range(40, 1)], 7))
    token = array.receive(INFORMATION, 7).data
    assert token[6:8] == bytes([0, 2])
    assert write(array, token[38:], Range(0, 1), Range(64, 5)).good
    assert array.receive(INFORMATION, 7, volume=DESTINATION).data[6:8] == bytes([0, 3])


def test_a_token_carries_blocks_from_ranges_of_one_unit_to_ranges_of_another(array: Bench) -> None:
    token = populate(array, Range(100, 3), Range(16, 7))
    assert write(array, token, Range(0, 5), Range(64, 5)).good
    first = np.concatenate([array.first[SOURCE][100:103], array.first[SOURCE][16:23]])
    assert np.array_equal(array.data(DESTINATION, 0, 5), first[:5])
    assert np.array_equal(array.data(DESTINATION, 64, 5), first[5:])
    assert outcome(array) == (Phase.DONE, 10)
    assert array.untouched(DESTINATION)
    labels = array.server.unit.read(DESTINATION, 64, 5).labels
    assert labels["reference"].tolist() == list(range(64, 69))


def test_a_token_says_what_it_is_and_no_two_are_alike(array: Bench) -> None:
    token, next_token = populate(array, Range(0, 3)), populate(array, Range(0, 3))
    values = TOKEN.decode(token)
    assert (values["rod_type"], values["length"]) == (RodType.POINT_IN_TIME_DEFAULT, 0x1F8)
    assert values["bytes"] == 3 * SIZE
    assert token[256:] != next_token[256:]
    assert TOKEN.decode(next_token)["identifier"] != values["identifier"]


def test_the_point_in_time_is_that_of_the_population(array: Bench) -> None:
    token = populate(array, Range(16, 8))
    assert array.send(cdb.write10(16, bytes(8 * SIZE), SIZE)).good
    assert write(array, token, Range(64, 8)).good
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


def test_an_offset_is_in_blocks_and_what_a_token_lacks_is_a_partial_use(array: Bench) -> None:
    token = populate(array, Range(16, 8))
    assert write(array, token, Range(64, 8), offset=5).good
    assert outcome(array) == (Phase.PARTIAL_TOKEN, 3)
    assert np.array_equal(array.data(DESTINATION, 64, 3), array.first[SOURCE][21:24])
    assert np.array_equal(array.data(DESTINATION, 67, 5), array.first[DESTINATION][67:72])
    beyond = write(array, token, Range(64, 8), offset=8)
    assert str(beyond.sense) == "05/26/00"
    assert beyond.sense
    assert beyond.sense.pointer
    assert beyond.sense.pointer.offset == 8


def test_the_zero_token_writes_zeros_of_any_length(array: Bench) -> None:
    assert write(array, zero_token(), Range(64, 20), offset=2**40).good
    assert not array.data(DESTINATION, 64, 20).any()
    assert outcome(array) == (Phase.DONE, 20)
    assert array.untouched(DESTINATION)


def test_a_deleted_token_is_not_taken_again(array: Bench) -> None:
    token = populate(array, Range(16, 8))
    assert write(array, token, Range(64, 8)).good
    assert write(array, token, Range(0, 8), delete=True).good
    assert str(write(array, token, Range(0, 8)).sense) == "05/23/09"


def test_a_token_expires_after_its_timeout_without_use(array: Bench) -> None:
    token, ticks = populate(array, Range(16, 8), timeout=2), 2 * LIMITS.ticks_per_second
    array.server.run(ticks - 1)
    assert write(array, token, Range(64, 8)).good
    array.server.run(ticks - 1)
    assert write(array, token, Range(64, 8)).good
    array.server.run(ticks)
    assert str(write(array, token, Range(64, 8)).sense) == "05/23/07"


def test_a_token_without_a_timeout_of_its_own_has_the_default_one(array: Bench) -> None:
    token, ticks = populate(array, Range(16, 8)), LIMITS.default_timeout * LIMITS.ticks_per_second
    array.server.run(ticks - 1)
    assert write(array, token, Range(64, 8)).good
    array.server.run(ticks)
    assert str(write(array, token, Range(64, 8)).sense) == "05/23/07"


def test_the_oldest_token_is_cancelled_where_a_new_one_needs_its_room(array: Bench) -> None:
    old, new = populate(array, Range(0, 60)), populate(array, Range(0, 60))
    assert str(write(array, old, Range(64, 8)).sense) == "05/23/08"
    assert write(array, new, Range(64, 8)).good


def test_as_many_tokens_are_cancelled_as_a_new_one_needs_room_for(array: Bench) -> None:
    three = [populate(array, Range(0, 30)) for _ in range(3)]
    populate(array, Range(0, 64))
    assert [str(write(array, token, Range(64, 8)).sense) for token in three] == ["05/23/08", "05/23/08", "None"]


def test_one_token_more_than_may_be_valid_cancels_the_oldest_and_of_few_is_remembered_why(
    array: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_of_server, "TOKENS_MOST", 4)
    monkeypatch.setattr(tokens_of_server, "RECORDS", 2)
    made = [populate(array, Range(at, 1)) for at in range(8)]
    told = [str(write(array, token, Range(64, 8)).sense) for token in made]
    assert told == ["05/23/04"] * 2 + ["05/23/08"] * 2 + ["None"] * 4


def test_a_revoked_token_is_refused(array: Bench) -> None:
    token = populate(array, Range(0, 8))
    array.server.part(Tokens).revoke(token)
    assert str(write(array, token, Range(64, 8)).sense) == "05/23/06"


def changed(token: bytes, at: int, value: int) -> bytes:
    return token[:at] + bytes([value]) + token[at + 1 :]


@pytest.mark.parametrize(
    ("edit", "sense"),
    [
        (lambda token: changed(token, 511, token[511] ^ 1), "05/23/05"),
        (lambda token: changed(token, 7, 0xF7), "05/23/0A"),
        (lambda token: changed(token, 0, 0x11), "05/23/01"),
        (lambda token: changed(token, 15, 0xEE), "05/23/04"),
        (lambda token: changed(changed(token, 15, 0xEE), 30, 0xEE), "05/23/02"),
        (lambda token: bytes(512), "05/23/0A"),
    ],
    ids=["corrupt", "length", "type", "unknown", "remote", "zeros"],
)
def test_a_token_that_is_none_of_ours_is_refused_and_nothing_is_written(
    array: Bench, edit: Callable[[bytes], bytes], sense: str
) -> None:
    token = edit(populate(array, Range(16, 8)))
    assert str(write(array, token, Range(64, 8)).sense) == sense
    assert array.untouched()


def spoilt(command: Command, offset: int, *values: int) -> Command:
    data = command.data_out[:offset] + bytes(values) + command.data_out[offset + len(values) :]
    return Command(command.cdb, data_out=data)


GOOD = populate_token([Range(16, 8)], 7)
POPULATE_REFUSED = [
    ("past the end", populate_token([Range(BLOCKS - 4, 8)]), "05/21/00", None),
    ("far past the end", populate_token([Range(2**64 - 1, 2**32 - 1)]), "05/21/00", None),
    ("overlapping ranges", populate_token([Range(0, 8), Range(40, 1), Range(7, 2)]), "05/26/00", POPULATE.size + 32),
    ("too many ranges", populate_token([Range(at, 1) for at in range(5)]), "05/26/08", 14),
    ("too many blocks", populate_token([Range(0, 65)]), "05/26/00", 14),
    ("too long a timeout", populate_token([Range(0, 8)], timeout=601), "05/26/00", 4),
    ("type of an access", populate_token([Range(0, 8)], rod_type=RodType.ACCESS_UPON_REFERENCE), "05/26/00", 8),
    ("zero type", populate_token([Range(0, 8)], rod_type=RodType.BLOCK_DEVICE_ZERO), "05/26/00", 8),
    ("short length", spoilt(GOOD, 0, 0, 29), "05/26/00", 0),
    ("no range", spoilt(GOOD, 14, 0, 15), "05/26/00", 14),
    ("cut header", Command(GOOD.cdb[:10] + b"\0\0\0\x0f" + GOOD.cdb[14:], GOOD.data_out), "05/1A/00", None),
]


@pytest.mark.parametrize(
    ("command", "sense", "offset"), [c[1:] for c in POPULATE_REFUSED], ids=[c[0] for c in POPULATE_REFUSED]
)
def test_a_wrong_list_makes_no_token(array: Bench, command: Command, sense: str, offset: int | None) -> None:
    answer = array.send(command)
    assert str(answer.sense) == sense
    assert answer.sense
    assert (answer.sense.pointer.offset if answer.sense.pointer else None) == offset
    assert array.receive(ReceiveCopy.REPORT_ALL_ROD_TOKENS).data == bytes([0, 0, 0, 4, 0, 0, 0, 0])


WUT = write_using_token(zero_token(), [Range(16, 8)], 7)
WRITE_REFUSED = [
    ("past the end", write_using_token(zero_token(), [Range(BLOCKS - 4, 8)]), "05/21/00", None),
    ("overlap", write_using_token(zero_token(), [Range(0, 8), Range(7, 2)]), "05/26/00", WRITE_USING.size + 16),
    ("too many ranges", write_using_token(zero_token(), [Range(at, 1) for at in range(5)]), "05/26/08", 534),
    ("too many blocks", write_using_token(zero_token(), [Range(0, 65)]), "05/26/00", 534),
    ("short length", spoilt(WUT, 0, 0x02, 0x25), "05/26/00", 0),
    ("lengths that disagree", spoilt(WUT, 0, 0x02, 0x36), "05/26/00", 534),
    ("no range", spoilt(spoilt(WUT, 0, 0x02, 0x26), 534, 0, 15), "05/26/00", 534),
    ("cut header", Command(WUT.cdb[:10] + b"\0\0\x02\x17" + WUT.cdb[14:], WUT.data_out), "05/1A/00", None),
]


@pytest.mark.parametrize(
    ("command", "sense", "offset"), [c[1:] for c in WRITE_REFUSED], ids=[c[0] for c in WRITE_REFUSED]
)
def test_a_wrong_list_writes_nothing(array: Bench, command: Command, sense: str, offset: int | None) -> None:
    answer = array.send(command, DESTINATION)
    assert str(answer.sense) == sense
    assert answer.sense
    assert (answer.sense.pointer.offset if answer.sense.pointer else None) == offset
    assert array.untouched()


def test_empty_lists_and_ranges_of_0_blocks_are_no_errors(array: Bench) -> None:
    for action in (0x10, 0x11):
        empty = CDB.encode({"opcode": 0x83, "service_action": action})
        assert array.send(Command(empty)).good
    assert populate(array, Range(0, 0), Range(16, 2), Range(BLOCKS, 0))


def test_an_incomplete_last_range_is_passed_over(array: Bench) -> None:
    cut = Command(GOOD.cdb[:10] + b"\0\0\0\x2f" + GOOD.cdb[14:], GOOD.data_out + Range(40, 1).encode()[:15])
    assert array.send(spoilt(spoilt(cut, 0, 0, 45), 14, 0, 31)).good
    (token,) = tokens(array.receive(INFORMATION, 7).data)
    assert TOKEN.decode(token)["bytes"] == 8 * SIZE


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (RodType.POINT_IN_TIME_DEFAULT, RodType.POINT_IN_TIME_DEFAULT),
        (RodType.POINT_IN_TIME_PERSISTENT, RodType.POINT_IN_TIME_PERSISTENT),
        (RodType.POINT_IN_TIME_ANY, RodType.POINT_IN_TIME_PERSISTENT),
    ],
)
def test_a_type_may_be_asked_for(array: Bench, asked: RodType, made: RodType) -> None:
    assert TOKEN.decode(populate(array, Range(0, 1), rod_type=asked))["rod_type"] == made


def test_a_token_is_told_once_and_all_valid_ones_are_listed(array: Bench) -> None:
    first, second = populate(array, Range(0, 1)), populate(array, Range(1, 1))
    assert tokens(array.receive(INFORMATION, 7).data) == []
    told = array.receive(ReceiveCopy.REPORT_ALL_ROD_TOKENS).data
    assert told == bytes([0, 0, 0, 196, 0, 0, 0, 0]) + first[:96] + second[:96]


def test_a_token_that_was_cut_short_is_told_again(array: Bench) -> None:
    array.send(populate_token([Range(0, 1)], 7))
    assert len(array.receive(INFORMATION, 7, 100).data) == 100
    assert len(tokens(array.receive(INFORMATION, 7).data)) == 1


def test_a_token_is_written_in_the_background_by_ticks(array: Bench) -> None:
    token = populate(array, Range(16, 8))
    assert array.send(write_using_token(token, [Range(64, 8)], 7, immediate=True), DESTINATION).good
    assert array.untouched()
    assert outcome(array) == (Phase.IN_BACKGROUND, 0)
    array.server.run(1)
    assert np.array_equal(array.data(DESTINATION, 68, 4), array.first[DESTINATION][68:72])
    array.server.run(2)
    assert outcome(array) == (Phase.DONE, 8)
    assert np.array_equal(array.data(DESTINATION, 64, 8), array.first[SOURCE][16:24])


def test_a_population_in_the_background_is_one_point_in_time(array: Bench) -> None:
    assert array.send(populate_token([Range(16, 8)], 7, immediate=True)).good
    assert tokens(array.receive(INFORMATION, 7).data) == []
    array.server.run(2)
    (token,) = tokens(array.receive(INFORMATION, 7).data)
    assert TOKEN.decode(token)["bytes"] == 8 * SIZE


def test_reservations_and_read_only_mappings_hold_for_tokens(array: Bench) -> None:
    token = populate(array, Range(16, 8))
    assert str(array.send(write_using_token(token, [Range(0, 8)]), READ_ONLY).sense) == "07/27/00"
    assert array.send(Command(bytes.fromhex("160000000000")), BYSTANDER, OTHER).good
    assert array.send(write_using_token(token, [Range(0, 8)]), BYSTANDER).status is Status.RESERVATION_CONFLICT
    assert array.send(populate_token([Range(0, 8)]), BYSTANDER).status is Status.RESERVATION_CONFLICT
    assert array.untouched()


def test_a_reservation_that_comes_before_a_population_in_the_background_ends_it(array: Bench) -> None:
    assert array.send(populate_token([Range(0, 8)], 7, immediate=True)).good
    assert array.send(Command(bytes.fromhex("160000000000")), SOURCE, OTHER).good
    array.server.run(1)
    assert array.send(Command(bytes.fromhex("170000000000")), SOURCE, OTHER).good
    told = array.receive(INFORMATION, 7).data
    assert (told[5], tokens(told)) == (Phase.FAILED, [])


def test_page_8fh_tells_the_limits_and_types_of_tokens(array: Bench) -> None:
    parts, body = {}, page_body(array.send(cdb.inquiry(0x8F, 4096)).data, 0x8F)
    while body:
        length = number(body, 2, 2)
        parts[number(body, 0, 2)], body = body[4 : 4 + length], body[4 + length :]
    limits = parts[0x0000]
    assert [number(limits, at, width) for at, width in ((6, 2), (8, 4), (12, 4), (16, 8))] == [4, 600, 60, 64]
    features = parts[0x0106]
    assert (features[0], number(features, 42, 2), number(features, 44 + 8, 8)) == (0, 48, 64 * SIZE)
    types = parts[0x0108]
    assert number(types, 2, 2) == 4 * 64 == len(types) - 4
    listed = {number(types, at, 4): types[at + 4] for at in range(4, len(types), 64)}
    assert listed == {0x00800000: 3, 0x00800002: 3, 0x0080FFFF: 1, 0xFFFF0001: 2}
