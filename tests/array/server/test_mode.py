"""Mode pages: what they show, what may be changed, and what the changed bits do."""

from __future__ import annotations

import pytest

from copyproof.scsi.sense import decode_sense
from tests.array.server.host import OTHER, VOLUME, Host, host, payload

CACHING = bytes.fromhex("081204") + bytes(17)
CONTROL = bytes.fromhex("0a0a001000000000ffff0000")


def select(page: bytes, header: int = 4) -> tuple[str, bytes]:
    """MODE SELECT, 6 or 10 bytes, of pages after an empty header."""
    raw = bytes(header) + page
    return (f"1510 0000 {len(raw):02x} 00" if header == 4 else f"5510 0000 0000 00 {len(raw):04x} 00"), raw


def changed(page: bytes, offset: int, bits: int) -> bytes:
    """A page with some bits turned over."""
    raw = bytearray(page)
    raw[offset] ^= bits
    return bytes(raw)


def test_pages_come_alone_and_together() -> None:
    sender = host()
    every = sender.send("1a083f00ff00")
    assert every[:4].hex() == "3b001000"
    assert every[4:] == bytes.fromhex("010a") + bytes(10) + CACHING + CONTROL + bytes.fromhex("1c0a") + bytes(10)
    assert sender.send("1a083fffff00") == every
    assert sender.send("1a080a00ff00")[4:] == CONTROL
    assert sender.send("5a080a00000000010000")[8:] == CONTROL
    assert sender.send("1a080a000600") == bytes.fromhex("0f0010000a0a")


def test_the_block_descriptor_is_short_long_or_left_out() -> None:
    sender = host()
    assert sender.send("1a000a00ff00")[3:12].hex() == "08" + "0000040000000200"
    assert sender.send("5a000a00000000010000")[4:16].hex() == "00000008" + "0000040000000200"
    assert sender.send("5a100a00000000010000")[4:24].hex() == "01000010" + "0000000000000400" + "00000000" + "00000200"


def test_what_may_be_changed_is_shown_and_defaults_stay() -> None:
    sender = host()
    sender.send(*select(changed(CONTROL, 2, 0x04)))
    assert sender.send("1a084a00ff00")[4:].hex() == "0a0a04000800000000000000"
    assert sender.send("1a088a00ff00")[4:] == CONTROL
    assert sender.send("1a080a00ff00")[4:] == changed(CONTROL, 2, 0x04)


@pytest.mark.parametrize(
    ("cdb", "outcome"),
    [
        ("1a080700ff00", "05/24/00@2.5"),
        ("1a080a01ff00", "05/24/00@3"),
        ("1a08ca00ff00", "05/39/00"),
    ],
)
def test_pages_that_are_not_there_and_saved_values_are_refused(cdb: str, outcome: str) -> None:
    assert host().refused(cdb) == outcome


def test_d_sense_switches_the_format_of_sense_data() -> None:
    sender = host()
    assert sender.raw("e00000000000").sense[0] == 0x70
    sender.send(*select(changed(CONTROL, 2, 0x04)))
    assert sender.raw("e00000000000").sense[0] == 0x72


def test_swp_protects_the_unit_from_every_host() -> None:
    sender = host()
    other = sender.beside()
    before = sender.fill()
    sender.send(*select(changed(CONTROL, 4, 0x08), header=8))
    assert sender.refused("2a000000000000000100", payload(1)) == "07/27/02"
    assert other.refused("000000000000") == "06/2A/01"
    assert other.refused("2a000000000000000100", payload(1)) == "07/27/02"
    assert other.send("1a080a00ff00")[2] == 0x90
    assert sender.send("28000000000000000100") == before[0].tobytes()


def test_without_write_cache_a_write_is_destaged() -> None:
    sender = host()
    destaged: list[tuple[int, int, int]] = []
    unit = sender.server.unit
    unit.flush = lambda *asked: destaged.append(asked)  # type: ignore[method-assign]
    sender.send("2a000000000500000200", payload(2))
    assert destaged == []
    sender.send(*select(changed(CACHING, 2, 0x04)))
    sender.send("2a000000000500000200", payload(2))
    sender.send(*select(CACHING))
    sender.send("2a080000000500000200", payload(2))
    sender.send("28080000000700000100")
    assert destaged == [(VOLUME, 5, 2), (VOLUME, 5, 2), (VOLUME, 7, 1)]


def test_a_reset_brings_the_defaults_back() -> None:
    sender = host()
    sender.send(*select(changed(CONTROL, 4, 0x08)))
    sender.server.reset(VOLUME)
    sender.raw("000000000000")
    assert sender.send("1a080a00ff00")[4:] == CONTROL


def test_a_select_that_changes_nothing_tells_nobody() -> None:
    sender = host()
    other = sender.beside(OTHER)
    sender.send(*select(CONTROL))
    sender.send("151000000000")
    assert other.refused("000000000000") == "GOOD"


WRONG_LISTS = [
    pytest.param("150000000400", bytes(4), "05/24/00@1.4", id="no PF"),
    pytest.param("151100000400", bytes(4), "05/24/00@1.0", id="to be saved"),
    pytest.param("151000000300", bytes(3), "05/1A/00", id="header cut"),
    pytest.param("151000000400", bytes(2), "05/1A/00", id="fewer bytes than told"),
    pytest.param("151000000400", bytes.fromhex("00000007"), "05/26/00@3", id="descriptor length"),
    pytest.param("151000000400", bytes.fromhex("00000008"), "05/1A/00", id="descriptor cut"),
    pytest.param(*select(b"\x07\x0a" + bytes(10)), "05/26/00@4.5", id="unknown page"),
    pytest.param(*select(b"\x0a"), "05/1A/00", id="page header cut"),
    pytest.param(*select(CONTROL[:-1]), "05/1A/00", id="page cut"),
    pytest.param(*select(b"\x0a\x0b" + CONTROL[2:]), "05/26/00@5", id="page length"),
    pytest.param(*select(changed(CONTROL, 5, 0x80)), "05/26/00@9.7", id="unchangeable bit"),
    pytest.param("151000000c00", bytes.fromhex("00000008 0000040000000100"), "05/26/00@9", id="another block size"),
    pytest.param(
        "151000000c00", bytes.fromhex("00000008 0000000500000200"), "05/26/00@4", id="another number of blocks"
    ),
    pytest.param("55100000000000000600", bytes(6), "05/1A/00", id="long header cut"),
]


@pytest.mark.parametrize(("cdb", "raw", "outcome"), WRONG_LISTS)
def test_a_list_with_anything_wrong_changes_nothing(cdb: str, raw: bytes, outcome: str) -> None:
    sender = host()
    before = sender.send("1a083f00ff00")
    assert sender.refused(cdb, raw) == outcome
    assert sender.send("1a083f00ff00") == before


def test_a_right_page_before_a_wrong_one_is_not_taken() -> None:
    sender: Host = host()
    assert sender.refused(*select(changed(CONTROL, 2, 0x04) + changed(CACHING, 3, 1))).startswith("05/26/00")
    assert sender.raw("e00000000000").sense[0] == 0x70


@pytest.mark.parametrize(
    "raw",
    [
        bytes.fromhex("0000000000000008 0000040000000200"),
        bytes.fromhex("0000000001000010 0000000000000400 00000000 00000200"),
        bytes.fromhex("0000000000000008 ffffffff00000200"),
    ],
)
def test_a_block_descriptor_as_it_was_read_is_taken(raw: bytes) -> None:
    sender = host()
    sender.send(f"551000000000 00{len(raw) + 12:04x}00", raw + changed(CONTROL, 2, 0x04))
    assert decode_sense(sender.raw("e00000000000").sense) is not None
    assert sender.raw("e00000000000").sense[0] == 0x72
