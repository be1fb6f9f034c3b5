"""Named expectations of answers: each returns what is wrong in one line, or an empty string."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
UNUSED_IDENTIFIER = 0xD7


def wrong_bit(inquiry: Inquiry, copy: Result, parameters: Result) -> str:
    """The 3PC bit must be one exactly where EXTENDED COPY and its operating parameters are accepted (SPC-4 6.6.2)."""
    for name, answer in (("an empty EXTENDED COPY", copy), ("RECEIVE COPY OPERATING PARAMETERS", parameters)):
        if inquiry.third_party_copy != answer.good:
            ending = answer.sense or answer.status.name
            return f"3PC is {int(inquiry.third_party_copy)}, but {name} ends in {ending}"
    return ""


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


def not_a_prefix(result: Result, whole: Result, length: int) -> str:
    """Truncated data must be the head of the whole answer, to the byte (SPC-4 4.2.5.6)."""
    if not whole.good or len(whole.data) < length:
        return f"the whole answer has {len(whole.data)} bytes, not even {length}"
    if not result.good or result.data == whole.data[:length]:
        return ""
    return f"{len(result.data)} bytes came for an allocation length of {length}, or other ones than before"


def page_lies(result: Result, ask: Ask) -> str:
    """Page 8Fh must parse, and list EXTENDED COPY where it works, and only what works (SPC-4 7.8.17)."""
    try:
        page = third_party_copy(result.data)
    except MalformedAnswer as malformed:
        return f"malformed: {malformed}"
    if page.commands is None:
        return "the mandatory Supported Commands descriptor is missing"
    return _disagreement(page.commands, ask)


def wrong_opcodes(result: Result, page: Result | None, ask: Ask) -> str:
    """The list must parse, agree with what works, and with VPD page 8Fh where there is one (SPC-4 6.35)."""
    try:
        listed = parse_supported_opcodes(result.data)
        named = third_party_copy(page.data).commands if page else None
    except MalformedAnswer as malformed:
        return f"malformed: {malformed}"
    copies = frozenset((item.opcode, item.action or 0) for item in listed if item.opcode in (OUT, IN))
    if named is not None and named != copies:
        return f"page 8Fh lists other service actions: {_shown(named ^ copies)}"
    return _disagreement(copies, ask)


def _disagreement(listed: frozenset[tuple[int, int]], ask: Ask) -> str:
    """Try what is listed, and the two commands that this suite needs; none of these orders copies anything."""
    for opcode, action in sorted(listed | {COPY, PARAMETERS}):
        works = not _unknown(ask(_harmless(opcode, action)))
        if works != ((opcode, action) in listed):
            how = "works but is not listed" if works else "is listed but does not work"
            return f"{_shown({(opcode, action)})} {how}"
    return ""


def _harmless(opcode: int, action: int) -> Command:
    """The command with an empty parameter list, or for a list identifier that no copy has."""
    if opcode == OUT:
        return cdb.extended_copy(b"", action)
    return cdb.receive_copy_results(action, 0 if (opcode, action) == PARAMETERS else UNUSED_IDENTIFIER)


def _unknown(answer: Result) -> bool:
    """Whether the operation code or service action is not known: 24/00 is what an unknown list identifier gets too."""
    return answer.sense is not None and str(answer.sense) == "05/20/00"


def _shown(actions: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{opcode:02X}h/{action:02X}h" for opcode, action in sorted(actions))
