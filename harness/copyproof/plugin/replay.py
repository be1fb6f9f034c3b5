"""Play a tape to a target: the same commands and host writes, and where the results differ from the recorded ones.

Everything goes through the target's own safety check, as in a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from copyproof.blocks.arrays import U8
from copyproof.errors import DeviceError, TargetLost, UsageError
from copyproof.model.held import Label, held_of
from copyproof.model.rangemap import Piece
from copyproof.plugin.bench import NAMES, NUMBERS, Bench
from copyproof.plugin.mapping import Names, lasting, under_way, volatile
from copyproof.plugin.opening import opened
from copyproof.plugin.replayed_pairs import ReplayedPairs
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.command import Command, Result
from copyproof.scsi.sense import Sense
from copyproof.targets.live import Lun, Role
from copyproof.targets.spec import TargetSpec
from copyproof.transport.base import Transport
from copyproof.transport.tape import Event, Looked, Recorded, Sent, Stamped, TapeUnit, Waited, Written, roles_of
from copyproof.transport.ways import Way, check_size

#: What a difference shows of data.
SHOWN = 32


class Part(Enum):
    """What of a result differs."""

    OUTCOME = "outcome"
    STATUS = "status"
    SENSE = "sense"
    DATA = "data"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Difference:
    """One result that is not as recorded; `event` counts the lines of the tape behind the header, from 1 on."""

    event: int
    what: str
    part: Part
    recorded: str
    found: str

    def __str__(self) -> str:
        return f"event {self.event}, {self.what}: {self.part.value} {self.recorded}, now {self.found}"


@dataclass(slots=True)
class Replayed:
    """What a replay came to: commands, host writes, blocks that were looked at. `passed_over` counts what was not
    compared, by name; `lost` says why it ended early."""

    commands: int = 0
    writes: int = 0
    looked: int = 0
    differences: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    lost: str = ""


@contextmanager
def ready(recorded: Recorded, spec: TargetSpec) -> Iterator[Bench]:
    """Bring a target up for a tape, with its seed; raises UsageError before anything of it is sent when it does not
    fit."""
    if missing := {unit.role for unit in recorded.header.units} - spec.luns.keys():
        raise UsageError(f"{recorded.name} has a {min(missing)} unit, target {spec.name} has none: choose another")
    if not recorded.events:
        raise UsageError(f"{recorded.name} holds no event, so there is nothing to compare: record a run")
    if spec.pairs is None and any(isinstance(event, Waited) for event in recorded.events):
        raise UsageError(f"{recorded.name} has pairs, target {spec.name} declares none: choose another")
    _check_ranges(recorded)
    _check_sizes(recorded, spec.transport)

    def fitting(lun: Lun, transport: Transport) -> Transport:
        if any(unit.role == lun.role.value for unit in recorded.header.units):
            _fit(recorded.unit(lun.role.value), lun, recorded.name)
        return transport

    with opened(spec, recorded.header.seed, fitting) as bench:
        _check_reached(recorded, bench)
        yield bench


def _check_ranges(recorded: Recorded) -> None:
    for line, event in enumerate(recorded.events, start=2):
        if isinstance(event, Written) and len(event.octets) != event.count * recorded.unit(event.role).block_size:
            short = f"{len(event.octets)} bytes are not {event.count} blocks of the {event.role} unit"
            raise UsageError(f"{recorded.name}: line {line}: {short}: record the tape anew")
        if isinstance(event, Stamped | Written | Looked) and event.lba + event.count > recorded.unit(event.role).blocks:
            what = "a look at" if isinstance(event, Looked) else "a host write of"
            past = f"{event.count} blocks from LBA {event.lba} of the {event.role} unit"
            raise UsageError(f"{recorded.name}: line {line}: {what} {past}, which its header says is smaller")


def _check_sizes(recorded: Recorded, way: Way) -> None:
    for line, event in enumerate(recorded.events, start=2):
        try:
            if isinstance(event, Sent):
                check_size(way, event.command)
        except ValueError as problem:
            raise UsageError(f"{recorded.name}: line {line}: {problem}: choose another --transport") from None


def _fit(unit: TapeUnit, lun: Lun, name: str) -> None:
    device = lun.device
    if device.block_size != unit.block_size or device.blocks < unit.blocks:
        here = f"{device.blocks} blocks of {device.block_size} bytes"
        needed = f"{unit.blocks} of {unit.block_size}"
        raise UsageError(f"{name}: its {unit.role} unit has {needed}, {device.label} has {here}: choose a larger one")
    if NUMBERS[lun.role] != unit.number:
        raise UsageError(f"{name}: its stamps know the {unit.role} unit by another number: record the tape anew")
    if len(device.naa) != len(unit.naa):
        raise UsageError(
            f"{name}: its {unit.role} unit has a NAA of {len(unit.naa) // 2} bytes, {device.label} one of "
            f"{len(device.naa) // 2}, so no list can name it in the other's place: choose another unit"
        )


def _check_reached(recorded: Recorded, bench: Bench) -> None:
    for role in {role for event in recorded.events for role in roles_of(event)}:
        if Role(role) not in bench.units:
            raise UsageError(f"{recorded.name} has commands to the {role} unit, which no node here leads to")


def names(recorded: Recorded, bench: Bench) -> Names:
    """Return the target's designators by the recorded ones, role by role."""
    pairs = {unit.naa: bench.live.lun(Role(unit.role)).device.naa for unit in recorded.header.units}
    return Names({bytes.fromhex(old): bytes.fromhex(new) for old, new in pairs.items() if old})


def replay(recorded: Recorded, bench: Bench, done: Replayed) -> Iterator[Difference]:
    """Play a tape and yield each difference as it shows; `done` is kept up to date.

    Raises SafetyRefusal for a command that may not be sent to this target; a lost target ends the replay.
    """
    mapped, pairs = names(recorded, bench), ReplayedPairs(bench, recorded)
    try:
        for number, event in enumerate(recorded.events, start=1):
            yield from _counted(_played(number, event, bench, mapped, pairs, done), done)
    except TargetLost as problem:
        done.lost = str(problem)
    finally:
        if not done.lost:
            pairs.clear()


def _played(
    number: int, event: Event, bench: Bench, mapped: Names, pairs: ReplayedPairs, done: Replayed
) -> Iterator[Difference]:
    match event:
        case Sent():
            pairs.note(event)
            yield from _sent(number, event, bench, mapped, done)
        case Looked():
            yield from _looked(number, event, bench)
            done.looked += event.count
        case Waited():
            if left := pairs.wait(event):
                yield Difference(number, str(event), Part.OUTCOME, "nothing under way", left)
        case Stamped():
            bench.put(Role(event.role), event.lba, event.count, event.generation)
            done.writes += 1
        case Written():
            bench.write(Role(event.role), event.lba, _blocks(event))
            done.writes += 1


def _blocks(event: Written) -> U8:
    return np.frombuffer(event.octets, np.uint8).reshape(event.count, -1)


def _counted(found: Iterator[Difference], done: Replayed) -> Iterator[Difference]:
    for difference in found:
        done.differences += 1
        yield difference


def _looked(number: int, event: Looked, bench: Bench) -> Iterator[Difference]:
    """Read blocks that were judged, and compare them with what was due on the tape. Labels are not on it."""
    role = Role(event.role)
    held = tuple(way for content in event.contents for way in held_of(event.lba, content, Label.UNKNOWN))
    bench.model.splice(bench.unit(role).number, [Piece(event.lba, event.lba + event.count, held)])
    found = bench.check(role, event.lba, event.count)
    if found.wrong:
        due = " or ".join(content.told(NAMES, event.count) for content in event.contents)
        yield Difference(
            number,
            str(event),
            Part.BLOCKS,
            due,
            f"{'; '.join(found.examples())} ({sum(found.wrong.values())} wrong in all)",
        )


def _sent(number: int, event: Sent, bench: Bench, mapped: Names, done: Replayed) -> Iterator[Difference]:
    """Send one recorded command and compare; raises TargetLost where the tape did not lose its target too."""
    command = mapped.command(event.command)
    found: Result | DeviceError
    done.commands += 1
    try:
        found = bench.unit(Role(event.role)).transport.execute(command, event.timeout)
    except TargetLost as problem:
        if event.failure is None or event.failure.kind != "TargetLost":
            yield Difference(number, str(event), Part.OUTCOME, _outcome(event), f"TargetLost: {problem}")
        raise
    except DeviceError as problem:
        found = problem
    if isinstance(found, DeviceError) or event.failure:
        now = type(found).__name__ if isinstance(found, DeviceError) else found.status.name
        if now != _outcome(event):
            yield Difference(number, str(event), Part.OUTCOME, _outcome(event), now)
        return
    yield from _compared(number, event, found, mapped, done)


def _outcome(event: Sent) -> str:
    return event.failure.kind if event.failure else event.status


def _compared(number: int, event: Sent, found: Result, mapped: Names, done: Replayed) -> Iterator[Difference]:
    recorded, what = event.result, str(event)
    if _drained(event.command, recorded, found):
        done.passed_over["unit attentions to TEST UNIT READY"] += 1
        return
    if recorded.status is not found.status:
        yield Difference(number, what, Part.STATUS, _shown(recorded), _shown(found))
        return
    if not _alike(recorded.sense, found.sense):
        yield Difference(number, what, Part.SENSE, *_apart(recorded.sense, found.sense))
    if aside := volatile(event.command):
        done.passed_over[aside] += 1
    was, now = mapped.told(recorded.data), found.data
    if under_way(event.command, was, now):
        done.passed_over["pairs of which something is under way (PAIR QUERY)"] += 1
        return
    if lasting(event.command, was) != lasting(event.command, now):
        yield Difference(number, what, Part.DATA, *_around(was, now))


def _drained(command: Command, recorded: Result, found: Result) -> bool:
    """Whether a unit attention is all: it is reported once, and the replay's own beginning takes it away."""
    return command.opcode == Opcode.TEST_UNIT_READY and (recorded.unit_attention or found.unit_attention)


def _alike(recorded: Sense | None, found: Sense | None) -> bool:
    """Whether sense data are the same as far as both came: some transports cut them."""
    if recorded is None or found is None:
        return recorded is found
    room = min(len(recorded.raw), len(found.raw))
    return str(recorded) == str(found) and recorded.raw[:room] == found.raw[:room]


def _apart(recorded: Sense | None, found: Sense | None) -> tuple[str, str]:
    """The codes where these differ, else the bytes."""
    if recorded is None or found is None or str(recorded) != str(found):
        return str(recorded or "none"), str(found or "none")
    return recorded.raw.hex(), found.raw.hex()


def _shown(result: Result) -> str:
    return f"{result.status.name} {result.sense}" if result.sense else result.status.name


def _around(was: bytes, now: bytes) -> tuple[str, str]:
    """Show two differing answers from the first byte that differs on."""
    if len(was) != len(now):
        return f"{len(was)} bytes", f"{len(now)} bytes"
    at = next((at for at, (a, b) in enumerate(zip(was, now, strict=True)) if a != b), 0)
    return f"from byte {at}: {was[at : at + SHOWN].hex()}", now[at : at + SHOWN].hex()
