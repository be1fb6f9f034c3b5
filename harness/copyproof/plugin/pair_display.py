"""What a display of pairs shows, held against what each pair says of itself and against the units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from copyproof.errors import MalformedAnswer
from copyproof.model.pairs import NEXT
from copyproof.pairing.service import PairService, PairStatus, Shown
from copyproof.plugin.bench import Bench
from copyproof.plugin.pairing import Couple, PairBench
from copyproof.scsi.answers import parse_luns
from copyproof.scsi.cdb import report_luns
from copyproof.scsi.command import Command
from copyproof.scsi.pair import PairState
from copyproof.scsi.pair_wire import VolumeEntry, array_inventory, decode_inventory
from copyproof.targets.live import Role
from copyproof.transport.settled import need, settled

ROOM = 1 << 16
"""Bytes for an answer that lists volumes."""


def display_breach(pairs: PairBench, couples: Sequence[Couple], service: PairService) -> str:
    """Say where the display of a service, the target's own or another, does not list the pairs among `couples`
    as they are, each once; between two looks at the pairs they may go on."""
    volumes = [pairs.volume(role) for role in pairs.roles]
    before = {couple: pairs.status(couple) for couple in couples}
    listed = service.display(volumes)
    after = {couple: pairs.status(couple) for couple in couples}
    names = {(couple.primary.value, couple.secondary.value): couple for couple in couples}
    strangers = [shown for shown in listed if (shown.primary, shown.secondary) not in names]
    if strangers:
        return f"the display lists {strangers[0].primary} and {strangers[0].secondary}, which are no pair"
    found = (
        _wrong(pairs, couple, listed, _worded(service, before[couple]), _worded(service, after[couple]))
        for couple in couples
    )
    return next(filter(None, found), "")


def _worded(service: PairService, status: PairStatus) -> PairStatus:
    """What a pair says, in the words that a service has for it."""
    shown = service.declared.shown
    return replace(status, primary_state=shown(status.primary_state), secondary_state=shown(status.secondary_state))


def _wrong(pairs: PairBench, couple: Couple, listed: Iterable[Shown], before: PairStatus, after: PairStatus) -> str:
    names = (couple.primary.value, couple.secondary.value)
    own = [each.status for each in listed if (each.primary, each.secondary) == names]
    gone = PairState.SMPL in (before.primary_state, after.primary_state)
    if len(own) != 1 and not (gone and not own):
        return f"the display lists the pair of {couple} {len(own)} times"
    if not own:
        return ""
    return next(filter(None, _differences(pairs, couple, own[0], before, after)), "")


def _differences(pairs: PairBench, couple: Couple, shown: PairStatus, *asked: PairStatus) -> Iterator[str]:
    states = [(one.primary_state, one.secondary_state) for one in asked]
    if (shown.primary_state, shown.secondary_state) not in states:
        yield f"the display shows {couple} as {shown}, the pair itself says {asked[-1]}"
    for name in ("group", "mirror", "generation"):
        told, own = getattr(shown, name), getattr(asked[-1], name)
        if None not in (told, own) and told != own:
            yield f"the display shows {couple} with {name} {told}, the pair itself says {own}"
    if pairs.declared.progress:
        yield _progress(pairs, couple, shown, *asked)


def _progress(pairs: PairBench, couple: Couple, shown: PairStatus, before: PairStatus, after: PairStatus) -> str:
    if shown.percent is None or not 0 <= shown.percent <= 100:
        return f"the display shows no progress of {couple}, but {shown.percent}"
    held = pairs.control is not None and pairs.model.state(*couple.numbers) in NEXT
    if held and before == after and shown.percent != before.percent:
        return f"the display shows {couple} at {shown.percent} %, the pair itself says {before.percent} %"
    return ""


def inventory_breach(bench: Bench) -> str:
    """Say where ARRAY INVENTORY does not agree with REPORT LUNS, INQUIRY and READ CAPACITY: it must list each unit that
    this host has, as that says of itself, and no others. Raises DeviceError."""
    path = bench.unit(Role.SOURCE).transport
    luns = parse_luns(_answer(bench, report_luns(ROOM)))
    try:
        inventory = decode_inventory(_answer(bench, array_inventory(ROOM)))
    except MalformedAnswer as malformed:
        return f"{path.name}: the inventory is malformed: {malformed}"
    if len(luns) != len(inventory.volumes):
        return f"the inventory lists {len(inventory.volumes)} volumes, REPORT LUNS {len(luns)} units"
    listed = {entry.volume.naa: entry for entry in inventory.volumes}
    units = [lun for lun in bench.live.luns.values() if lun.visible]
    for lun in units:
        device, entry = lun.device, listed.pop(lun.device.naa, None)
        if entry is None:
            return f"the inventory does not list {lun.role.value}, {device.naa}"
        if _facts(entry) != (device.blocks, device.block_size, device.protection):
            own = (device.blocks, device.block_size, device.protection)
            told = f"{_facts(entry)} blocks, bytes and protection, the unit itself {own}"
            return f"the inventory tells of {lun.role.value} {told}"
    return f"the inventory lists {min(listed)}, which is no unit of this host" if listed else ""


def _facts(entry: VolumeEntry) -> tuple[int, int, int]:
    return entry.blocks, entry.block_size, entry.protection


def _answer(bench: Bench, command: Command) -> bytes:
    path = bench.unit(Role.SOURCE).transport
    result = settled(path, command)
    need(result, "asking for the inventory", path.name)
    return result.data
