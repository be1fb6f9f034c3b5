"""Which units a copy manager reaches for an initiator, and whether it may read and write there.

A copy manager acts for the initiator that gave the order: it reaches no unit, and writes to none, that this initiator
could not reach or write to by itself (CVE-2020-28374 was a copy manager that did).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.defects import Defect
from copyproof.array.server.commands import Access
from copyproof.array.server.identity import designator
from copyproof.array.server.mapping import seen_by
from copyproof.array.server.reservations import Reservations
from copyproof.array.server.sense_data import out_of_range
from copyproof.scsi.designator import Designator

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer


def named_by(server: DeviceServer, initiator: str, named: Designator) -> int | None:
    """Return the volume that a designator names among those that the initiator sees; None where there is none."""
    hidden_too = Defect.COPY_REACHES_HIDDEN in server.settings.defects
    reached = server.unit.volumes() if hidden_too else seen_by(server, initiator)
    return next((volume for volume in reached if designator(server.settings, volume) == named), None)


def admit(server: DeviceServer, initiator: str, volume: int, access: Access) -> None:
    """Judge the copy manager's READ or WRITE as if the initiator had sent it to that volume.

    Raises CheckCondition (07/27/00 for a mapping that is read only), or Ended with RESERVATION CONFLICT.
    """
    server.part(Reservations).refuse(initiator, volume, access)
    if access is Access.WRITE and Defect.COPY_WRITES_READ_ONLY not in server.settings.defects:
        server.refuse_protected(initiator, volume)


def within(server: DeviceServer, volume: int, lba: int, count: int) -> None:
    """Raise CheckCondition, 05/21/00, unless all blocks are on the volume."""
    if lba + count > server.unit.volume(volume).blocks:
        raise out_of_range(lba)
