"""Play operations on a target and the model at once, and compare after each.

An example begins with nothing that may be relied on: the blocks that an operation touches, and the margins around
them, are stamped when an operation of this example first needs them. So examples do not depend on one another, and an
example costs what it touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from copyproof import process
from copyproof.blocks.findings import Findings
from copyproof.errors import DeviceError, TransportError
from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import Operation, Range
from copyproof.model.known import KnownTarget
from copyproof.model.predict import predict
from copyproof.model.prediction import Prediction
from copyproof.model.rangemap import RangeMap
from copyproof.model.settle import settle
from copyproof.plugin.bench import ROLES, Bench, Unit
from copyproof.scsi.cdb import opcode_name
from copyproof.scsi.command import Command, Result
from copyproof.scsi.outcome import Outcome
from copyproof.targets.live import Role
from copyproof.transport.base import drain

#: Blocks on each side of what an operation touches, which it must leave alone.
MARGIN = 16
#: Seconds for a reset, and for draining the unit attentions after it.
PATIENCE = 120.0


class Difference(Exception):
    """The target did what the model does not allow; the text is the diagnosis, `findings` the wrong blocks."""

    def __init__(self, diagnosis: str, findings: Findings | None = None) -> None:
        super().__init__(diagnosis)
        self.findings = findings or Findings()


@dataclass(frozen=True, slots=True)
class Stamped:
    """The host wrote stamped blocks."""

    at: Range
    generation: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """A command went to the unit of a volume; `allowed` says how it may end, empty for any way."""

    volume: int
    command: Command
    allowed: tuple[Outcome, ...]
    result: Result


@dataclass(frozen=True, slots=True)
class WasReset:
    """The unit of a volume was reset."""

    volume: int


Event: TypeAlias = Stamped | Ordered | WasReset


@dataclass(slots=True)
class Player:
    """What plays. `log` is what was done in the present example, `touched` what it may rely on, by volume."""

    bench: Bench
    ground: Ground
    run: process.Runner = process.run
    log: list[Event] = field(default_factory=list)
    touched: dict[int, RangeMap[bool]] = field(default_factory=dict)
    checked: int = 0
    _spoilt: bool = False

    def begin(self) -> None:
        """Begin an example: nothing is known, and the bystander is as it should be; raises DeviceError."""
        self.log = []
        if self._spoilt:
            for part in self._bystander():
                self.bench.stamp(Role.BYSTANDER, part.lba, part.blocks)
        self._spoilt = False
        self.touched = {volume: RangeMap(blocks, False) for volume, blocks in self.ground.volumes}

    def play(self, operation: Operation) -> Outcome:
        """Carry out one operation, tell the model, compare; return how it ended.

        Raises Difference, and DeviceError where the target or the way to it failed.
        """
        around = [self._around(part) for part in operation.ranges(self.ground)]
        for part in around:
            self._prepare(part)
        self.bench.checker.remember()
        seen = operation.act(self)
        self._compare(around, str(operation))
        return seen

    def finish(self) -> None:
        """End an example: everything that it touched is looked at once more, and the bystander; raises Difference."""
        self._compare(list(self.known()), "after the last operation")

    def known(self) -> Iterator[Range]:
        """Yield what this example has touched."""
        for volume, touched in self.touched.items():
            for piece in touched.pieces(0, touched.blocks):
                if piece.value:
                    yield Range(volume, piece.lba, piece.end - piece.lba)

    def whole(self) -> Findings:
        """Compare every block of the units that the model knows: what the run wrote at any time, and the bystander."""
        ranges = [
            Range(volume, extent.lba, extent.count)
            for volume, blocks in self.ground.volumes
            for extent in self.bench.model.slice(volume, 0, blocks)
            if extent.origins
        ]
        return Findings.total(self._look(part) for part in [*ranges, *self._bystander()])

    def _around(self, part: Range) -> Range:
        first = max(0, part.lba - MARGIN)
        end = min(self.ground.blocks(part.volume), part.lba + part.blocks + MARGIN)
        return Range(part.volume, first, end - first)

    def _prepare(self, part: Range) -> None:
        """Stamp what this example has not touched yet."""
        touched = self.touched[part.volume]
        for lba, end, known in touched.pieces(part.lba, part.blocks):
            if not known:
                self.stamp(Range(part.volume, lba, end - lba))
        touched.put(part.lba, part.blocks, True)

    def stamp(self, at: Range) -> None:
        """Let the host write stamped blocks through the block node, and tell the model."""
        self.bench.stamp(ROLES[at.volume], at.lba, at.blocks)
        self.log.append(Stamped(at, self.bench.generation))

    def send(self, volume: int, command: Command, excuse: str = "") -> Outcome:
        """Send a command to a volume's unit, and tell the model how it ended.

        Raises Difference for an outcome that neither the model allows nor the profile for the requirement `excuse`,
        DeviceError where the command was not executed or no answer came.
        """
        prediction = predict(command, volume, self._known())
        transport = self._unit(volume).transport
        try:
            result = transport.execute(command, self.bench.spec.command_timeout)
        except TransportError:
            settle(self.bench.model, prediction, None)
            raise
        _need_executed(result, transport.name)
        seen = Outcome.of(result)
        self.log.append(Ordered(volume, command, self._allowed(prediction, excuse), result))
        self.bench.generation += 1
        if not self._settle(prediction, result, excuse):
            due = " or ".join(map(str, prediction.outcomes))
            raise Difference(f"{opcode_name(command.cdb)} ended in {seen} instead of {due} ({prediction.rule})")
        return seen

    def reset(self, volume: int) -> None:
        """Reset one unit, and nothing wider where that fails: the whole bus belongs to others too."""
        lun = self._unit(volume).lun
        if lun.path:
            lun.path.reset()
        else:
            self._reset_node(lun.device.sg[0])
        self.log.append(WasReset(volume))
        for unit in self.bench.units.values():
            drain(unit.transport, PATIENCE)

    def _reset_node(self, node: Path) -> None:
        done = self.run(["sg_reset", "--no-esc", "--device", str(node)], timeout=PATIENCE)
        if done.code:
            raise DeviceError(f"{node} cannot be reset: {done.error_text.strip()}")

    def _known(self) -> KnownTarget:
        known, ground = self.bench.known, self.ground
        units = (
            replace(unit, zeroed=ground.zeros, granule=ground.granule, granules_from=ground.granules_from)
            for unit in known.units
        )
        return replace(known, units=tuple(units))

    def _settle(self, prediction: Prediction, result: Result, excuse: str) -> bool:
        """Let the model do what came; a known deviation has the effect of the outcome that was due."""
        seen, due = Outcome.of(result), prediction.outcomes
        excused = prediction.branch(seen) is None and bool(due) and seen in self._excused(excuse)
        residual = result.sense.information if result.sense and not excused else None
        outcome = due[0] if excused else seen
        model, generation = self.bench.model, self.bench.generation
        return settle(model, prediction, outcome, generation=generation, residual=residual) is not None

    def _excused(self, name: str) -> tuple[Outcome, ...]:
        entry = self.bench.profile.entry(name, "", self.bench.version) if name else None
        return (Outcome.parse(entry.outcome),) if entry else ()

    def _allowed(self, prediction: Prediction, excuse: str) -> tuple[Outcome, ...]:
        return (*prediction.outcomes, *self._excused(excuse)) if prediction.outcomes else ()

    def _compare(self, ranges: list[Range], when: str) -> None:
        findings = Findings.total(self._look(part) for part in [*merged(ranges), *self._bystander()])
        if findings.wrong:
            self._spoilt = True
            raise Difference(f"{when}: {told(findings)}", findings)

    def _look(self, part: Range) -> Findings:
        found = self.bench.check(ROLES[part.volume], part.lba, part.blocks)
        self.checked += found.checked
        return found

    def _bystander(self) -> Iterator[Range]:
        unit = self.bench.units.get(Role.BYSTANDER)
        if unit and unit.volume:
            yield Range(unit.number, 0, unit.blocks)

    def _unit(self, volume: int) -> Unit:
        return self.bench.unit(ROLES[volume])


def merged(ranges: list[Range]) -> Iterator[Range]:
    """Yield the same blocks, each once, in order.

    >>> [tuple(part) for part in merged([Range(1, 8, 8), Range(1, 0, 9), Range(2, 0, 1)])]
    [(1, 0, 16), (2, 0, 1)]
    """
    last: Range | None = None
    for part in sorted(ranges):
        if last and last.volume == part.volume and part.lba <= last.lba + last.blocks:
            end = max(last.lba + last.blocks, part.lba + part.blocks)
            last = Range(last.volume, last.lba, end - last.lba)
            continue
        if last:
            yield last
        last = part
    if last:
        yield last


def told(findings: Findings) -> str:
    """Say in one line what is wrong: the first range of each kind, and how many blocks and labels in all."""
    total = sum(findings.wrong.values())
    return f"{'; '.join(findings.examples())} ({total} wrong in all)"


def _need_executed(result: Result, name: str) -> None:
    if result.unit_attention:
        raise DeviceError(f"{name}: a unit attention in mid-sequence, {result.sense}: the command was not executed")
    if not result.executed:
        raise DeviceError(f"{name}: {result.status.name}: the command was not executed")
