"""A target file: TOML in, frozen values out.

Every wrong key, type or value raises UsageError with the file, the key and what is allowed; `load` is the way in.

>>> load("lio-loopback").lio.block_size
512
"""

from __future__ import annotations

import difflib
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import msgspec

from copyproof import data
from copyproof.errors import UsageError
from copyproof.targets.pairspec import PairSpec
from copyproof.targets.scalars import Naa, Size
from copyproof.targets.table import Struct
from copyproof.transport.ways import Way


class OverlapKind(Enum):
    """How a target copies onto itself: as if through a buffer, or in ascending chunks that read their own output."""

    MEMMOVE = "memmove"
    ASCENDING = "ascending"


class Overlap(Struct, frozen=True, kw_only=True):
    """The overlap rule a target declares; `chunk` is in bytes and only ASCENDING has it."""

    rule: OverlapKind = OverlapKind.MEMMOVE
    chunk: Size = Size(0)


class LabelProbe(Enum):
    """How labels are seen on a target."""

    NONE = "none"
    SIDECAR = "sidecar"
    KERNEL = "kernel"
    RDPROTECT = "rdprotect"


class TagPolicy(Enum):
    """What the application tag of a copied block must be."""

    ZERO = "zero"
    KEPT = "kept"
    VOLUME = "volume"


class Labels(Struct, frozen=True, kw_only=True):
    """Which probes see the labels, and the application-tag policy."""

    probes: tuple[LabelProbe, ...] = ()
    application_tag: TagPolicy = TagPolicy.ZERO


class LunSpec(Struct, frozen=True, kw_only=True):
    """One unit. Drivers make it (`size` in bytes); the lab driver finds it by `naa` or `serial`.

    `destroy` permits a device that carries a partition table or a file-system signature.
    """

    size: Size = Size(0)
    naa: Naa = Naa("")
    serial: str = ""
    destroy: bool = False


class LioSpec(Struct, frozen=True, kw_only=True):
    """How a LIO target is built."""

    backstore: Literal["fileio", "ramdisk", "iblock"] = "fileio"
    fabric: Literal["loopback", "iscsi"] = "loopback"
    block_size: Literal[512, 4096] = 512
    protection: Literal[0, 1] = 0


class ArraySpec(Struct, frozen=True, kw_only=True):
    """How the software array is built. Sizes in bytes; `fabric` is for the tcmu driver.

    `media` are where the members of the RAID group keep their blocks; `exchange` is where the address change unit does
    its work; `pace` is how many slots each kind of background work may do a tick. `resignature` gives the S-VOL of a
    pair a disk identity of its own; the delete of a pair takes `deleting_ticks`. `defects` name what the array is to do
    wrong, on purpose.
    """

    fabric: Literal["loopback", "iscsi"] = "loopback"
    block_size: Literal[512, 4096] = 512
    protection: Literal[0, 1, 2, 3] = 1
    raid: Literal[5, 1] = 5
    members: int = 5
    media: Literal["memory", "files"] = "memory"
    cache: Size = Size(10_000_000_000)
    exchange: Literal["in-buffer", "after-move", "single-buffer"] = "in-buffer"
    pace: int = 16
    resignature: bool = False
    deleting_ticks: int = 0
    defects: tuple[str, ...] = ()


class MirrorSpec(Struct, frozen=True, kw_only=True):
    """What pairs the volumes of the mirror driver: LVM's RAID1, or device mapper's snapshots."""

    manager: Literal["lvm", "dmsetup"] = "lvm"


class TargetSpec(Struct, frozen=True, kw_only=True):
    """A whole target file. Times in seconds; `luns` by role: source, destination, bystander, hidden, readonly, and the
    volumes of pairs, primary, secondary, secondary-2, secondary-3, other-primary, other-secondary.

    `profile` names a shipped deviation profile, or a file of one's own by a path ending in `.toml`, which `load` makes
    absolute: the target file has it relative to its own folder, as the template of `pairs`. `version` is what the
    ranges of the deviation profile speak of, where neither kernel nor product revision says it. Without `pairs` the
    target has none.
    """

    name: str
    driver: Literal["lio", "lab", "software", "tcmu", "mirror"]
    luns: dict[str, LunSpec]
    title: str = ""
    profile: str = ""
    version: str = ""
    command_timeout: float = 60.0
    transport: Way = Way.SG3
    overlap: Overlap = Overlap()
    labels: Labels = Labels()
    lio: LioSpec = LioSpec()
    array: ArraySpec = ArraySpec()
    mirror: MirrorSpec = MirrorSpec()
    pairs: PairSpec | None = None


def names() -> list[str]:
    """Return the names of the shipped target files, sorted."""
    return sorted(path.stem for path in data.folder("targets").glob("*.toml"))


def find(name_or_path: str) -> Path:
    """Return the file of a shipped target, or of a path: anything with a slash or ending in `.toml`.

    Raises UsageError when there is none, with the near misses.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.is_file():
            raise UsageError(f"{path}: there is no such target file")
        return path
    if name_or_path not in names():
        near = difflib.get_close_matches(name_or_path, names(), n=3, cutoff=0.7)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"there is no target {name_or_path!r}.{hint} "
            f"Shipped targets: {', '.join(names())}; or give a path ending in .toml"
        )
    return data.folder("targets") / f"{name_or_path}.toml"


def load(name_or_path: str) -> TargetSpec:
    """Read a shipped target by name, or a target file by path.

    Raises UsageError for an unknown name (with the near misses), an unreadable file, and a wrong key, type or value.
    """
    path = find(name_or_path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from None
    target, folder = parse(raw, str(path)), path.resolve().parent
    if target.profile.endswith(".toml"):
        target = msgspec.structs.replace(target, profile=str(folder / target.profile))
    if target.pairs and target.pairs.template.endswith(".toml"):
        pairs = msgspec.structs.replace(target.pairs, template=str(folder / target.pairs.template))
        target = msgspec.structs.replace(target, pairs=pairs)
    return target


def parse(raw: dict[str, Any], where: str) -> TargetSpec:
    """Make a target of a decoded table; `where` names the file in errors.

    >>> parse({"driver": "loi"}, "t.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    copyproof.errors.UsageError: t.toml: driver: 'loi' is not allowed; it must be one of lio, lab, software, ...
    """
    from copyproof.targets.complaints import convert
    from copyproof.targets.rules import check

    target = convert(raw, TargetSpec, where)
    check(target, where)
    return target
