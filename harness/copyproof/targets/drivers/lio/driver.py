"""The LIO driver: build, wait for the nodes, take down."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType

from copyproof import process
from copyproof.errors import UsageError
from copyproof.targets import discovery, lease
from copyproof.targets.drivers.lio import backstores, ground, initiator, iscsi, loopback
from copyproof.targets.drivers.lio.backstores import Backstore, Wanted, fresh_serial
from copyproof.targets.drivers.lio.clear import abandon, clear
from copyproof.targets.lease import Mark
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.spec import TargetSpec

APPEAR = 120.0
"""Seconds that a unit may take from being mapped to having its nodes."""


class LioDriver:
    """A LIO target of this machine, under a fresh mark."""

    def __init__(self, spec: TargetSpec, run: process.Runner = process.run) -> None:
        self.spec = spec
        self._run = run
        self._stack = ExitStack()

    def obstacles(self) -> list[str]:
        """Why it cannot run here, one line each with the way out; empty when it can."""
        return ground.obstacles(self.spec, self._run)

    def __enter__(self) -> LiveTarget:
        """Clear what dead runs left, then build.

        Raises UsageError when the machine lacks something, DeviceError when LIO refuses or a unit does not appear;
        nothing is left then.
        """
        if obstacles := self.obstacles():
            raise UsageError(f"target {self.spec.name} cannot run here: {'; '.join(obstacles)}")
        with ExitStack() as stack:
            ground.prepare(self.spec, self._run)
            ground.rtslib()
            mark = stack.enter_context(lease.lease())
            stack.callback(self._take_down, mark)
            with lease.hold("build", wait=True):
                for dead in lease.dead():
                    abandon(dead)
                    clear(dead, self._run)
                    lease.forget(dead)
                stores = self._build(mark)
            live = self._find(stores)
            self._stack = stack.pop_all()
        return live

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take down all that carries the mark; raises DeviceError with what could not be."""
        self._stack.close()

    def _take_down(self, mark: Mark) -> None:
        with lease.hold("build", wait=True):
            clear(mark, self._run)

    @ground.quiet()
    def _build(self, mark: Mark) -> list[Backstore]:
        folder, units = ground.folder(mark), self.spec.luns.items()
        folder.mkdir(mode=0o700)
        stores = self._stores([Wanted(Role(name), lun.size, fresh_serial(mark), mark, folder) for name, lun in units])
        if ground.built_of(self.spec)[1] == "iscsi":
            initiator.log_in(mark, iscsi.publish(mark, stores), self._run)
        else:
            loopback.publish(mark, stores)
        return stores

    def _stores(self, wanted: list[Wanted]) -> list[Backstore]:
        return [backstores.make(self.spec.lio, each, self._run) for each in wanted]

    def _find(self, stores: list[Backstore]) -> LiveTarget:
        found = discovery.wait_for([store.naa for store in stores], APPEAR)
        luns = {
            store.role: Lun(store.role, found[store.naa], store.sidecar, visible=store.role is not Role.HIDDEN)
            for store in stores
        }
        facts = {"kernel": os.uname().release, "fabric": self.spec.lio.fabric, "backstore": self.spec.lio.backstore}
        return LiveTarget(self.spec, luns, facts)
