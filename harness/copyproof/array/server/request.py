"""What reaches the device server, and what it answers: raw bytes both ways, since a wire carries nothing else.

>>> Request("iqn.host", 1, bytes.fromhex("9e10") + bytes(14)).service_action
16
"""

from __future__ import annotations

from typing import NamedTuple

from copyproof.scsi.command import Status


class Request(NamedTuple):
    """One command of the I_T nexus `initiator` to the logical unit `volume` (SAM-5 5.1).

    `data_out` is all that the initiator sends; `data_in` is how many bytes its Data-In Buffer holds.
    """

    initiator: str
    volume: int
    cdb: bytes
    data_out: bytes = b""
    data_in: int = 0

    @property
    def opcode(self) -> int:
        """Byte 0 of the CDB, 0 to 255; a CDB without a byte counts as TEST UNIT READY."""
        return self.cdb[0] if self.cdb else 0

    @property
    def service_action(self) -> int:
        """The service action of this operation code's kind of CDB (SPC-4 4.2.2): 16 bits in a CDB of variable length,
        else bits 4 to 0 of byte 1; 0 where the CDB ends before it."""
        if self.opcode == VARIABLE_LENGTH:
            return int.from_bytes(self.cdb[8:10], "big")
        return self.cdb[1] & 0x1F if len(self.cdb) > 1 else 0


VARIABLE_LENGTH = 0x7F
"""The operation code of CDBs of up to 260 bytes, such as READ(32) (SPC-4 4.2.3)."""


class Reply(NamedTuple):
    """The status, the sense data of a CHECK CONDITION in the format that the logical unit is set to, and the data.

    `data` has at most the bytes that the Data-In Buffer holds; `overflow` is how many more there were.
    """

    status: Status
    sense: bytes = b""
    data: bytes = b""
    overflow: int = 0
