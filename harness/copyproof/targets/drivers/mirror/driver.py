"""The driver of targets whose pairs Linux makes: LIO units over volumes of LVM or of device mapper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from copyproof import process
from copyproof.targets.drivers.lio import backstores
from copyproof.targets.drivers.lio.backstores import Backstore, Wanted
from copyproof.targets.drivers.lio.driver import LioDriver
from copyproof.targets.drivers.mirror import lvm, mapper, snapshots
from copyproof.targets.drivers.mirror.lvm import SECONDARIES
from copyproof.targets.drivers.mirror.mapper import Mapper
from copyproof.targets.drivers.mirror.presence import Behind, Choices, MappedPresence
from copyproof.targets.lease import Mark
from copyproof.targets.live import LiveTarget, PairHooks, Role
from copyproof.targets.rules import PAIRED
from copyproof.targets.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Ground:
    """What is beneath the units: what each may lead to, in the order in which that is looked for; and what the template
    is told of all, and of each volume."""

    volumes: Mapping[Role, Choices]
    names: Mapping[str, str]
    told: Mapping[Role, Mapping[str, str]]


class MirrorDriver(LioDriver):
    """Each unit is a device of ours, named by its designator, over a volume that pair commands work on."""

    def __init__(self, spec: TargetSpec, run: process.Runner = process.run) -> None:
        super().__init__(spec, run)
        self._hooks = PairHooks()
        self._stores_by_name: dict[str, Backstore] = {}

    def _stores(self, wanted: list[Wanted]) -> list[Backstore]:
        mark = wanted[0].mark
        ground = (_lvm if self.spec.mirror.manager == "lvm" else _snapshots)(mark, wanted, self._run)
        made = [self._unit(each, ground.volumes[each.role]) for each in wanted]
        self._stores_by_name = {store.role.value: store for store in made}
        self._hooks = self._hooked(wanted, ground)
        return made

    def _unit(self, each: Wanted, volumes: Choices) -> Backstore:
        """One unit: at first it leads to that one of its volumes that is there without a pair."""
        first = next(name for name, _ in volumes if mapper.exists(name))
        table = mapper.linear(str(mapper.NODES / first), each.size)
        node = Mapper(self._run).create(unit(each.mark, each.role), table, uuid_of(each))
        return backstores.block(each, node)

    def _hooked(self, wanted: Sequence[Wanted], ground: Ground) -> PairHooks:
        behind = {
            each.role.value: Behind(unit(each.mark, each.role), each.size, ground.volumes[each.role])
            for each in wanted
            if each.role in SECONDARIES
        }
        presence = MappedPresence(behind, Mapper(self._run), self._protect)
        told = {role: values for role, values in ground.told.items() if role.value in PAIRED}
        return PairHooks(ground.names, told, presence)

    def _find(self, stores: list[Backstore]) -> LiveTarget:
        live = super()._find(stores)
        return replace(live, pair_hooks=self._hooks)

    def _protect(self, name: str, protected: bool) -> None:
        """Map a unit read-only, or for writing too; the loopback fabric has no such thing."""
        for mapped in _mapped(self._stores_by_name[name].so):
            mapped.write_protect = protected


def unit(mark: Mark, role: Role) -> str:
    """Return the name of a unit's device."""
    return f"{mark}-{role.value}"


def uuid_of(each: Wanted) -> str:
    """Return the identifier of a unit's device: the unit's designator, which proves that a template means it."""
    return f"{each.mark}-naa.{backstores.naa(each.serial)}"


def _mapped(so: Any) -> list[Any]:
    """The mappings of a storage object that have a switch for writing."""
    luns = [lun for lun in so.attached_luns if lun.parent_tpg.has_feature("acls")]
    return [mapped for lun in luns for mapped in lun.mapped_luns]


def _lvm(mark: Mark, wanted: list[Wanted], run: process.Runner) -> Ground:
    group = lvm.build(mark, wanted, run)
    volumes = {each.role: _volumes(group, each.role) for each in wanted}
    names = {"prefix": str(mark), "far": group.far, "config": group.config, "tables": str(group.folder / "far")}
    return Ground(volumes, names, {each.role: _told(group, each.role) for each in wanted})


def _told(group: lvm.Group, role: Role) -> dict[str, str]:
    """What the template is told of a volume."""
    device, place = group.device(role), group.places[role]
    return {"place": device + place.whole, "own": device + place.own}


def _volumes(group: lvm.Group, role: Role) -> Choices:
    """What may be behind a unit. The half of a mirror that is split off is the second; it must not be written."""
    own = (group.mapped(role.value), True)
    primary = role.value.replace("secondary", "primary")
    half = (group.mapped(f"{primary}_rimage_1"), False)
    return (own, half) if role in SECONDARIES else (own,)


def _snapshots(mark: Mark, wanted: list[Wanted], run: process.Runner) -> Ground:
    beneath = snapshots.build(mark, wanted, run)
    volumes = {role: (*_image(mark, role), (name, True)) for role, name in beneath.items()}
    return Ground(volumes, {"prefix": str(mark)}, {})


def _image(mark: Mark, role: Role) -> Choices:
    return ((snapshots.image(mark, role), True),) if role in SECONDARIES else ()
