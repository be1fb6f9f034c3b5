"""Named expectations of answers: each returns what is wrong in one line, or an empty string."""

from __future__ import annotations

from collections.abc import Callable

from copyproof.errors import MalformedAnswer
from copyproof.scsi import cdb
from copyproof.scsi.answers import parse_operating_parameters, parse_supported_opcodes
from copyproof.scsi.command import Command, Result
from copyproof.scsi.inquiry import Inquiry
from copyproof.scsi.vpd import third_party_copy

Ask = Callable[[Command], Result]

OUT, IN = cdb.Opcode.THIRD_PARTY_COPY_OUT, cdb.Opcode.THIRD_PARTY_COPY_IN
COPY = (int(OUT), int(cdb.CopyOut.EXTENDED_COPY_LID1))
PARAMETERS = (int(IN), int(cdb.ReceiveCopy.OPERATING_PARAMETERS))


def wrong_bit(inquiry: Inquiry, result: Result) -> str:
    """The 3PC bit must be one exactly where EXTENDED COPY is accepted (SPC-4 6.6.2)."""
    if inquiry.third_party_copy == result.good:
        return ""
    ending = result.sense or result.status.name
    return f"3PC is {int(inquiry.third_party_copy)}, but an empty EXTENDED COPY ends in {ending}"


def incomplete(result: Result) -> str:
    """AVAILABLE DATA must count what follows it, n - 3 (SPC-4 6.22)."""
    if not result.good:
        return ""
    try:
        found = parse_operating_parameters(result.data)
    except MalformedAnswer as malformed:
        return f"malformed: {malformed}"
    if found.consistent:
        return ""
    return f"AVAILABLE DATA is {found.available}, {40 + len(found.descriptors)} bytes follow it"


def not_a_prefix(result: Result, whole: bytes, length: int) -> str:
    """Truncated data must be the head of the whole answer, to the byte (SPC-4 4.2.5.6)."""
    if not result.good or result.data == whole[:length]:
        return ""
    return f"{len(result.data)} bytes came for an allocation length of {length}, or other ones than before"


def page_lies(result: Result, ask: Ask) -> str:
    """Page 8Fh must parse, and EXTENDED COPY and its parameters must be in it exactly where they work (SPC-4
    7.8.17)."""
    try:
        page = third_party_copy(result.data)
    except MalformedAnswer as malformed:
        return f"malformed: {malformed}"
    if page.commands is None:
        return "the mandatory Supported Commands descriptor is missing"
    return _disagreement(page.commands, ask)


def wrong_opcodes(result: Result, ask: Ask) -> str:
    """The list must parse, and hold EXTENDED COPY and its parameters exactly where they work (SPC-4 6.35)."""
    try:
        listed = parse_supported_opcodes(result.data)
    except MalformedAnswer as malformed:
        return f"malformed: {malformed}"
    return _disagreement(frozenset((item.opcode, item.action or 0) for item in listed), ask)


def _disagreement(listed: frozenset[tuple[int, int]], ask: Ask) -> str:
    tried = {COPY: ask(cdb.extended_copy(b"")), PARAMETERS: ask(cdb.receive_copy_results(PARAMETERS[1]))}
    for (opcode, action), answer in tried.items():
        if answer.good != ((opcode, action) in listed):
            works, named = ("works", "not listed") if answer.good else ("does not work", "listed")
            return f"{opcode:02X}h/{action:02X}h {works} but is {named}"
    return ""
