"""The array as other people's programs see it: two initiators on LIO's iSCSI fabric, both on the source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from copyproof.array.settings import Mapped
from copyproof.serving.tcmu.job import Job, Port
from copyproof.serving.tcmu.sessions import Login
from copyproof.targets.arrays import HOST, OTHER
from copyproof.targets.drivers.lio import ground, iscsi
from copyproof.targets.drivers.lio.backstores import Backstore, Wanted
from copyproof.targets.drivers.tcmu import backstores
from copyproof.targets.drivers.tcmu.driver import TcmuDriver
from copyproof.targets.known import NUMBERS
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role
from copyproof.targets.spec import load


@dataclass(frozen=True)
class Second(Wanted):
    """A second way to a unit: a ring of its own, since an entry does not say who sent it."""

    @property
    def name(self) -> str:
        """Its name in LIO."""
        return f"{self.mark}-second"

    @property
    def index(self) -> int:
        """The number of its HBA: behind those of the roles."""
        return self.mark.number << 4 | len(Role)


@dataclass(frozen=True)
class Doors:
    """Where another program gets in: the target's portal, and two initiators that see the source as LUN 0; the first
    sees the read-only unit as LUN 1."""

    portal: iscsi.Portal
    first: str
    second: str

    def url(self, lun: int = 0) -> str:
        """The address of a unit, as libiscsi writes it."""
        return f"iscsi://{iscsi.ADDRESS}:{self.portal.port}/{self.portal.target}/{lun}"


class TwoHosts(TcmuDriver):
    """The target tcmu-iscsi with the units that programs get, the source reached by two initiators of theirs.

    `protection` is the protection type of its units.
    """

    doors: Doors

    def __init__(self, protection: Literal[0, 1] = 1) -> None:
        spec = load("tcmu-iscsi")
        units = {role.value: spec.luns[role.value] for role in (Role.SOURCE, Role.READONLY)}
        array = msgspec.structs.replace(spec.array, protection=protection)
        super().__init__(msgspec.structs.replace(spec, array=array, luns=units))
        self._second: Backstore | None = None

    def _job(self, stores: list[Backstore], wanted: list[Wanted]) -> Job:
        job = super()._job(stores, wanted)
        source = next(each for each in wanted if each.role is Role.SOURCE)
        second = Second(source.role, source.size, source.serial, source.mark, source.folder)
        self._second = backstores.make(second, self.spec.array.block_size)
        number = NUMBERS[Role.SOURCE]
        settings = replace(job.settings, mapped=(*(job.settings.mapped or ()), Mapped(OTHER, number)))
        return replace(job, settings=settings, ports=(*job.ports, Port(OTHER, number, backstores.uio_name(second))))

    def _logins(self, mark: Mark) -> tuple[Login, ...]:
        """The two programs' sessions: those of the harness stay as they are all the time."""
        doors = _closed(mark)
        admitted = {HOST: doors.first, OTHER: doors.second}
        return tuple(Login(who, iscsi.session_info(doors.portal.target, name)) for who, name in admitted.items())

    def _build(self, mark: Mark) -> list[Backstore]:
        stores = super()._build(mark)
        self._admit(mark, {store.role: store for store in stores})
        return stores

    @ground.quiet()
    def _admit(self, mark: Mark, stores: dict[Role, Backstore]) -> None:
        from rtslib_fb import LUN, TPG, Target

        assert self._second is not None
        doors = _closed(mark)
        group = TPG(Target(ground.fabric("iscsi"), doors.portal.target, mode="lookup"), 1, mode="lookup")
        luns: dict[str, Any] = {lun.storage_object.name: lun for lun in group.luns}
        first = [luns[stores[role].so.name] for role in (Role.SOURCE, Role.READONLY)]
        second = [LUN(group, len(luns), self._second.so)]
        (portal,) = group.network_portals
        self.doors = replace(doors, portal=replace(doors.portal, port=portal.port))
        _map(group, self.doors.first, first, read_only=1)
        _map(group, self.doors.second, second, read_only=None)


def _closed(mark: Mark) -> Doors:
    """The doors before there is a port."""
    names = iscsi.names(mark)
    return Doors(names, f"{names.target}-first", f"{names.target}-second")


def _map(group: Any, initiator: str, luns: list[Any], read_only: int | None) -> None:
    from rtslib_fb import MappedLUN, NodeACL

    acl = NodeACL(group, initiator, mode="create")
    for number, lun in enumerate(luns):
        MappedLUN(acl, number, lun, write_protect=number == read_only)
