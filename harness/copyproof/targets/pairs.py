"""The pair service of a target that is up, and what its target file declares of its pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from copyproof.errors import UsageError
from copyproof.model.pair_rules import PairRules
from copyproof.pairing.command import CommandPairs
from copyproof.pairing.inband import InBandPairs
from copyproof.pairing.names import operation
from copyproof.pairing.service import Declared, Existence, PairService, PairVolume
from copyproof.pairing.setting import Setting
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import Answer, HostAccess, PairState, SplitKind
from copyproof.targets.known import NUMBERS
from copyproof.targets.live import LiveTarget, Lun, PairHooks, Role
from copyproof.targets.pairspec import AccessName, AnswerName, PairSpec
from copyproof.targets.rules import PAIRED
from copyproof.targets.spec import TargetSpec
from copyproof.targets.templates import load
from copyproof.transport.base import Transport

_ANSWERS: Mapping[AnswerName, Answer] = {
    "accepted": Answer.DONE,
    "ignored": Answer.IGNORED,
    "refused": Answer.REFUSED,
}
_ACCESS: Mapping[AccessName, HostAccess] = {
    "none": HostAccess.NONE,
    "read": HostAccess.READ,
    "read-write": HostAccess.READ_WRITE,
}


def service_of(live: LiveTarget, transports: Mapping[Role, Transport]) -> PairService:
    """Return the pair service of a target; `transports` lead to its units.

    Raises UsageError where it has no pairs, for a wrong template, and for names that do not fit it.
    """
    spec = pairs_of(live.spec)
    if spec.way == "inband":
        return InBandPairs(declared(live.spec))
    volumes = [volume_of(lun, transports.get(role)) for role, lun in live.luns.items() if role.value in PAIRED]
    return CommandPairs(_setting(live, spec), declared(live.spec), volumes, live.pair_hooks.presence)


def _setting(live: LiveTarget, spec: PairSpec) -> Setting:
    """The template with the names that driver and target file give it."""
    hooks = live.pair_hooks
    _not_the_drivers(live.spec.name, spec, hooks)
    names = {role.value: {**given, **spec.volumes.get(role.value, {})} for role, given in hooks.volumes.items()}
    return Setting(
        load(spec.template),
        f"template {spec.template}",
        live.spec.name,
        {**hooks.names, **spec.names},
        {**spec.volumes, **names},
        spec.timeout,
    )


def _not_the_drivers(target: str, spec: PairSpec, hooks: PairHooks) -> None:
    """Raise UsageError where the target file renames what the driver made: its commands would reach something else."""
    if not hooks.names:
        return
    given = [f"names.{name}" for name in spec.names if name in hooks.names]
    given += [f"volumes.{role}" for role in spec.volumes]
    for key in given:
        raise UsageError(
            f"{target}: pairs.{key}: the driver made the units and says what they are called: leave it out"
        )


def volume_of(lun: Lun, transport: Transport | None) -> PairVolume:
    """Return a unit as a pair service knows it."""
    device = lun.device
    node = str(device.block[0]) if device.block else ""
    name = lun.role.value
    return PairVolume(NUMBERS[lun.role], name, device.naa, device.blocks, device.block_size, transport, node)


def rules_of(spec: TargetSpec) -> PairRules:
    """Return the rules that the model is to judge a target's pairs by; raises UsageError where it has no pairs.

    >>> from copyproof.targets.spec import load
    >>> rules_of(load("software-array")).slot
    512
    """
    pairs = pairs_of(spec)
    chosen = pairs.rules
    return PairRules(
        secondaries=pairs.secondaries,
        slot=max(1, pairs.slot // block_size_of(spec)),
        split_of_resync=_ANSWERS[chosen.split_of_resync],
        create_split_of_resync=_ANSWERS[chosen.create_split_of_resync],
        split_of_split=_ANSWERS[chosen.split_of_split],
        resync_of_quick=_ANSWERS[chosen.resync_of_quick],
        primary_in_restore=_ACCESS[chosen.primary_in_restore],
        while_deleting=_ACCESS[chosen.while_deleting],
        write_refused=tuple(map(Outcome.parse, chosen.write_refused)),
        read_refused=tuple(map(Outcome.parse, chosen.read_refused)),
    )


def declared(spec: TargetSpec) -> Declared:
    """Return what a target file declares of its pairs; raises UsageError where it has none."""
    pairs, rules = pairs_of(spec), rules_of(spec)
    return Declared(
        operations=frozenset(operation(name) for name in pairs.operations),
        kinds=frozenset(map(SplitKind, pairs.kinds)),
        only_in=MappingProxyType({operation(name): _states(names) for name, names in pairs.only_in.items()}),
        states=_states(pairs.states),
        shows=MappingProxyType({PairState(name): PairState(word) for name, word in pairs.shows.items()}),
        access=MappingProxyType({state: _access(pairs, rules, state) for state in PairState}),
        secondary_exists=Existence(pairs.secondary_exists),
        secondaries=pairs.secondaries,
        groups=pairs.groups,
        generations=pairs.generations,
        resignature=pairs.resignature,
        slot=pairs.slot,
        progress=pairs.progress,
        paces=pairs.paces,
        refuses_unequal=pairs.refuses_unequal,
        refuses_copies=pairs.refuses_copies,
        rules=rules,
    )


def pairs_of(spec: TargetSpec) -> PairSpec:
    """Return the `[pairs]` table; raises UsageError where the target file has none."""
    if spec.pairs is None:
        raise UsageError(f"{spec.name}: this target declares no pairs (give its file a table [pairs])")
    return spec.pairs


def block_size_of(spec: TargetSpec) -> int:
    """Return the bytes of a block, as far as the target file says."""
    return spec.lio.block_size if spec.driver in ("lio", "mirror") else spec.array.block_size


def _states(names: Iterable[str]) -> frozenset[PairState]:
    return frozenset(map(PairState, names))


def _access(pairs: PairSpec, rules: PairRules, state: PairState) -> tuple[HostAccess, HostAccess]:
    given = pairs.access.get(state.value)
    return (_ACCESS[given.primary], _ACCESS[given.secondary]) if given else rules.access(state)
