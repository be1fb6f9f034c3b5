"""The copy manager of a target of plain files: it keeps to the standard unless it is told to misbehave.

Where it must misbehave, the file `misbehaviour` of its folder says so: a line for each `Misbehaviour`, its word,
perhaps followed by the number of the copy from which on it does so.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from copyproof.blocks.label import make_labels
from copyproof.errors import TargetLost, TransportTimeout
from copyproof.scsi.cdb import Opcode, ReceiveCopy
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.copylist import CSCD, HEADER, HEADER_LENGTH, NULL_LU, SEGMENT, SELF, MalformedList, decode
from copyproof.scsi.provisioning import UNMAP, WRITE_SAME_16
from copyproof.scsi.sense import decode_sense
from copyproof.targets.live import Role
from copyproof.verify.labels import Sidecar

BLOCK = 512
BLOCKS = {Role.SOURCE: 8192, Role.DESTINATION: 8192, Role.BYSTANDER: 64, Role.HIDDEN: 256, Role.READONLY: 256}
#: The chunk that the target file declares, in blocks.
CHUNK = 64
CSCDS, SEGMENTS, LIST_LENGTH, SEGMENT_BLOCKS = 4, 8, 1024, 1500
#: Blocks that one WRITE SAME takes.
SAME = 1000
#: Blocks that are unmapped together.
GRANULE = 8
#: Where the bystander is hit, when it is.
HIT = 5
#: An LBA and a count of blocks, as CDBs of 16 bytes and UNMAP block descriptors have them.
_PLACE = struct.Struct(">QI")


class Misbehaviour(Enum):
    """What the target can be told to do wrong."""

    COPIES_NOTHING = "copies-nothing"
    SKIPS_THE_LAST = "skips-the-last-block"
    NEXT_BLOCK = "copies-from-the-next-block"
    HITS_BYSTANDER = "writes-the-bystander"
    HITS_NEIGHBOUR = "overwrites-a-neighbour"
    KEEPS_LABELS = "keeps-the-labels"
    SHOWS_HIDDEN = "copies-from-a-hidden-unit"
    WRITES_REFUSED = "writes-what-it-refuses"
    WRITES_READONLY = "writes-a-read-only-unit"
    WRONG_SENSE = "refuses-with-a-wrong-sense"
    CLAIMS_RESIDUAL = "claims-a-residual"
    LIES = "lies-about-itself"
    ANY_DEVICE_TYPE = "takes-any-device-type"
    NO_PARAMETERS = "has-no-operating-parameters"
    ATTENTION = "reports-a-unit-attention"
    TIMES_OUT = "times-out-half-way"
    DIES = "dies"
    HANGS = "hangs"
    NOT_UP = "does-not-come-up"
    STAYS_UP = "does-not-come-down"
    TWO_SIZES = "needs-another-block-size"


class Refused(Exception):
    """A command that ends in CHECK CONDITION with this sense data."""

    def __init__(self, triple: str, forwarded: str = "", *, valid: bool = False) -> None:
        super().__init__(triple)
        key, asc, ascq = bytes.fromhex(triple.replace("/", ""))
        descriptors = b"\x00\x0a\x80\x00" + (8).to_bytes(8, "big") if valid else b""
        if forwarded:
            inner = bytes.fromhex(forwarded.replace("/", ""))
            received = bytes([0x72, *inner, 0, 0, 0, 0])
            descriptors += bytes([0x0C, 2 + len(received), 0x02, Status.CHECK_CONDITION]) + received
        self.sense = bytes([0x72, key, asc, ascq, 0, 0, 0, len(descriptors)]) + descriptors


@dataclass(frozen=True)
class Unit:
    """One unit: its data file and, with protection information, the file of its labels."""

    role: Role
    naa: str
    path: Path
    sidecar: Sidecar | None

    @property
    def blocks(self) -> int:
        return BLOCKS[self.role]

    def read(self, lba: int, count: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(lba * BLOCK)
            return file.read(count * BLOCK)

    def write(self, lba: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(lba * BLOCK)
            file.write(data)
        if self.sidecar:
            self.sidecar.write(lba, make_labels(np.frombuffer(data, np.uint8).reshape(-1, BLOCK), lba))


class CopyManager:
    """The device server that all units of the target share."""

    def __init__(self, folder: Path, units: dict[str, Unit], note: Callable[[str], None]) -> None:
        self.units, self._note = units, note
        self._copies, self._dead = 0, False
        lines = [line.split() for line in _told(folder).splitlines()]
        self.told = {Misbehaviour(word): int(*since or (1,)) for word, *since in lines}

    def execute(self, unit: Unit, command: Command) -> Result:
        """Answer one command to one unit."""
        if self._dead:
            raise TargetLost(f"{unit.role.value}: No such device")
        try:
            return Result(Status.GOOD, data=self._answer(unit, command)[: command.data_in])
        except Refused as refused:
            return Result(Status.CHECK_CONDITION, decode_sense(refused.sense))

    def does(self, wrong: Misbehaviour) -> bool:
        """Whether it misbehaves so, from the copy on from which it was told to; 0 is before any copy."""
        return wrong in self.told and self._copies >= self.told[wrong]

    def _answer(self, unit: Unit, command: Command) -> bytes:
        action = command.service_action
        if command.opcode == Opcode.TEST_UNIT_READY:
            return b""
        if command.opcode == Opcode.INQUIRY:
            page = command.cdb[2] if command.cdb[1] & 1 else None
            return _inquiry(unit, page, honest=not self.does(Misbehaviour.LIES))
        if command.opcode == Opcode.THIRD_PARTY_COPY_IN and action == ReceiveCopy.OPERATING_PARAMETERS:
            if self.does(Misbehaviour.NO_PARAMETERS):
                raise Refused("05/20/00")
            return self._parameters(command.data_in)
        if command.opcode == Opcode.MAINTENANCE_IN and action == 0x0C:
            actions = ((0x83, 0), (0x84, 3 ^ self.does(Misbehaviour.LIES)))
            return b"\0\0\0\x10" + b"".join(bytes([code, 0, 0, act, 0, 1, 0, 16]) for code, act in actions)
        if command.opcode == Opcode.THIRD_PARTY_COPY_OUT:
            return self._extended_copy(unit, command)
        return _written(unit, command)

    def _extended_copy(self, unit: Unit, command: Command) -> bytes:
        self._copies += bool(command.data_out)
        self._trouble(unit)
        try:
            if command.service_action:
                raise Refused("05/24/00")
            if command.data_out:
                self._carry_out(unit, command.data_out)
            elif self.does(Misbehaviour.HITS_BYSTANDER):
                self._in_role(Role.BYSTANDER).write(HIT, bytes(BLOCK))
        except Refused as refused:
            if self.does(Misbehaviour.WRITES_REFUSED):
                self._write_anyway(command.data_out)
            if self.does(Misbehaviour.WRONG_SENSE):
                raise Refused("05/25/00") from None
            if refused.sense[1] == 5 and self.does(Misbehaviour.CLAIMS_RESIDUAL):
                raise Refused(refused.args[0], valid=True) from None
            raise
        return b""

    def _write_anyway(self, raw: bytes) -> None:
        """Overwrite the first block of the destination, where the list is whole enough to say where that is."""
        if len(raw) >= HEADER_LENGTH + 2 * CSCD.size + SEGMENT.size:
            to = SEGMENT.decode(raw[HEADER_LENGTH + 2 * CSCD.size :][: SEGMENT.size])["destination_lba"]
            self._in_role(Role.DESTINATION).write(to, bytes(BLOCK))

    def _trouble(self, unit: Unit) -> None:
        """Do not even look at the list."""
        if self.does(Misbehaviour.ATTENTION) and self._copies == self.told[Misbehaviour.ATTENTION]:
            raise Refused("06/29/00")
        if self.does(Misbehaviour.DIES):
            self._dead = True
            raise TargetLost(f"{unit.role.value}: No such device")
        if self.does(Misbehaviour.HANGS):
            self._note("hangs")
            time.sleep(60)

    def _carry_out(self, unit: Unit, raw: bytes) -> None:
        """Check in the order of the standard: list, descriptors, each segment (SPC-4 5.17.7.3, 5.17.7.4)."""
        self._check_lengths(raw)
        cscds_end = HEADER_LENGTH + HEADER["cscd_length"].get(raw)
        for start in range(HEADER_LENGTH, cscds_end, CSCD.size):
            self._check_cscd(CSCD.decode(raw[start : start + CSCD.size]))
        segments = [SEGMENT.decode(raw[at : at + SEGMENT.size]) for at in range(cscds_end, len(raw), SEGMENT.size)]
        for segment in segments:
            _need(segment["type"] == 0x02, "05/26/09")
            _need(segment["length"] == SEGMENT.size - 4 and segment["blocks"] <= SEGMENT_BLOCKS, "05/26/00")
        try:
            units = [self.units.get(cscd.designator.naa) for cscd in decode(raw).cscds]
        except MalformedList:
            raise Refused("05/26/00") from None
        for segment in segments:
            self._copy(unit, units, segment)

    def _check_lengths(self, raw: bytes) -> None:
        _need(len(raw) >= HEADER_LENGTH, "05/1A/00")
        header = HEADER.decode(raw[:HEADER_LENGTH])
        descriptors = header["cscd_length"] + header["segment_length"]
        _need(len(raw) >= HEADER_LENGTH + descriptors + header["inline_length"], "05/1A/00")
        _need(descriptors <= LIST_LENGTH, "05/1A/00")
        _need(header["cscd_length"] <= CSCDS * CSCD.size, "05/26/06")
        _need(header["segment_length"] <= SEGMENTS * SEGMENT.size, "05/26/08")
        _need(header["inline_length"] == 0, "05/26/0B")
        _need(header["list_id_usage"] != 1, "05/26/00")
        _need(header["list_id_usage"] != 3 or header["list_identifier"] == 0, "05/26/00")

    def _check_cscd(self, cscd: dict[str, int]) -> None:
        _need(cscd["type"] == 0xE4, "05/26/07")
        _need((cscd["code_set"], cscd["association"], cscd["designator_type"]) == (1, 0, 3), "05/26/00")
        _need(cscd["designator_length"] == 16 and cscd["block_length"] in (0, BLOCK), "05/26/00")
        _need(cscd["device_type"] == 0 or self.does(Misbehaviour.ANY_DEVICE_TYPE), "05/26/00")

    def _copy(self, own: Unit, units: list[Unit | None], segment: dict[str, int]) -> None:
        source = self._reached(own, units, segment["source_index"])
        destination = self._reached(own, units, segment["destination_index"])
        count, first, to = segment["blocks"], segment["source_lba"], segment["destination_lba"]
        if first + count > source.blocks or to + count > destination.blocks:
            raise Refused("0A/0D/01", "05/21/00")
        if destination.role is Role.READONLY:
            if self.does(Misbehaviour.WRITES_READONLY):
                destination.write(to, source.read(first, count))
            raise Refused("0A/0D/01", "07/27/00")
        _check_labels(source, first, count)
        if not self.does(Misbehaviour.COPIES_NOTHING):
            first += self.does(Misbehaviour.NEXT_BLOCK)
            self._move(source, first, destination, to, count - self.does(Misbehaviour.SKIPS_THE_LAST))
        if self.does(Misbehaviour.HITS_NEIGHBOUR):
            destination.write(to + count, source.read(first, 1))
        if self.does(Misbehaviour.HITS_BYSTANDER):
            self._in_role(Role.BYSTANDER).write(HIT, source.read(first, 1))

    def _in_role(self, role: Role) -> Unit:
        return next(unit for unit in self.units.values() if unit.role is role)

    def _parameters(self, length: int) -> bytes:
        whole = _parameters()
        if not self.does(Misbehaviour.LIES):
            return whole
        return whole[:3] + bytes([whole[3] + 1]) + whole[4:] if length >= len(whole) else bytes(length)

    def _reached(self, own: Unit, units: list[Unit | None], index: int) -> Unit:
        if index == SELF:
            return own
        _need(index != NULL_LU and index < len(units), "0A/08/04")
        found = units[index]
        if found is None or (found.role is Role.HIDDEN and not self.does(Misbehaviour.SHOWS_HIDDEN)):
            raise Refused("0A/0D/02")
        return found

    def _move(self, source: Unit, first: int, destination: Unit, to: int, count: int) -> None:
        for done in range(0, count, CHUNK):
            if done and self.does(Misbehaviour.TIMES_OUT):
                raise TransportTimeout("no answer within 60 seconds")
            piece = min(CHUNK, count - done)
            destination.write(to + done, source.read(first + done, piece))
            if source.sidecar and destination.sidecar and self.does(Misbehaviour.KEEPS_LABELS):
                destination.sidecar.write(to + done, source.sidecar.read(first + done, piece))


def _written(unit: Unit, command: Command) -> bytes:
    """Carry out WRITE(16), WRITE SAME(16) or UNMAP, after which the blocks of whole granules read zeros."""
    if command.opcode == UNMAP:
        _need(len(command.data_out) >= 24, "05/1A/00")
        first, count = _PLACE.unpack_from(command.data_out, 8)
        _need(first + count <= unit.blocks, "05/21/00")
        lba = first + -first % GRANULE
        data = bytes(max(0, first + count - lba) // GRANULE * GRANULE * BLOCK)
        blocks = 0
    elif command.opcode in (Opcode.WRITE_16, WRITE_SAME_16):
        _need(len(command.cdb) == 16, "05/24/00")
        lba, blocks = _PLACE.unpack_from(command.cdb, 2)
        _need(command.opcode != WRITE_SAME_16 or blocks <= SAME, "05/24/00")
        data = command.data_out * (blocks if command.opcode == WRITE_SAME_16 else 1)
    else:
        raise Refused("05/20/00")
    _need(not blocks or lba + blocks <= unit.blocks, "05/21/00")
    if data:
        unit.write(lba, data)
    return b""


def _need(right: bool, otherwise: str) -> None:
    if not right:
        raise Refused(otherwise)


def _check_labels(source: Unit, lba: int, count: int) -> None:
    if source.sidecar is None or not count:
        return
    right = make_labels(np.frombuffer(source.read(lba, count), np.uint8).reshape(-1, BLOCK), lba)
    held = source.sidecar.read(lba, count)
    for tag, sense in (("guard", "0B/10/01"), ("reference", "0B/10/03")):
        if (held[tag] != right[tag]).any():
            raise Refused("0A/0D/01", sense)


def _inquiry(unit: Unit, page: int | None, *, honest: bool) -> bytes:
    naa, protect = bytes.fromhex(unit.naa), unit.sidecar is not None
    if page is None:
        return bytes([0, 0, 6, 2, 31, 8 * honest | protect, 0, 0]) + b"COPYFAKE" + b"files".ljust(16) + b"1.0 "
    commands = bytes([6, 0x83, 1, 0, 0x84, 1, 3 ^ (not honest), 0])
    pages = {0x83: bytes([1, 3, 0, len(naa)]) + naa, 0x8F: bytes([0, 1, 0, len(commands)]) + commands}
    # At most 4096 blocks an UNMAP.
    pages |= {0xB0: _filled(60, [(4096, 16, 4), (GRANULE, 24, 4), (SAME, 32, 8)]), 0xB2: bytes([0, 0x84, 2, 0])}
    _need(page in pages, "05/24/00")
    return bytes([0, page]) + len(pages[page]).to_bytes(2, "big") + pages[page]


def _filled(size: int, numbers: list[tuple[int, int, int]]) -> bytes:
    """Put numbers, each given with its offset and width, into a page of zeros."""
    body = bytearray(size)
    for value, offset, width in numbers:
        body[offset : offset + width] = value.to_bytes(width, "big")
    return bytes(body)


def _parameters() -> bytes:
    numbers = ((CSCDS, 2), (SEGMENTS, 2), (LIST_LENGTH, 4), (SEGMENT_BLOCKS * BLOCK, 4), (0, 4), (0, 4), (0, 4))
    fields = b"\x01\0\0\0" + b"".join(value.to_bytes(size, "big") for value, size in numbers)
    body = (fields + bytes(2) + (1).to_bytes(2, "big") + bytes([1, 9, 9, 9])).ljust(39, b"\0") + b"\x02\x02\xe4"
    return len(body).to_bytes(4, "big") + body


def _told(folder: Path) -> str:
    path = folder / "misbehaviour"
    return path.read_text() if path.is_file() else ""
