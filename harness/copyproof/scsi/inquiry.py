"""Standard INQUIRY data (SPC-4 6.6.2).

>>> unit = parse_inquiry(bytes.fromhex("000006021f000000") + b"LIO-ORG FILEIO          4.0 ")
>>> unit.vendor, unit.product, unit.revision, unit.version
('LIO-ORG', 'FILEIO', '4.0', 6)
"""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.scsi.designator import printable
from copyproof.scsi.layout import need


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a logical unit says it is. `version` 6 is SPC-4; `qualifier` 0 means connected; texts are printable."""

    vendor: str
    product: str
    revision: str
    version: int
    device_type: int
    qualifier: int
    third_party_copy: bool
    protect: bool
    removable: bool


def parse_inquiry(raw: bytes) -> Inquiry:
    """Read standard INQUIRY data; raises MalformedAnswer when fewer than the mandatory 36 bytes came."""
    need(raw, 36, "INQUIRY data")
    return Inquiry(
        vendor=printable(raw[8:16]),
        product=printable(raw[16:32]),
        revision=printable(raw[32:36]),
        version=raw[2],
        device_type=raw[0] & 0x1F,
        qualifier=raw[0] >> 5,
        third_party_copy=bool(raw[5] & 0x08),
        protect=bool(raw[5] & 0x01),
        removable=bool(raw[1] & 0x80),
    )
