"""LIO's iSCSI fabric on 127.0.0.1: one target, and two initiators that see different units of it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copyproof.errors import DeviceError
from copyproof.targets.drivers.lio import ground
from copyproof.targets.drivers.lio.backstores import Backstore
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role

ADDRESS = "127.0.0.1"
_AUTHORITY = "iqn.2003-01.org.linux-iscsi"
_PORT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Portal:
    """Where the target listens, and the names of the two initiators that it lets in."""

    target: str
    port: int
    host: str
    other: str


def names(mark: Mark) -> Portal:
    """Return the names that a mark gives rise to, without a port.

    >>> names(Mark("00c0ffe", "main")).host
    'iqn.2003-01.org.linux-iscsi:copyproof-00c0ffe-main-host'
    """
    base = f"{_AUTHORITY}:{mark}"
    return Portal(base, 0, f"{base}-host", f"{base}-other")


def session_info(target: str, initiator: str) -> Path:
    """Return where the kernel tells of an initiator's session, once the target lets it in.

    >>> session_info("iqn.2003-01.org.example:t", "iqn.2003-01.org.example:i").parts[-3:]
    ('acls', 'iqn.2003-01.org.example:i', 'info')
    """
    return ground.CONFIGFS / "target/iscsi" / target / "tpgt_1/acls" / initiator / "info"


def publish(mark: Mark, stores: Iterable[Backstore]) -> Portal:
    """Map the units: the hidden one to the other initiator only, the read-only one with write_protect = 1.

    Raises DeviceError when LIO refuses.
    """
    from rtslib_fb import LUN, TPG, RTSLibError, Target

    portal = names(mark)
    try:
        group = TPG(Target(ground.fabric("iscsi"), portal.target, mode="create"), 1, mode="create")
        group.set_attribute("authentication", 0)
        group.set_attribute("generate_node_acls", 0)
        units = [(store, LUN(group, number, store.so)) for number, store in enumerate(stores)]
        _admit(group, portal.host, [unit for unit in units if unit[0].role is not Role.HIDDEN])
        _admit(group, portal.other, [unit for unit in units if unit[0].role is Role.HIDDEN])
        port = _listen(group)
        group.enable = True
    except (RTSLibError, OSError) as error:
        raise DeviceError(f"LIO refuses the iSCSI target: {error}") from error
    return Portal(portal.target, port, portal.host, portal.other)


def _admit(group: Any, initiator: str, units: list[tuple[Backstore, Any]]) -> None:
    from rtslib_fb import MappedLUN, NodeACL

    acl = NodeACL(group, initiator, mode="create")
    for number, (store, lun) in enumerate(units):
        MappedLUN(acl, number, lun, write_protect=store.role is Role.READONLY)


def _listen(group: Any) -> int:
    """Open a portal on a free port; another process may take the port between the choice and the opening."""
    from rtslib_fb import NetworkPortal, RTSLibError

    for attempt in range(_PORT_TRIES):
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            port: int = probe.getsockname()[1]
        try:
            NetworkPortal(group, ADDRESS, port, mode="create")
        except RTSLibError:
            if attempt == _PORT_TRIES - 1:
                raise
        else:
            return port
    raise AssertionError("unreachable")
