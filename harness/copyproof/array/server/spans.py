"""Which blocks a command means, wherever its CDB has them, and whether it may mean so many (SBC-3 4.2, 5.11 to 5.36).

>>> unit = VolumeInfo(1, 100, 512, 0)
>>> found = span_of(bytes.fromhex("28 00 00000062 00 0002 00"), unit)
>>> found.lba, found.count, found.protect
(98, 2, 0)
>>> span_of(bytes.fromhex("28 00 00000062 00 0003 00"), unit)
Traceback (most recent call last):
    ...
copyproof.array.server.sense_data.CheckCondition: 05/21/00
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from copyproof.array.core.inventory import VolumeInfo
from copyproof.array.server import limits
from copyproof.array.server.request import VARIABLE_LENGTH
from copyproof.array.server.sense_data import CheckCondition, invalid_cdb, out_of_range
from copyproof.scsi.layout import Field
from copyproof.scsi.sense import SenseKey


@dataclass(frozen=True, slots=True)
class _Places:
    """Where CDBs of one length have the LBA, the number of blocks, and RDPROTECT or its like with DPO and FUA."""

    lba: Field
    count: Field
    flags: int = 1


_SIX, _TWELVE = 0x00, 0xA0
_PLACES = {
    _SIX: _Places(Field("lba", 1, 3, mask=0x1FFFFF), Field("blocks", 4)),
    0x20: _Places(Field("lba", 2, 4), Field("blocks", 7, 2)),
    0x40: _Places(Field("lba", 2, 4), Field("blocks", 7, 2)),
    0x60: _Places(Field("lba", 12, 8), Field("blocks", 28, 4), flags=10),
    0x80: _Places(Field("lba", 2, 8), Field("blocks", 10, 4)),
    _TWELVE: _Places(Field("lba", 2, 4), Field("blocks", 6, 4)),
}
"""By the group code, the three high bits of the operation code (SPC-4 4.3.4.1)."""


@dataclass(frozen=True, slots=True)
class Span:
    """`count` blocks of `unit` from `lba`; all of them are on it.

    `protect` is RDPROTECT, WRPROTECT, VRPROTECT or ORPROTECT, 0 to 5; `reference` is the reference tag that the first
    block must have, None where the medium's protection type checks none; `forced` is FUA: the medium itself is meant,
    not the cache; `count_at` is where the CDB has the count.
    """

    unit: VolumeInfo
    lba: int
    count: int
    protect: int
    reference: int | None
    forced: bool
    count_at: int

    def part(self, start: int, count: int) -> Span:
        """Return `count` blocks of the span from its block `start` on."""
        reference = None if self.reference is None else self.reference + start & 0xFFFFFFFF
        return replace(self, lba=self.lba + start, count=count, reference=reference)

    @property
    def wire_size(self) -> int:
        """Bytes of a block on the wire: with its label, where `protect` asks for labels."""
        return self.unit.block_size + (8 if self.protect else 0)


def span_of(cdb: bytes, unit: VolumeInfo, *, blocks: Field | None = None) -> Span:
    """Read the span of a command that may name any blocks of the unit; raises CheckCondition.

    `blocks` is where this command has their number, where that is not the usual place.
    """
    group = cdb[0] & 0xE0
    short, places = group == _SIX, _PLACES[group]
    number = blocks or places.count
    lba, count = places.lba.get(cdb), number.get(cdb)
    if short and count == 0:
        count = 256  # READ(6) and WRITE(6) cannot ask for nothing (SBC-3 5.10)
    flags = 0 if short else cdb[places.flags]
    _refuse_protect(cdb, unit, flags >> 5, places.flags)
    if lba + count > unit.blocks:
        raise out_of_range(lba)
    return Span(unit, lba, count, flags >> 5, _reference(cdb, unit, lba), bool(flags & 0x08), number.offset)


def transfer_of(cdb: bytes, unit: VolumeInfo) -> Span:
    """As `span_of`, for a command whose blocks are transferred: there may be MAXIMUM TRANSFER LENGTH of them."""
    found = span_of(cdb, unit)
    if found.count > limits.transfer(unit):
        raise invalid_cdb(found.count_at)
    return found


def to_end(span: Span) -> int:
    """How many blocks a count of 0 means where it means all from the LBA on."""
    return span.count or span.unit.blocks - span.lba


def _refuse_protect(cdb: bytes, unit: VolumeInfo, protect: int, at: int) -> None:
    """Labels asked of a medium that has none, or with a reserved code; and, for type 2, by a CDB without the expected
    tags (SBC-3 5.11)."""
    if (protect and unit.protection == 0) or protect > 5:
        raise invalid_cdb(at, 7)
    if protect and unit.protection == 2 and cdb[0] != VARIABLE_LENGTH:
        raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x20, 0x00)


def _reference(cdb: bytes, unit: VolumeInfo, lba: int) -> int | None:
    if cdb[0] == VARIABLE_LENGTH:
        return int.from_bytes(cdb[20:24], "big")
    return lba & 0xFFFFFFFF if unit.protection == 1 else None
