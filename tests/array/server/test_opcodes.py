"""REPORT SUPPORTED OPERATION CODES tells what the table holds, and what is held to be true works."""

from __future__ import annotations

import pytest

from copyproof.array.server.table import COMMANDS
from tests.array.server.host import Host, host


def reported(sender: Host, rctd: int = 0) -> dict[tuple[int, int | None], tuple[int, bytes]]:
    """All commands: CDB length and command timeouts descriptor, by operation code and service action."""
    raw = sender.send(f"a30c{rctd << 7:02x}0000000000ffff0000")
    assert int.from_bytes(raw[:4], "big") == len(raw) - 4
    size = 20 if rctd else 8
    found = {}
    for at in range(4, len(raw), size):
        action = int.from_bytes(raw[at + 2 : at + 4], "big") if raw[at + 5] & 1 else None
        assert bool(raw[at + 5] & 2) is bool(rctd)
        found[(raw[at], action)] = (int.from_bytes(raw[at + 6 : at + 8], "big"), raw[at + 8 : at + size])
    return found


def one(sender: Host, options: int, opcode: int, action: int = 0) -> str:
    return f"a30c{options:02x}{opcode:02x}{action:04x}000004000000"


@pytest.mark.parametrize("protection", [1, 2])
def test_the_list_is_the_table(protection: int) -> None:
    sender = host(protection=protection)
    expected = {key: row.length for key, row in COMMANDS.items() if row.format_type in (None, protection)}
    assert {key: length for key, (length, _) in reported(sender).items()} == expected


def test_timeouts_come_where_they_are_asked_for() -> None:
    assert {timeouts for _, timeouts in reported(host(), 1).values()} == {bytes.fromhex("000a") + bytes(10)}


def test_each_command_is_described_by_what_its_cdb_may_hold() -> None:
    sender = host(protection=2)
    for (opcode, action), row in COMMANDS.items():
        options = 1 if action is None else 2
        raw = sender.send(one(sender, options, opcode, action or 0))
        assert (raw[1], int.from_bytes(raw[2:4], "big")) == (3, row.length)
        assert raw[4:] == row.identified(action or 0)
        assert sender.send(one(sender, options | 0x80, opcode, action or 0))[4 + row.length :][:2].hex() == "000a"
        assert sender.refused(one(sender, 3 - options, opcode, action or 0)) == "05/24/00@2.2"


@pytest.mark.parametrize(
    ("options", "opcode", "action"), [(1, 0xE0, 0), (2, 0xA3, 0x1F), (3, 0xE0, 0), (3, 0x28, 1), (2, 0x7F, 9)]
)
def test_what_is_not_there_is_told_to_be_unsupported(options: int, opcode: int, action: int) -> None:
    sender = host()
    assert sender.send(one(sender, options, opcode, action)).hex() == "00010000"


@pytest.mark.parametrize(("opcode", "action"), [(0x28, 0), (0xA3, 0x0C)])
def test_either_way_of_asking_is_taken_with_option_3(opcode: int, action: int) -> None:
    sender = host()
    assert sender.send(one(sender, 3, opcode, action))[1] == 3


def test_reserved_options_are_refused() -> None:
    sender = host()
    assert sender.refused(one(sender, 4, 0x28)) == "05/24/00@2.2"


def test_task_management_functions_are_told_short_and_long() -> None:
    sender = host()
    assert sender.send("a30d00000000000004000000").hex() == "c8000000"
    assert sender.send("a30d80000000000004000000").hex() == "c800000c" + "0" * 24
    assert sender.send("a30d00000000000000010000").hex() == "c8"
