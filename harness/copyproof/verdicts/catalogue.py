"""The catalogue of requirements: what must hold, by which clause, and which status and sense are allowed.

One TOML file a chapter in `reports/requirements/`. Whatever is wrong there raises UsageError with the file and the key.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from copyproof import data
from copyproof.errors import UsageError
from copyproof.scsi.outcome import Outcome


class Level(Enum):
    """How binding the source makes a requirement."""

    MANDATORY = "mandatory"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


class Effect(Enum):
    """What the blocks must show after an allowed outcome; PAIRED leaves it to the model of pairs."""

    COPIED = "copied"
    NOTHING = "nothing"
    PREFIX = "prefix"
    NONE = "none"
    PAIRED = "paired"


class Tolerated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An outcome outside the strict set that is accepted unless `--hil-strict` is given, with the reason."""

    outcome: str
    reason: str


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the compliance report.

    `check` is the number of the check in the suite's plan; `strict` and `tolerated` hold outcomes as `Outcome.parse`
    reads them; `touches` says
    that a breach damages data or isolation, so that no profile may excuse it.
    """

    id: str
    check: int
    title: str
    source: str
    level: Level
    strict: tuple[str, ...] = ("GOOD",)
    tolerated: tuple[Tolerated, ...] = ()
    effect: Effect = Effect.COPIED
    touches: bool = False
    chapter: str = ""

    def strictly_allows(self, seen: Outcome) -> bool:
        """Whether the standard's own set holds the outcome."""
        return any(Outcome.parse(text).allows(seen) for text in self.strict)

    def toleration(self, seen: Outcome) -> Tolerated | None:
        """Return the toleration that covers an outcome, or None."""
        return next((entry for entry in self.tolerated if Outcome.parse(entry.outcome).allows(seen)), None)


class _Chapter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chapter: str
    requirement: tuple[Requirement, ...]


def read_chapter(path: Path) -> tuple[Requirement, ...]:
    """Read one file of the catalogue; raises UsageError with file and key when something in it is wrong."""
    try:
        chapter = msgspec.toml.decode(path.read_bytes(), type=_Chapter)
        for entry in chapter.requirement:
            _check(entry)
    except (msgspec.DecodeError, ValueError) as problem:
        raise UsageError(f"{path}: {problem}") from None
    return tuple(msgspec.structs.replace(entry, chapter=chapter.chapter) for entry in chapter.requirement)


def _check(entry: Requirement) -> None:
    if not entry.strict:
        raise ValueError(f"{entry.id}: strict is empty: at least one outcome must be allowed")
    try:
        [Outcome.parse(text) for text in (*entry.strict, *(item.outcome for item in entry.tolerated))]
    except ValueError as problem:
        raise ValueError(f"{entry.id}: {problem}") from None


@cache
def catalogue() -> Mapping[str, Requirement]:
    """Return all requirements by id, in the order of the files; raises UsageError for a duplicate id.

    >>> catalogue()["XC1-SAME-LUN"].check
    6
    """
    found: dict[str, Requirement] = {}
    for path in sorted((data.folder("reports") / "requirements").glob("*.toml")):
        for entry in read_chapter(path):
            if entry.id in found:
                raise UsageError(f"{path}: requirement {entry.id} is there twice")
            found[entry.id] = entry
    return MappingProxyType(found)


def requirement(name: str) -> Requirement:
    """Return one requirement; raises UsageError when the catalogue has no such id, with the near misses."""
    try:
        return catalogue()[name]
    except KeyError:
        near = difflib.get_close_matches(name, catalogue(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"the catalogue has no requirement {name!r} (reports/requirements){hint}") from None
