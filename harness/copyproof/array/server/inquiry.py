"""INQUIRY: the standard data, and the vital product data pages (SPC-4 6.6, 7.8; SBC-3 6.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from copyproof.array.server import limits, third_party_copy
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.identity import designator, serial
from copyproof.array.server.mapping import Mapping as Seen
from copyproof.array.server.mapping import mapping
from copyproof.array.server.sense_data import invalid_cdb
from copyproof.scsi.layout import number

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

VENDOR, PRODUCT, REVISION = b"COPYPRF ", b"SOFTWARE ARRAY  ", b"0001"
_SPC_4 = 0x06
_VERSION_DESCRIPTORS = (0x00A0, 0x0460, 0x04C0)
"""SAM-5, SPC-4 and SBC-3, no version claimed (SPC-4 table 144)."""
_NO_UNIT = 0x7F
"""Peripheral qualifier 011b and device type 1Fh: no logical unit can be there."""

PageBody = Callable[["DeviceServer", int], bytes]


def inquiry(server: DeviceServer, request: Request) -> bytes:
    """Standard data, or the VPD page asked for, up to the allocation length."""
    page, vital = request.cdb[2], request.cdb[1] & 0x01
    if page and not vital:
        raise invalid_cdb(2)
    hidden = mapping(server, request.initiator, request.volume) is Seen.HIDDEN
    if vital:
        answer = vital_page(server, request.volume, page, PAGES if not hidden else {})
    else:
        answer = _standard(0) if hidden else _standard(server.unit.volume(request.volume).protection)
    if hidden:
        answer = bytes([_NO_UNIT]) + answer[1:]
    return answer[: number(request.cdb, 3, 2)]


def _standard(protection: int) -> bytes:
    raw = bytearray(96)
    raw[2], raw[4], raw[7] = _SPC_4, len(raw) - 5, 0x02
    raw[3] = 0x12  # LUNs of several levels, response data format 2
    raw[5] = 0x08 | bool(protection)
    raw[8:36] = VENDOR + PRODUCT + REVISION
    for at, code in enumerate(_VERSION_DESCRIPTORS):
        raw[58 + 2 * at : 60 + 2 * at] = code.to_bytes(2, "big")
    return bytes(raw)


def vital_page(server: DeviceServer, volume: int, page: int, pages: Mapping[int, PageBody]) -> bytes:
    """Return a page with its header; raises CheckCondition for one that is not among `pages`, 00h aside."""
    if page == 0x00:
        body = bytes([0x00, *sorted(pages)])
    elif page in pages:
        body = pages[page](server, volume)
    else:
        raise invalid_cdb(2)
    return bytes([0, page]) + len(body).to_bytes(2, "big") + body


def _serial(server: DeviceServer, volume: int) -> bytes:
    return serial(server.settings, volume).encode()


def _identification(server: DeviceServer, volume: int) -> bytes:
    """The NAA designator, and the T10 vendor identification one, both of the logical unit."""
    naa = designator(server.settings, volume)
    text = VENDOR + PRODUCT.rstrip() + b" " + _serial(server, volume)
    return _descriptor(naa.code_set, naa.type, naa.data) + _descriptor(0x02, 0x01, text)


def _descriptor(code_set: int, kind: int, data: bytes) -> bytes:
    return bytes([code_set, kind, 0, len(data)]) + data


def _extended(server: DeviceServer, volume: int) -> bytes:
    """Extended INQUIRY data: which protection types there are, and what of a label is checked (SPC-4 7.8.7)."""
    protection = server.unit.volume(volume).protection
    raw = bytearray(60)
    if protection:
        # One type only can be had, the one that the medium is formatted with: SPT 000b, 010b, 100b.
        raw[0] = {1: 0b000, 2: 0b010, 3: 0b100}[protection] << 3 | 0b111
    raw[1] = 0x07  # simple, ordered and head of queue tasks
    raw[2] = 0x01  # a volatile cache
    return bytes(raw)


def _block_limits(server: DeviceServer, volume: int) -> bytes:
    raw = bytearray(60)
    blocks = server.unit.volume(volume)
    raw[0] = 0x01  # WSNZ: a WRITE SAME says how many blocks it means
    raw[1] = limits.COMPARE_AND_WRITE
    fields = {
        4: limits.transfer(blocks),
        8: limits.transfer(blocks),
        16: limits.UNMAP_BLOCKS,
        20: limits.UNMAP_DESCRIPTORS,
        24: 1,
    }
    for at, value in fields.items():
        raw[at : at + 4] = value.to_bytes(4, "big")
    raw[28:32] = bytes.fromhex("80000000")  # unmap granules begin at LBA 0
    raw[32:40] = limits.write_same(blocks).to_bytes(8, "big")
    return bytes(raw)


def _characteristics(server: DeviceServer, volume: int) -> bytes:
    """Nothing rotates."""
    return bytes.fromhex("0001") + bytes(58)


def _provisioning(server: DeviceServer, volume: int) -> bytes:
    """UNMAP and both WRITE SAME commands unmap; unmapped blocks read zeros; thin provisioned; no anchors."""
    return bytes.fromhex("00e40200")


PAGES: dict[int, PageBody] = {
    0x80: _serial,
    0x83: _identification,
    0x86: _extended,
    0x8F: third_party_copy.page,
    0xB0: _block_limits,
    0xB1: _characteristics,
    0xB2: _provisioning,
}
"""The bodies of the VPD pages, after the four bytes of header; page 00h lists them."""

ROWS = (Row("INQUIRY", 0x12, None, "12 01 ff ff ff 00", inquiry, Access.ALWAYS),)
