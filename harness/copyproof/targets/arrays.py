"""What a target file says of the software array, as the array's own settings.

>>> from copyproof.targets.spec import load
>>> settings_of(load("software-array")).block_size
512
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from copyproof.array.core.pair_rules import PairRules
from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings, Exchange, Mapped, RaidLevel, VolumeSettings
from copyproof.errors import UsageError
from copyproof.targets.known import NUMBERS
from copyproof.targets.live import Role
from copyproof.targets.spec import TargetSpec

HOST, OTHER = "host", "other"
"""The two initiators: the harness, and the one that has the hidden unit."""


def settings_of(
    target: TargetSpec, naas: Mapping[Role, str] | None = None, folder: Path | None = None
) -> ArraySettings:
    """Return the settings of an array whose volumes are the target's units, by the numbers of their roles.

    Without `naas` (hexadecimal, by role) the array makes designators. `folder` is for media in files. Raises
    UsageError for values that the array does not take.
    """
    spec = target.array
    volumes = (
        VolumeSettings(NUMBERS[role], lun.size // spec.block_size, (naas or {}).get(role, ""))
        for role, lun in ((Role(name), lun) for name, lun in target.luns.items())
    )
    return ArraySettings(
        volumes=tuple(volumes),
        block_size=spec.block_size,
        protection=spec.protection,
        raid=RaidLevel(spec.raid),
        members=spec.members,
        folder=folder if spec.media == "files" else None,
        cache_bytes=spec.cache,
        exchange=Exchange[spec.exchange.replace("-", "_").upper()],
        pace=spec.pace,
        pairs=PairRules(resignature=spec.resignature, deleting_ticks=spec.deleting_ticks),
        defects=frozenset(map(_defect, spec.defects)),
        mapped=tuple(mapped(Role(name)) for name in target.luns),
    )


def mapped(role: Role) -> Mapped:
    """Return who sees the unit in a role, and how.

    >>> mapped(Role.READONLY)
    Mapped(initiator='host', volume=5, read_only=True)
    """
    return Mapped(OTHER if role is Role.HIDDEN else HOST, NUMBERS[role], role is Role.READONLY)


def complaint(errors: Sequence[str]) -> str:
    """Return what is to be said of tracebacks that an array keeps of its own errors; empty where there are none.

    >>> complaint(["Traceback ...\\nKeyError: 7\\n"]).splitlines()[0]
    'the array met 1 errors of its own, the first KeyError: 7'
    """
    if not errors:
        return ""
    last = errors[0].strip().splitlines()[-1]
    return f"the array met {len(errors)} errors of its own, the first {last}\n{errors[0]}"


def _defect(name: str) -> Defect:
    known = dict(_names())
    if name not in known:
        raise UsageError(f"there is no defect {name!r}; allowed: {', '.join(known)}")
    return known[name]


def _names() -> Iterator[tuple[str, Defect]]:
    return ((defect.name.lower().replace("_", "-"), defect) for defect in Defect)
