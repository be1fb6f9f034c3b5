"""Deviation profiles: what a named implementation is known to do otherwise, exactly, and for which versions."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import msgspec

from copyproof import data
from copyproof.errors import UsageError
from copyproof.scsi.outcome import Outcome
from copyproof.verdicts.catalogue import catalogue

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
    """Read the shipped profile `targets/profiles/NAME.toml`, or a file where `name` is a path ending in `.toml`.

    An empty name is the empty profile. Raises UsageError with the near misses when there is none, and with file and
    key when it is wrong.
    """
    if not name:
        return NO_PROFILE
    path = _file(name)
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=Profile)
        for item in profile.deviation:
            _check(item)
    except OSError as problem:
        raise UsageError(f"{path}: cannot be read: {problem.strerror}") from None
    except (msgspec.DecodeError, ValueError) as problem:
        raise UsageError(f"{path}: {problem}") from None
    return profile


def _file(name: str) -> Path:
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            beside = [item.name for item in path.parent.glob("*.toml")]
            raise UsageError(f"{path}: there is no such deviation profile{_near(path.name, beside)}")
        return path
    folder = data.folder("targets") / "profiles"
    known = sorted(item.stem for item in folder.glob("*.toml"))
    if name not in known:
        raise UsageError(
            f"there is no deviation profile {name!r}{_near(name, known)}; there are: {', '.join(known)}; "
            "or give a path ending in .toml"
        )
    return folder / f"{name}.toml"


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


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
