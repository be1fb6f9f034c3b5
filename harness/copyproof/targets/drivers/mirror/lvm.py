"""A volume group of the run's own, on two devices that nothing else looks at: P-VOLs on one, S-VOLs on the other.

Every program of LVM gets a configuration that lets it see these two devices and no others, and the group carries a
system identifier of the run, so that this machine's own LVM leaves it alone.

The second device can be made slow, for a mirror's copy to be met halfway: LVM takes a rate for a mirror that there is,
and none for one that is being made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from copyproof import process
from copyproof.errors import DeviceError
from copyproof.targets.drivers.lio.backstores import Wanted, attach
from copyproof.targets.drivers.mirror import mapper
from copyproof.targets.drivers.mirror.mapper import Mapper
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role

EXTENT = 64 << 10
"""Bytes that LVM gives out at once."""
START = 1 << 20
"""Byte of a device where its extents begin."""
PACES = range(16)
"""0 is as fast as it goes, 1 the slowest, 15 the fastest that is slow."""
SLOWEST = 600
"""Milliseconds that a write of 64 KiB by a mirror's copy takes at pace 1, one after the other.

A host's write waits for several of them, and the kernel lets it wait for 30 seconds.
"""
PATIENCE = 180.0
"""Seconds that a program of LVM may take."""
SECONDARIES = frozenset({Role.SECONDARY, Role.SECONDARY_2, Role.SECONDARY_3, Role.OTHER_SECONDARY})
"""The roles whose volumes lie on the second device."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume lies on its device, in extents: an S-VOL behind the one that a mirror needs for its notes."""

    first: int
    count: int

    @property
    def own(self) -> str:
        """The volume's own extents, as LVM takes them behind a device's name."""
        return f":{self.first}-{self.first + self.count - 1}"

    @property
    def whole(self) -> str:
        """The same with the one before."""
        return f":{self.first - 1}-{self.first + self.count - 1}"


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group: its name, its two devices, the folder of its tables, and where each volume lies."""

    name: str
    near: str
    far: str
    folder: Path
    places: dict[Role, Place]

    @property
    def config(self) -> str:
        """What `--config` gets."""
        return config(self.name, (self.near, self.far), self.folder)

    def mapped(self, volume: str) -> str:
        """Return device mapper's name of a volume.

        >>> Group("copyproof-00c0ffe-main", "", "", Path(), {}).mapped("other-primary")
        'copyproof--00c0ffe--main-other--primary'
        """
        return "-".join(part.replace("-", "--") for part in (self.name, volume))

    def device(self, role: Role) -> str:
        """Return the device that a role's volume lies on."""
        return self.far if role in SECONDARIES else self.near


def config(owner: str, devices: Iterable[str], folder: Path) -> str:
    """Return a configuration under which LVM sees some devices and no others, and groups of one owner.

    No daemon of LVM is asked or told, and nothing is written beside the devices.

    >>> "a|^/dev/loop0$|" in config("me", ["/dev/loop0"], Path("/dev/shm/x"))
    True
    """
    filters = ",".join([*(f'"a|^{device}$|"' for device in devices), '"r|.*|"'])
    return " ".join(
        [
            f"devices {{ use_devicesfile=0 filter=[{filters}] global_filter=[{filters}]",
            'external_device_info_source="none" hints="none" }',
            f'global {{ system_id_source="lvmlocal" use_lvmpolld=0 event_activation=0 locking_dir="{folder}" }}',
            f'local {{ system_id="{owner}" }} activation {{ monitoring=0 }} backup {{ backup=0 archive=0 }}',
        ]
    )


def build(mark: Mark, wanted: Sequence[Wanted], run: process.Runner) -> Group:
    """Make the group and a volume for each unit; raises DeviceError when LVM refuses."""
    folder, places = wanted[0].folder, placed(wanted)
    near = attach(folder / "near.img", _room(places, far=False), run)
    far = _slow(mark, attach(folder / "far.img", _room(places, far=True), run), places, folder, run)
    group = Group(str(mark), near, far, folder, places)
    sizes = ("--physicalextentsize", f"{EXTENT}b", "--dataalignment", f"{START}b", "--metadatasize", f"{2 * EXTENT}b")
    lvm(run, group, "vgcreate", "--setautoactivation", "n", *sizes, group.name, near, far)
    for role, place in places.items():
        # The file is new: there is nothing to be wiped, and no signature to be asked about.
        fresh = ("--yes", "--wipesignatures", "n", "--zero", "n", "--extents", str(place.count))
        lvm(run, group, "lvcreate", *fresh, "--name", role.value, group.name, group.device(role) + place.own)
    return group


def lvm(run: process.Runner, group: Group, program: str, *arguments: str) -> process.Completed:
    """Run a program of LVM on a group and nothing else; raises DeviceError when it fails."""
    done = run([program, "--config", group.config, *arguments], timeout=PATIENCE)
    if done.code:
        said = done.error_text.strip().replace("\n", "; ")
        raise DeviceError(f"{program} {' '.join(arguments)} ended with status {done.code}: {said}")
    return done


def placed(wanted: Iterable[Wanted]) -> dict[Role, Place]:
    """Return where each volume is to lie. One extent before each is left for what a mirror notes of it."""
    ends, places = {True: 0, False: 0}, {}
    for each in wanted:
        far, count = each.role in SECONDARIES, -(-each.size // EXTENT)
        places[each.role] = Place(ends[far] + 1, count)
        ends[far] += 1 + count
    return places


def far_table(device: str, places: Iterable[Place], extents: int, delay: int) -> str:
    """Return the table of the second device: the S-VOLs' blocks are written `delay` milliseconds late, what LVM and
    mirrors note of them at once.

    >>> print(far_table("/dev/loop1", [Place(1, 2)], 4, 500))
    0 2176 linear /dev/loop1 0
    2176 256 delay /dev/loop1 2176 0 /dev/loop1 2176 500
    2432 128 linear /dev/loop1 2432
    """
    lines, at = [], 0
    for place in places:
        first, end = (_sector(extent) for extent in (place.first, place.first + place.count))
        lines += [
            f"{at} {first - at} linear {device} {at}",
            f"{first} {end - first} delay {device} {first} 0 {device} {first} {delay}",
        ]
        at = end
    rest = _sector(extents) - at
    return "\n".join([*lines, *([f"{at} {rest} linear {device} {at}"] if rest else [])])


def _slow(mark: Mark, device: str, places: dict[Role, Place], folder: Path, run: process.Runner) -> str:
    """Make the second device, and a table for each pace that a template may load into it."""
    there = [place for role, place in places.items() if role in SECONDARIES]
    extents = (_room(places, far=True) - START) // EXTENT
    size = _room(places, far=True)
    for pace in PACES:
        slow = far_table(device, there, extents, SLOWEST // pace) if pace else mapper.linear(device, size)
        (folder / f"far-{pace}").write_text(slow + "\n")
    return Mapper(run).create(f"{mark}-far", mapper.linear(device, size))


def _room(places: dict[Role, Place], *, far: bool) -> int:
    """The bytes of a device: its volumes with an extent before each, and as many again for the notes of P-VOLs."""
    own = [place for role, place in places.items() if (role in SECONDARIES) == far]
    return START + EXTENT * (sum(place.count + 2 for place in own) + 1)


def _sector(extent: int) -> int:
    return (START + extent * EXTENT) // mapper.SECTOR
