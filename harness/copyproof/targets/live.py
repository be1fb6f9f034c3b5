"""What a target is once it is up: logical units with their nodes, ready to be driven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol

from copyproof.array.core.inventory import Inventory
from copyproof.array.core.layout import Place
from copyproof.array.settings import Exchange
from copyproof.array.trace import Event
from copyproof.device import Device
from copyproof.pairing.service import Presence
from copyproof.targets.spec import TargetSpec
from copyproof.transport.base import Direct

__all__ = ["Control", "Device", "Driver", "LiveTarget", "Lun", "Role"]


class Role(Enum):
    """What a logical unit is for. HIDDEN is mapped to another initiator only; READONLY read-only to this one. PRIMARY
    and its secondaries are for pairs, OTHER_PRIMARY and OTHER_SECONDARY for a second pair beside."""

    SOURCE = "source"
    DESTINATION = "destination"
    BYSTANDER = "bystander"
    HIDDEN = "hidden"
    READONLY = "readonly"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    SECONDARY_2 = "secondary-2"
    SECONDARY_3 = "secondary-3"
    OTHER_PRIMARY = "other-primary"
    OTHER_SECONDARY = "other-secondary"


@dataclass(frozen=True, slots=True)
class Lun:
    """A device in its role.

    `sidecar` is the file with LIO's protection tuples (8 bytes a block), where there is one. A unit that is not
    `visible` is mapped to another initiator only: its nodes are that initiator's, for looking and not for copying.
    `path` leads to a unit that has no nodes. `tag` is the application tag that the target gives all its blocks, where
    that is known.
    """

    role: Role
    device: Device
    sidecar: Path | None = None
    visible: bool = True
    path: Direct | None = None
    tag: int | None = None

    @property
    def reachable(self) -> bool:
        """Whether commands can be sent to it from here."""
        return bool(self.device.sg or self.path)

    @property
    def readable(self) -> bool:
        """Whether its blocks can be read from here."""
        return bool(self.device.block or self.path)


class Control(Protocol):
    """What can be seen of an array, and done to it, beside the commands of its hosts."""

    def begin_trace(self) -> None:
        """Record from now on what the controller does, and forget what was recorded before."""
        ...

    def end_trace(self) -> Sequence[Event]:
        """Record no longer, and return what was recorded, oldest first."""
        ...

    def run(self, ticks: int) -> None:
        """Let so many ticks of background work pass, held or not."""
        ...

    def hold(self) -> None:
        """Let no tick pass by itself until `release`, so that what is under way stays so."""
        ...

    def release(self) -> None:
        """Let ticks pass again as commands come, or as time does."""
        ...

    def exchange_by(self, exchange: Exchange) -> None:
        """Let the address change unit work so from now on."""
        ...

    def inventory(self) -> Inventory:
        """What the array tells of itself."""
        ...

    def place(self, volume: int, lba: int) -> Place:
        """Where on the members a block is."""
        ...

    def fail_member(self, member: int) -> None:
        """Let a member of the RAID group fail, with all that it holds; numbers are from 0."""
        ...

    def replace_member(self, member: int) -> None:
        """Put an empty one in its place, which is rebuilt by ticks."""
        ...

    def empty_cache(self) -> None:
        """Destage everything and let it go, so that what is read next comes from the members; raises DeviceError."""
        ...

    def parity_errors(self) -> Sequence[int]:
        """The stripes whose parity is wrong, of those with all members."""
        ...

    def internal_errors(self) -> Sequence[str]:
        """The traceback of each error that is the array's own: a run that has one has failed."""
        ...


@dataclass(frozen=True, slots=True)
class PairHooks:
    """What a driver adds for the commands of a pair template: values for the template's names, such values by role, and
    the way to map and unmap an S-VOL that is there only while its pair is split."""

    names: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[Role, Mapping[str, str]] = field(default_factory=dict)
    presence: Presence | None = None


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """A target that is up: its units by role. `facts` holds what the driver knows (kernel, fabric), for the record;
    `control` is there where the target is a white box."""

    spec: TargetSpec
    luns: Mapping[Role, Lun]
    facts: Mapping[str, str] = field(default_factory=dict)
    control: Control | None = None
    pair_hooks: PairHooks = field(default_factory=PairHooks)

    def lun(self, role: Role) -> Lun:
        """Return the unit in a role; raises KeyError when this target has none."""
        return self.luns[role]


class Driver(Protocol):
    """A target as a context manager: the constructor does nothing, `__exit__` takes down what `__enter__` made."""

    def __enter__(self) -> LiveTarget:
        """Bring the target up; raises UsageError when it cannot run here, and leaves nothing behind then."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take down what this driver made, and nothing else."""
        ...

    def obstacles(self) -> list[str]:
        """Why it cannot run here, one line each with the way out; empty when it can."""
        ...
