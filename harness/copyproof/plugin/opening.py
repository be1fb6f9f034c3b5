"""Bring a bench up: target, transports behind the safety check, capabilities, model. Taken down in reverse, always."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from copyproof import safety
from copyproof.blocks.stamp import Stamper
from copyproof.device import Device
from copyproof.errors import SafetyRefusal, UsageError
from copyproof.model.controller import ReferenceModel
from copyproof.plugin.bench import NAMES, NUMBERS, Bench, Unit, label_store, overlap_chunk
from copyproof.plugin.pairing import PairBench
from copyproof.scsi.pair_wire import PAIR_OPCODE
from copyproof.targets.capabilities import probe
from copyproof.targets.drivers import open_target
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.spec import TagPolicy, TargetSpec
from copyproof.transport.base import Transport, drain
from copyproof.transport.counting import Counted, Tally
from copyproof.transport.tape import Header, TapeUnit, TapeWriter
from copyproof.transport.taping import Recorder
from copyproof.transport.ways import reach
from copyproof.verdicts.profile import load_profile
from copyproof.verify.check import Checker, Place
from copyproof.verify.inband import CommandVolume
from copyproof.verify.volume import HostVolume, Volume

#: Seconds that draining unit attentions may take, a unit.
DRAIN = 30.0
Wrap = Callable[[Lun, Transport], Transport]


@contextmanager
def opened(
    spec: TargetSpec, seed: int, wrap: Wrap, *, strict: bool = False, tape: TapeWriter | None = None
) -> Iterator[Bench]:
    """Bring a target up and build the bench on it; raises UsageError when it cannot run here, DeviceError when it
    fails. No block is written.

    `tape` gets every command beneath the safety check, as `wrap` lets it through, and every stamped write; not the
    commands that write and read back such blocks, where they go by commands.
    """
    profile = load_profile(spec.profile)
    with open_target(spec) as live, ExitStack() as stack:
        if tape:
            stack.enter_context(tape.recording(tape_header(live, seed)))
        tally = Tally()
        wrap, taped = _counted(wrap, tally), _taped(tape)
        permitted = permission(live)
        reached = {role: lun for role, lun in live.luns.items() if lun.reachable}
        units = {role: _unit(lun, permitted, wrap, taped, spec, stack) for role, lun in reached.items()}
        for unit in units.values():
            drain(unit.transport, DRAIN)
        capabilities = probe(live, units[Role.SOURCE].transport)
        size = _common_block_size(live)
        stamper = Stamper(seed, size)
        volumes = {NUMBERS[role]: lun.device.blocks for role, lun in live.luns.items()}
        model = ReferenceModel(volumes, overlap_chunk(spec, size))
        checker = Checker(model, stamper, NAMES, _places(units.values(), spec))
        bench = Bench(live, units, capabilities, profile, stamper, model, checker, seed, strict, tally=tally)
        bench.heard = tape.add if tape else bench.heard
        bench.pairs = PairBench(bench) if spec.pairs else None
        yield bench


def _counted(wrap: Wrap, tally: Tally) -> Wrap:
    return lambda lun, transport: Counted(wrap(lun, transport), tally)


def _taped(tape: TapeWriter | None) -> Wrap:
    return lambda lun, transport: Recorder(transport, lun.role.value, tape) if tape else transport


def tape_header(live: LiveTarget, seed: int) -> Header:
    """Return the first line of a tape of a target: its units, and the seed of their stamps."""
    units = ((role, lun.device) for role, lun in live.luns.items())
    return Header(target=live.spec.name, seed=seed, units=tuple(_tape_unit(role, device) for role, device in units))


def _tape_unit(role: Role, device: Device) -> TapeUnit:
    return TapeUnit(
        role=role.value,
        naa=device.naa,
        blocks=device.blocks,
        block_size=device.block_size,
        number=NUMBERS[role],
        protection=device.protection,
    )


def permission(live: LiveTarget) -> safety.Permitted:
    """Vet every unit of the target and return the permission to write to them; raises SafetyRefusal.

    A unit that this host has no way to cannot be looked at: a copy may name it only where the target file gives up
    what is on it.
    """
    seen = [(lun.device, _named(live, lun)) for lun in live.luns.values() if lun.reachable]
    paths: dict[str, Transport] = {lun.device.naa: lun.path for lun in live.luns.values() if lun.path}
    pairs = live.spec.pairs
    opcodes = {PAIR_OPCODE} if pairs and pairs.way == "inband" else set()
    permitted = safety.permit(seen, opcodes=opcodes, paths=paths)
    unseen = [lun for lun in live.luns.values() if not lun.reachable]
    for lun in unseen:
        if not _named(live, lun).destroy:
            what = f"the {lun.role.value} unit {lun.device.naa}, which cannot be looked at from here"
            raise SafetyRefusal(f"refuses to name {what}, in a copy (set `destroy = true` for it in the target file)")
    return safety.Permitted(permitted.naas | {lun.device.naa for lun in unseen}, permitted.opcodes)


def _named(live: LiveTarget, lun: Lun) -> safety.Named:
    """A unit as the target file names it; a driver that made its units names them itself."""
    spec = live.spec.luns[lun.role.value]
    made = not spec.naa and not spec.serial
    return safety.Named(lun.device.naa if made else spec.naa, spec.serial, spec.destroy)


def _unit(lun: Lun, permitted: safety.Permitted, wrap: Wrap, taped: Wrap, spec: TargetSpec, stack: ExitStack) -> Unit:
    device = lun.device
    path = wrap(lun, lun.path or stack.enter_context(reach(spec.transport, device.sg[0])))
    gate = safety.Gate(taped(lun, path), device.naa, permitted)
    volume: Volume | None = None
    if lun.path:
        volume = CommandVolume(safety.Gate(path, device.naa, permitted), device.block_size)
    if device.block:
        writer = safety.Writer(device, permitted, gate.recognise)
        stack.callback(writer.close)
        volume = HostVolume(device.block[0], device.block_size, writer)
    return Unit(NUMBERS[lun.role], lun, gate, volume)


def _places(units: Iterable[Unit], spec: TargetSpec) -> dict[int, Place]:
    return {
        unit.number: Place(reader(unit.lun.device, unit.volume), label_store(unit, spec), _application_tag(unit, spec))
        for unit in units
        if unit.volume
    }


def reader(device: Device, volume: Volume) -> Volume:
    """Return what a unit is read back through: another path than it is written by, where there is one."""
    if len(device.block) <= 1:
        return volume

    def refuse() -> int:
        raise SafetyRefusal(f"refuses to write to {device.block[-1]}: it is the path for reading back")

    return HostVolume(device.block[-1], device.block_size, refuse)


def _application_tag(unit: Unit, spec: TargetSpec) -> int | None:
    """What every label must carry: 0 where a copy sets it so (the host writes 0), the volume's own where the target
    tells it; else any but the escape tag."""
    policy = spec.labels.application_tag
    return 0 if policy is TagPolicy.ZERO else unit.lun.tag if policy is TagPolicy.VOLUME else None


def _common_block_size(live: LiveTarget) -> int:
    sizes = {lun.device.block_size for lun in live.luns.values() if lun.device.blocks}
    if len(sizes) != 1:
        found = ", ".join(map(str, sorted(sizes)))
        raise UsageError(f"the units of {live.spec.name} have block sizes of {found} bytes: choose units of one size")
    return sizes.pop()
