"""LIO units made by hand in configfs: for what no target driver makes, such as a unit that two initiators see."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from copyproof.device import Device
from copyproof.targets import discovery

TARGET = Path("/sys/kernel/config/target")


def sh(line: str) -> str:
    """Run a line of shell, which must succeed, and return what it printed."""
    done = subprocess.run(["sh", "-ec", line], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def settle() -> None:
    """Wait until udev has finished with all that came and went."""
    sh("udevadm settle --timeout=60")


@contextmanager
def backstore(kind: str, control: str, *, udev_path: Path | None = None) -> Iterator[Path]:
    """A LIO backstore made by hand; units of the same kind need numbers of their own, which the serial gives."""
    serial = uuid.uuid4()
    hba = TARGET / f"core/{kind}_{serial.int % 2**31}"
    store = hba / "hil"
    store.mkdir(parents=True)
    try:
        (store / "control").write_text(control)
        (store / "wwn/vpd_unit_serial").write_text(str(serial))
        if udev_path:
            (store / "udev_path").write_text(str(udev_path))
        (store / "enable").write_text("1")
        yield store
    finally:
        store.rmdir()
        hba.rmdir()
        for path in Path("/etc/target/pr").glob(f"*{serial}"):
            path.unlink()  # where LIO kept the registrations


@contextmanager
def file_unit(folder: Path) -> Iterator[Path]:
    backing = folder / uuid.uuid4().hex
    backing.touch()
    os.truncate(backing, 8 << 20)
    with backstore("fileio", f"fd_dev_name={backing},fd_dev_size={8 << 20}") as store:
        yield store


@contextmanager
def nexus(number: int) -> Iterator[Path]:
    """A loopback target, which is an initiator of its own."""
    group = TARGET / f"loopback/naa.50014059{number:08x}/tpgt_1"
    group.mkdir(parents=True)
    try:
        (group / "nexus").write_text(f"naa.60014059{number:08x}")
        yield group
    finally:
        (group / "nexus").write_text("NULL")
        group.rmdir()
        group.parent.rmdir()


@contextmanager
def mapped(store: Path, group: Path) -> Iterator[None]:
    entry = group / "lun/lun_0"
    entry.mkdir()
    try:
        (entry / "hil").symlink_to(store)
        yield
    finally:
        settle()
        (entry / "hil").unlink()
        entry.rmdir()


def unit_of(store: Path, paths: int = 1) -> Device:
    digits = (store / "wwn/vpd_unit_serial").read_text().rpartition(":")[2].strip().replace("-", "")
    naa = f"6001405{digits}"[:32]
    found = discovery.wait_for([naa], 60, nodes=paths)[naa]
    settle()
    return found
