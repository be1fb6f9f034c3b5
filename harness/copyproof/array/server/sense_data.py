"""Why a command is refused, and how that is put on the wire as sense data (SPC-4 4.5).

>>> encode_sense(invalid_cdb(1, bit=4).sense, descriptor=False).hex(" ", 4)
'7000 05000000 000a0000 00002400 00cc0001'
>>> encode_sense(invalid_cdb(1, bit=4).sense, descriptor=True).hex(" ", 4)
'72052400 00000008 02060000 cc000100'
"""

from __future__ import annotations

from copyproof.array.server.request import VARIABLE_LENGTH
from copyproof.scsi.command import Status
from copyproof.scsi.sense import FieldPointer, Forwarded, Pointed, Sense, SenseKey


class CheckCondition(Exception):
    """A command ends with CHECK CONDITION and this sense; nothing else of the device server may raise it.

    `information` gives the INFORMATION field and VALID=1; `specific` is the COMMAND-SPECIFIC INFORMATION, for COPY
    ABORTED the number of the segment; `forwarded` goes with COPY ABORTED only.
    """

    def __init__(
        self,
        key: SenseKey,
        asc: int,
        ascq: int,
        *,
        pointer: FieldPointer | None = None,
        information: int | None = None,
        specific: int = 0,
        forwarded: tuple[Forwarded, ...] = (),
    ) -> None:
        self.sense = Sense(
            key, asc, ascq, information=information, specific=specific, pointer=pointer, forwarded=forwarded
        )
        super().__init__(str(self.sense))


class Ended(Exception):
    """A command ends with a status that carries no sense data: RESERVATION CONFLICT, BUSY, CONDITION MET … or with
    GOOD and sense data that were asked for (G_SENSE, SPC-4 6.4.2)."""

    def __init__(self, status: Status, sense: Sense | None = None) -> None:
        self.status = status
        self.sense = sense
        super().__init__(status.name)


def invalid_cdb(offset: int, bit: int | None = None) -> CheckCondition:
    """05/24/00 INVALID FIELD IN CDB, pointing at the field's first byte; `bit` is its highest, where it is not whole
    bytes."""
    pointer = FieldPointer(Pointed.CDB, offset, bit)
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x24, 0x00, pointer=pointer)


def invalid_action(cdb: bytes) -> CheckCondition:
    """05/24/00 for a service action that is not there, pointing at where this kind of CDB has it, or at its end."""
    return invalid_cdb(min(8, len(cdb))) if cdb[0] == VARIABLE_LENGTH else invalid_cdb(1, 4)


def invalid_parameter(offset: int, bit: int | None = None, *, ascq: int = 0x00) -> CheckCondition:
    """05/26/`ascq`, 00h being INVALID FIELD IN PARAMETER LIST, pointing into the Data-Out Buffer."""
    pointer = FieldPointer(Pointed.PARAMETERS, offset, bit)
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x26, ascq, pointer=pointer)


def list_length_error() -> CheckCondition:
    """05/1A/00 PARAMETER LIST LENGTH ERROR."""
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x1A, 0x00)


def out_of_range(lba: int) -> CheckCondition:
    """05/21/00 LOGICAL BLOCK ADDRESS OUT OF RANGE; the first LBA asked for is told in the INFORMATION field, as SBC-3
    4.18.1 allows."""
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x21, 0x00, information=lba)


def encode_sense(sense: Sense, *, descriptor: bool) -> bytes:
    """Return sense data of response code 72h (`descriptor`) or 70h."""
    return _descriptors(sense) if descriptor else _fixed(sense)


def _fixed(sense: Sense) -> bytes:
    """Fixed format (SPC-4 4.5.3): what does not fit four bytes of INFORMATION leaves VALID zero."""
    raw = bytearray(18)
    raw[0], raw[2], raw[12], raw[13] = 0x70, sense.key, sense.asc, sense.ascq
    if sense.information is not None and sense.information < 1 << 32:
        raw[0] |= 0x80
        raw[3:7] = sense.information.to_bytes(4, "big")
    raw[8:12] = (sense.specific & 0xFFFFFFFF).to_bytes(4, "big")
    raw[15:18] = _pointer(sense)
    for item in sense.forwarded:
        # Bytes 8 and 9 say where the status byte and the sense data of each end begin (SPC-4 5.17.7.4).
        raw[7 + item.origin] = len(raw)
        raw += bytes([item.status]) + item.raw
    raw = raw[:252]
    raw[7] = len(raw) - 8
    return bytes(raw)


def _descriptors(sense: Sense) -> bytes:
    """Descriptor format (SPC-4 4.5.2): only the descriptors that say something."""
    body = b""
    if sense.information is not None:
        body += bytes.fromhex("000a8000") + sense.information.to_bytes(8, "big")
    if sense.key is SenseKey.COPY_ABORTED:
        # The segment's number is in the third and fourth of the field's eight bytes (SPC-4 5.17.7.4).
        body += bytes.fromhex("010a0000") + (sense.specific << 32).to_bytes(8, "big")
    elif sense.specific:
        body += bytes.fromhex("010a0000") + sense.specific.to_bytes(8, "big")
    if sense.pointer is not None:
        body += bytes.fromhex("02060000") + _pointer(sense) + b"\0"
    for item in sense.forwarded:
        kept = item.raw[:64]
        shortened = 0x80 if len(kept) < len(item.raw) else 0
        body += bytes([0x0C, 2 + len(kept), shortened | item.origin, item.status]) + kept
    return bytes([0x72, sense.key, sense.asc, sense.ascq, 0, 0, 0, len(body)]) + body


def _pointer(sense: Sense) -> bytes:
    """The three SENSE KEY SPECIFIC bytes (SPC-4 tables 34 and 37); zeros without a field pointer."""
    pointer = sense.pointer
    if pointer is None:
        return bytes(3)
    where = {Pointed.CDB: 0x40, Pointed.SEGMENT: 0x20, Pointed.PARAMETERS: 0}[pointer.within]
    bit = 0 if pointer.bit is None else 0x08 | pointer.bit
    return bytes([0x80 | where | bit]) + min(pointer.offset, 0xFFFF).to_bytes(2, "big")
