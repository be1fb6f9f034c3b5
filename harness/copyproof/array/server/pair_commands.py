"""The vendor's pair commands: orders with a parameter list, PAIR QUERY and ARRAY INVENTORY (docs/pair-commands.md).

Whoever orders a pair has its S-VOL overwritten, or by a restore its P-VOL: so the initiator has to see every volume
that the order is about, and needs write access to it; another's reservation of one stands against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from copyproof.array.core.pair_orders import PairOrder
from copyproof.array.core.pair_record import PairStatus
from copyproof.array.core.pair_rules import GROUPS, PACES, PairRefused, Refusal
from copyproof.array.server.block_io import exact_data_out
from copyproof.array.server.commands import Access, Row
from copyproof.array.server.copy_admission import admit, named_by
from copyproof.array.server.identity import designator
from copyproof.array.server.mapping import seen_by
from copyproof.array.server.sense_data import CheckCondition, invalid_parameter, list_length_error
from copyproof.scsi.layout import number
from copyproof.scsi.pair import PairCommand, SplitKind
from copyproof.scsi.pair_wire import (
    PAIR_LIST,
    PAIR_OPCODE,
    ArrayInventory,
    MalformedPairList,
    PairAction,
    PairEntry,
    PairList,
    VolumeEntry,
    encode_inventory,
    encode_pairs,
)
from copyproof.scsi.sense import SenseKey

if TYPE_CHECKING:
    from copyproof.array.server.request import Request
    from copyproof.array.server.server import DeviceServer

PRIMARY_AT, SECONDARY_AT = 8, 32
_OPTIONS_AT, _PACE_AT, _GROUP_AT = 1, 2, 4
_QUICK_BIT, _GROUP_BIT = 0, 1

_CREATES = (PairAction.CREATE, PairAction.CREATE_SPLIT)
_SPLITS = (PairAction.SPLIT, PairAction.CREATE_SPLIT)

_VALUE_INVALID = 0x02

_PLACES = {
    Refusal.NO_PRIMARY: PRIMARY_AT,
    Refusal.PRIMARY_ROLE: PRIMARY_AT,
    Refusal.FULL: PRIMARY_AT,
    Refusal.NO_SECONDARY: SECONDARY_AT,
    Refusal.SELF: SECONDARY_AT,
    Refusal.SIZE: SECONDARY_AT,
    Refusal.SECONDARY_ROLE: SECONDARY_AT,
}
"""Where in the parameter list the volume stands that does not fit."""


def pair_order(server: DeviceServer, request: Request) -> bytes:
    """Carry out a pair command; one that is accepted without action ends with GOOD too, and an empty list is none."""
    length = number(request.cdb, 5, 4)
    if not length:
        return b""
    if length != PAIR_LIST.size:
        raise list_length_error()
    action = PairAction(request.service_action)
    told = _read(exact_data_out(request, length), action)
    order = _meant(server, request, told, PairCommand[action.name])
    touched = _touched(server, order)
    if not touched.issubset(seen_by(server, request.initiator)):
        raise invalid_parameter(_OPTIONS_AT, _GROUP_BIT)
    for volume in touched:
        admit(server, request.initiator, volume, Access.WRITE)
    try:
        server.unit.pairs.order(order)
    except PairRefused as refused:
        raise _refusal(refused.reason) from refused
    return b""


def _read(raw: bytes, action: PairAction) -> PairList:
    """Read a parameter list; an option that does not go with the command is refused."""
    try:
        told = PairList.decode(raw)
    except MalformedPairList as malformed:
        raise invalid_parameter(malformed.offset, malformed.bit) from malformed
    creates = action in _CREATES
    strange = (
        (told.quick and action not in _SPLITS, _OPTIONS_AT, _QUICK_BIT),
        (told.whole_group and creates, _OPTIONS_AT, _GROUP_BIT),
        (told.pace > (PACES if creates else 0), _PACE_AT, None),
        (told.group > (GROUPS if creates else 0), _GROUP_AT, None),
    )
    for found, offset, bit in strange:
        if found:
            raise invalid_parameter(offset, bit)
    return told


def _meant(server: DeviceServer, request: Request, told: PairList, command: PairCommand) -> PairOrder:
    """Find the volumes of an order; the command has to come to the P-VOL."""
    primary = named_by(server, request.initiator, told.primary)
    if primary is None or primary != request.volume:
        raise invalid_parameter(PRIMARY_AT)
    secondary = named_by(server, request.initiator, told.secondary)
    if secondary is None:
        raise invalid_parameter(SECONDARY_AT)
    kind = SplitKind.QUICK if told.quick else SplitKind.STEADY
    return PairOrder(command, primary, secondary, kind, told.group, told.pace, told.whole_group)


def _touched(server: DeviceServer, order: PairOrder) -> set[int]:
    """The volumes that an order is about, those of a whole group among them."""
    pairs = server.unit.pairs.status()
    groups = {each.group for each in pairs if (each.primary, each.secondary) == (order.primary, order.secondary)} - {0}
    others = [each for each in pairs if order.whole_group and each.group in groups]
    return {order.primary, order.secondary, *(volume for each in others for volume in (each.primary, each.secondary))}


def _refusal(reason: Refusal) -> CheckCondition:
    """05/26/02 PARAMETER VALUE INVALID points at the volume that does not fit; the wrong state is 05/2C/00 COMMAND
    SEQUENCE ERROR, and whole-group orders to a pair without a group point at that option."""
    if reason in _PLACES:
        return invalid_parameter(_PLACES[reason], ascq=_VALUE_INVALID)
    if reason is Refusal.GROUP:
        return invalid_parameter(_OPTIONS_AT, _GROUP_BIT)
    return CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x2C, 0x00)


def pair_query(server: DeviceServer, request: Request) -> bytes:
    """Tell the pairs of this volume, or with ALL those of every volume that the initiator sees."""
    table = server.unit.pairs
    seen = seen_by(server, request.initiator)
    asked = table.status() if request.cdb[2] & 0x01 else table.status(request.volume)
    told = [_entry(server, request.volume, each) for each in asked if {each.primary, each.secondary} & {*seen}]
    return encode_pairs(told)[: number(request.cdb, 5, 4)]


def _entry(server: DeviceServer, asked: int, status: PairStatus) -> PairEntry:
    return PairEntry(
        state=status.state,
        role=status.role(asked),
        percent=status.percent,
        mirror=status.mirror,
        group=status.group,
        pace=status.pace,
        primary=designator(server.settings, status.primary),
        secondary=designator(server.settings, status.secondary),
        generation=status.generation & 0xFFFFFFFF,
        blocks=status.total,
        pending=status.pending,
        differing=status.differing,
        moved=status.moved,
    )


def array_inventory(server: DeviceServer, request: Request) -> bytes:
    """Tell what the array is made of, and the volumes that the initiator sees."""
    told = server.unit.inventory()
    rules = server.settings.pairs
    inventory = ArrayInventory(
        raid=told.raid,
        members=told.members,
        missing=len(told.missing),
        cache_bytes=told.cache_bytes,
        slot_bytes=told.slot_bytes,
        grain_bytes=rules.grain,
        secondaries=rules.secondaries,
        resignature=rules.resignature,
        volumes=tuple(_volume(server, volume) for volume in seen_by(server, request.initiator)),
    )
    return encode_inventory(inventory)[: number(request.cdb, 5, 4)]


def _volume(server: DeviceServer, volume: int) -> VolumeEntry:
    info, table = server.unit.volume(volume), server.unit.pairs
    return VolumeEntry(
        volume=designator(server.settings, volume),
        blocks=info.blocks,
        block_size=info.block_size,
        protection=info.protection,
        role=table.role(volume),
        number=volume,
        pairs=len(table.of(volume)),
    )


_ORDER, _QUERY = "c1 00 00 00 00 ff ff ff ff 00", "c1 00 01 00 00 ff ff ff ff 00"

ROWS = (
    *(
        Row(f"PAIR {action.name.replace('_', ' WITH ')}", PAIR_OPCODE, action, _ORDER, pair_order, Access.WRITE)
        for action in PairAction
        if action.command
    ),
    Row("PAIR QUERY", PAIR_OPCODE, PairAction.QUERY, _QUERY, pair_query, Access.PRESENCE),
    Row("ARRAY INVENTORY", PAIR_OPCODE, PairAction.INVENTORY, _ORDER, array_inventory, Access.PRESENCE),
)
