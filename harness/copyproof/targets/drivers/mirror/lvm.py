"""A volume group of the run's own, on two loop devices that nothing else looks at: P-VOLs on one, S-VOLs on the other.

Every program of LVM gets a configuration that lets it see these two devices and no others, and the group carries a
system identifier of the run, so that this machine's own LVM leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from copyproof import process
from copyproof.errors import DeviceError
from copyproof.targets.drivers.lio.backstores import Wanted, attach
from copyproof.targets.drivers.mirror import mapper
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role

EXTENT = 64 << 10
"""Bytes that LVM gives out at once."""
SPARE = 4 << 20
"""Bytes beside the volumes: the group's own data, and those that each half of a mirror has."""
PATIENCE = 180.0
"""Seconds that a program of LVM may take."""
SECONDARIES = frozenset({Role.SECONDARY, Role.SECONDARY_2, Role.SECONDARY_3, Role.OTHER_SECONDARY})
"""The roles whose volumes lie on the second device."""


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group: its name, its two devices, and the configuration of every program that may touch it."""

    name: str
    near: str
    far: str
    folder: str

    @property
    def config(self) -> str:
        """What `--config` gets."""
        return config(self.name, (self.near, self.far), self.folder)

    def node(self, volume: str) -> str:
        """Return the node of a volume, as device mapper names it."""
        return str(mapper.NODES / self.mapped(volume))

    def mapped(self, volume: str) -> str:
        """Return device mapper's name of a volume.

        >>> Group("copyproof-00c0ffe-main", "/dev/loop0", "/dev/loop1", "/dev/shm/x").mapped("other-primary")
        'copyproof--00c0ffe--main-other--primary'
        """
        return "-".join(part.replace("-", "--") for part in (self.name, volume))


def config(owner: str, devices: Iterable[str], folder: str) -> str:
    """Return a configuration under which LVM sees some devices and no others, and groups of one owner.

    No daemon of LVM is asked or told, and nothing is written beside the devices.

    >>> "a|^/dev/loop0$|" in config("me", ["/dev/loop0"], "/dev/shm/x")
    True
    """
    accepted = [f'"a|^{device}$|"' for device in devices]
    filters = ",".join([*accepted, '"r|.*|"'])
    return " ".join(
        [
            f"devices {{ use_devicesfile=0 filter=[{filters}] global_filter=[{filters}]",
            'external_device_info_source="none" }',
            f'global {{ system_id_source="lvmlocal" use_lvmpolld=0 event_activation=0 locking_dir="{folder}" }}',
            f'local {{ system_id="{owner}" }} activation {{ monitoring=0 }} backup {{ backup=0 archive=0 }}',
        ]
    )


def build(mark: Mark, wanted: Sequence[Wanted], run: process.Runner) -> Group:
    """Make the group and a volume for each unit; raises DeviceError when LVM refuses."""
    folder = wanted[0].folder
    near, far = (attach(folder / f"{name}.img", _room(wanted, second=name == "far"), run) for name in ("near", "far"))
    group = Group(str(mark), near, far, str(folder))
    sizes = ("--physicalextentsize", f"{EXTENT}b", "--dataalignment", f"{EXTENT}b", "--metadatasize", f"{2 * EXTENT}b")
    lvm(run, group, "vgcreate", "--setautoactivation", "n", *sizes, group.name, near, far)
    for each in wanted:
        device = far if each.role in SECONDARIES else near
        # The file is new: there is nothing to be wiped, and no signature to be asked about.
        fresh = ("--yes", "--wipesignatures", "n", "--zero", "n", "--size", f"{each.size}b")
        lvm(run, group, "lvcreate", *fresh, "--name", each.role.value, group.name, device)
    return group


def lvm(run: process.Runner, group: Group, program: str, *arguments: str) -> process.Completed:
    """Run a program of LVM on a group and nothing else; raises DeviceError when it fails."""
    done = run([program, "--config", group.config, *arguments], timeout=PATIENCE)
    if done.code:
        said = done.error_text.strip().replace("\n", "; ")
        raise DeviceError(f"{program} {' '.join(arguments)} ended with status {done.code}: {said}")
    return done


def _room(wanted: Iterable[Wanted], *, second: bool) -> int:
    """The bytes of a device: its volumes in whole extents, and an extent beside each for what a mirror notes."""
    sizes = [each.size for each in wanted if (each.role in SECONDARIES) == second]
    return SPARE + sum(-(-size // EXTENT) * EXTENT + 2 * EXTENT for size in sizes)
