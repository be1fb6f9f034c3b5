"""Commands, built field by field, and the names that reports call them by (SPC-4 clause 6, SBC-3 clause 5).

Each builder raises ValueError when a value does not fit its field.

>>> extended_copy(bytes(16)).cdb.hex()
'83000000000000000000000000100000'
>>> opcode_name(receive_copy_results(ReceiveCopy.OPERATING_PARAMETERS, allocation_length=64).cdb)
'RECEIVE COPY OPERATING PARAMETERS'
"""

from __future__ import annotations

from enum import IntEnum

from copyproof.scsi.command import Command
from copyproof.scsi.layout import Field, Layout


class Opcode(IntEnum):
    """Operation codes that this project sends or meets (SPC-4 table 118, SBC-3 table 13)."""

    TEST_UNIT_READY = 0x00
    REQUEST_SENSE = 0x03
    INQUIRY = 0x12
    MODE_SENSE_6 = 0x1A
    READ_CAPACITY_10 = 0x25
    READ_10 = 0x28
    WRITE_10 = 0x2A
    VERIFY_10 = 0x2F
    SYNCHRONIZE_CACHE_10 = 0x35
    LOG_SENSE = 0x4D
    MODE_SENSE_10 = 0x5A
    PERSISTENT_RESERVE_IN = 0x5E
    THIRD_PARTY_COPY_OUT = 0x83
    THIRD_PARTY_COPY_IN = 0x84
    READ_16 = 0x88
    WRITE_16 = 0x8A
    SERVICE_ACTION_IN_16 = 0x9E
    REPORT_LUNS = 0xA0
    MAINTENANCE_IN = 0xA3


class CopyOut(IntEnum):
    """Service actions of 83h (SPC-4 table 107)."""

    EXTENDED_COPY_LID1 = 0x00
    EXTENDED_COPY_LID4 = 0x01
    POPULATE_TOKEN = 0x10
    WRITE_USING_TOKEN = 0x11
    COPY_OPERATION_ABORT = 0x1C


class ReceiveCopy(IntEnum):
    """Service actions of 84h (SPC-4 table 107)."""

    COPY_STATUS_LID1 = 0x00
    COPY_DATA_LID1 = 0x01
    OPERATING_PARAMETERS = 0x03
    FAILURE_DETAILS_LID1 = 0x04
    COPY_STATUS_LID4 = 0x05
    COPY_DATA_LID4 = 0x06
    ROD_TOKEN_INFORMATION = 0x07
    REPORT_ALL_ROD_TOKENS = 0x08


class ReserveIn(IntEnum):
    """Service actions of PERSISTENT RESERVE IN (SPC-4 6.15)."""

    READ_KEYS = 0
    READ_RESERVATION = 1
    REPORT_CAPABILITIES = 2
    READ_FULL_STATUS = 3


_ACTION = Field("service_action", 1, mask=0x1F)
_BLOCKS_10 = Layout(
    "cdb", 10, Field("opcode", 0), Field("protect", 1, mask=0xE0), Field("lba", 2, 4), Field("blocks", 7, 2)
)
_BLOCKS_16 = Layout(
    "cdb", 16, Field("opcode", 0), Field("protect", 1, mask=0xE0), Field("lba", 2, 8), Field("blocks", 10, 4)
)
_INQUIRY = Layout("cdb", 6, Field("opcode", 0), Field("evpd", 1, mask=1), Field("page", 2), Field("length", 3, 2))
_REQUEST_SENSE = Layout("cdb", 6, Field("opcode", 0), Field("desc", 1, mask=1), Field("length", 4))
_MODE_6 = Layout(
    "cdb",
    6,
    Field("opcode", 0),
    Field("dbd", 1, mask=8),
    Field("page", 2, mask=0x3F),
    Field("subpage", 3),
    Field("length", 4),
)
_MODE_10 = Layout(
    "cdb",
    10,
    Field("opcode", 0),
    Field("dbd", 1, mask=8),
    Field("page", 2, mask=0x3F),
    Field("subpage", 3),
    Field("length", 7, 2),
)
_RESERVE_IN = Layout("cdb", 10, Field("opcode", 0), _ACTION, Field("length", 7, 2))
_LUNS = Layout("cdb", 12, Field("opcode", 0), Field("select", 2), Field("length", 6, 4))
_OPCODES = Layout(
    "cdb",
    12,
    Field("opcode", 0),
    _ACTION,
    Field("rctd", 2, mask=0x80),
    Field("options", 2, mask=0x07),
    Field("asked_opcode", 3),
    Field("asked_action", 4, 2),
    Field("length", 6, 4),
)
_CAPACITY_16 = Layout("cdb", 16, Field("opcode", 0), _ACTION, Field("length", 10, 4))
_COPY_OUT = Layout("cdb", 16, Field("opcode", 0), _ACTION, Field("length", 10, 4))
_COPY_IN_LID1 = Layout("cdb", 16, Field("opcode", 0), _ACTION, Field("identifier", 2), Field("length", 10, 4))
_COPY_IN_LID4 = Layout("cdb", 16, Field("opcode", 0), _ACTION, Field("identifier", 2, 4), Field("length", 10, 4))


def test_unit_ready() -> Command:
    """TEST UNIT READY (SPC-4 6.47).

    >>> test_unit_ready().cdb.hex()
    '000000000000'
    """
    return Command(bytes(6))


test_unit_ready.__test__ = False  # type: ignore[attr-defined]  # the name must not make it a test where it is imported


def request_sense(allocation_length: int = 252, *, descriptor: bool = False) -> Command:
    """REQUEST SENSE, in fixed or in descriptor format (SPC-4 6.39); at most 255 bytes.

    >>> request_sense().cdb.hex()
    '03000000fc00'
    """
    cdb = _REQUEST_SENSE.encode({"opcode": Opcode.REQUEST_SENSE, "desc": int(descriptor), "length": allocation_length})
    return Command(cdb, data_in=allocation_length)


def inquiry(page: int | None = None, allocation_length: int = 255) -> Command:
    """INQUIRY: the standard data, or the VPD page given (SPC-4 6.6); at most 65535 bytes.

    >>> inquiry(0x83).cdb.hex()
    '12018300ff00'
    """
    values = {"opcode": Opcode.INQUIRY, "evpd": int(page is not None), "page": page or 0, "length": allocation_length}
    return Command(_INQUIRY.encode(values), data_in=allocation_length)


def mode_sense6(page: int = 0x3F, subpage: int = 0, allocation_length: int = 192, *, dbd: bool = False) -> Command:
    """MODE SENSE(6), current values (SPC-4 6.13); at most 255 bytes.

    >>> mode_sense6(0x0A).cdb.hex()
    '1a000a00c000'
    """
    return _mode_sense(_MODE_6, Opcode.MODE_SENSE_6, page, subpage, allocation_length, dbd)


def mode_sense10(page: int = 0x3F, subpage: int = 0, allocation_length: int = 252, *, dbd: bool = False) -> Command:
    """MODE SENSE(10), current values (SPC-4 6.14); at most 65535 bytes.

    >>> mode_sense10(0x0A).cdb.hex()
    '5a000a0000000000fc00'
    """
    return _mode_sense(_MODE_10, Opcode.MODE_SENSE_10, page, subpage, allocation_length, dbd)


def _mode_sense(layout: Layout, opcode: Opcode, page: int, subpage: int, length: int, dbd: bool) -> Command:
    values = {"opcode": opcode, "dbd": int(dbd), "page": page, "subpage": subpage, "length": length}
    return Command(layout.encode(values), data_in=length)


def read_capacity10() -> Command:
    """READ CAPACITY(10) (SBC-3 5.15).

    >>> read_capacity10().cdb.hex()
    '25000000000000000000'
    """
    return Command(_BLOCKS_10.encode({"opcode": Opcode.READ_CAPACITY_10}), data_in=8)


def read_capacity16(allocation_length: int = 32) -> Command:
    """READ CAPACITY(16) (SBC-3 5.16).

    >>> read_capacity16().cdb.hex()
    '9e100000000000000000000000200000'
    """
    values = {"opcode": Opcode.SERVICE_ACTION_IN_16, "service_action": 0x10, "length": allocation_length}
    return Command(_CAPACITY_16.encode(values), data_in=allocation_length)


def read10(lba: int, blocks: int, block_size: int, *, protect: int = 0) -> Command:
    """READ(10) (SBC-3 5.11). `block_size` is the bytes that come a block: 8 more where `protect` (0-7) gets labels.

    >>> read10(1, 2, 512).data_in
    1024
    """
    return Command(_transfer(_BLOCKS_10, Opcode.READ_10, lba, blocks, protect), data_in=blocks * block_size)


def read16(lba: int, blocks: int, block_size: int, *, protect: int = 0) -> Command:
    """READ(16) (SBC-3 5.13); see `read10`.

    >>> read16(1, 2, 512).cdb.hex()
    '88000000000000000001000000020000'
    """
    return Command(_transfer(_BLOCKS_16, Opcode.READ_16, lba, blocks, protect), data_in=blocks * block_size)


def write10(lba: int, data: bytes, block_size: int, *, protect: int = 0) -> Command:
    """WRITE(10) (SBC-3 5.34) of as many blocks as `data` has; raises ValueError unless these are whole ones.

    >>> write10(1, bytes(1024), 512).cdb.hex()
    '2a000000000100000200'
    """
    return Command(_transfer(_BLOCKS_10, Opcode.WRITE_10, lba, _whole(data, block_size), protect), data_out=data)


def write16(lba: int, data: bytes, block_size: int, *, protect: int = 0) -> Command:
    """WRITE(16) (SBC-3 5.36); see `write10`.

    >>> write16(1, bytes(1024), 512).cdb.hex()
    '8a000000000000000001000000020000'
    """
    return Command(_transfer(_BLOCKS_16, Opcode.WRITE_16, lba, _whole(data, block_size), protect), data_out=data)


def _transfer(layout: Layout, opcode: Opcode, lba: int, blocks: int, protect: int) -> bytes:
    return layout.encode({"opcode": opcode, "protect": protect, "lba": lba, "blocks": blocks})


def _whole(data: bytes, block_size: int) -> int:
    blocks, rest = divmod(len(data), block_size)
    if rest:
        raise ValueError(f"{len(data)} bytes are no whole number of {block_size}-byte blocks")
    return blocks


def synchronize_cache10(lba: int = 0, blocks: int = 0) -> Command:
    """SYNCHRONIZE CACHE(10) (SBC-3 5.23); 0 blocks means to the end.

    >>> synchronize_cache10().cdb.hex()
    '35000000000000000000'
    """
    return Command(_transfer(_BLOCKS_10, Opcode.SYNCHRONIZE_CACHE_10, lba, blocks, 0))


def report_luns(allocation_length: int = 4096, *, select: int = 0) -> Command:
    """REPORT LUNS (SPC-4 6.33).

    >>> report_luns(16).cdb.hex()
    'a00000000000000000100000'
    """
    cdb = _LUNS.encode({"opcode": Opcode.REPORT_LUNS, "select": select, "length": allocation_length})
    return Command(cdb, data_in=allocation_length)


def report_supported_opcodes(allocation_length: int = 8192) -> Command:
    """REPORT SUPPORTED OPERATION CODES, all of them (SPC-4 6.35).

    >>> report_supported_opcodes(256).cdb.hex()
    'a30c00000000000001000000'
    """
    values = {"opcode": Opcode.MAINTENANCE_IN, "service_action": 0x0C, "length": allocation_length}
    return Command(_OPCODES.encode(values), data_in=allocation_length)


def persistent_reserve_in(action: int = ReserveIn.READ_KEYS, allocation_length: int = 4096) -> Command:
    """PERSISTENT RESERVE IN (SPC-4 6.15); at most 65535 bytes.

    >>> persistent_reserve_in(ReserveIn.READ_RESERVATION, 24).cdb.hex()
    '5e010000000000001800'
    """
    values = {"opcode": Opcode.PERSISTENT_RESERVE_IN, "service_action": action, "length": allocation_length}
    return Command(_RESERVE_IN.encode(values), data_in=allocation_length)


def extended_copy(
    parameter_list: bytes, service_action: int = CopyOut.EXTENDED_COPY_LID1, length: int | None = None
) -> Command:
    """EXTENDED COPY (SPC-4 6.4, 6.5). `length` falsifies the PARAMETER LIST LENGTH; without it that is the list's own.

    >>> extended_copy(b"", length=0).cdb.hex()
    '83000000000000000000000000000000'
    """
    counted = len(parameter_list) if length is None else length
    values = {"opcode": Opcode.THIRD_PARTY_COPY_OUT, "service_action": service_action, "length": counted}
    return Command(_COPY_OUT.encode(values), data_out=parameter_list)


def receive_copy_results(service_action: int, list_identifier: int = 0, allocation_length: int = 1024) -> Command:
    """RECEIVE COPY RESULTS (SPC-4 6.20 to 6.26). The list identifier has 8 bits up to service action 04h, else 32.

    >>> receive_copy_results(ReceiveCopy.FAILURE_DETAILS_LID1, 7, 252).cdb.hex()
    '84040700000000000000000000fc0000'
    """
    layout = _COPY_IN_LID1 if service_action <= ReceiveCopy.FAILURE_DETAILS_LID1 else _COPY_IN_LID4
    values = {
        "opcode": Opcode.THIRD_PARTY_COPY_IN,
        "service_action": service_action,
        "identifier": list_identifier,
        "length": allocation_length,
    }
    return Command(layout.encode(values), data_in=allocation_length)


_NAMES: dict[int, str] = {
    0x04: "FORMAT UNIT",
    0x08: "READ(6)",
    0x0A: "WRITE(6)",
    0x15: "MODE SELECT(6)",
    0x16: "RESERVE(6)",
    0x17: "RELEASE(6)",
    0x1A: "MODE SENSE(6)",
    0x1B: "START STOP UNIT",
    0x1C: "RECEIVE DIAGNOSTIC RESULTS",
    0x1D: "SEND DIAGNOSTIC",
    0x25: "READ CAPACITY(10)",
    0x28: "READ(10)",
    0x2A: "WRITE(10)",
    0x2E: "WRITE AND VERIFY(10)",
    0x2F: "VERIFY(10)",
    0x35: "SYNCHRONIZE CACHE(10)",
    0x3B: "WRITE BUFFER",
    0x3C: "READ BUFFER",
    0x41: "WRITE SAME(10)",
    0x42: "UNMAP",
    0x4C: "LOG SELECT",
    0x55: "MODE SELECT(10)",
    0x5A: "MODE SENSE(10)",
    0x5F: "PERSISTENT RESERVE OUT",
    0x88: "READ(16)",
    0x89: "COMPARE AND WRITE",
    0x8A: "WRITE(16)",
    0x8E: "WRITE AND VERIFY(16)",
    0x8F: "VERIFY(16)",
    0x91: "SYNCHRONIZE CACHE(16)",
    0x93: "WRITE SAME(16)",
    0xA8: "READ(12)",
    0xAA: "WRITE(12)",
    0xAF: "VERIFY(12)",
}

_ACTIONS: dict[int, tuple[str, dict[int, str]]] = {
    0x5E: ("PERSISTENT RESERVE IN", {action: action.name.replace("_", " ") for action in ReserveIn}),
    0x83: (
        "THIRD-PARTY COPY OUT",
        {
            CopyOut.EXTENDED_COPY_LID1: "EXTENDED COPY(LID1)",
            CopyOut.EXTENDED_COPY_LID4: "EXTENDED COPY(LID4)",
            CopyOut.POPULATE_TOKEN: "POPULATE TOKEN",
            CopyOut.WRITE_USING_TOKEN: "WRITE USING TOKEN",
            CopyOut.COPY_OPERATION_ABORT: "COPY OPERATION ABORT",
        },
    ),
    0x84: (
        "THIRD-PARTY COPY IN",
        {
            ReceiveCopy.COPY_STATUS_LID1: "RECEIVE COPY STATUS(LID1)",
            ReceiveCopy.COPY_DATA_LID1: "RECEIVE COPY DATA(LID1)",
            ReceiveCopy.OPERATING_PARAMETERS: "RECEIVE COPY OPERATING PARAMETERS",
            ReceiveCopy.FAILURE_DETAILS_LID1: "RECEIVE COPY FAILURE DETAILS(LID1)",
            ReceiveCopy.COPY_STATUS_LID4: "RECEIVE COPY STATUS(LID4)",
            ReceiveCopy.COPY_DATA_LID4: "RECEIVE COPY DATA(LID4)",
            ReceiveCopy.ROD_TOKEN_INFORMATION: "RECEIVE ROD TOKEN INFORMATION",
            ReceiveCopy.REPORT_ALL_ROD_TOKENS: "REPORT ALL ROD TOKENS",
        },
    ),
    0x9E: ("SERVICE ACTION IN(16)", {0x10: "READ CAPACITY(16)", 0x11: "READ LONG(16)", 0x12: "GET LBA STATUS"}),
    0xA3: (
        "MAINTENANCE IN",
        {
            0x0A: "REPORT TARGET PORT GROUPS",
            0x0C: "REPORT SUPPORTED OPERATION CODES",
            0x0D: "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
        },
    ),
}


def opcode_name(cdb: bytes) -> str:
    """Return the name of a command, service actions included; a number where there is none.

    >>> opcode_name(bytes.fromhex("8300") + bytes(14)), opcode_name(b"\\x83\\x1f"), opcode_name(b"\\xc1")
    ('EXTENDED COPY(LID1)', 'THIRD-PARTY COPY OUT, service action 1Fh', 'operation code C1h')
    """
    if not cdb:
        return "no command"
    if cdb[0] in _ACTIONS:
        family, actions = _ACTIONS[cdb[0]]
        action = cdb[1] & 0x1F if len(cdb) > 1 else 0
        name = actions.get(action, f"service action {action:02X}h")
        return name if action in actions and cdb[0] != Opcode.PERSISTENT_RESERVE_IN else f"{family}, {name}"
    if cdb[0] in _NAMES:
        return _NAMES[cdb[0]]
    known = {int(code) for code in Opcode}
    return Opcode(cdb[0]).name.replace("_", " ") if cdb[0] in known else f"operation code {cdb[0]:02X}h"
