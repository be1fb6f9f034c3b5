"""Reservations: the conflict table command by command, and what each PERSISTENT RESERVE OUT does and tells."""

from __future__ import annotations

import pytest

from copyproof.array.server.copy_manager import CopyManager
from copyproof.array.server.copy_operations import Operation
from copyproof.array.server.reservations import Kind
from copyproof.array.server.table import COMMANDS
from copyproof.scsi.command import Status
from tests.array.server.host import HOST, OTHER, THIRD, VOLUME, Host, host, payload
from tests.array.server.test_server import cdb_of

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, IGNORING = range(7)
MINE, THEIRS, LAST = 0x1111, 0x2222, 0x3333
CONFLICT = "RESERVATION_CONFLICT"

#: What a host that is not the holder meets (SPC-4 table 66, SBC-3 table 13; SPC-2 table 10), as A(llowed) or
#: C(onflict): under RESERVE, and unregistered under write exclusive and under exclusive access.
CONFLICTS = {
    "INQUIRY": "AAA",
    "REQUEST SENSE": "AAA",
    "REPORT LUNS": "AAA",
    "READ CAPACITY(10)": "AAA",
    "READ CAPACITY(16)": "AAA",
    "RESERVE(6)": "C--",
    "RESERVE(10)": "C--",
    "RELEASE(6)": "A--",
    "RELEASE(10)": "A--",
    "PERSISTENT RESERVE IN, READ KEYS": "CAA",
    "PERSISTENT RESERVE IN, READ RESERVATION": "CAA",
    "PERSISTENT RESERVE IN, REPORT CAPABILITIES": "CAA",
    "PERSISTENT RESERVE IN, READ FULL STATUS": "CAA",
    "TEST UNIT READY": "CAA",
    "START STOP UNIT": "CAA",
    "READ(6)": "CAC",
    "READ(10)": "CAC",
    "READ(12)": "CAC",
    "READ(16)": "CAC",
    "VERIFY(10)": "CAC",
    "VERIFY(12)": "CAC",
    "VERIFY(16)": "CAC",
    "PRE-FETCH(10)": "CAC",
    "PRE-FETCH(16)": "CAC",
    "GET LBA STATUS": "CAC",
    "READ DEFECT DATA(10)": "CAC",
    "READ DEFECT DATA(12)": "CAC",
    "REPORT SUPPORTED OPERATION CODES": "CAC",
    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS": "CAC",
    "WRITE(6)": "CCC",
    "WRITE(10)": "CCC",
    "WRITE(12)": "CCC",
    "WRITE(16)": "CCC",
    "WRITE AND VERIFY(10)": "CCC",
    "WRITE AND VERIFY(12)": "CCC",
    "WRITE AND VERIFY(16)": "CCC",
    "WRITE SAME(10)": "CCC",
    "WRITE SAME(16)": "CCC",
    "COMPARE AND WRITE": "CCC",
    "ORWRITE(16)": "CCC",
    "UNMAP": "CCC",
    "SYNCHRONIZE CACHE(10)": "CCC",
    "SYNCHRONIZE CACHE(16)": "CCC",
    "MODE SENSE(6)": "CCC",
    "MODE SENSE(10)": "CCC",
    "MODE SELECT(6)": "CCC",
    "MODE SELECT(10)": "CCC",
    "EXTENDED COPY(LID1)": "CCC",
    "EXTENDED COPY(LID4)": "CCC",
}
NAMED = {row.name: row for row in COMMANDS.values()}


def out(sender: Host, action: int, key: int = 0, new: int = 0, kind: int = 0, flags: int = 0, length: int = 24) -> str:
    """PERSISTENT RESERVE OUT; returns how it ended."""
    raw = key.to_bytes(8, "big") + new.to_bytes(8, "big") + bytes(4) + bytes([flags, 0, 0, 0])
    return sender.refused(f"5f{action:02x}{kind:02x}0000{length:08x}00", raw)


def keys(sender: Host) -> list[int]:
    raw = sender.send("5e00000000000004 0000")
    assert int.from_bytes(raw[4:8], "big") == len(raw) - 8
    return [int.from_bytes(raw[at : at + 8], "big") for at in range(8, len(raw), 8)]


def generation(sender: Host) -> int:
    return int.from_bytes(sender.send("5e000000000000000400"), "big")


def reservation(sender: Host) -> tuple[int, int] | None:
    """Key and type of the reservation."""
    raw = sender.send("5e010000000000010000")[8:]
    return (int.from_bytes(raw[:8], "big"), raw[13]) if raw else None


def three(kind: Kind | None = None) -> tuple[Host, Host, Host]:
    """Three registered hosts, of which the first reserves."""
    first = host()
    second, third = first.beside(OTHER), first.beside(THIRD)
    for sender, key in ((first, MINE), (second, THEIRS), (third, LAST)):
        assert out(sender, REGISTER, 0, key) == "GOOD"
    if kind is not None:
        assert out(first, RESERVE, MINE, kind=kind) == "GOOD"
    return first, second, third


@pytest.mark.parametrize("name", CONFLICTS)
def test_each_command_meets_reservations_as_the_tables_say(name: str) -> None:
    under_reserve = host()
    under_reserve.send("160000000000")
    seen = [under_reserve.beside()]
    for kind in (Kind.WRITE_EXCLUSIVE, Kind.EXCLUSIVE_ACCESS):
        holder = host()
        out(holder, REGISTER, 0, MINE)
        out(holder, RESERVE, MINE, kind=kind)
        seen.append(holder.beside())
    ends = [sender.raw(bytes(cdb_of(NAMED[name]))).status is Status.RESERVATION_CONFLICT for sender in seen]
    expected = CONFLICTS[name]
    assert [told for told, wanted in zip(ends, expected, strict=True) if wanted != "-"] == [
        wanted == "C" for wanted in expected if wanted != "-"
    ]


@pytest.mark.parametrize("kind", Kind)
def test_registrants_share_what_the_type_gives_them(kind: Kind) -> None:
    first, second, _ = three(kind)
    shared = kind >= Kind.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
    lets_read = kind in (1, 5, 7)
    assert first.refused("2a000000000000000100", payload(1)) == "GOOD"
    assert second.refused("2a000000000000000100", payload(1)) == ("GOOD" if shared else CONFLICT)
    assert second.refused("28000000000000000100") == ("GOOD" if shared or lets_read else CONFLICT)
    assert out(second, REGISTER, THEIRS, 0) == "GOOD"
    assert second.refused("28000000000000000100") == ("GOOD" if lets_read else CONFLICT)
    assert second.refused("2a000000000000000100", payload(1)) == CONFLICT


def test_a_refused_write_writes_nothing() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE)
    before = first.fill()
    assert second.refused("2a000000000000000100", payload(1)) == CONFLICT
    assert (first.held().data == before).all()


@pytest.mark.parametrize(
    ("action", "key", "new", "outcome"),
    [
        (REGISTER, 0, MINE, "GOOD"),
        (REGISTER, 5, MINE, CONFLICT),
        (IGNORING, 5, MINE, "GOOD"),
        (REGISTER, 0, 0, "GOOD"),
        (RESERVE, 0, 0, CONFLICT),
        (RELEASE, 0, 0, CONFLICT),
        (CLEAR, 0, 0, CONFLICT),
        (PREEMPT, 0, 5, CONFLICT),
    ],
)
def test_who_is_not_registered_may_only_register(action: int, key: int, new: int, outcome: str) -> None:
    sender = host()
    assert out(sender, action, key, new, kind=1 if action in (RESERVE, RELEASE, PREEMPT) else 0) == outcome
    assert keys(sender) == ([MINE] if outcome == "GOOD" and new else [])


def test_a_registered_key_is_changed_only_by_who_knows_it() -> None:
    sender = host()
    out(sender, REGISTER, 0, MINE)
    assert out(sender, REGISTER, 0, LAST) == CONFLICT
    assert out(sender, REGISTER, MINE, LAST) == "GOOD"
    assert keys(sender) == [LAST]
    assert out(sender, IGNORING, 0, MINE) == "GOOD"
    assert (keys(sender), generation(sender)) == ([MINE], 3)


@pytest.mark.parametrize("kind", Kind)
def test_a_reservation_is_shown_with_its_key_or_none_where_all_hold_it(kind: Kind) -> None:
    first, _, _ = three(kind)
    assert reservation(first) == (0 if kind >= 7 else MINE, kind)
    assert generation(first) == 3


def test_reserving_again_is_good_for_the_holder_and_a_conflict_else() -> None:
    first, second, _ = three(Kind.EXCLUSIVE_ACCESS)
    assert out(first, RESERVE, MINE, kind=Kind.EXCLUSIVE_ACCESS) == "GOOD"
    assert out(first, RESERVE, MINE, kind=Kind.WRITE_EXCLUSIVE) == CONFLICT
    assert out(second, RESERVE, THEIRS, kind=Kind.EXCLUSIVE_ACCESS) == CONFLICT
    assert out(first, RESERVE, THEIRS, kind=Kind.EXCLUSIVE_ACCESS) == CONFLICT


def test_every_registrant_holds_an_all_registrants_reservation() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    assert out(second, RESERVE, THEIRS, kind=Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS) == "GOOD"
    assert reservation(first) == (0, Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS)


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.held_by_all])
def test_a_release_by_the_holder_tells_those_who_shared(kind: Kind) -> None:
    first, second, third = three(kind)
    assert out(second, RELEASE, THEIRS, kind=kind) == "GOOD"
    assert reservation(third) == (MINE, kind)
    assert out(first, RELEASE, MINE, kind=kind) == "GOOD"
    told = "06/2A/04" if kind in (5, 6) else "GOOD"
    assert (second.refused("000000000000"), third.refused("000000000000")) == (told, told)
    assert reservation(first) is None


@pytest.mark.parametrize("kind", [7, 8])
def test_any_registrant_releases_what_all_hold_and_the_others_are_told(kind: int) -> None:
    first, second, third = three(Kind(kind))
    assert out(second, RELEASE, THEIRS, kind=kind) == "GOOD"
    assert (first.refused("000000000000"), third.refused("000000000000")) == ("06/2A/04", "06/2A/04")
    assert reservation(first) is None


def test_a_release_of_another_type_is_an_error_and_of_none_is_good() -> None:
    first, _, _ = three(Kind.WRITE_EXCLUSIVE)
    assert out(first, RELEASE, MINE, kind=Kind.EXCLUSIVE_ACCESS) == "05/26/04"
    assert out(first, RELEASE, MINE, kind=Kind.WRITE_EXCLUSIVE) == "GOOD"
    assert out(first, RELEASE, MINE, kind=Kind.WRITE_EXCLUSIVE) == "GOOD"


def test_unregistering_ends_what_the_holder_reserved() -> None:
    first, second, third = three(Kind.WRITE_EXCLUSIVE_REGISTRANTS_ONLY)
    assert out(first, REGISTER, MINE, 0) == "GOOD"
    assert second.refused("000000000000") == "06/2A/04"
    assert third.refused("000000000000") == "06/2A/04"
    assert (reservation(third), keys(third)) == (None, [THEIRS, LAST])


def test_an_all_registrants_reservation_ends_with_the_last_of_them() -> None:
    first, second, third = three(Kind.EXCLUSIVE_ACCESS_ALL_REGISTRANTS)
    out(first, REGISTER, MINE, 0)
    out(second, REGISTER, THEIRS, 0)
    assert reservation(third) == (0, Kind.EXCLUSIVE_ACCESS_ALL_REGISTRANTS)
    out(third, REGISTER, LAST, 0)
    assert reservation(third) is None


def test_clear_takes_everything_and_tells_the_others() -> None:
    first, second, third = three(Kind.EXCLUSIVE_ACCESS)
    assert out(second, CLEAR, THEIRS) == "GOOD"
    assert (first.refused("000000000000"), third.refused("000000000000")) == ("06/2A/03", "06/2A/03")
    assert (keys(second), reservation(second), generation(second)) == ([], None, 4)


@pytest.mark.parametrize("action", [PREEMPT, PREEMPT_AND_ABORT])
def test_preempting_the_holder_takes_its_reservation(action: int) -> None:
    first, second, third = three(Kind.WRITE_EXCLUSIVE_REGISTRANTS_ONLY)
    assert out(second, action, THEIRS, MINE, Kind.EXCLUSIVE_ACCESS) == "GOOD"
    assert reservation(second) == (THEIRS, Kind.EXCLUSIVE_ACCESS)
    assert (keys(second), generation(second)) == ([THEIRS, LAST], 4)
    assert first.refused("000000000000") == "06/2A/05"
    assert third.refused("000000000000") == "06/2A/04"


@pytest.mark.parametrize("action", [PREEMPT, PREEMPT_AND_ABORT])
def test_the_tasks_of_who_is_preempted_end_only_where_that_is_asked_for(action: int) -> None:
    _first, second, third = three(Kind.WRITE_EXCLUSIVE)
    copies = [Operation((name, VOLUME, 7), 0) for name in (HOST, third.initiator)]
    for copy in copies:
        second.server.part(CopyManager).operations.begin(copy, listed=True)
    assert out(second, action, THEIRS, MINE, Kind.WRITE_EXCLUSIVE) == "GOOD"
    assert [copy.in_progress for copy in copies] == [action == PREEMPT, True]


def test_preempting_another_registrant_leaves_the_reservation() -> None:
    first, second, third = three(Kind.WRITE_EXCLUSIVE)
    assert out(second, PREEMPT, THEIRS, LAST, Kind.EXCLUSIVE_ACCESS) == "GOOD"
    assert (reservation(first), keys(first)) == ((MINE, Kind.WRITE_EXCLUSIVE), [MINE, THEIRS])
    assert third.refused("000000000000") == "06/2A/05"


def test_preempting_nobody_is_a_conflict_and_key_0_an_error() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE)
    assert out(second, PREEMPT, THEIRS, 0x9999, Kind.WRITE_EXCLUSIVE) == CONFLICT
    assert out(second, PREEMPT, THEIRS, 0, Kind.WRITE_EXCLUSIVE) == "05/26/00@8"
    assert (keys(first), generation(first)) == ([MINE, THEIRS, LAST], 3)


def test_preempting_all_registrants_by_key_0_takes_over() -> None:
    first, second, third = three(Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    assert out(second, PREEMPT, THEIRS, 0, Kind.WRITE_EXCLUSIVE) == "GOOD"
    assert (keys(second), reservation(second)) == ([THEIRS], (THEIRS, Kind.WRITE_EXCLUSIVE))
    assert (first.refused("000000000000"), third.refused("000000000000")) == ("06/2A/05", "06/2A/05")


def test_preempting_one_of_all_registrants_keeps_the_reservation() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS)
    assert out(second, PREEMPT, THEIRS, MINE, Kind.WRITE_EXCLUSIVE) == "GOOD"
    assert first.refused("000000000000") == "06/2A/05"
    assert (keys(second), reservation(second)) == ([THEIRS, LAST], (0, Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS))


def test_preempting_oneself_keeps_the_registration_and_changes_the_type() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE)
    assert out(first, PREEMPT, MINE, MINE, Kind.EXCLUSIVE_ACCESS) == "GOOD"
    assert (keys(first), reservation(first)) == ([MINE, THEIRS, LAST], (MINE, Kind.EXCLUSIVE_ACCESS))
    assert second.refused("000000000000") == "06/2A/04"


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"length": 23}, "05/1A/00"),
        ({"length": 25}, "05/1A/00"),
        ({"flags": 0x08}, "05/26/00@20.3"),
        ({"flags": 0x04}, "05/26/00@20.2"),
        ({"flags": 0x01}, "05/26/00@20.0"),
        ({"kind": 0x11}, "05/24/00@2.7"),
        ({"kind": 0x02}, "05/24/00@2.3"),
        ({"kind": 0x09}, "05/24/00@2.3"),
    ],
)
def test_wrong_lists_and_types_change_nothing(change: dict[str, int], outcome: str) -> None:
    first, _, _ = three()
    assert out(first, RESERVE, MINE, **({"kind": 1} | change)) == outcome
    assert reservation(first) is None


def test_a_list_that_did_not_come_whole_is_refused() -> None:
    assert host().refused("5f000000000000001800", bytes(23)) == "05/1A/00"


def test_capabilities_and_full_status_are_told() -> None:
    first, _, _ = three(Kind.WRITE_EXCLUSIVE)
    assert first.send("5e020000000000010000").hex() == "00080080ea010000"
    raw = first.send("5e030000000000010000")
    assert (raw[:4].hex(), int.from_bytes(raw[4:8], "big")) == ("00000003", len(raw) - 8)
    assert raw[8:32].hex() == f"{MINE:016x}" + "00000000" + "0101" + "00000000" + "0001" + "00000018"
    assert raw[32:56] == bytes.fromhex("05000014") + HOST.encode().ljust(20, b"\0")
    second = raw[56:]
    assert second[:24].hex() == f"{THEIRS:016x}" + "00000000" + "0000" + "00000000" + "0001" + "00000018"


def test_reserve_and_persistent_reservations_exclude_each_other() -> None:
    sender = host()
    sender.send("160000000000")
    assert out(sender, REGISTER, 0, MINE) == CONFLICT
    assert sender.refused("5e000000000000010000") == CONFLICT
    sender.send("170000000000")
    out(sender, REGISTER, 0, MINE)
    assert (sender.refused("160000000000"), sender.refused("170000000000")) == (CONFLICT, CONFLICT)


def test_reserve_is_taken_again_by_its_holder_and_released_by_it_alone() -> None:
    sender = host()
    other = sender.beside()
    sender.send("56000000000000000000")
    sender.send("160000000000")
    other.send("57000000000000000000")
    assert other.refused("160000000000") == CONFLICT
    sender.send("170000000000")
    other.send("160000000000")


@pytest.mark.parametrize("loss", [lambda sender: sender.server.reset(VOLUME), lambda sender: lose(sender)])
def test_reserve_ends_with_a_reset_or_its_nexus(loss: object) -> None:
    sender = host()
    other = sender.beside()
    sender.send("160000000000")
    loss(sender)  # type: ignore[operator]
    other.raw("000000000000")
    assert other.refused("160000000000") == "GOOD"


def lose(sender: Host) -> None:
    sender.server.nexus_lost(OTHER)
    sender.server.nexus_lost(sender.initiator)


def test_persistent_reservations_outlive_reset_and_nexus() -> None:
    first, second, _ = three(Kind.WRITE_EXCLUSIVE)
    first.server.reset(VOLUME)
    first.server.nexus_lost(HOST)
    second.raw("000000000000")
    assert (keys(second), reservation(second)) == ([MINE, THEIRS, LAST], (MINE, Kind.WRITE_EXCLUSIVE))


def test_a_volume_reserved_leaves_the_others_free() -> None:
    _, second, _ = three(Kind.EXCLUSIVE_ACCESS)
    assert second.refused("2a000000000000000100", payload(1), volume=2) == "GOOD"
