"""A target of plain files, whose copy manager keeps to the standard unless it is told to misbehave (see fake_manager).

A pytest plugin (`-p fake_target`). The folder named by the variable `COPYPROOF_FAKE` holds its units while it is up,
`events` (what it did, a line each) and perhaps `misbehaviour`. Only the ways to the device are replaced: the safety
check, the model, the judgement and the record are the real ones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest

from copyproof.blocks.label import LABEL
from copyproof.errors import TargetLost
from copyproof.plugin import active, opening  # noqa: F401  # heavy modules are loaded once for all runs in a process
from copyproof.safety import Permitted
from copyproof.scsi.command import Command, Result
from copyproof.targets.live import Device, LiveTarget, Lun, Role
from copyproof.targets.spec import LabelProbe, TargetSpec
from copyproof.transport.ways import Way
from copyproof.verify.labels import Sidecar
from copyproof.verify.volume import HostVolume
from tests.plugin.fake_manager import BLOCK, BLOCKS, CopyManager, Misbehaviour, Unit


class FakeTarget:
    """The driver: units as files, made on the way in, removed on the way out."""

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec
        self.root = Path(os.environ["COPYPROOF_FAKE"])
        self.folder = self.root / os.environ.get("PYTEST_XDIST_WORKER", "main")

    def note(self, event: str) -> None:
        """Add a line to `events`; one write, so that workers do not mix theirs."""
        with (self.root / "events").open("a") as file:
            file.write(f"{event}\n")

    def __enter__(self) -> LiveTarget:
        self.note("enter")
        self.folder.mkdir()
        protected = LabelProbe.SIDECAR in self.spec.labels.probes
        luns = {role: self._lun(role, protected=protected) for role in Role if role.value in self.spec.luns}
        units = {lun.device.naa: _unit(lun) for lun in luns.values()}
        STAND["manager"] = manager = CopyManager(self.root, units, self.note)
        if Misbehaviour.NOT_UP in manager.told:
            self.__exit__(None, None, None)
            raise TargetLost("the source unit did not appear within 10 seconds")
        if Misbehaviour.TWO_SIZES in manager.told:
            source = luns[Role.SOURCE]
            luns[Role.SOURCE] = replace(source, device=replace(source.device, block_size=8 * BLOCK))
        return LiveTarget(self.spec, luns)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder)
        self.note("exit")
        if Misbehaviour.STAYS_UP in STAND["manager"].told:
            raise TargetLost("configfs is busy")

    def _lun(self, role: Role, *, protected: bool) -> Lun:
        path = self.folder / role.value
        path.write_bytes(bytes(BLOCKS[role] * BLOCK))
        sidecar = self.folder / f"{role.value}.protection"
        if protected:
            sidecar.write_bytes(b"\xff" * BLOCKS[role] * LABEL.itemsize)
        naa = str(self.spec.luns[role.value].naa)
        device = Device(naa, "S1", blocks=BLOCKS[role], block_size=BLOCK, protection=int(protected), sg=(path,))
        device = replace(device, block=(path,))
        return Lun(role, device, sidecar if protected else None, visible=role is not Role.HIDDEN)


def _unit(lun: Lun) -> Unit:
    return Unit(lun.role, lun.device.naa, lun.device.block[0], Sidecar(lun.sidecar) if lun.sidecar else None)


STAND: dict[str, CopyManager] = {}


class FileTransport:
    """The way to one unit, known by its file."""

    def __init__(self, node: Path) -> None:
        self._unit = next(unit for unit in STAND["manager"].units.values() if unit.path == node)
        self.name = f"file:{node.name}"

    def execute(self, command: Command, timeout: float) -> Result:
        return STAND["manager"].execute(self._unit, command)

    def repeat_by_hand(self, command: Command) -> str:
        return f"sg_raw /dev/{self._unit.role.value} {command.cdb.hex(' ')}"


@contextmanager
def _reach(way: Way, node: Path) -> Iterator[FileTransport]:
    yield FileTransport(node)


class FileVolume(HostVolume):
    """Host I/O without O_DIRECT, which not every file system has; labels are written along."""

    def __init__(self, node: Path, block_size: int, open_for_write: Callable[[], int]) -> None:
        super().__init__(node, block_size, open_for_write)
        self._unit = next(unit for unit in STAND["manager"].units.values() if unit.path == node)

    def open_to_read(self) -> int:
        return os.open(self.node, os.O_RDONLY)

    def write(self, lba: int, data: np.ndarray) -> None:
        self._unit.write(lba, data.tobytes())


def _permission(live: LiveTarget) -> Permitted:
    return Permitted(frozenset(lun.device.naa for lun in live.luns.values()))


@contextmanager
def _replaced(module: Any, **new: object) -> Iterator[None]:
    old = {name: getattr(module, name) for name in new}
    for name, value in new.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in old.items():
            setattr(module, name, value)


@contextmanager
def in_place() -> Iterator[None]:
    """Put the fake in place of the ways to a device for a while."""
    ways = {"open_target": FakeTarget, "permission": _permission, "reach": _reach, "HostVolume": FileVolume}
    with _replaced(opening, **ways):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main() -> Iterator[None]:
    """Put the fake in place of the ways to a device for the length of a run."""
    with in_place():
        return (yield)
