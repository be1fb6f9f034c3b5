"""Where the script of a difference is run without a device: units of plain files, fake tools, a sysfs of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from copyproof.fuzz import script

TOOLS = ("sg_dd", "sg_raw", "sg_inq", "sg_readcap")
SIZES = {"source": 8192, "destination": 8192, "bystander": 64, "primary": 8192, "secondary": 8192}


@dataclass(frozen=True)
class Shown:
    """What a script printed, its exit status, and whether all units still are of zeros."""

    code: int
    text: str
    untouched: bool


@dataclass
class Desk:
    """The files that stand for a machine with the units that a script was recorded on; `named` is its environment."""

    root: Path
    named: dict[str, str] = field(default_factory=dict)

    @property
    def units(self) -> Path:
        return self.root / "units"

    @property
    def naas(self) -> Path:
        return self.root / "naas"

    @property
    def proc(self) -> Path:
        return self.root / "proc"

    def wwid(self, name: str) -> Path:
        return self.root / "sys/class/scsi_generic" / name / "device/wwid"

    def is_now(self, name: str, naa: str) -> None:
        """Let a unit be the one of this NAA."""
        (self.naas / name).write_text(naa)
        self.wwid(name).write_text(f"naa.{naa}\n")

    def disk(self, name: str, disk: str) -> Path:
        """Give a unit a block node, and return its folder in sysfs."""
        (self.wwid(name).parent / "block" / disk).mkdir(parents=True)
        folder = self.root / "sys/class/block" / disk
        folder.mkdir(parents=True)
        (folder / "dev").write_text("8:16\n")
        return folder

    def partition(self, disk: Path, name: str) -> None:
        """Give a disk a partition."""
        for folder in (disk / name, disk.parent / name):
            folder.mkdir()
            (folder / "dev").write_text("8:17\n")
            (folder / "partition").write_text("1\n")


def nothing(_: Desk) -> None:
    """Leave the machine as it is."""


def run(folder: Path, *, shift: int, spoil: Callable[[Desk], None] = nothing) -> Shown:
    """Run a folder's script with the fake tools, on the units that it was recorded on, of zeros."""
    shutil.rmtree(folder / "desk", ignore_errors=True)
    desk = Desk(folder / "desk")
    text = (folder / script.SCRIPT).read_text()
    for place in (desk.units, desk.naas, desk.proc / "self", desk.root / "tools"):
        place.mkdir(parents=True)
    for file in ("mounts", "swaps", "self/mountinfo"):
        (desk.proc / file).touch()
    for name, naa in re.findall(r"^serves (\w+) \S+ (\w+)", text, re.MULTILINE):
        unit = desk.units / name.lower()
        unit.write_bytes(bytes(SIZES[unit.name] * 512))
        desk.wwid(unit.name).parent.mkdir(parents=True)
        desk.is_now(unit.name, naa)
        desk.named[name] = str(unit)
    spoil(desk)
    return _run(desk, folder, text, shift)


def _run(desk: Desk, folder: Path, text: str, shift: int) -> Shown:
    for name in TOOLS:
        tool = desk.root / "tools" / name
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {Path(__file__).parent}/fake_sg.py {name} "$@"\n')
        tool.chmod(0o755)
    moved = folder / "moved.sh"
    moved.write_text(re.sub(r"(?<![\w.])/(sys|proc)/", rf"{desk.root}/\1/", text))
    given = {"UNITS": str(desk.units), "NAAS": str(desk.naas), "SHIFT": str(shift), **desk.named}
    environment = {**os.environ, **given, "PATH": f"{desk.root / 'tools'}:{os.environ['PATH']}"}
    argv = ["sh", str(moved)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    untouched = all(not any(unit.read_bytes()) for unit in desk.units.iterdir())
    return Shown(done.returncode, done.stdout + done.stderr, untouched)
