"""Commands that zero or give up blocks: WRITE SAME(16) and UNMAP, and what a unit says of them (SBC-3 5.28, 5.48, 6.5).

>>> write_same16(8, 2, bytes(512)).cdb.hex()
'93000000000000000008000000020000'
"""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.scsi.command import Command
from copyproof.scsi.layout import Field, Layout, need
from copyproof.scsi.vpd import page_body

WRITE_SAME_16, UNMAP = 0x93, 0x42
LOGICAL_BLOCK_PROVISIONING = 0xB2
"""The VPD page that says what becomes of unmapped blocks."""

_WRITE_SAME = Layout("cdb", 16, Field("opcode", 0), Field("lba", 2, 8), Field("blocks", 10, 4))
_UNMAP = Layout("cdb", 10, Field("opcode", 0), Field("length", 7, 2))
_UNMAP_LIST = Layout(
    "UNMAP parameter list",
    24,
    Field("data_length", 0, 2),
    Field("descriptors_length", 2, 2),
    Field("lba", 8, 8),
    Field("blocks", 16, 4),
)


def write_same16(lba: int, blocks: int, block: bytes) -> Command:
    """WRITE SAME(16) of one block's bytes to `blocks` blocks; ValueError when a value does not fit its field."""
    return Command(_WRITE_SAME.encode({"opcode": WRITE_SAME_16, "lba": lba, "blocks": blocks}), data_out=block)


def unmap(lba: int, blocks: int) -> Command:
    """UNMAP with one block descriptor; ValueError when a value does not fit its field.

    >>> unmap(8, 2).data_out.hex()
    '001600100000000000000000000000080000000200000000'
    """
    size = _UNMAP_LIST.size
    values = {"data_length": size - 2, "descriptors_length": size - 8, "lba": lba, "blocks": blocks}
    return Command(_UNMAP.encode({"opcode": UNMAP, "length": size}), data_out=_UNMAP_LIST.encode(values))


@dataclass(frozen=True, slots=True)
class Provisioning:
    """VPD page B2h: whether UNMAP is there (LBPU), and whether unmapped blocks read zeros (LBPRZ)."""

    unmap: bool
    reads_zeros: bool


def provisioning(raw: bytes) -> Provisioning:
    """Read page B2h; raises MalformedAnswer. LBPRZ is 3 bits since SBC-4, of which xx1b says zeros.

    >>> provisioning(bytes.fromhex("00b20004 0084 0200"))
    Provisioning(unmap=True, reads_zeros=True)
    >>> provisioning(bytes.fromhex("00b20004 0088 0200")).reads_zeros
    False
    """
    body = page_body(raw, LOGICAL_BLOCK_PROVISIONING)
    need(body, 2, "VPD page B2h")
    return Provisioning(bool(body[1] & 0x80), bool(body[1] & 0x04))
