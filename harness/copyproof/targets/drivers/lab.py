"""The lab driver: devices that are already there, named by designator or serial. It makes and removes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from copyproof.device import Device
from copyproof.errors import UsageError
from copyproof.targets import discovery, lease
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.rules import BYSTANDER_LIMIT
from copyproof.targets.scalars import human
from copyproof.targets.spec import LunSpec, TargetSpec


class LabDriver:
    """Units of an array in a lab, each locked by its designator while the target is up.

    A hidden unit that no node of this host shows is taken at its designator, with a size of 0 blocks.
    """

    def __init__(self, spec: TargetSpec, sysfs: Path = discovery.SYSFS) -> None:
        self.spec = spec
        self._sysfs = sysfs
        self._stack = ExitStack()

    def obstacles(self) -> list[str]:
        """Why it cannot run here: all the units that are missing, unusable or ambiguous; empty when it can."""
        found = [] if os.geteuid() == 0 else ["sending SCSI commands needs root: run as root"]
        units, problems = self._looked_up()
        problems += _unfit(units, self._sysfs)
        if problems:
            problems[-1] += " (`copyproof devices` lists what there is)"
        return found + problems

    def __enter__(self) -> LiveTarget:
        """Find and lock every unit; raises UsageError with all that are missing, or when another run has one."""
        if obstacles := self.obstacles():
            raise UsageError(f"target {self.spec.name} cannot run here: {'; '.join(obstacles)}")
        devices = self._looked_up()[0]
        with ExitStack() as stack:
            for role, device in devices.items():
                if not stack.enter_context(lease.hold(lock_name(device))):
                    raise UsageError(
                        f"luns.{role.value}: {device.label} is being tested by another run; wait for it to end"
                    )
            self._stack = stack.pop_all()
        luns = {role: _lun(role, device) for role, device in devices.items()}
        return LiveTarget(self.spec, luns, {"host_kernel": os.uname().release})

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the locks."""
        self._stack.close()

    def _looked_up(self) -> tuple[dict[Role, Device], list[str]]:
        """Return the units that are here, and why each of the others is not."""
        units, problems = {}, []
        for name, lun in self.spec.luns.items():
            try:
                units[Role(name)] = _find(Role(name), lun, self._sysfs)
            except UsageError as error:
                problems.append(f"luns.{name}: {error}")
        return units, problems


def lock_name(device: Device) -> str:
    """Return the name of a device's lock: by what it is, so that runs under different nodes or files meet.

    >>> lock_name(Device(naa="", serial="A/1"))
    'device-serial-412f31'
    """
    return f"device-{device.naa}" if device.naa else f"device-serial-{device.serial.encode().hex()}"


def _find(role: Role, lun: LunSpec, sysfs: Path) -> Device:
    try:
        return discovery.find(naa=lun.naa, serial=lun.serial, sysfs=sysfs)
    except UsageError as error:
        if role is not Role.HIDDEN:
            raise
        if not lun.naa:
            raise UsageError(f"{error}; name a unit that this host does not have by naa") from None
        if not lun.destroy:
            raise UsageError(f"{error}, so it cannot be looked at; set destroy = true if it may be lost") from None
        return Device(naa=lun.naa)


def _unfit(units: Mapping[Role, Device], sysfs: Path) -> list[str]:
    """Why units that were found do not serve in their roles."""
    found = [f"luns.{role.value}: {why}" for role, device in units.items() for why in _lacking(role, device)]
    bystander = units.get(Role.BYSTANDER)
    if bystander and bystander.size > BYSTANDER_LIMIT:
        found.append(
            f"luns.bystander: {bystander.label} has {human(bystander.size)}, at most {human(BYSTANDER_LIMIT)} are "
            "allowed, since it is written whole and read whole after each command: take a smaller unit, or leave it out"
        )
    return found + list(_twins(units)) + list(_unhidden(units, sysfs))


def _lacking(role: Role, device: Device) -> Iterator[str]:
    if role is Role.HIDDEN and not device.sg and not device.block:
        return
    lacking = [kind for kind, nodes in (("sg", device.sg), ("block", device.block)) if not nodes]
    if lacking:
        yield f"{device.label} has no {' and no '.join(lacking)} node: modprobe sg sd_mod"


def _twins(units: Mapping[Role, Device]) -> Iterator[str]:
    """Two names of one device, which only shows once both are found."""
    seen: dict[tuple[str, ...], Role] = {}
    for role, device in units.items():
        if (other := seen.setdefault((device.naa, *map(str, device.sg)), role)) is not role:
            yield f"luns.{role.value} names the same device as luns.{other.value}: {device.label}"


def _unhidden(units: Mapping[Role, Device], sysfs: Path) -> Iterator[str]:
    """A hidden unit that the source's initiator reaches: isolation could not be told from a plain copy there."""
    if Role.HIDDEN not in units or Role.SOURCE not in units:
        return
    hidden, source = units[Role.HIDDEN], units[Role.SOURCE]
    if shared := sorted(discovery.ports(hidden, sysfs=sysfs) & discovery.ports(source, sysfs=sysfs)):
        yield (
            f"luns.hidden: {hidden.label} is reached by SCSI host and target {', '.join(shared)} as {source.label} is, "
            "so it is not hidden from it: name a unit that is mapped to another initiator only"
        )


def _lun(role: Role, device: Device) -> Lun:
    return Lun(role, discovery.with_holders(device), visible=role is not Role.HIDDEN)
