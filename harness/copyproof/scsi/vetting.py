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
from copyproof.scsi.copylist import CSCD, CSCD_LENGTH, DESIGNATOR_ROOM, HEADER, HEADER_LENGTH, IDENTIFICATION_CSCD
from copyproof.scsi.designator import Association, CodeSet, Designator, DesignatorType, naa_in
from copyproof.scsi.pair_wire import PAIR_LIST, PAIR_OPCODE

#: CSCD descriptor types that carry or may carry an address (SPC-4 table 131): not a ROD, FEh, nor an extension, FFh.
_ADDRESSES = range(0xE0, 0xFE)

#: Segment descriptor types that the standard assigns or reserves; C0h to DFh are the vendor's (SPC-4 table 131).
_SEGMENTS = range(0xC0)

#: What follows the type of a CSCD descriptor before an NAA of 16 bytes: binary, a logical unit's, NAA, length.
NAA_HEAD = bytes([CodeSet.BINARY, Association.LOGICAL_UNIT << 4 | DesignatorType.NAA, 0, 16])

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

    `raw` is the designator field, 20 bytes or what is left of them, `head` the four bytes before it. `type`,
    `code_set`, `association`, `designator_type` and `length` are as the list claims; `naa` is read from `raw` alone,
    whatever they claim.
    """

    offset: int
    type: int
    code_set: int
    association: int
    designator_type: int
    length: int
    head: bytes
    raw: bytes

    @property
    def complete(self) -> bool:
        """Whether the whole designator field is there; of a cut one a target may take the rest from anywhere."""
        return len(self.raw) == DESIGNATOR_ROOM

    @property
    def identified(self) -> bool:
        """Whether the type is that of an identification descriptor, whose address is the designator field alone."""
        return self.type == IDENTIFICATION_CSCD

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

    A CSCD is found by its index, at byte 16 + 32 times the index (SPC-4 table 148), so each step of 32 bytes from byte
    16 to the end of the data is looked at. Within the CSCD list each step counts, whatever its first byte says: a
    target may take no notice of the type. Where the declared length of that list cannot be believed, the list goes to
    the end of the data. Past it, among segment descriptors and inline data, a step counts when its first byte is the
    type of a CSCD descriptor with an address, in use or reserved (E0h to FDh): a target may believe an index past the
    list. Too much is read rather than too little; the header of a LID4 list is read as a CSCD descriptor too.

    Commands that carry no CSCD descriptors give an empty result.
    """
    if not is_extended_copy(Command(cdb)):
        return ()
    end = _cscds_end(data_out)
    steps = range(HEADER_LENGTH, len(data_out), CSCD_LENGTH)
    return tuple(_slot(data_out, at) for at in steps if at < end or data_out[at] in _ADDRESSES)


def paired_units(command: Command) -> tuple[tuple[int, str], ...]:
    """Return where a parameter list of the software array's pair commands names its volumes: byte and NAA.

    The NAA is empty where the designator field begins with none. Other commands give an empty result.

    >>> from copyproof.scsi.pair import PairCommand
    >>> from copyproof.scsi.pair_wire import PairList, pair_order
    >>> p, s = (Designator.of_naa(f"30000abc0000000{n}") for n in (1, 2))
    >>> paired_units(pair_order(PairCommand.CREATE, PairList(p, s)))
    ((8, '30000abc00000001'), (32, '30000abc00000002'))
    """
    raw = command.data_out
    if command.opcode != PAIR_OPCODE or len(raw) < PAIR_LIST.size:
        return ()
    fields = (PAIR_LIST["primary.data"], PAIR_LIST["secondary.data"])
    return tuple((field.offset - len(NAA_HEAD), naa_in(raw[field.offset : field.end])) for field in fields)


def _cscds_end(data_out: bytes) -> int:
    """Return where the CSCD list ends: as declared, if it holds whole descriptors, all of them there, and is followed
    by nothing or by what begins like a segment descriptor; else at the end of the data."""
    declared = HEADER["cscd_length"].get(data_out.ljust(HEADER_LENGTH, b"\0"))
    end = HEADER_LENGTH + declared
    if declared % CSCD_LENGTH or end > len(data_out):
        return len(data_out)
    return end if end == len(data_out) or data_out[end] in _SEGMENTS else len(data_out)


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
        head=whole[start - len(NAA_HEAD) : start],
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
