"""The array behind a group file: its volumes by NAA, what their pairs are, and orders to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from copyproof import inuse
from copyproof.cci.codes import CciError, Code
from copyproof.cci.horcm import Member
from copyproof.cci.states import Sight, sight
from copyproof.device import Device
from copyproof.errors import SafetyRefusal, UsageError
from copyproof.pairing.inband import pairs_at
from copyproof.safety import Gate, Permitted
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import PairCommand
from copyproof.scsi.pair_wire import (
    INVENTORY_HEADER,
    PAIR,
    PAIR_OPCODE,
    QUERY_HEADER,
    VOLUME,
    PairEntry,
    PairList,
    array_inventory,
    decode_inventory,
    decode_pairs,
    pair_order,
    pair_query,
)
from copyproof.targets import discovery
from copyproof.transport.base import Transport
from copyproof.transport.settled import need, settled
from copyproof.transport.sgio import Sgio
from copyproof.transport.socket import SocketPath

_VOLUMES_MOST, _PAIRS_MOST = 1024, 1024
"""Of how many it is asked at once."""


class Array:
    """The array that a socket leads to or, without one, whose units are nodes of this host; a context manager."""

    def __init__(self, where: Path | None, find: Callable[[], Sequence[Device]] = discovery.devices) -> None:
        self._socket, self._find = where, find
        self._paths: dict[str, Transport] = {}
        self._devices: dict[str, Device] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Return it; nothing is opened before it is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the nodes or the socket."""
        self._stack.close()

    def path(self, naa: str) -> Transport:
        """Return the way to a volume; raises CciError where this host has no such unit."""
        if naa not in self._paths:
            way = SocketPath(self._socket, naa) if self._socket else Sgio(self._device(naa).sg[0])
            self._paths[naa] = self._stack.enter_context(closing(way))
        return self._paths[naa]

    def pairs(self, naa: str) -> tuple[PairEntry, ...]:
        """Return all pairs that a volume is in; raises CciError, DeviceError."""
        return pairs_at(self.path(naa))

    def everything(self, naa: str) -> tuple[PairEntry, ...]:
        """Return all pairs of the array that this host sees, as a volume tells them; raises as `pairs`."""
        path = self.path(naa)
        result = settled(path, pair_query(QUERY_HEADER.size + _PAIRS_MOST * PAIR.size, everything=True))
        need(result, "asking for all pairs", path.name)
        return decode_pairs(result.data)

    def local(self, member: Member) -> Sight:
        """Return how the volume on this side of a member stands; raises as `pairs`."""
        return sight(member.local, member.remote, self.pairs(member.local))

    def meant(self, member: Member) -> PairEntry | None:
        """Return the pair of a member's two volumes, whichever is the P-VOL; None where there is none."""
        both = {member.local, member.remote}
        pairs = self.pairs(member.local)
        return next((pair for pair in pairs if {pair.primary.naa, pair.secondary.naa} == both), None)

    def numbers(self, naa: str) -> dict[str, int]:
        """Return the volumes' numbers by NAA, as the volume asked for tells them; raises CciError, DeviceError."""
        path = self.path(naa)
        result = settled(path, array_inventory(INVENTORY_HEADER.size + _VOLUMES_MOST * VOLUME.size))
        need(result, "asking what the array is made of", path.name)
        return {entry.volume.naa: entry.number for entry in decode_inventory(result.data).volumes}

    def order(self, command: PairCommand, order: PairList) -> str:
        """Send an order to its P-VOL, and return `GOOD` or how it was refused.

        Raises SafetyRefusal where a volume that is to be overwritten is mounted or held on this host, TargetLost where
        the way to the P-VOL leads to another unit, and what the transport raises.
        """
        self.unused(command, [order])
        primary, secondary = order.primary.naa, order.secondary.naa
        gate = Gate(self.path(primary), primary, Permitted(frozenset({primary, secondary}), frozenset({PAIR_OPCODE})))
        result = settled(gate, pair_order(command, order))
        return str(Outcome.of(result))

    def unused(self, command: PairCommand, orders: Iterable[PairList]) -> None:
        """Raise SafetyRefusal where a volume that some orders would overwrite is mounted or held on this host."""
        ends = (order.primary if command is PairCommand.RESTORE else order.secondary for order in orders)
        skipped = self._socket is not None or command in _HARMLESS
        for naa in () if skipped else (end.naa for end in ends):
            device = self._device(naa)
            if found := inuse.users(device.block):
                raise SafetyRefusal(
                    f"{device.label} would be overwritten and is {'; '.join(found)}: stop that use first"
                )

    def _device(self, naa: str) -> Device:
        if self._devices is None:
            self._devices = {device.naa: device for device in self._find()}
        device = self._devices.get(naa)
        if device is None:
            raise CciError(Code.EX_ENODEV, f"no unit of this host has the NAA {naa}")
        if not device.sg:
            raise UsageError(f"{device.label} has no sg node (modprobe sg)")
        return device


_HARMLESS = (PairCommand.SPLIT, PairCommand.SUSPEND, PairCommand.DELETE)
"""Orders by which no block is overwritten that was not already to be."""
