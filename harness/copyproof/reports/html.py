"""The report page: one HTML file that needs no network, and in which nothing a device said is ever markup."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from copyproof import data
from copyproof.reports import blockmap, text
from copyproof.reports.conclusion import MEANINGS, conclude, counts, findings
from copyproof.reports.schema import encode, load
from copyproof.scsi.sense import decode_sense, describe
from copyproof.verdicts.record import Record, RequirementRecord
from copyproof.verdicts.verdict import Verdict

LONGEST = 20_000
_SENSE = re.compile(r"([0-9A-Fa-f]{2})/([0-9A-Fa-f]{2})/([0-9A-Fa-f]{2})")


def render(record: Record) -> str:
    """Return the whole page of a record; the same record gives the same page.

    Style and script are inside it, named by hash in its Content-Security-Policy, which forbids everything else.
    """
    style, script = _asset("page.css"), _asset("page.js")
    page = _environment().get_template("page.html.j2")
    return page.render(
        record=record,
        conclusion=conclude(record),
        counts=counts(record),
        segments=list(segments(counts(record))),
        findings=[one for one in findings(record) if one.verdict.rank < Verdict.PASS.rank],
        chapters=chapters(record.requirements),
        meanings=MEANINGS,
        digest=hashlib.sha256(encode(record)).hexdigest(),
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
    )


def policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows exactly this style, this script and the icon inside the page."""
    own = f"style-src '{_source(style)}'; script-src '{_source(script)}'; img-src data:"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _source(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


class Segment(NamedTuple):
    """A piece of the verdict bar: `start` and `share` in percent of its length."""

    verdict: Verdict
    start: float
    share: float


def segments(tally: dict[Verdict, int]) -> Iterator[Segment]:
    """Cut the bar by counts.

    >>> [(s.start, s.share) for s in segments({Verdict.FAIL: 1, Verdict.PASS: 3})]
    [(0.0, 25.0), (25.0, 75.0)]
    """
    total, before = sum(tally.values()), 0
    for verdict, count in tally.items():
        yield Segment(verdict, 100 * before / total, 100 * count / total)
        before += count


class Chapter(NamedTuple):
    """Requirements under one heading, in the order of the record."""

    title: str
    requirements: list[RequirementRecord]


def chapters(requirements: list[RequirementRecord]) -> list[Chapter]:
    """Group neighbours by their chapter; where the record gives none, by the standard that the source names first."""
    return [Chapter(title, list(group)) for title, group in groupby(requirements, _chapter)]


def _chapter(requirement: RequirementRecord) -> str:
    return requirement.chapter or requirement.source.partition(" ")[0] or "Requirements"


def shown(value: object) -> Markup:
    r"""Return untrusted text as safe markup: escaped, control characters as marked escapes, 20,000 characters at most.

    >>> str(shown("<b>\x1b"))
    '&lt;b&gt;<span class="ctl">\\x1b</span>'
    """
    whole = str(value)
    head = whole[:LONGEST]
    safe = Markup.escape(head)
    if not head.isprintable():
        pieces = (c if c.isprintable() else Markup('<span class="ctl">{}</span>').format(text.escape(c)) for c in head)
        safe = Markup("").join(pieces)
    cut = len(whole) - len(head)
    return safe + Markup('<span class="ctl">[{:,} more characters in the record]</span>').format(cut) if cut else safe


def lines(value: str) -> Markup:
    r"""Return text of several lines as safe markup, its line ends kept.

    >>> str(lines("a\n<b>"))
    'a\n&lt;b&gt;'
    """
    return Markup("\n").join(shown(line) for line in value.split("\n"))


def attribute(value: object) -> Markup:
    r"""Return untrusted text for an attribute or title, where no markup may stand.

    >>> str(attribute('"\x1b'))
    '&#34;\\x1b'
    """
    return Markup.escape(text.visible(str(value)))


def octets(digits: str) -> str:
    """Return hex digits with a space after each byte.

    >>> octets("830000")
    '83 00 00'
    """
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def dump(digits: str) -> str:
    """Return a hex dump, 16 bytes a line: offset, bytes, printable ASCII. What is no hex comes back as it is.

    >>> dump("4c494f2d4f5247")
    '0000  4c 49 4f 2d 4f 52 47                             LIO-ORG'
    """
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return digits
    rows = ((at, raw[at : at + 16]) for at in range(0, len(raw), 16))
    return "\n".join(f"{at:04x}  {row.hex(' '):<47}  {_ascii(row)}" for at, row in rows)


def _ascii(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def sense_words(outcome: str) -> str:
    """Return the standard's words for `key/ASC/ASCQ` in hex and the forwarded one behind `>`; empty for anything else.

    >>> sense_words("0A/0D/01>05/21/00").partition(", forwarded ")[2]
    'ILLEGAL REQUEST: LOGICAL BLOCK ADDRESS OUT OF RANGE'
    >>> sense_words("garbage")
    ''
    """
    codes = (_SENSE.fullmatch(part) for part in outcome.split(">"))
    return ", forwarded ".join(describe(*(int(part, 16) for part in code.groups())) for code in codes if code)


def sense_fields(raw: str) -> str:
    """Say in words what raw sense data carries besides its code: residual, segment, field pointer.

    >>> sense_fields("f0000a000000080a000000000d020000c0000000")
    'VALID=1, INFORMATION 8; segment 0'
    """
    try:
        sense = decode_sense(bytes.fromhex(raw))
    except ValueError:
        return ""
    if sense is None:
        return ""
    said = [
        "deferred" if sense.deferred else "",
        "VALID=0" if sense.information is None else f"VALID=1, INFORMATION {sense.information}",
        "" if sense.segment is None else f"segment {sense.segment}",
        f"in error: {sense.pointer}" if sense.pointer else "",
    ]
    return "; ".join(part for part in said if part)


@cache
def _asset(name: str) -> str:
    return (data.folder("reports") / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(data.folder("reports"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    made.filters |= {
        "octets": octets,
        "dump": dump,
        "lapse": text.lapse,
        "size": text.size,
        "attr": attribute,
        "lines": lines,
    }
    made.filters |= {"moment": text.moment, "sense_words": sense_words, "sense_fields": sense_fields}
    made.globals |= {"plural": text.plural, "Verdict": Verdict}
    made.globals |= {"strip": blockmap.strip, "legend": blockmap.legend, "spoken": blockmap.spoken}
    return made


def _finalize(value: object) -> object:
    """Every value that a template prints passes here, so no template can forget to make it visible."""
    return value if isinstance(value, Markup) else shown(value)


if __name__ == "__main__":
    print(render(load(Path(sys.argv[1]))), end="")
