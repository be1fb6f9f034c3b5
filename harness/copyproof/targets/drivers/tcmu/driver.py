"""The TCMU driver: user backstores of LIO, and the process that answers them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from copyproof import process
from copyproof.device import Device
from copyproof.errors import DeviceError
from copyproof.process import Companion
from copyproof.serving.control import Remote
from copyproof.serving.tcmu.job import Job, Port
from copyproof.serving.tcmu.sessions import Login
from copyproof.targets.arrays import HOST, OTHER, complaint, mapped, settings_of
from copyproof.targets.drivers import horcm
from copyproof.targets.drivers.lio import ground, iscsi
from copyproof.targets.drivers.lio.backstores import Backstore, Wanted
from copyproof.targets.drivers.lio.clear import abandon
from copyproof.targets.drivers.lio.driver import LioDriver
from copyproof.targets.drivers.tcmu import backstores
from copyproof.targets.known import NUMBERS
from copyproof.targets.lease import Mark
from copyproof.targets.live import LiveTarget, Lun, PairHooks, Role
from copyproof.targets.spec import TargetSpec

START, STOP = 120.0, 30.0
"""Seconds that the serving process may take to be ready, and to end."""
SYSFS = Path("/sys")


class TcmuDriver(LioDriver):
    """The software array on a fabric of LIO. Its errors of its own end the run with a DeviceError."""

    def __init__(self, spec: TargetSpec, run: process.Runner = process.run) -> None:
        super().__init__(spec, run)
        self._server: Companion | None = None
        self._control: Remote | None = None

    def _stores(self, wanted: list[Wanted]) -> list[Backstore]:
        """Make the backstores and let them be answered: the units are asked who they are as soon as they are mapped."""
        stores = [backstores.make(each, self.spec.array.block_size) for each in wanted]
        job = self._job(stores, wanted)
        argv = [sys.executable, "-m", "copyproof.serving.tcmu"]
        self._server = Companion(argv, job.pickled(), "ready", wanted[0].folder / "server.log", START)
        self._control = Remote(job.control)
        return stores

    def _job(self, stores: list[Backstore], wanted: list[Wanted]) -> Job:
        """Return what is to be served: an array with a unit for each backstore, and one way to each."""
        folder = wanted[0].folder
        return Job(
            settings_of(self.spec, {store.role: store.naa for store in stores}, folder),
            tuple(Port(mapped(w.role).initiator, NUMBERS[w.role], backstores.uio_name(w)) for w in wanted),
            folder / "control",
            self._logins(wanted[0].mark),
        )

    def _logins(self, mark: Mark) -> tuple[Login, ...]:
        """Return where the kernel will tell of the initiators' sessions; tcm_loop has none."""
        if ground.built_of(self.spec)[1] != "iscsi":
            return ()
        names = iscsi.names(mark)
        admitted = {HOST: names.host, OTHER: names.other}
        return tuple(Login(who, iscsi.session_info(names.target, name)) for who, name in admitted.items())

    def _find(self, stores: list[Backstore]) -> LiveTarget:
        live = super()._find(stores)
        for lun in live.luns.values():
            leave_labels_alone(lun.device)
        luns = {role: replace(lun, tag=NUMBERS[role]) for role, lun in live.luns.items()}
        facts = {"host_kernel": os.uname().release, "fabric": self.spec.array.fabric, "backstore": "user"}
        assert self._control is not None
        facts["control"] = str(self._control.path)
        return LiveTarget(self.spec, luns, facts, self._control, self._hooks(luns))

    def _hooks(self, luns: Mapping[Role, Lun]) -> PairHooks:
        """Let other programs order pairs by CCI's commands, where the target says so."""
        if not horcm.wanted(self.spec):
            return PairHooks()
        assert self._control is not None
        naas = {role: lun.device.naa for role, lun in luns.items() if lun.visible}
        return horcm.prepare(self._control.path.parent, naas, None)

    def _take_down(self, mark: Mark) -> None:
        """Ask for errors first, and stop serving last: a unit that goes away is sent commands."""
        problem = ""
        try:
            problem = self._complaint()
            if self._server is not None and not self._server.running:
                abandon(mark)
            super()._take_down(mark)
        except DeviceError as error:
            raise DeviceError(f"{problem}; {error}" if problem else str(error)) from error
        finally:
            if self._control is not None:
                self._control.close()
            if self._server is not None:
                self._server.end(STOP)
        if problem:
            raise DeviceError(problem)

    def _complaint(self) -> str:
        if self._control is None:
            return ""
        try:
            return complaint(self._control.internal_errors())
        except DeviceError as problem:
            return f"the serving process was lost: {problem}{self._last_words()}"

    def _last_words(self) -> str:
        assert self._control is not None
        with contextlib.suppress(OSError):
            return f"; it said: {(self._control.path.parent / 'server.log').read_text(errors='replace')[-2000:]}"
        return ""


def leave_labels_alone(device: Device, sysfs: Path = SYSFS) -> None:
    """Let the kernel neither check nor make labels for a unit's block nodes: it would, as tcm_loop is said to carry
    them, and TCMU carries none."""
    for node in device.block:
        for name in ("read_verify", "write_generate"):
            with contextlib.suppress(FileNotFoundError):
                (sysfs / "block" / node.name / "integrity" / name).write_text("0")
