"""Who may do what to a logical unit: persistent reservations (SPC-4 5.13), and RESERVE and RELEASE of SPC-2."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from copyproof.array.server.attentions import (
    REGISTRATIONS_PREEMPTED,
    RESERVATIONS_PREEMPTED,
    RESERVATIONS_RELEASED,
    Attentions,
    Code,
)
from copyproof.array.server.commands import Access
from copyproof.array.server.part import Part
from copyproof.array.server.sense_data import CheckCondition, Ended, invalid_parameter
from copyproof.scsi.command import Status
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.server import DeviceServer


class Kind(IntEnum):
    """Persistent reservation types (SPC-4 table 181)."""

    WRITE_EXCLUSIVE = 1
    EXCLUSIVE_ACCESS = 3
    WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5
    EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6
    WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7
    EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8

    @property
    def lets_read(self) -> bool:
        """Whether everyone may read."""
        return self in (
            Kind.WRITE_EXCLUSIVE,
            Kind.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
            Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
        )

    @property
    def for_registrants(self) -> bool:
        """Whether each registered nexus may do what the holder may."""
        return self >= Kind.WRITE_EXCLUSIVE_REGISTRANTS_ONLY

    @property
    def held_by_all(self) -> bool:
        """Whether each registered nexus is a holder."""
        return self >= Kind.WRITE_EXCLUSIVE_ALL_REGISTRANTS


@dataclass(slots=True)
class Table:
    """The registrations of one logical unit in their order, the reservation if there is one, and the generation.

    `holder` is the nexus that reserved; for the all registrants types every registered nexus holds it.
    """

    keys: dict[str, int] = field(default_factory=dict)
    kind: Kind | None = None
    holder: str = ""
    generation: int = 0
    reserved_by: str | None = None

    def holds(self, initiator: str) -> bool:
        """Whether a nexus is a holder of the persistent reservation."""
        if self.kind is None:
            return False
        return initiator in self.keys if self.kind.held_by_all else initiator == self.holder

    def step(self) -> None:
        """Count a change of the registrations; PRGENERATION wraps at 32 bits."""
        self.generation = (self.generation + 1) & 0xFFFFFFFF


def conflict() -> Ended:
    """RESERVATION CONFLICT."""
    return Ended(Status.RESERVATION_CONFLICT)


class Reservations(Part):
    """The tables of all logical units. Persistent ones outlive a reset and the loss of a nexus; none survives the
    array's own end, since APTPL is not offered."""

    def __init__(self, server: DeviceServer) -> None:
        super().__init__(server)
        self._tables: dict[int, Table] = {}

    def table(self, volume: int) -> Table:
        """Return the table of a logical unit."""
        if volume not in self._tables:
            self._tables[volume] = Table()
        return self._tables[volume]

    def refuse(self, initiator: str, volume: int, access: Access) -> None:
        """Raise Ended(RESERVATION CONFLICT) where another's reservation stands against a command (SPC-4 table 66)."""
        table = self.table(volume)
        if access is not Access.ALWAYS and table.reserved_by not in (None, initiator):
            raise conflict()
        if table.kind is None or access in (Access.ALWAYS, Access.PRESENCE) or table.holds(initiator):
            return
        if table.kind.for_registrants and initiator in table.keys:
            return
        if access is not Access.READ or not table.kind.lets_read:
            raise conflict()

    def reset(self, volume: int) -> None:
        """End what RESERVE took."""
        self.table(volume).reserved_by = None

    def nexus_lost(self, initiator: str) -> None:
        """End what the nexus took by RESERVE."""
        for table in self._tables.values():
            if table.reserved_by == initiator:
                table.reserved_by = None

    def reserve_whole(self, initiator: str, volume: int) -> None:
        """RESERVE of SPC-2; one key registered, and it conflicts (SPC-4 5.13.3, CRH 0)."""
        table = self.table(volume)
        if table.keys or table.reserved_by not in (None, initiator):
            raise conflict()
        table.reserved_by = initiator

    def release_whole(self, initiator: str, volume: int) -> None:
        """RELEASE of SPC-2; from another nexus it changes nothing."""
        table = self.table(volume)
        if table.keys:
            raise conflict()
        if table.reserved_by == initiator:
            table.reserved_by = None

    def register(self, initiator: str, volume: int, old: int | None, new: int) -> None:
        """REGISTER where `old` is the key it must be registered by (0: by none); None ignores that. New key 0
        unregisters."""
        table = self.table(volume)
        if old is not None and table.keys.get(initiator, 0) != old:
            raise conflict()
        if new:
            table.keys[initiator] = new
        elif initiator in table.keys:
            self._unregister(initiator, volume)
        table.step()

    def reserve(self, initiator: str, volume: int, key: int, kind: Kind) -> None:
        """RESERVE; again by a holder with the same type it changes nothing."""
        table = self._of_registered(initiator, volume, key)
        if table.kind is None:
            table.kind, table.holder = kind, initiator
        elif table.kind is not kind or not table.holds(initiator):
            raise conflict()

    def release(self, initiator: str, volume: int, key: int, kind: Kind) -> None:
        """RELEASE; 05/26/04 for another type than the reservation's, nothing from a nexus that holds none."""
        table = self._of_registered(initiator, volume, key)
        if not table.holds(initiator):
            return
        if table.kind is not kind:
            raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x26, 0x04)
        self._end_reservation(initiator, volume)

    def clear(self, initiator: str, volume: int, key: int) -> None:
        """CLEAR: no reservation and no registration is left."""
        table = self._of_registered(initiator, volume, key)
        self._tell(volume, [other for other in table.keys if other != initiator], RESERVATIONS_PREEMPTED)
        table.keys.clear()
        table.kind, table.holder = None, ""
        table.step()

    def preempt(self, initiator: str, volume: int, key: int, other: int, kind: Kind) -> tuple[str, ...]:
        """PREEMPT: take the reservation of the nexuses registered by `other`, or only their registrations; returns
        the nexuses that lost theirs (SPC-4 5.13.11.4)."""
        table = self._of_registered(initiator, volume, key)
        by_all = table.kind is not None and table.kind.held_by_all
        if other == 0 and not by_all:
            raise invalid_parameter(8)
        if by_all and other == 0:
            lost = [name for name in table.keys if name != initiator]
            self._take(initiator, volume, lost, kind)
        elif table.kind is not None and not by_all and table.keys.get(table.holder) == other:
            lost = [name for name, held in table.keys.items() if held == other and name != initiator]
            self._take(initiator, volume, lost, kind)
        else:
            lost = self._drop(volume, other)
        self._tell(volume, [name for name in lost if name != initiator], REGISTRATIONS_PREEMPTED)
        table.step()
        return tuple(lost)

    def _take(self, initiator: str, volume: int, lost: list[str], kind: Kind) -> None:
        table = self.table(volume)
        changed = table.kind is not kind
        for name in lost:
            del table.keys[name]
        table.kind, table.holder = kind, initiator
        if changed:
            self._tell(volume, [name for name in table.keys if name != initiator], RESERVATIONS_RELEASED)

    def _drop(self, volume: int, key: int) -> list[str]:
        """Unregister whoever has the key; RESERVATION CONFLICT where nobody has."""
        table = self.table(volume)
        lost = [name for name, held in table.keys.items() if held == key]
        if not lost:
            raise conflict()
        for name in lost:
            self._unregister(name, volume)
        return lost

    def _of_registered(self, initiator: str, volume: int, key: int) -> Table:
        table = self.table(volume)
        if table.keys.get(initiator) != key:
            raise conflict()
        return table

    def _unregister(self, initiator: str, volume: int) -> None:
        """Take a registration away, and the reservation too where no holder is left (SPC-4 5.13.11.2.3)."""
        table = self.table(volume)
        ends = table.holds(initiator) and (not (table.kind and table.kind.held_by_all) or len(table.keys) == 1)
        del table.keys[initiator]
        if ends:
            self._end_reservation(initiator, volume)

    def _end_reservation(self, initiator: str, volume: int) -> None:
        """Release; the other registered nexuses are told, where they shared what it gave."""
        table = self.table(volume)
        shared = table.kind is not None and table.kind.for_registrants
        table.kind, table.holder = None, ""
        if shared:
            self._tell(volume, [name for name in table.keys if name != initiator], RESERVATIONS_RELEASED)

    def _tell(self, volume: int, initiators: list[str], code: Code) -> None:
        for name in initiators:
            self.server.part(Attentions).raise_for(name, volume, code)
