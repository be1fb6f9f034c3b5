"""Mode pages and what they switch: MODE SENSE and MODE SELECT, 6 and 10 bytes (SPC-4 6.11 to 6.14, 7.5; SBC-3 6.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from copyproof.array.server.attentions import MODE_CHANGED, Attentions
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.mapping import Mapping, mapping
from copyproof.array.server.part import Part
from copyproof.array.server.sense_data import CheckCondition, invalid_cdb, invalid_parameter, list_length_error
from copyproof.scsi.layout import number
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

CACHING, CONTROL = 0x08, 0x0A
_WCE, _D_SENSE, _SWP = (CACHING, 2, 0x04), (CONTROL, 2, 0x04), (CONTROL, 4, 0x08)
"""Page, byte and bit: write cache enabled, descriptor format sense data, software write protect."""

_DEFAULTS: dict[int, bytes] = {
    0x01: bytes.fromhex("010a") + bytes(10),
    # Write cache enabled.
    CACHING: bytes.fromhex("081204") + bytes(17),
    # Commands may be reordered; the application tag is the array's own (ATO 0); the busy time-out has no limit.
    CONTROL: bytes.fromhex("0a0a00100000 0000 ffff 0000"),
    0x1C: bytes.fromhex("1c0a") + bytes(10),
}
_CHANGEABLE = (_WCE, _D_SENSE, _SWP)
_ALL_PAGES, _ALL_SUBPAGES = 0x3F, 0xFF
_DPO_FUA, _WRITE_PROTECT = 0x10, 0x80
_CURRENT, _MASKS, _DEFAULT, _SAVED = range(4)


class Modes(Part):
    """The mode pages of each logical unit, one copy for all initiators."""

    def __init__(self, server: DeviceServer) -> None:
        super().__init__(server)
        self._pages: dict[int, dict[int, bytes]] = {}

    def pages(self, volume: int) -> dict[int, bytes]:
        """Return the current pages by their code."""
        return self._pages.get(volume, _DEFAULTS)

    def set(self, volume: int, pages: dict[int, bytes]) -> None:
        """Put other pages in force."""
        self._pages[volume] = pages

    def descriptor_sense(self, volume: int) -> bool:
        """D_SENSE: whether sense data come in descriptor format."""
        return self._is_set(volume, _D_SENSE)

    def write_protected(self, volume: int) -> bool:
        """SWP: whether the application client protected the medium."""
        return self._is_set(volume, _SWP)

    def write_back(self, volume: int) -> bool:
        """WCE: whether a write may end before it is on the medium."""
        return self._is_set(volume, _WCE)

    def reset(self, volume: int) -> None:
        """Return to the defaults, since nothing is saved."""
        self._pages.pop(volume, None)

    def _is_set(self, volume: int, where: tuple[int, int, int]) -> bool:
        page, offset, bit = where
        return bool(self.pages(volume)[page][offset] & bit)


def _masks() -> dict[int, bytes]:
    """The pages with a one in each bit that MODE SELECT may change."""
    masks = {code: bytearray(page[:2] + bytes(len(page) - 2)) for code, page in _DEFAULTS.items()}
    for code, offset, bit in _CHANGEABLE:
        masks[code][offset] |= bit
    return {code: bytes(mask) for code, mask in masks.items()}


def mode_sense_6(server: DeviceServer, request: Request) -> bytes:
    """Four bytes of header, the block descriptor, the pages; cut at 255 bytes by the allocation length."""
    pages = _asked(server, request)
    descriptor = _block_descriptor(server, request, long=False)
    length = 3 + len(descriptor) + len(pages)
    answer = bytes([length, 0, _device_specific(server, request), len(descriptor)]) + descriptor + pages
    return answer[: request.cdb[4]]


def mode_sense_10(server: DeviceServer, request: Request) -> bytes:
    """Eight bytes of header; LLBAA asks for a block descriptor with an LBA count of eight bytes."""
    pages = _asked(server, request)
    long = bool(request.cdb[1] & 0x10)
    descriptor = _block_descriptor(server, request, long=long)
    length = 6 + len(descriptor) + len(pages)
    head = length.to_bytes(2, "big") + bytes([0, _device_specific(server, request), int(long and bool(descriptor)), 0])
    return (head + len(descriptor).to_bytes(2, "big") + descriptor + pages)[: number(request.cdb, 7, 2)]


def _asked(server: DeviceServer, request: Request) -> bytes:
    control, code, subpage = request.cdb[2] >> 6, request.cdb[2] & 0x3F, request.cdb[3]
    if control == _SAVED:
        raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x39, 0x00)
    if subpage not in (0, _ALL_SUBPAGES):
        raise invalid_cdb(3)
    current = server.part(Modes).pages(request.volume)
    pages = {_CURRENT: current, _MASKS: _masks(), _DEFAULT: _DEFAULTS}[control]
    if code == _ALL_PAGES:
        return b"".join(pages.values())
    if code not in pages:
        raise invalid_cdb(2, 5)
    return pages[code]


def _device_specific(server: DeviceServer, request: Request) -> int:
    """DPO and FUA are taken; WP as writes would find it (SBC-3 6.4.1)."""
    read_only = mapping(server, request.initiator, request.volume) is Mapping.READ_ONLY
    protected = read_only or server.part(Modes).write_protected(request.volume)
    return _DPO_FUA | (_WRITE_PROTECT if protected else 0)


def _block_descriptor(server: DeviceServer, request: Request, *, long: bool) -> bytes:
    """Short (8 bytes) or long (16 bytes) LBA mode parameter block descriptor; none with DBD (SBC-3 6.4.2)."""
    if request.cdb[1] & 0x08:
        return b""
    info = server.unit.volume(request.volume)
    size = info.block_size.to_bytes(4, "big")
    if long:
        return info.blocks.to_bytes(8, "big") + bytes(4) + size
    return min(info.blocks, 0xFFFFFFFF).to_bytes(4, "big") + size


def mode_select_6(server: DeviceServer, request: Request) -> bytes:
    """Change what may be changed; a list with anything else in it changes nothing."""
    return _select(server, request, request.cdb[4], 4)


def mode_select_10(server: DeviceServer, request: Request) -> bytes:
    """As with six bytes, with the longer header."""
    return _select(server, request, number(request.cdb, 7, 2), 8)


def _select(server: DeviceServer, request: Request, length: int, header: int) -> bytes:
    if not request.cdb[1] & 0x10:
        raise invalid_cdb(1, 4)
    raw = request.data_out[:length]
    if length and (len(raw) < length or length < header):
        raise list_length_error()
    if length:
        _change(server, request, raw, header)
    return b""


def _change(server: DeviceServer, request: Request, raw: bytes, header: int) -> None:
    before = server.part(Modes).pages(request.volume)
    after = dict(before)
    for offset, page in _given(raw, _pages_begin(server, request, raw, header)):
        code = page[0] & 0x3F
        _refuse_unchangeable(before[code], page, offset)
        after[code] = before[code][:2] + page[2:]
    if after != before:
        server.part(Modes).set(request.volume, after)
        server.part(Attentions).raise_for_others(request.initiator, request.volume, MODE_CHANGED)


def _pages_begin(server: DeviceServer, request: Request, raw: bytes, header: int) -> int:
    """Return where the pages begin, after a block descriptor that changes nothing; MODE SELECT formats no medium."""
    long = header == 8 and bool(raw[4] & 1)
    length = raw[3] if header == 4 else number(raw, 6, 2)
    at = 3 if header == 4 else 6
    size = 16 if long else 8
    if length not in (0, size):
        raise invalid_parameter(at)
    if len(raw) < header + length:
        raise list_length_error()
    if length:
        _refuse_other_format(server, request, raw[header : header + length], header)
    return header + length


def _refuse_other_format(server: DeviceServer, request: Request, descriptor: bytes, offset: int) -> None:
    info = server.unit.volume(request.volume)
    width = len(descriptor) // 2
    blocks = number(descriptor, 0, width)
    if blocks not in (0, info.blocks, (1 << 8 * width) - 1):
        raise invalid_parameter(offset)
    if number(descriptor, len(descriptor) - 3, 3) != info.block_size:
        raise invalid_parameter(offset + len(descriptor) - 3)


def _given(raw: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Cut the list into known pages of the right length, with their offsets."""
    while start < len(raw):
        code = raw[start] & 0x7F  # PS is reserved here, and hosts send it back as they read it
        if code not in _DEFAULTS:
            raise invalid_parameter(start, 5)
        size = len(_DEFAULTS[code])
        if len(raw) < start + 2:
            raise list_length_error()
        if raw[start + 1] != size - 2:
            raise invalid_parameter(start + 1)
        if len(raw) < start + size:
            raise list_length_error()
        yield start, raw[start : start + size]
        start += size


def _refuse_unchangeable(before: bytes, page: bytes, offset: int) -> None:
    masks = _masks()[page[0] & 0x3F]
    for at in range(2, len(page)):
        strange = (before[at] ^ page[at]) & ~masks[at]
        if strange:
            raise invalid_parameter(offset + at, strange.bit_length() - 1)


ROWS = (
    Row("MODE SENSE(6)", 0x1A, None, "1a 08 ff ff ff 00", mode_sense_6, Access.HOLDER),
    Row("MODE SENSE(10)", 0x5A, None, "5a 18 ff ff 00 00 00 ff ff 00", mode_sense_10, Access.HOLDER),
    Row("MODE SELECT(6)", 0x15, None, "15 10 00 00 ff 00", mode_select_6, Access.HOLDER),
    Row("MODE SELECT(10)", 0x55, None, "55 10 00 00 00 00 00 ff ff 00", mode_select_10, Access.HOLDER),
)
