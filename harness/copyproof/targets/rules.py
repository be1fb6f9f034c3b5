"""What a target file must say beyond its types: which keys belong together, and which values a driver can build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from copyproof.errors import UsageError
from copyproof.targets.complaints import unknown

if TYPE_CHECKING:
    from copyproof.targets.spec import TargetSpec

PAIRED = ("primary", "secondary", "secondary-2", "secondary-3", "other-primary", "other-secondary")
"""The roles of pairs: each may be left out."""
ROLES = ("source", "destination", "bystander", "hidden", "readonly", *PAIRED)
_MADE = ("source", "destination", "bystander", "hidden")
_NEEDED = {"lio": _MADE, "software": _MADE, "tcmu": _MADE, "mirror": _MADE, "lab": ("source", "destination")}
#: The bytes that a bystander may have at most: it is written whole, and read whole after each command.
BYSTANDER_LIMIT = 256 << 20

Fault = tuple[str, str]


def check(target: TargetSpec, where: str) -> None:
    """Raise UsageError `where: key: complaint` for the first rule that the target breaks."""
    for key, problem in _faults(target):
        raise UsageError(f"{where}: {key}: {problem}")


def _faults(target: TargetSpec) -> Iterator[Fault]:
    yield from _common(target)
    yield from _overlap(target)
    yield from _way(target)
    yield from _pairs(target)
    yield from {"lio": _lio, "lab": _lab, "software": _array, "tcmu": _array, "mirror": _mirror}[target.driver](target)


def _common(target: TargetSpec) -> Iterator[Fault]:
    if not target.name or not set(target.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        yield "name", f"{target.name!r} is not allowed; it must be lower-case letters, digits and hyphens"
    if not 0 < target.command_timeout <= 3600:
        yield "command_timeout", f"{target.command_timeout:g} is not allowed; it must be above 0, at most 3600 seconds"
    for role in target.luns:
        if role not in ROLES:
            yield f"luns.{role}", unknown(role, list(ROLES))
    for role in _NEEDED[target.driver]:
        if role not in target.luns:
            yield f"luns.{role}", f"is missing; the {target.driver} driver needs {', '.join(_NEEDED[target.driver])}"


def _overlap(target: TargetSpec) -> Iterator[Fault]:
    ascending = target.overlap.rule.value == "ascending"
    if ascending and (target.overlap.chunk == 0 or target.overlap.chunk % 512):
        yield "overlap.chunk", "must be a multiple of 512 bytes above 0 with rule = ascending"
    if not ascending and target.overlap.chunk:
        yield "overlap.chunk", "only rule = ascending has a chunk"


def _lio(target: TargetSpec) -> Iterator[Fault]:
    probes = {probe.value for probe in target.labels.probes}
    if target.lio.protection and target.lio.backstore == "iblock":
        yield "lio.protection", "1 is not allowed with backstore = iblock; use fileio or ramdisk"
    if "sidecar" in probes and not (target.lio.protection and target.lio.backstore == "fileio"):
        yield "labels.probes", "sidecar needs lio.protection = 1 and lio.backstore = fileio"
    if "readonly" in target.luns and target.lio.fabric != "iscsi":
        yield "luns.readonly", "only lio.fabric = iscsi can map a unit read-only"
    yield from _made(target)


def _mirror(target: TargetSpec) -> Iterator[Fault]:
    if target.lio.backstore != "iblock" or target.lio.protection or target.lio.block_size != 512:
        yield "lio.backstore", "must be iblock, with block_size = 512 and protection = 0: the volumes are block devices"
    yield from _lio(target)


def _made(target: TargetSpec) -> Iterator[Fault]:
    """The units of a driver that makes them."""
    for role, lun in target.luns.items():
        if lun.naa or lun.serial or lun.destroy:
            made = f"the {target.driver} driver makes its units"
            yield f"luns.{role}", f"{made}: give size only, not naa, serial or destroy"
        if lun.size == 0 or lun.size % 4096:
            yield f"luns.{role}.size", "must be a multiple of 4096 bytes above 0"


def _way(target: TargetSpec) -> Iterator[Fault]:
    if (target.transport.value == "inprocess") != (target.driver == "software"):
        yield "transport", "inprocess is the way of the software driver, whose units have no nodes, and of no other"


def _array(target: TargetSpec) -> Iterator[Fault]:
    from copyproof.targets.arrays import settings_of

    yield from _made(target)
    probes = {probe.value for probe in target.labels.probes}
    if strange := probes - {"rdprotect", "none"}:
        yield "labels.probes", f"{min(strange)} shows nothing of the software array; use rdprotect"
    if "rdprotect" in probes and not target.array.protection:
        yield "labels.probes", "rdprotect needs array.protection = 1, 2 or 3"
    try:
        settings_of(target)
    except UsageError as problem:
        yield "array", str(problem)


def _pairs(target: TargetSpec) -> Iterator[Fault]:
    from copyproof.targets.pairspec import faults

    if target.pairs:
        block_size = target.lio.block_size if target.driver in ("lio", "mirror") else target.array.block_size
        for key, problem in faults(target.pairs, target.luns, block_size):
            yield f"pairs.{key}", problem


def _lab(target: TargetSpec) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for role, lun in target.luns.items():
        if bool(lun.naa) == bool(lun.serial):
            yield f"luns.{role}", "name the device by either naa or serial (`copyproof devices` prints both)"
        if lun.size:
            yield f"luns.{role}.size", "the lab driver takes devices as they are: leave size out"
        if (other := seen.setdefault(lun.naa or lun.serial, role)) != role:
            yield f"luns.{role}", f"names the same device as luns.{other}"
