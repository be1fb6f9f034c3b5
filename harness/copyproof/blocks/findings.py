"""What is wrong with blocks, told by the exact LBA.

>>> at = Origin(1, 17, 1), Origin(1, 16, 1)
>>> print(Finding(64, 1, Wrong.MISPLACED, expected=at[1], found=at[0], names={1: "source"}, place="destination"))
destination LBA 64: copied from the wrong place: holds source LBA 17 generation 1, expected source LBA 16 generation 1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from copyproof.blocks.origin import Origin, lba_range

LISTED = 256
"""How many findings are kept one by one; beyond it, but for the first of each kind, they are only counted."""


class Wrong(Enum):
    """What a wrong block or label is; the values are shown in reports.

    UNREADABLE blocks are those that surely cannot be read. UNSOUGHT are the blocks of a range some of which cannot be
    read, where it was not sought which: nothing is known of them, so they are never clean.
    """

    NOT_COPIED = "not copied"
    MISPLACED = "copied from the wrong place"
    STALE = "stale generation"
    NEWER = "newer generation"
    TORN = "torn"
    FOREIGN = "foreign"
    ZERO = "zero"
    DAMAGED = "payload damaged"
    LABEL_NOT_EXCHANGED = "label not exchanged"
    LABEL_WRONG = "reference tag wrong"
    APPLICATION = "application tag wrong"
    GUARD = "guard tag wrong"
    ESCAPE = "escape tag"
    UNREADABLE = "unreadable"
    UNSOUGHT = "not looked at"


LABELS = frozenset({Wrong.LABEL_NOT_EXCHANGED, Wrong.LABEL_WRONG, Wrong.APPLICATION, Wrong.GUARD, Wrong.ESCAPE})
"""What can be wrong with labels; all else is wrong with data."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` wrong blocks from `lba` on, all wrong in one way.

    `expected` and `found` are the origins of the first of them and go up with the LBA; None where there is none to
    tell. `detail` holds for the whole range. `names` maps volume numbers to names, `place` names the volume that was
    looked at.
    """

    lba: int
    count: int
    kind: Wrong
    expected: Origin | None = None
    found: Origin | None = None
    detail: str = ""
    names: Mapping[int, str] = field(default_factory=dict, compare=False, repr=False)
    place: str = ""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.place, lba_range(self.lba, self.count))))
        told = [f"holds {self.found.told(self.names, self.count)}"] if self.found else []
        if self.detail:
            told.append(self.detail)
        if self.expected and self.expected != self.found:
            told.append(f"expected {self.expected.told(self.names, self.count)}")
        return f"{where}: {self.kind.value}" + (f": {', '.join(told)}" if told else "")

    def joined(self, following: Finding) -> Finding | None:
        """Return both as one range where `following` goes on exactly where and as this one ends, else None."""
        ahead = replace(
            self,
            lba=self.lba + self.count,
            count=following.count,
            expected=self.expected and self.expected.advanced(self.count),
            found=self.found and self.found.advanced(self.count),
        )
        return replace(self, count=self.count + following.count) if ahead == following else None


def shortlist(kinds: Sequence[object]) -> list[int]:
    """Return which of some findings to list, given their kinds: the first `LISTED`, and the first of each kind.

    >>> shortlist(["zero"] * 300 + ["torn"] * 9)[-2:]
    [255, 300]
    """
    firsts = {kind: at for at, kind in reversed(list(enumerate(kinds)))}
    return sorted({*range(min(LISTED, len(kinds))), *firsts.values()})


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check of blocks, labels or both found; `+` adds up.

    `checked` and `right` count blocks of which something was expected, `labels_checked` labels; `wrong` counts blocks
    and labels by kind, all of them, while `findings` lists the first `LISTED` ranges and the first of each kind, and
    `unlisted` counts the others.

    >>> both = Findings(8, 7, wrong={Wrong.ZERO: 1}, findings=(Finding(7, 1, Wrong.ZERO),)) + Findings(
    ...     8, 6, wrong={Wrong.ZERO: 2}, findings=(Finding(8, 2, Wrong.ZERO),))
    >>> both.wrong, [str(finding) for finding in both.findings]
    ({<Wrong.ZERO: 'zero'>: 3}, ['LBA 7 to 9: zero'])
    """

    checked: int = 0
    right: int = 0
    labels_checked: int = 0
    wrong: Mapping[Wrong, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unlisted: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong; says nothing of how much was checked."""
        return not self.wrong

    def __add__(self, other: Findings) -> Findings:
        findings = [*self.findings, *other.findings]
        seam = len(self.findings)
        if 0 < seam < len(findings) and (one := findings[seam - 1].joined(findings[seam])):
            findings[seam - 1 : seam + 1] = [one]
        kept = shortlist([finding.kind for finding in findings])
        return Findings(
            checked=self.checked + other.checked,
            right=self.right + other.right,
            labels_checked=self.labels_checked + other.labels_checked,
            wrong=dict(Counter(self.wrong) + Counter(other.wrong)),
            findings=tuple(findings[at] for at in kept),
            unlisted=self.unlisted + other.unlisted + len(findings) - len(kept),
        )

    def examples(self) -> list[str]:
        """Return a line on the first finding of each kind."""
        firsts: dict[Wrong, Finding] = {}
        for finding in self.findings:
            firsts.setdefault(finding.kind, finding)
        return [str(finding) for finding in firsts.values()]

    @staticmethod
    def total(parts: Iterable[Findings]) -> Findings:
        """Add up any number of them."""
        return sum(parts, start=Findings())
