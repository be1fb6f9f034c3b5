"""The targetcli commands that build an equal target by hand: for a report, a bug or a look round.

>>> from copyproof.targets.spec import load
>>> print(script(load("lio-loopback")).splitlines()[3])
truncate -s 126877696 /dev/shm/copyproof-by-hand/source.img
"""

from __future__ import annotations

from collections.abc import Iterator

from copyproof.targets.drivers.lio.ground import modules
from copyproof.targets.spec import TargetSpec

FOLDER = "/dev/shm/copyproof-by-hand"
MAIN, HIDDEN = "naa.5001405c0ffee000", "naa.5001405c0ffee010"
IQN = "iqn.2003-01.org.linux-iscsi:copyproof-by-hand"
_PLUGIN = {"fileio": "fileio", "ramdisk": "ramdisk", "iblock": "block"}


def script(target: TargetSpec) -> str:
    """Return a shell script that builds the units of a LIO target and maps them as the driver does."""
    commands = ["set global auto_save_on_exit=false", *_units(target), *_fabric(target)]
    return "\n".join(["#!/bin/sh -e", *_ground(target), "targetcli <<END", *commands, "END", ""])


def _ground(target: TargetSpec) -> Iterator[str]:
    yield f"modprobe -a {' '.join(modules(target))}"
    yield f"mkdir -p {FOLDER}"
    for role, lun in target.luns.items():
        if target.lio.backstore != "ramdisk":
            yield f"truncate -s {lun.size:d} {FOLDER}/{role}.img"
        if target.lio.backstore == "iblock":
            yield f"{role}=$(losetup --find --show {FOLDER}/{role}.img)"


def _units(target: TargetSpec) -> Iterator[str]:
    lio = target.lio
    for role, lun in target.luns.items():
        yield {
            "fileio": f"/backstores/fileio create {role} {FOLDER}/{role}.img {lun.size:d}B write_back=false",
            "ramdisk": f"/backstores/ramdisk create {role} {lun.size:d}B",
            "iblock": f"/backstores/block create {role} ${role}",
        }[lio.backstore]
        for name, value in _attributes(target):
            yield f"/backstores/{_PLUGIN[lio.backstore]}/{role} set attribute {name}={value}"


def _attributes(target: TargetSpec) -> Iterator[tuple[str, int]]:
    if target.lio.block_size != 512:
        yield "block_size", target.lio.block_size
    if target.lio.protection:
        yield "pi_prot_type", target.lio.protection
        yield "pi_prot_format", 1


def _fabric(target: TargetSpec) -> Iterator[str]:
    return _iscsi(target) if target.lio.fabric == "iscsi" else _loopback(target)


def _loopback(target: TargetSpec) -> Iterator[str]:
    for wwn, roles in ((MAIN, _visible(target)), (HIDDEN, ["hidden"])):
        yield f"/loopback create {wwn}"
        for role in roles:
            yield f"/loopback/{wwn}/luns create {_store(target, role)}"


def _iscsi(target: TargetSpec) -> Iterator[str]:
    group = f"/iscsi/{IQN}/tpg1"
    yield "set global auto_add_default_portal=false auto_add_mapped_luns=false"
    yield f"/iscsi create {IQN}"
    yield f"{group} set attribute authentication=0 generate_node_acls=0"
    yield f"{group}/portals create 127.0.0.1 3260"
    for number, role in enumerate(target.luns):
        yield f"{group}/luns create {_store(target, role)} {number}"
    for initiator, roles in (("host", _visible(target)), ("other", ["hidden"])):
        yield f"{group}/acls create {IQN}-{initiator}"
        for number, role in enumerate(roles):
            lun = list(target.luns).index(role)
            # targetcli takes any word for false; only a number above 0 protects.
            yield f"{group}/acls/{IQN}-{initiator} create {number} {lun} {int(role == 'readonly')}"


def _visible(target: TargetSpec) -> list[str]:
    return [role for role in target.luns if role != "hidden"]


def _store(target: TargetSpec, role: str) -> str:
    return f"/backstores/{_PLUGIN[target.lio.backstore]}/{role}"
