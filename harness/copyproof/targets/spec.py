"""A target file: TOML in, frozen values out.

Every wrong key, type or value raises UsageError with the file, the key and what is allowed.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

import msgspec


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen table of a target file in which unknown keys are errors."""


class OverlapKind(Enum):
    """How a target copies onto itself: as if through a buffer, or in ascending chunks that read their own output."""

    MEMMOVE = "memmove"
    ASCENDING = "ascending"


class Overlap(Struct):
    """The overlap rule a target declares; `chunk` is in bytes and only ASCENDING has it."""

    rule: OverlapKind = OverlapKind.MEMMOVE
    chunk: int = 0


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


class Labels(Struct):
    """Which probes see the labels, and the application-tag policy."""

    probes: tuple[LabelProbe, ...] = ()
    application_tag: TagPolicy = TagPolicy.ZERO


class LunSpec(Struct):
    """One unit. LIO drivers make it (`size` in bytes); the lab driver finds it by `naa` or `serial`. `destroy` permits a marked device."""

    size: int = 0
    naa: str = ""
    serial: str = ""
    destroy: bool = False


class LioSpec(Struct):
    """How a LIO target is built."""

    backstore: Literal["fileio", "ramdisk", "iblock"] = "fileio"
    fabric: Literal["loopback", "iscsi"] = "loopback"
    block_size: Literal[512, 4096] = 512
    protection: Literal[0, 1] = 0


class TargetSpec(Struct):
    """A whole target file. Times in seconds; `luns` is keyed by role (source, destination, bystander, hidden, readonly)."""

    name: str
    driver: Literal["lio", "lab"]
    luns: dict[str, LunSpec]
    title: str = ""
    profile: str = ""
    command_timeout: float = 60.0
    overlap: Overlap = Overlap()
    labels: Labels = Labels()
    lio: LioSpec = LioSpec()
