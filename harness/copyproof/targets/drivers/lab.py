"""The lab driver: devices that are already there, named by designator or serial. It makes and removes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from copyproof import process
from copyproof.device import Device
from copyproof.errors import UsageError
from copyproof.targets import discovery, lease
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.spec import LunSpec, TargetSpec


class LabDriver:
    """Units of an array in a lab, each locked by its designator while the target is up."""

    def __init__(self, spec: TargetSpec, run: process.Runner = process.run) -> None:
        self.spec = spec
        self._run = run
        self._stack = ExitStack()

    def obstacles(self) -> list[str]:
        """Why it cannot run here: all the units that are missing, unusable or ambiguous; empty when it can."""
        found = [] if os.geteuid() == 0 else ["sending SCSI commands needs root: run as root"]
        problems = [problem for role, lun in self.spec.luns.items() for problem in _problems(role, lun)]
        if problems:
            problems[-1] += " (`copyproof devices` lists what there is)"
        return found + problems

    def __enter__(self) -> LiveTarget:
        """Find and lock every unit; raises UsageError with all that are missing, or when another run has one."""
        if obstacles := self.obstacles():
            raise UsageError(f"target {self.spec.name} cannot run here: {'; '.join(obstacles)}")
        devices = {Role(role): _find(lun) for role, lun in self.spec.luns.items()}
        _refuse_twins(devices)
        with ExitStack() as stack:
            for role, device in devices.items():
                if not stack.enter_context(lease.hold(lock_name(device))):
                    raise UsageError(
                        f"luns.{role.value}: {device.label} is being tested by another run; wait for it to end"
                    )
            self._stack = stack.pop_all()
        luns = {role: _lun(role, device) for role, device in devices.items()}
        return LiveTarget(self.spec, luns, {"kernel": os.uname().release})

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the locks."""
        self._stack.close()


def _refuse_twins(devices: Mapping[Role, Device]) -> None:
    """Refuse two names of one device, which only shows once both are found."""
    seen: dict[tuple[Path, ...], Role] = {}
    for role, device in devices.items():
        if (other := seen.setdefault(device.sg, role)) is not role:
            raise UsageError(f"luns.{role.value} names the same device as luns.{other.value}: {device.label}")


def _problems(role: str, lun: LunSpec) -> list[str]:
    try:
        device = _find(lun)
    except UsageError as error:
        return [f"luns.{role}: {error}"]
    lacking = [kind for kind, nodes in (("sg", device.sg), ("block", device.block)) if not nodes]
    why = f"luns.{role}: {device.label} has no {' and no '.join(lacking)} node: modprobe sg sd_mod"
    return [why] if lacking else []


def lock_name(device: Device) -> str:
    """Return the name of a device's lock: by what it is, so that runs under different nodes or files meet.

    >>> lock_name(Device(naa="", serial="A/1"))
    'device-serial-412f31'
    """
    return f"device-{device.naa}" if device.naa else f"device-serial-{device.serial.encode().hex()}"


def _find(lun: LunSpec) -> Device:
    return discovery.find(naa=lun.naa, serial=lun.serial)


def _lun(role: Role, device: Device) -> Lun:
    return Lun(role, discovery.with_holders(device), visible=role is not Role.HIDDEN)
