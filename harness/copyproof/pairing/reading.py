"""What a vendor's program printed, read as a pair's state. It is untrusted: what makes no sense is an error, never a
guess, and what is shown of it is short and printable.

>>> asked = Question(steps=(("t",),), patterns=(Reading(pattern=r"^(?P<state>\\w+) (?P<percent>[\\d.]+)%"),))
>>> str(status_in("COPY 12.5%", 0, asked))
'P-VOL COPY, S-VOL COPY, 12 %'
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from copyproof.errors import MalformedAnswer, printable
from copyproof.pairing.names import STATES
from copyproof.pairing.service import PairStatus
from copyproof.pairing.template import NUMBER_GROUPS, Question, Reading
from copyproof.scsi.pair import PairState
from copyproof.transport.answer import brief

MOST_NUMBER = 1 << 64
"""No count that a program tells is as high."""


def excerpt(text: str, most: int = 300) -> str:
    """Return printed text as one line of printable characters, at most `most` of them.

    >>> excerpt("one\\n\\x1b[2J two\\n")
    'one; ?[2J two'
    """
    shown = brief("\n".join(map(printable, text[: 4 * most].splitlines())), most)
    return shown or "nothing"


def status_in(text: str, code: int, asked: Question) -> PairStatus:
    """Return the status that an answer tells; raises MalformedAnswer with an excerpt where none of the patterns fits,
    or where one does and what it found is no state or number."""
    for reading in asked.patterns:
        if reading.exit == code and (found := re.search(reading.pattern, text, re.MULTILINE)):
            return status_of(found, reading, asked.words)
    raise MalformedAnswer(f"no pattern of the template fits exit status {code} and: {excerpt(text)}")


def status_of(found: re.Match[str], reading: Reading, words: Mapping[str, str]) -> PairStatus:
    """Return the status in what a pattern found; raises MalformedAnswer."""
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    fixed = {"state": reading.state, "primary_state": reading.primary_state, "secondary_state": reading.secondary_state}
    states = {name: value for name, value in fixed.items() if value} | {
        name: _state(said[name], words) for name in fixed if name in said
    }
    both = states.get("state")
    primary, secondary = states.get("primary_state", both), states.get("secondary_state", both)
    if primary is None or secondary is None:
        raise MalformedAnswer(f"the pattern found no state in: {excerpt(found[0])}")
    numbers = {name: _number(name, said[name]) for name in NUMBER_GROUPS if name in said}
    return PairStatus(PairState(primary), PairState(secondary), **numbers)


def _state(word: str, words: Mapping[str, str]) -> str:
    meant = words.get(word, word)
    if meant not in STATES:
        known = ", ".join([*words, *STATES])
        raise MalformedAnswer(f"{excerpt(word, 40)!r} is no state; known: {known}")
    return meant


def _number(name: str, text: str) -> int:
    found = re.fullmatch(r"(\d{1,20})(\.\d*)?", text, re.ASCII)
    most = 100 if name == "percent" else MOST_NUMBER
    if not found or int(found[1]) > most:
        raise MalformedAnswer(f"{excerpt(text, 40)!r} is no {name}")
    return int(found[1])
