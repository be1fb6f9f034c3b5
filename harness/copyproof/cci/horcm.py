"""Group files: which volumes make pairs, and what users call them (docs/cci.md, "Group files").

A subset of CCI's configuration files, with volumes by NAA. Each side of the pairs has a file of its own, an instance,
as in CCI; the other side's is in the same folder.

>>> [member.device for member in members(GroupFile(Path("horcm0.conf")), "oradb")]
Traceback (most recent call last):
    ...
copyproof.cci.codes.CciError: horcm0.conf has no group 'oradb'; there are: none
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from copyproof.cci.codes import CciError, Code
from copyproof.errors import printable
from copyproof.scsi.designator import Designator

FOLDER = Path("/etc")
"""Where group files are that nobody names."""

_HERE = ("localhost", "127.0.0.1", "::1")
_FILE_MOST = 1 << 20
"""Bytes of a group file; the pairs that an array may have need less."""
_NAME_MOST = 31
"""Characters of a group's or device's name."""


@dataclass(frozen=True, slots=True)
class Named:
    """A volume of a group by the name that both sides give it; `naa` is lower-case hex without prefix."""

    group: str
    device: str
    naa: str


@dataclass(slots=True)
class GroupFile:
    """What one group file says. `socket` leads to the array where its volumes have no nodes; `others` says by group
    which instance has the other side."""

    path: Path
    socket: Path | None = None
    volumes: list[Named] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> list[str]:
        """The names of the groups, in their order."""
        return list(dict.fromkeys(volume.group for volume in self.volumes))


@dataclass(frozen=True, slots=True)
class Member:
    """A pair as the files on both sides name it, which may or may not be one in the array: the NAA of the volume on
    this side and that of the one on the other."""

    group: str
    device: str
    local: str
    remote: str

    @property
    def name(self) -> str:
        """Its group and device."""
        return f"{self.group}/{self.device}"


def choose(given: str, instance: str, environment: Mapping[str, str]) -> Path:
    """Return the group file that is meant.

    `given` (else $HORCM_CONF) is a file, or a folder in which the files are called as in /etc, where they are looked
    for without it; `instance` (else $HORCMINST) is as CCI writes it (`0`, `M0`, `BC0`). Raises CciError for one that is
    no number, and where it is given beside a file.

    >>> str(choose("", "M1", {})), str(choose("", "", {"HORCMINST": "0"})), str(choose("/dev", "0", {}))
    ('/etc/horcm1.conf', '/etc/horcm0.conf', '/dev/horcm0.conf')
    """
    number = re.fullmatch(r"(?:H|M|CA|BC)?(\d{0,4})", instance or environment.get("HORCMINST", ""))
    if number is None:
        raise CciError(Code.EX_INVARG, f"-I{instance} names no instance: give a number, as in -I0 or -IM0")
    named = given or environment.get("HORCM_CONF", "")
    where = Path(named) if named else FOLDER
    if where.is_dir():
        return where / f"horcm{number[1]}.conf"
    if instance:
        raise CciError(Code.EX_INVARG, f"-I{instance} beside the group file {where}: give that file's folder, or no -I")
    return where


def read(path: Path) -> GroupFile:
    """Read a group file; raises CciError with its line for what it may not say."""
    try:
        lines = _text(path).split("\n")
    except (OSError, ValueError) as problem:
        why = (isinstance(problem, OSError) and problem.strerror) or problem
        way = "name it or its folder by --conf or HORCM_CONF, its instance by -I or HORCMINST"
        raise CciError(Code.EX_ATTHOR, f"the group file {path} cannot be read: {why}; {way}") from None
    said, section = GroupFile(path), ""
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        try:
            _printable(words)
            if words and words[0].startswith("HORCM_"):
                section = _section(words)
            elif words:
                _SECTIONS[section](said, words)
        except ValueError as problem:
            raise CciError(Code.EX_ATTHOR, f"{path}, line {number}: {problem}") from None
    return said


def _text(path: Path) -> str:
    """Read a file that is one; raises OSError, ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        raw = file.read(_FILE_MOST + 1)
    if len(raw) > _FILE_MOST:
        raise ValueError(f"it has more than {_FILE_MOST} bytes")
    return raw.decode()


def _printable(words: list[str]) -> None:
    """What stands here goes to terminals, and into paths."""
    for word in words:
        if not word.isprintable():
            raise ValueError(f"{printable(word)!r} has characters that cannot be printed")


def _section(words: list[str]) -> str:
    if words[0] not in _SECTIONS or len(words) > 1:
        known = ", ".join(name for name in _SECTIONS if name)
        raise ValueError(f"{' '.join(words)!r} begins no section; there are {known}, each alone in its line")
    return words[0]


def _outside(_: GroupFile, words: list[str]) -> None:
    raise ValueError(f"{' '.join(words)!r} is in no section; begin one, such as HORCM_LDEV")


def _ignored(_: GroupFile, __: list[str]) -> None:
    """There is no daemon that would listen or poll."""


def _command(said: GroupFile, words: list[str]) -> None:
    kind, _, where = words[0].partition(":")
    if len(words) > 1 or kind != "unix" or not where.startswith("/"):
        raise ValueError("HORCM_CMD names a socket as unix:/PATH; leave it out for volumes that have nodes here")
    if said.socket is not None:
        raise ValueError("HORCM_CMD names a second socket; there is one array in a file")
    said.socket = Path(where)


def _volume(said: GroupFile, words: list[str]) -> None:
    if len(words) not in (3, 4):
        raise ValueError("a line of HORCM_LDEV is: dev_group dev_name naa.HEX [MU#]")
    group, device, unit = words[:3]
    for name in (group, device):
        if len(name) > _NAME_MOST:
            raise ValueError(f"{name!r} has more than {_NAME_MOST} characters")
    if words[3:] and not re.fullmatch(r"h?\d", words[3]):
        raise ValueError(f"{words[3]!r} is no MU#")
    if any((volume.group, volume.device) == (group, device) for volume in said.volumes):
        raise ValueError(f"{group}/{device} is there twice")
    said.volumes.append(Named(group, device, _naa(unit)))


def _naa(unit: str) -> str:
    kind, _, naa = unit.partition(".")
    try:
        if kind == "naa":
            return Designator.of_naa(naa).naa
    except ValueError:
        pass
    raise ValueError(f"{unit!r} names no volume; here it is by naa.HEX, as `copyproof devices` and lsscsi print it")


def _other(said: GroupFile, words: list[str]) -> None:
    if len(words) != 3 or words[1] not in _HERE:
        raise ValueError(
            f"a line of HORCM_INST is: dev_group localhost SERVICE ({', '.join(_HERE)}: there is no network)"
        )
    group, _, service = words
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", service):
        raise ValueError(f"the service {service!r} names no group file: horcm1 is horcm1.conf in the same folder")
    if group in said.others:
        raise ValueError(f"the group {group!r} has a second other side")
    said.others[group] = service


_SECTIONS: Mapping[str, Callable[[GroupFile, list[str]], None]] = {
    "": _outside,
    "HORCM_MON": _ignored,
    "HORCM_CMD": _command,
    "HORCM_LDEV": _volume,
    "HORCM_INST": _other,
}


def members(here: GroupFile, group: str, device: str = "") -> list[Member]:
    """Return the pairs of a group, or the one of a device; raises CciError for a group or device that is not there, on
    either side."""
    local = _volumes(here, group, device)
    if group not in here.others:
        where = f"{here.path} does not say where the other side of {group} is: it needs HORCM_INST"
        raise CciError(Code.EX_ENORMT, where)
    there = read(here.path.parent / f"{here.others[group]}.conf")
    remote = {volume.device: volume.naa for volume in there.volumes if volume.group == group}
    for volume in local:
        if volume.device not in remote:
            raise CciError(Code.EX_ENORMT, f"the other side, {there.path}, has no {group}/{volume.device}")
    return [Member(group, volume.device, volume.naa, remote[volume.device]) for volume in local]


def _volumes(here: GroupFile, group: str, device: str) -> list[Named]:
    volumes = [volume for volume in here.volumes if volume.group == group]
    if not volumes:
        there = ", ".join(here.groups) or "none"
        raise CciError(Code.EX_ENOGRP, f"{here.path} has no group {group!r}; there are: {there}")
    chosen = [volume for volume in volumes if device in ("", volume.device)]
    if not chosen:
        there = ", ".join(volume.device for volume in volumes)
        raise CciError(Code.EX_ENODEV, f"the group {group} of {here.path} has no {device!r}; there are: {there}")
    return chosen
