"""What an outgoing command could touch: the designators in it, and whether it could write (the pure part of safety).

A copy command writes by designator, not by the node that it is sent to, so every list is read before it goes out, the
deliberately malformed ones above all.

>>> from copyproof.scsi.cdb import extended_copy, inquiry
>>> from copyproof.scsi.copylist import BlockSegment, CopyList, Cscd, Designator
>>> unit = Cscd(Designator.of_naa("6001405aabbccddeeff0011223344556"))
>>> order = extended_copy(CopyList((unit,), (BlockSegment(8, 0, 64),)).encode())
>>> [slot.naa for slot in designators_of(order.cdb, order.data_out)]
['6001405aabbccddeeff0011223344556']
>>> writes(order), writes(inquiry())
(True, False)
"""

from __future__ import annotations

from dataclasses import dataclass

from copyproof.scsi.cdb import CopyOut, Opcode
from copyproof.scsi.command import Command
from copyproof.scsi.copylist import CSCD, CSCD_LENGTH, DESIGNATOR_ROOM, HEADER_LENGTH
from copyproof.scsi.designator import Designator, naa_in

#: CSCD descriptor types that carry or may carry an address (SPC-4 table 131): not a ROD, FEh, nor an extension, FFh.
_ADDRESSES = range(0xE0, 0xFE)

_TOKEN_LISTS = frozenset({CopyOut.POPULATE_TOKEN, CopyOut.WRITE_USING_TOKEN})

#: Operation codes that change neither the medium nor a reservation, whatever their fields say.
_HARMLESS = frozenset(
    {
        Opcode.TEST_UNIT_READY,
        Opcode.REQUEST_SENSE,
        Opcode.INQUIRY,
        Opcode.MODE_SENSE_6,
        Opcode.READ_CAPACITY_10,
        Opcode.READ_10,
        Opcode.VERIFY_10,
        Opcode.LOG_SENSE,
        Opcode.MODE_SENSE_10,
        Opcode.PERSISTENT_RESERVE_IN,
        Opcode.THIRD_PARTY_COPY_IN,
        Opcode.READ_16,
        Opcode.REPORT_LUNS,
        0x08,  # READ(6)
        0x8F,  # VERIFY(16)
        0xA8,  # READ(12)
        0xAF,  # VERIFY(12)
    }
)

#: The same for operation codes of which only some service actions are harmless.
_HARMLESS_ACTIONS: dict[int, frozenset[int]] = {
    Opcode.SERVICE_ACTION_IN_16: frozenset({0x10, 0x11, 0x12}),  # READ CAPACITY(16), READ LONG(16), GET LBA STATUS
    Opcode.MAINTENANCE_IN: frozenset({0x0A, 0x0C, 0x0D}),  # port groups, operation codes, task management functions
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a list where a target could find a CSCD descriptor, `offset` bytes from the list's beginning.

    `raw` is the designator field, 20 bytes or what is left of them. `type`, `code_set`, `association`,
    `designator_type` and `length` are as the list claims; `naa` is read from `raw` alone, whatever they claim.
    """

    offset: int
    type: int
    code_set: int
    association: int
    designator_type: int
    length: int
    raw: bytes

    @property
    def complete(self) -> bool:
        """Whether the whole designator field is there; of a cut one a target may take the rest from anywhere."""
        return len(self.raw) == DESIGNATOR_ROOM

    @property
    def naa(self) -> str:
        """The NAA that the designator field begins with, in lower-case hex; empty where it begins with none."""
        return naa_in(self.raw)

    @property
    def designator(self) -> Designator:
        """The designator as the list claims it to be, cut to the claimed length."""
        return Designator(self.code_set, self.association, self.designator_type, self.raw[: self.length])


def is_extended_copy(command: Command) -> bool:
    """Whether the command's data is, or could be taken for, a list with CSCD descriptors.

    That is 83h with any service action but the token ones: targets exist that take LID4 or a reserved one for LID1.
    """
    return command.opcode == Opcode.THIRD_PARTY_COPY_OUT and command.service_action not in _TOKEN_LISTS


def designators_of(cdb: bytes, data_out: bytes) -> tuple[Slot, ...]:
    """Return every CSCD descriptor that any target could read in an outgoing list, well-formed or not.

    A CSCD is found by its index, at byte 16 + 32 times the index (SPC-4 table 148), in LID4 as in LID1, as 48 is
    16 + 32. So each step of 32 bytes from byte 16 to the end of the data is looked at, whatever the CDB and the header
    declare: a target may believe a length that lies, or an index past the list. A step counts when its first byte is
    the type of a CSCD descriptor with an address, in use or reserved (E0h to FDh). Segment descriptors and inline data
    are thus read too, and what looks like a CSCD descriptor in them is vetted like one: too much is read rather than
    too little.

    Commands that carry no CSCD descriptors give an empty result.
    """
    if not is_extended_copy(Command(cdb)):
        return ()
    steps = range(HEADER_LENGTH, len(data_out), CSCD_LENGTH)
    return tuple(_slot(data_out, at) for at in steps if data_out[at] in _ADDRESSES)


def _slot(data_out: bytes, at: int) -> Slot:
    """Read a slot that the end of the data may cut short: what is missing counts as zero, but is not added to `raw`."""
    whole = data_out[at : at + CSCD_LENGTH]
    values = CSCD.decode(whole.ljust(CSCD_LENGTH, b"\0"))
    start = CSCD["designator"].offset
    return Slot(
        offset=at,
        type=values["type"],
        code_set=values["code_set"],
        association=values["association"],
        designator_type=values["designator_type"],
        length=values["designator_length"],
        raw=whole[start : start + DESIGNATOR_ROOM],
    )


def writes(command: Command) -> bool:
    """Whether a command could change the medium or a reservation: everything that is not known to be harmless.

    >>> from copyproof.scsi.cdb import write10
    >>> writes(write10(0, bytes(512), 512)), writes(Command(b"\\xc1" + bytes(9)))
    (True, True)
    """
    if command.opcode in _HARMLESS:
        return False
    return command.service_action not in _HARMLESS_ACTIONS.get(command.opcode, frozenset())
