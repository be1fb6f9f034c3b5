"""Whether a logical unit is there and ready: TEST UNIT READY, REQUEST SENSE, REPORT LUNS, START STOP UNIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.server.attentions import Attentions
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.mapping import Mapping, mapping, seen_by, unit_not_supported
from copyproof.array.server.sense_data import encode_sense, invalid_cdb
from copyproof.scsi.layout import number
from copyproof.scsi.sense import Sense, SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer


def test_unit_ready(server: DeviceServer, request: Request) -> bytes:
    """GOOD: the medium is always there (SPC-4 6.47)."""
    return b""


def request_sense(server: DeviceServer, request: Request) -> bytes:
    """Take the first unit attention as parameter data, in the format that DESC asks for (SPC-4 6.39)."""
    if mapping(server, request.initiator, request.volume) is Mapping.HIDDEN:
        sense = unit_not_supported().sense
    elif code := server.part(Attentions).take(request.initiator, request.volume):
        sense = Sense(SenseKey.UNIT_ATTENTION, *code)
    else:
        sense = Sense(SenseKey.NO_SENSE, 0, 0)
    return encode_sense(sense, descriptor=bool(request.cdb[1] & 1))[: request.cdb[4]]


def report_luns(server: DeviceServer, request: Request) -> bytes:
    """Each volume that this initiator sees under its number; there are no well known logical units (SPC-4 6.33)."""
    select = request.cdb[2]
    if select > 2:
        raise invalid_cdb(2)
    luns = b"".join(_lun(volume) for volume in seen_by(server, request.initiator) if select != 1)
    return (len(luns).to_bytes(4, "big") + bytes(4) + luns)[: number(request.cdb, 6, 4)]


def _lun(volume: int) -> bytes:
    """Peripheral device addressing up to 255, flat space addressing up to 16383, extended flat beyond (SAM-5 4.7)."""
    if volume < 0x100:
        return volume.to_bytes(2, "big") + bytes(6)
    if volume < 0x4000:
        return (0x4000 | volume).to_bytes(2, "big") + bytes(6)
    return b"\xd2" + volume.to_bytes(3, "big") + bytes(4)


def start_stop_unit(server: DeviceServer, request: Request) -> bytes:
    """Stopping destages the cache; there is nothing to eject, and no power condition to go to (SBC-3 5.25)."""
    condition, flags = request.cdb[4] >> 4, request.cdb[4]
    if condition:
        raise invalid_cdb(4, 7)
    if flags & 0x02:
        raise invalid_cdb(4, 1)
    if not flags & 0x05:
        server.unit.flush(request.volume, 0, server.unit.volume(request.volume).blocks)
    return b""


ROWS = (
    Row("TEST UNIT READY", 0x00, None, "00 00 00 00 00 00", test_unit_ready, Access.PRESENCE),
    Row("REQUEST SENSE", 0x03, None, "03 01 00 00 ff 00", request_sense, Access.ALWAYS),
    Row("REPORT LUNS", 0xA0, None, "a0 00 ff 00 00 00 ff ff ff ff 00 00", report_luns, Access.ALWAYS),
    Row("START STOP UNIT", 0x1B, None, "1b 01 00 00 f7 00", start_stop_unit, Access.PRESENCE),
)
