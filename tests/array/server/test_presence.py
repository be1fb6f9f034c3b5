"""Who is there and ready: INQUIRY, TEST UNIT READY, REQUEST SENSE, REPORT LUNS, START STOP UNIT, READ CAPACITY."""

from __future__ import annotations

import pytest

from copyproof.array.server.presence import _lun
from copyproof.scsi import cdb, vpd
from copyproof.scsi.inquiry import parse_inquiry
from copyproof.scsi.provisioning import provisioning
from tests.array.server.host import BLOCKS, OTHER, SECOND, VOLUME, Host, host


@pytest.mark.parametrize("protection", [0, 1, 2, 3])
def test_inquiry_tells_standard_copy_and_protection(protection: int) -> None:
    raw = host(protection=protection).order(cdb.inquiry())
    unit = parse_inquiry(raw)
    assert (unit.version, unit.third_party_copy, unit.protect, unit.device_type) == (6, True, protection > 0, 0)
    assert (len(raw), raw[4]) == (96, 91)
    assert raw[58:64].hex() == "00a0046004c0"


def test_inquiry_with_a_page_code_and_no_evpd_is_refused() -> None:
    assert host().refused("120080006000") == "05/24/00@2"


def test_every_page_listed_can_be_read_and_cut_short() -> None:
    sender = host()
    pages = vpd.supported_pages(sender.order(cdb.inquiry(0)))
    assert list(pages) == sorted(pages)
    assert {0x00, 0x80, 0x83, 0x86, 0x8F, 0xB0, 0xB1, 0xB2} <= set(pages)
    for page in pages:
        whole = sender.order(cdb.inquiry(page, 65535))
        assert len(whole) == vpd.page_length(whole)
        assert sender.order(cdb.inquiry(page, 5)) == whole[:5]


def test_a_page_that_is_not_listed_is_refused() -> None:
    assert host().refused("1201b7006000") == "05/24/00@2"


def test_units_have_names_of_their_own() -> None:
    sender = host(seed=0xABCDEF)
    names = [vpd.unit_naa(sender.order(cdb.inquiry(0x83), volume)) for volume in (VOLUME, SECOND)]
    serials = [vpd.unit_serial(sender.order(cdb.inquiry(0x80), volume)) for volume in (VOLUME, SECOND)]
    assert names == ["30abcdef00000001", "30abcdef00000002"]
    assert serials == ["00ABCDEF0001", "00ABCDEF0002"]


def test_limits_and_provisioning_are_told() -> None:
    sender = host()
    limits = vpd.block_limits(sender.order(cdb.inquiry(0xB0)))
    assert (limits.max_transfer, limits.max_write_same, limits.max_unmap) == (65536, 1 << 21, 1 << 20)
    assert (limits.unmap_granularity, limits.unmap_alignment) == (1, 0)
    told = provisioning(sender.order(cdb.inquiry(0xB2)))
    assert (told.unmap, told.reads_zeros) == (True, True)


@pytest.mark.parametrize(
    "begins",
    [
        "0086003c 070701",
        "00b0003c 01ff0000 00010000 00010000 00000000 00100000 00000100 00000001 80000000 0000000000200000",
        "00b1003c 0001",
        "00b20004 00e40200",
    ],
)
def test_a_page_has_these_bytes_and_zeros_behind_them(begins: str) -> None:
    page = host().send(f"1201{begins[2:4]}ffff00")
    assert page.hex() == begins.replace(" ", "").ljust(2 * vpd.page_length(page), "0")


@pytest.mark.parametrize(("protection", "expected"), [(0, 0x00), (1, 0x07), (2, 0x17), (3, 0x27)])
def test_extended_inquiry_names_the_one_protection_type(protection: int, expected: int) -> None:
    assert host(protection=protection).order(cdb.inquiry(0x86))[4] == expected


@pytest.mark.parametrize(("protection", "expected"), [(0, 0x00), (1, 0x01), (2, 0x03), (3, 0x05)])
@pytest.mark.parametrize("size", [512, 4096])
def test_capacity_is_told_in_both_lengths(protection: int, expected: int, size: int) -> None:
    sender = host(protection=protection, block_size=size, unit_bytes=64 << 10)
    last = (BLOCKS - 1).to_bytes(8, "big") + size.to_bytes(4, "big")
    raw = sender.order(cdb.read_capacity16())
    assert (raw[:12], raw[12], raw[14] & 0xC0) == (last, expected, 0xC0)
    assert sender.order(cdb.read_capacity10()) == last[4:]
    assert sender.order(cdb.read_capacity16(13)) == raw[:13]


def waiting() -> Host:
    return host(attentions=True)


def test_power_on_is_told_once_to_each_nexus() -> None:
    sender = waiting()
    other = Host(sender.server, OTHER)
    assert [sender.refused("000000000000") for _ in range(2)] == ["06/29/00", "GOOD"]
    assert other.refused("000000000000") == "06/29/00"
    assert sender.refused("000000000000", volume=SECOND) == "06/29/00"


def test_inquiry_and_report_luns_leave_a_unit_attention_waiting() -> None:
    sender = waiting()
    sender.send("120000006000")
    sender.send("a00000000000000001000000")
    assert sender.refused("28000000000000000100") == "06/29/00"


@pytest.mark.parametrize(("desc", "code"), [("00", 0x70), ("01", 0x72)])
def test_request_sense_takes_the_unit_attention_in_the_format_asked_for(desc: str, code: int) -> None:
    sender = waiting()
    first, second = (sender.send(f"03{desc}0000ff00") for _ in range(2))
    assert first[0] == second[0] == code
    at = 2 if code == 0x70 else 1
    assert (first[at], second[at]) == (6, 0)
    assert len(sender.send(f"03{desc}00000400")) == 4


def test_report_luns_lists_every_unit_and_no_well_known_one() -> None:
    sender = host()
    assert sender.send("a00000000000000001000000").hex() == "0000001000000000" + "0001000000000000" + "0002000000000000"
    assert sender.send("a00002000000000001000000")[:4].hex() == "00000010"
    assert sender.send("a00001000000000001000000").hex() == "0000000000000000"
    assert sender.send("a00000000000000000040000") == bytes.fromhex("00000010")
    assert sender.refused("a00003000000000001000000") == "05/24/00@2"


@pytest.mark.parametrize(("volume", "lun"), [(5, "0005"), (255, "00ff"), (256, "4100"), (16383, "7fff")])
def test_a_lun_has_the_address_method_that_its_number_needs(volume: int, lun: str) -> None:
    assert _lun(volume).hex() == lun + "0" * 12


def test_a_lun_beyond_flat_addressing_is_an_extended_one() -> None:
    assert _lun(0x4000).hex() == "d200400000000000"


@pytest.mark.parametrize(
    ("cdb", "outcome"),
    [
        ("1b0000000000", "GOOD"),
        ("1b0100000100", "GOOD"),
        ("1b0000000400", "GOOD"),
        ("1b0000000200", "05/24/00@4.1"),
        ("1b0000001000", "05/24/00@4.7"),
    ],
)
def test_start_stop_unit_ejects_nothing_and_knows_no_power_conditions(cdb: str, outcome: str) -> None:
    assert host().refused(cdb) == outcome
