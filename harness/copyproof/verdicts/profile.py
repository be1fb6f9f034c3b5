"""Deviation profiles: what a named implementation is known to do otherwise, exactly, and for which versions."""

from __future__ import annotations

import re

import msgspec

from copyproof import data
from copyproof.errors import UsageError
from copyproof.verdicts.catalogue import catalogue
from copyproof.verdicts.outcome import Outcome

_BOUND = re.compile(r"(>=|<)\s*(\d+(?:\.\d+)*)")


class Deviation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One known deviation: exactly this outcome for this requirement and case (`*` is every case) in these versions.

    `shown_by` names the function of the implementation that shows it, `clause` what it departs from.
    """

    requirement: str
    outcome: str
    clause: str
    shown_by: str
    reason: str
    case: str = "*"
    versions: str = ""

    def covers(self, requirement: str, case: str, version: str) -> bool:
        """Whether this entry speaks of a case on a target of that version."""
        return self.requirement == requirement and self.case in ("*", case) and in_range(version, self.versions)

    def shows(self, seen: Outcome) -> bool:
        """Whether what was seen is exactly this deviation."""
        return Outcome.parse(self.outcome) == seen

    def __str__(self) -> str:
        return f"{self.reason} ({self.clause}; {self.shown_by})"


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All known deviations of one implementation; `about` says what it was seen on."""

    name: str
    about: str = ""
    deviation: tuple[Deviation, ...] = ()

    def entry(self, requirement: str, case: str, version: str) -> Deviation | None:
        """Return the entry for a case; one that names the case goes before one for every case."""
        hits = [item for item in self.deviation if item.covers(requirement, case, version)]
        return min(hits, key=lambda item: item.case == "*", default=None)


NO_PROFILE = Profile(name="")


def in_range(version: str, bounds: str) -> bool:
    """Whether a version such as `6.1.0-56-amd64` lies within bounds such as `>=5.15,<6.2`.

    No bounds hold every version; a version that nobody knows lies within no bounds.

    >>> in_range("6.1.0-56-amd64", ">=5.15,<6.2"), in_range("5.10", ">=5.15")
    (True, False)
    """
    number = _number(version)
    pairs = _BOUND.findall(bounds)
    if pairs and not number:
        return False
    return all(number >= _number(bound) if sign == ">=" else number < _number(bound) for sign, bound in pairs)


def _number(version: str) -> tuple[int, ...]:
    """Return the leading numbers without zeros at the end, so that 6.1 and 6.1.0 are one version; () for none."""
    head = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in head[0].split(".")] if head else []
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def load_profile(name: str) -> Profile:
    """Read `targets/profiles/NAME.toml`; an empty name is the empty profile. Raises UsageError with file and key when
    it is wrong."""
    if not name:
        return NO_PROFILE
    path = data.folder("targets") / "profiles" / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in path.parent.glob("*.toml")))
        raise UsageError(f"there is no deviation profile {name!r}; there are: {known}")
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=Profile)
        for item in profile.deviation:
            _check(item)
    except (msgspec.DecodeError, ValueError) as problem:
        raise UsageError(f"{path}: {problem}") from None
    return profile


def _check(item: Deviation) -> None:
    seen = Outcome.parse(item.outcome)
    if item.requirement not in catalogue():
        raise ValueError(f"the catalogue has no requirement {item.requirement!r}")
    entry = catalogue()[item.requirement]
    if entry.touches:
        raise ValueError(f"{item.requirement} is about data or isolation: that is never a deviation")
    if entry.strictly_allows(seen):
        raise ValueError(f"{item.requirement} allows {item.outcome}: that is no deviation")
    if item.versions and not re.fullmatch(rf"{_BOUND.pattern}(,\s*{_BOUND.pattern})*", item.versions):
        raise ValueError(f"versions {item.versions!r}: allowed are >=N and <N, separated by commas")
