"""What a target is once it is up: logical units with their nodes, ready to be driven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol

from copyproof.targets.spec import TargetSpec


class Role(Enum):
    """What a logical unit is for. HIDDEN is mapped to another initiator only; READONLY is mapped read-only to this one."""

    SOURCE = "source"
    DESTINATION = "destination"
    BYSTANDER = "bystander"
    HIDDEN = "hidden"
    READONLY = "readonly"


@dataclass(frozen=True, slots=True)
class Device:
    """One logical unit as udev and INQUIRY show it.

    `naa` is the NAA designator in lower-case hex without prefix; `blocks` counts logical blocks of `block_size` user bytes; `protection` is the T10 PI
    type, 0 to 3. Several nodes where there are several paths; `holders` says why safety would refuse it, empty when it would not.
    """

    naa: str
    serial: str = ""
    vendor: str = ""
    product: str = ""
    revision: str = ""
    blocks: int = 0
    block_size: int = 512
    protection: int = 0
    sg: tuple[Path, ...] = ()
    block: tuple[Path, ...] = ()
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lun:
    """A device in its role. `sidecar` is the file with LIO's protection tuples (8 bytes a block), where there is one."""

    role: Role
    device: Device
    sidecar: Path | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """A target that is up: its units by role. `facts` holds what the driver knows (kernel, fabric), for the record."""

    spec: TargetSpec
    luns: Mapping[Role, Lun]
    facts: Mapping[str, str] = field(default_factory=dict)

    def lun(self, role: Role) -> Lun:
        """Return the unit in a role; raises KeyError when this target has none."""
        return self.luns[role]


class Driver(Protocol):
    """A target as a context manager: the constructor does nothing, `__enter__` brings it up, `__exit__` always takes it down."""

    def __enter__(self) -> LiveTarget:
        """Bring the target up; raises UsageError when it cannot run here, and leaves nothing behind then."""
        ...

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Take down what this driver made, and nothing else."""
        ...

    def obstacles(self) -> list[str]:
        """Why it cannot run here, one line each with the way out; empty when it can."""
        ...


