"""LIO's loopback fabric (tcm_loop): the machine is its own initiator, one SCSI host a target."""

from __future__ import annotations

from collections.abc import Iterable

from copyproof.errors import DeviceError
from copyproof.targets.drivers.lio import ground
from copyproof.targets.drivers.lio.backstores import COMPANY, Backstore
from copyproof.targets.lease import Mark
from copyproof.targets.live import Role


def wwn(mark: Mark, number: int) -> str:
    """Return the WWN (NAA 5) of a target, which carries the run; `number` is 0 to 255.

    >>> wwn(Mark("00c0ffe", "main"), 1)
    'naa.500140500c0ffe01'
    """
    return f"naa.5{COMPANY}{mark.run}{number:02x}"


def publish(mark: Mark, stores: Iterable[Backstore]) -> None:
    """Map the units: the hidden one in a target of its own, where another initiator sees it, the rest under one TPG.

    LIO looks for the other unit of a copy only in the session that the command came by.
    Raises DeviceError when LIO refuses.
    """
    from rtslib_fb import RTSLibError

    groups: dict[bool, list[Backstore]] = {False: [], True: []}
    for store in stores:
        groups[store.role is Role.HIDDEN].append(store)
    try:
        for number, group in enumerate(groups.values()):
            _target(wwn(mark, number), group)
    except (RTSLibError, OSError) as error:
        raise DeviceError(f"LIO refuses the loopback target: {error}") from error


def _target(name: str, stores: list[Backstore]) -> None:
    from rtslib_fb import LUN, TPG, Target

    portal_group = TPG(Target(ground.fabric("loopback"), name, mode="create"), 1, mode="create")
    for number, store in enumerate(stores):
        LUN(portal_group, number, store.so)
