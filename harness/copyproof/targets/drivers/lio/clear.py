"""Take down all that carries a mark, however far it got: the one way down, for living and for dead runs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from copyproof import process
from copyproof.errors import DeviceError
from copyproof.targets import discovery, lease
from copyproof.targets.drivers.lio import ground, initiator
from copyproof.targets.drivers.lio.backstores import COMPANY
from copyproof.targets.drivers.mirror import mapper, notes
from copyproof.targets.lease import Mark

GONE = 120.0
"""Seconds that a unit or a loop device may take to go away."""
FAILED = "2"
"""For a ring's `reset_ring`: fail for good what is on it, where 1 would have it sent again."""
TARGET = ground.CONFIGFS / "target"


@ground.quiet()
def clear(mark: Mark, run: process.Runner = process.run) -> None:
    """Take down sessions, targets, storage objects, mapped devices, loop devices and files of a mark, in this order.

    What is not there is no fault. Goes on past a step that fails; raises DeviceError at the end with what is left.
    """
    steps: dict[str, Callable[[], None]] = {
        # One that waits since its run was killed would hold up whoever wants to let go of it.
        "waiting devices": lambda: mapper.wake(mark, run),
        "sessions": lambda: initiator.clear(mark, run),
        "targets": lambda: _targets(mark),
        "units": lambda: discovery.wait_gone(f"6{COMPANY}{mark.run}", GONE),
        "storage objects": lambda: _storage_objects(mark),
        "mapped devices": lambda: mapper.clear(mark, run),
        "loop devices": lambda: _loops(mark, run),
        "LVM's notes": lambda: notes.forget(mark),
        "files": lambda: _files(mark),
    }
    left: list[str] = []
    for name, step in steps.items():
        try:
            step()
        except Exception as error:
            left.append(f"{name}: {error}")
    if left:
        raise DeviceError(f"not everything that {mark} made could be taken down: {'; '.join(left)}")


def abandon(mark: Mark) -> None:
    """Have nobody wait any more for units of a mark whose server is gone.

    Their nodes are taken offline, so that nothing new is sent, and what is on their rings is failed: else each command
    there would take the ring's time-out, and be sent again (`tcmu_reset_ring` of target_core_user).
    """
    discovery.abandon(f"6{COMPANY}{mark.run}")
    for store in _stores(mark):
        if (ring := store / "action/reset_ring").exists():
            with contextlib.suppress(OSError):
                ring.write_text(FAILED)


def _targets(mark: Mark) -> None:
    if not TARGET.is_dir():
        return
    from rtslib_fb import FabricModule, Target

    for fabric in ("iscsi", "loopback"):
        for name in _names(TARGET / fabric):
            if _ours(name, mark):
                Target(FabricModule(fabric), name, mode="lookup").delete()
        _give_back(fabric)


def _ours(name: str, mark: Mark) -> bool:
    return name.startswith(f"naa.5{COMPANY}{mark.run}") or str(mark) in name


def _give_back(fabric: str) -> None:
    """Remove a fabric's folder when a run made it and it holds no target; the kernel keeps one that is in use."""
    folder = TARGET / fabric
    if lease.noted(fabric) and not _names(folder):
        with contextlib.suppress(OSError):
            folder.rmdir()
            lease.unnote(fabric)


def _hbas(mark: Mark) -> Iterator[Path]:
    for hba in sorted((TARGET / "core").glob("*_*")):
        number = hba.name.rpartition("_")[2]
        if number.isdecimal() and int(number) >> 4 == mark.number:
            yield hba


def _stores(mark: Mark) -> list[Path]:
    return [path for hba in _hbas(mark) for path in hba.iterdir() if path.is_dir()]


def _storage_objects(mark: Mark) -> None:
    for path in _stores(mark):
        _delete_storage_object(path)
    for hba in list(_hbas(mark)):
        hba.rmdir()


def _delete_storage_object(path: Path) -> None:
    from rtslib_fb.tcm import StorageObject

    StorageObject.so_from_path(path).delete()


def _loops(mark: Mark, run: process.Runner) -> None:
    for node in _loop_nodes(mark):
        done = run(["losetup", "--detach", node], timeout=30)
        if done.code:
            raise DeviceError(f"{node}: {done.error_text.strip()}")
    # Whoever still has the node open (udev's probe) delays the detaching.
    if left := discovery.on_events(lambda: _loop_nodes(mark), lambda now: not now, GONE):
        raise DeviceError(f"{', '.join(left)} did not let go of its file within {GONE:g} s")


def _loop_nodes(mark: Mark) -> list[str]:
    files = {path: _text(path) for path in Path("/sys/block").glob("loop*/loop/backing_file")}
    return [f"/dev/{path.parent.parent.name}" for path, file in sorted(files.items()) if str(mark) in file]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # a loop device may lose its file, and this attribute, at any time
        return ""


def _files(mark: Mark) -> None:
    # LIO's database names what reservations and ALUA leave after the unit serial number, which begins with the run.
    database = ground.database()
    for path in (*database.glob(f"pr/aptpl_{mark.run}*"), *database.glob(f"alua/tpgs_{mark.run}*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if (folder := ground.folder(mark)).exists():
        shutil.rmtree(folder)


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name != "discovery_auth")
