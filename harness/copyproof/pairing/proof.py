"""What must be proven before a vendor's program is run: that each unit is the one that the target names, that the
vendor's name means the same, and that no pair loses its S-VOL.

What such a program does is under the template's control alone, so the units are asked anew before each order.
"""

from __future__ import annotations

from collections.abc import Iterator

from copyproof.errors import SafetyRefusal, TargetLost
from copyproof.pairing.asking import STRANGER, Asking, paired
from copyproof.pairing.reading import excerpt
from copyproof.pairing.service import Existence, PairRequest, PairVolume, Shown
from copyproof.safety import TIMEOUT, unit_naas
from copyproof.scsi.pair import PairCommand

_CREATES = (PairCommand.CREATE, PairCommand.CREATE_SPLIT)


def prove(request: PairRequest, asking: Asking, existence: Existence) -> None:
    """Raise unless an order may be run: SafetyRefusal for a volume that is not proven, a volume as its own S-VOL, and,
    of a create, an S-VOL that is in another pair; TargetLost for a unit that is another one; DeviceError where what
    must be known cannot be asked."""
    if request.primary.naa == request.secondary.naa:
        raise SafetyRefusal(f"{request.primary.name} cannot be its own S-VOL: nothing was run")
    _unit(request.primary, asking, needed=True)
    _unit(request.secondary, asking, needed=existence is Existence.ALWAYS)
    for other in asking.volumes if request.whole_group else ():
        _unit(other, asking, needed=False)
    _pair_name(request, asking)
    if request.whole_group:
        _group_name(request, asking)
    if request.command in _CREATES and (others := list(_others(request, asking))):
        raise SafetyRefusal(f"{request.secondary.name} is already in {others[0]} (delete that pair first)")


def _unit(volume: PairVolume, asking: Asking, needed: bool) -> None:
    if volume.transport is None and needed:
        raise SafetyRefusal(f"{volume.name} cannot be asked who it is, so no order about it is run")
    if volume.transport is not None and volume.naa not in (names := unit_naas(volume.transport, TIMEOUT)):
        found = ", ".join(sorted(names)) or "a unit without NAA"
        raise TargetLost(f"{volume.transport.name} was {volume.naa} and is now {found}; no order about it is run")
    _volume_name(volume, asking)


def _volume_name(volume: PairVolume, asking: Asking) -> None:
    """The vendor's name of a volume, where the template has a way to look it up."""
    if asked := asking.setting.template.identify:
        values = asking.setting.of_volume(volume)
        found = asking.found(asked.steps, asked.pattern, asked.timeout, values, volume.name)
        _same(asking, volume.name, found["id"], asking.setting.text(asked.expected, values))


def _pair_name(request: PairRequest, asking: Asking) -> None:
    """The vendor's name of a pair, where the template has a way to look it up."""
    if asked := asking.setting.template.identify_pair:
        primary, secondary = request.primary, request.secondary
        values = asking.setting.of_pair(primary, secondary)
        called = f"the pair of {primary.name} and {secondary.name}"
        found = asking.found(asked.steps, asked.pattern, asked.timeout, values, called)
        _same(asking, primary.name, found["primary"], asking.setting.text(asked.primary, values))
        _same(asking, secondary.name, found["secondary"], asking.setting.text(asked.secondary, values))


def _group_name(request: PairRequest, asking: Asking) -> None:
    """The vendor's name of a consistency group, where the template has a way to look it up: each volume in it must be
    one of the target's."""
    if asked := asking.setting.template.identify_group:
        values = asking.setting.of_pair(request.primary, request.secondary)
        called = f"the group of {request.primary.name} and {request.secondary.name}"
        names = asking.called(asked.called)
        for found in asking.all_found(asked.steps, asked.row, asked.timeout, values, called):
            for name in (asking.name_of(found[end], names) for end in ("primary", "secondary")):
                if name.startswith(STRANGER):
                    raise SafetyRefusal(f"{asking.setting.target}: {called} has {name}; nothing was ordered")


def _same(asking: Asking, name: str, found: str, expected: str) -> None:
    if found.lower() != expected.lower():
        said = f"the vendor's program says {excerpt(found, 80)} for it, not {expected}"
        way = f"correct pairs.volumes.{name}"
        raise SafetyRefusal(f"{asking.setting.target}: {name}: {said} ({way}); nothing was ordered")


def _others(request: PairRequest, asking: Asking) -> Iterator[str]:
    """The pairs that the S-VOL is in, other than the one that is ordered."""
    primary, secondary = request.primary, request.secondary
    seen, listed = asking.membership(primary, secondary), asking.listed()
    one_by_one = _asked_one_by_one(secondary, asking) if seen is None else ()
    for row in one_by_one if listed is None else listed:
        if secondary.name in (row.primary, row.secondary) and row.primary != primary.name and paired(row.status):
            yield f"the pair of {row.primary} and {row.secondary}: {row.status}"
    if seen is not None and paired(seen) and not paired(asking.status(primary, secondary)):
        yield f"another pair: {seen}"


def _asked_one_by_one(volume: PairVolume, asking: Asking) -> Iterator[Shown]:
    """The pairs that a volume may be in, as far as the target's volumes go."""
    for other in asking.volumes:
        if other.name != volume.name:
            yield Shown(other.name, volume.name, asking.status(other, volume))
            yield Shown(volume.name, other.name, asking.status(volume, other))
