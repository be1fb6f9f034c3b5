"""What LIO needs of the machine: root, modules, configfs, programs, and a place for its files."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copyproof import process
from copyproof.errors import PermissionDenied, ToolMissing, UsageError
from copyproof.targets import lease
from copyproof.targets.lease import Mark
from copyproof.targets.spec import TargetSpec

CONFIGFS = Path("/sys/kernel/config")
DBROOT = Path("/etc/target")
_SHARED = ("configfs", "target_core_mod", "sg", "sd_mod")
_BACKSTORE = {
    "fileio": ("target_core_file",),
    "ramdisk": (),
    "iblock": ("target_core_iblock", "loop"),
    "user": ("target_core_user",),
}
_FABRIC = {"loopback": ("tcm_loop",), "iscsi": ("iscsi_target_mod", "iscsi_tcp")}
_MANAGER = {"lvm": ("dm_mod", "dm_raid", "raid1"), "dmsetup": ("dm_mod", "dm_snapshot")}
_PROGRAMS = {"sg_raw": "sg3-utils", "modprobe": "kmod", "blkid": "util-linux"}


def modules(spec: TargetSpec) -> tuple[str, ...]:
    """Return the kernel modules that a target needs, in the order to load them."""
    backstore, way = built_of(spec)
    manager = _MANAGER[spec.mirror.manager] if spec.driver == "mirror" else ()
    return (*_SHARED, *_BACKSTORE[backstore], *_FABRIC[way], *manager)


def built_of(spec: TargetSpec) -> tuple[str, str]:
    """Return backstore and fabric of a target that is built in LIO."""
    return ("user", spec.array.fabric) if spec.driver == "tcmu" else (spec.lio.backstore, spec.lio.fabric)


def programs(spec: TargetSpec) -> dict[str, str]:
    """Return the programs that a target needs, each with its Debian package."""
    backstore, way = built_of(spec)
    iscsi = {"iscsiadm": "open-iscsi", "iscsid": "open-iscsi"} if way == "iscsi" else {}
    loop = {"losetup": "mount"} if backstore == "iblock" else {}
    return {**_PROGRAMS, **iscsi, **loop, **_managers(spec)}


def _managers(spec: TargetSpec) -> dict[str, str]:
    """The programs that pair volumes."""
    if spec.driver != "mirror":
        return {}
    return {"dmsetup": "dmsetup"} | ({"lvconvert": "lvm2"} if spec.mirror.manager == "lvm" else {})


def obstacles(spec: TargetSpec, run: process.Runner = process.run) -> list[str]:
    """Return why the target cannot run here, one line each with the way out; empty when it can."""
    found = [] if os.geteuid() == 0 else ["building a LIO target needs root: run as root, or in a machine by ci/vm"]
    if importlib.util.find_spec("rtslib_fb") is None:
        found.append("rtslib-fb is missing: pip install 'copyproof[lio]'")
    path = process.environment()["PATH"]
    missing = {name: package for name, package in programs(spec).items() if not shutil.which(name, path=path)}
    found += [f"{name} is missing: apt install {package}" for name, package in missing.items()]
    if "modprobe" not in missing:
        lacking = _refused(modules(spec), run, "--dry-run")
        found += [_module_hint(lacking)] if lacking else []
    return found


def prepare(spec: TargetSpec, run: process.Runner = process.run) -> None:
    """Load the modules, mount configfs, make LIO's database folder; raises UsageError for what is missing.

    All of it stays: other users of LIO may have come to use it by the time that the target goes down.
    """
    # LIO looks for the folder when target_core_mod is loaded, and rtslib insists on it.
    (DBROOT / "pr").mkdir(parents=True, exist_ok=True)
    if refused := _refused(modules(spec), run):
        raise ToolMissing(_module_hint(refused))
    _mount(run)


def database() -> Path:
    """Return the folder where LIO keeps reservations and ALUA states; other users may have chosen another one."""
    try:
        return Path((CONFIGFS / "target/dbroot").read_text().strip())
    except OSError:
        return DBROOT


def folder(mark: Mark) -> Path:
    """Return the private folder of a mark; on a tmpfs where there is one."""
    memory = Path("/dev/shm")
    return (memory if memory.is_dir() and os.access(memory, os.W_OK) else Path("/var/tmp")) / str(mark)


def rtslib() -> None:
    """Import rtslib quietly, and let it see LIO's root; raises UsageError when either fails."""
    try:
        from rtslib_fb import RTSLibError, RTSRoot
    except ImportError as error:
        raise ToolMissing(f"rtslib-fb cannot be imported ({error}): pip install 'copyproof[lio]'") from None
    try:
        with quiet():
            RTSRoot()
    except (RTSLibError, OSError) as error:
        raise UsageError(f"LIO cannot be configured: {error}") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence rtslib's warnings, which a test run may have turned into errors.

    It uses what pyudev is about to drop, and warns where another user of LIO has fixed the database folder.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fabric(name: str) -> Any:
    """Return rtslib's fabric module, its folder made, and noted as made by a run if it was not there."""
    from rtslib_fb import FabricModule

    module = FabricModule(name)
    if not module.exists:
        lease.note(name)
        Path(module.path).mkdir()
    return module


def _mount(run: process.Runner) -> None:
    if CONFIGFS.is_mount():
        return
    done = run(["mount", "-t", "configfs", "configfs", str(CONFIGFS)], timeout=10)
    if done.code:
        raise PermissionDenied(f"configfs cannot be mounted on {CONFIGFS}: {done.error_text.strip()}")


def _present(name: str) -> bool:
    return Path("/sys/module", name).exists() or (name == "configfs" and CONFIGFS.is_dir())


def _refused(names: Iterable[str], run: process.Runner, *options: str) -> list[str]:
    """Let modprobe load what the kernel does not have yet, all at once, and return what it refuses."""
    absent = [name for name in names if not _present(name)]
    if not absent or _modprobe(run, *options, *absent):
        return []
    return [name for name in absent if not _modprobe(run, *options, name)]


def _modprobe(run: process.Runner, *arguments: str) -> bool:
    return run(["modprobe", "--quiet", "--all", *arguments], timeout=60).code == 0


def _module_hint(names: list[str]) -> str:
    lacks = f"kernel {os.uname().release} lacks the module{'s' * (len(names) > 1)} {', '.join(names)}"
    return f"{lacks}: install and boot linux-image-amd64 (not its cloud flavour), or use ci/vm"
