"""One target's names for another's: NAA designators in parameter lists and answers, and what no two targets share.

>>> names = Names({bytes.fromhex("6" * 32): bytes.fromhex("6" + "a" * 31)})
>>> names.told(bytes.fromhex("01" + "6" * 32 + "02")).hex()
'016aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa02'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from copyproof.errors import MalformedAnswer
from copyproof.model.pairs import NEXT
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.command import Command
from copyproof.scsi.pair_wire import PAIR_OPCODE, PairAction, decode_pairs
from copyproof.scsi.vetting import designators_of, is_extended_copy
from copyproof.scsi.vpd import Page, designators, page_length


class Names:
    """The NAA designators of recorded units, and those that take their place; each pair is of one length."""

    def __init__(self, pairs: Mapping[bytes, bytes]) -> None:
        self._pairs = dict(pairs)
        self._any = re.compile(b"|".join(map(re.escape, self._pairs)) or b"(?!)", re.DOTALL)

    def told(self, raw: bytes) -> bytes:
        """Return some bytes with every recorded designator replaced; in one go, as the two targets may share some."""
        return self._any.sub(lambda found: self._pairs[found[0]], raw)

    def command(self, command: Command) -> Command:
        """Return a command for the other units: designators are replaced wherever a copy's list has them, whole or cut
        short by its end, and in orders for pairs."""
        if command.data_out and command.opcode == PAIR_OPCODE:
            return Command(command.cdb, self.told(command.data_out))
        if not command.data_out or not is_extended_copy(command):
            return command
        listed = self.told(command.data_out)
        return Command(command.cdb, listed[: len(listed) - len(tail := self._cut(command))] + tail)

    def _cut(self, command: Command) -> bytes:
        """The other unit's beginning of a designator that the end of a list cuts short; empty where none is."""
        for slot in designators_of(command.cdb, command.data_out):
            for old, new in self._pairs.items():
                if 0 < len(slot.raw) < len(old) and old.startswith(slot.raw):
                    return new[: len(slot.raw)]
        return b""


def volatile(command: Command) -> str:
    """Name what of a command's answer two targets, or two moments, need not share; empty where there is nothing.

    >>> volatile(Command(bytes.fromhex("12018000ff00"), data_in=255))
    'unit serial number (VPD page 80h)'
    """
    if command.opcode == Opcode.INQUIRY and command.cdb[1] & 1:
        return {
            int(Page.UNIT_SERIAL): "unit serial number (VPD page 80h)",
            int(Page.DEVICE_IDENTIFICATION): "designators other than NAA (VPD page 83h)",
        }.get(command.cdb[2], "")
    if command.opcode == Opcode.PERSISTENT_RESERVE_IN:
        return "PRGENERATION (PERSISTENT RESERVE IN)"
    if _asks_for_pairs(command):
        return "how far pairs are and what they differ in (PAIR QUERY)"
    return ""


def under_way(command: Command, *answers: bytes) -> bool:
    """Whether one of some answers tells of a pair that something is under way of: how far it is, is of the moment.

    >>> under_way(Command(bytes.fromhex("c1100000000000000800"), data_in=8), bytes.fromhex("0000000401600000"))
    False
    """
    try:
        return _asks_for_pairs(command) and any(entry.state in NEXT for data in answers for entry in decode_pairs(data))
    except MalformedAnswer:
        return False


def _asks_for_pairs(command: Command) -> bool:
    return command.opcode == PAIR_OPCODE and command.cdb[1] == PairAction.QUERY


def lasting(command: Command, data: bytes) -> object:
    """Return what of an answer is to be the same again; anything that can be compared.

    What cannot be read as what was asked for is compared as it came.
    """
    if volatile(command) == "":
        return data
    if command.opcode == Opcode.PERSISTENT_RESERVE_IN:
        return data[4:]
    if _asks_for_pairs(command):
        return _pairs(data)
    if command.cdb[2] == Page.UNIT_SERIAL:
        return data[:4]
    try:
        whole = len(data) >= page_length(data)
        found = designators(data) if whole else ()
    except MalformedAnswer:
        return data
    kinds = [(named.code_set, named.association, named.type, named.naa) for named in found]
    return kinds if whole else data[:4]


def _pairs(data: bytes) -> object:
    try:
        return [replace(entry, percent=0, pending=0, differing=0, moved=0) for entry in decode_pairs(data)]
    except MalformedAnswer:
        return data
