"""Play operations on a target and the model at once, and compare after each.

An example begins with nothing that may be relied on: the blocks that an operation touches, and the margins around
them, are stamped when an operation of this example first needs them. So examples do not depend on one another, and an
example costs what it touches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from copyproof import process
from copyproof.blocks.findings import Findings
from copyproof.errors import DeviceError, TransportError, UsageError
from copyproof.fuzz.events import Difference, Event, Ordered, Stamped, WasReset
from copyproof.fuzz.ground import Ground
from copyproof.fuzz.operations import Operation, Range, merged
from copyproof.fuzz.pair_operations import Order
from copyproof.fuzz.pair_stage import Barred, PairStage
from copyproof.model.known import KnownTarget
from copyproof.model.predict import predict
from copyproof.model.prediction import Prediction
from copyproof.model.rangemap import RangeMap
from copyproof.model.settle import settle
from copyproof.plugin.bench import ROLES, Bench, Unit
from copyproof.plugin.pairing import Couple
from copyproof.scsi.cdb import opcode_name, read16
from copyproof.scsi.command import Command, Result
from copyproof.scsi.outcome import Outcome
from copyproof.targets.live import Role
from copyproof.transport.base import drain

#: Blocks on each side of what an operation touches, which it must leave alone.
MARGIN = 16
#: Seconds for a reset, and for draining the unit attentions after it.
PATIENCE = 120.0


@dataclass(slots=True)
class Player:
    """What plays. `log` is what was done in the present example, `touched` what it may rely on, by volume; `stage` has
    the volumes of pairs, where the target has any."""

    bench: Bench
    ground: Ground
    run: process.Runner = process.run
    log: list[Event] = field(default_factory=list)
    touched: dict[int, RangeMap[bool]] = field(default_factory=dict)
    checked: int = 0
    stage: PairStage | None = None
    _spoilt: bool = False

    def __post_init__(self) -> None:
        if self.ground.pairs and self.bench.pairs:
            self.stage = PairStage(self.bench, self.bench.pairs, self.ground.pairs)

    def begin(self, operations: Sequence[Operation] = ()) -> None:
        """Begin an example: nothing is known, and the bystander is as it should be; raises DeviceError.

        Of the volumes of pairs the blocks of all `operations` are stamped now: later it would change their course.
        """
        self.log = []
        if self._spoilt:
            for part in self._bystander():
                self.bench.stamp(Role.BYSTANDER, part.lba, part.blocks)
        self._spoilt = False
        self.touched = {volume: RangeMap(blocks, False) for volume, blocks in self.ground.volumes}
        if self.stage:
            self.stage.begin(operations, self.ground, self.log)

    def end(self) -> None:
        """Leave nothing paired behind; raises DeviceError."""
        if self.stage:
            self.stage.end()

    def play(self, operation: Operation) -> Outcome:
        """Carry out one operation, tell the model, compare; return how it ended.

        Raises Difference, and DeviceError where the target or the way to it failed.
        """
        own = (part for part in operation.ranges(self.ground) if part.volume in self.touched)
        around = [self._around(part) for part in own]
        for part in around:
            self._prepare(part)
        self.bench.checker.remember()
        seen = operation.act(self)
        looks = self.stage.looks(operation, self.ground) if self.stage else ()
        self._compare([*around, *looks], str(operation))
        return seen

    @property
    def met(self) -> Counter[str]:
        """What the last operation met of pairs, for the mix; asked for once."""
        if self.stage is None:
            return Counter()
        found, self.stage.counted = self.stage.counted, Counter()
        return found

    def finish(self) -> None:
        """End an example: what is under way of pairs comes to its end, everything that was touched is looked at once
        more, and the bystander; raises Difference."""
        if self.stage:
            self.bench.checker.remember()
            self.stage.close()
        self._compare(list(self.known()), "after the last operation")

    def known(self) -> Iterator[Range]:
        """Yield what this example has touched."""
        for volume, touched in self.touched.items():
            for piece in touched.pieces(0, touched.blocks):
                if piece.value:
                    yield Range(volume, piece.lba, piece.end - piece.lba)
        if self.stage:
            yield from self.stage.known()

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
        return Outcome.of(self._sent(volume, command, excuse))

    def read(self, at: Range) -> Outcome:
        """Read blocks by a command, and judge its outcome and the blocks; raises as `send`."""
        size = self.bench.stamper.block_size
        result = self._sent(at.volume, read16(at.lba, at.blocks, size))
        if result.good:
            data = np.frombuffer(result.data, np.uint8).reshape(-1, size)
            self._judge(self.bench.checker.judge(at.volume, at.lba, data), f"read {at}")
        return Outcome.of(result)

    def order(self, order: Order) -> None:
        """Order something of a pair; raises Difference."""
        self._paired.order(order)

    def idle(self, ticks: int) -> None:
        """Let time pass; raises Difference."""
        self._paired.idle(ticks)

    def await_end(self, couple: Couple) -> None:
        """Wait until nothing is under way of a pair; raises Difference."""
        self._paired.await_end(couple)

    @property
    def _paired(self) -> PairStage:
        if self.stage is None:
            raise UsageError(f"target {self.bench.spec.name} has no pairs")
        return self.stage

    def _sent(self, volume: int, command: Command, excuse: str = "") -> Result:
        prediction = predict(command, volume, self._known())
        barred = self.stage.barred(prediction, command, volume) if self.stage else None
        transport = self._unit(volume).transport
        try:
            result = transport.execute(command, self.bench.spec.command_timeout)
        except TransportError:
            settle(self.bench.model, prediction, None)
            raise
        _need_executed(result, transport.name)
        self.bench.generation += 1
        if barred:
            self.log.append(Ordered(volume, command, barred.outcomes, result, refused=True))
            _need_refused(barred, command, result)
        else:
            self.log.append(Ordered(volume, command, self._allowed(prediction, excuse), result))
            if not self._settle(prediction, result, excuse):
                due = " or ".join(map(str, prediction.outcomes))
                ended = f"{opcode_name(command.cdb)} ended in {Outcome.of(result)}"
                raise Difference(f"{ended} instead of {due} ({prediction.rule})")
        if self.stage:
            self.stage.sync()
        return result

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
        self._judge(Findings.total(self._look(part) for part in [*merged(ranges), *self._bystander()]), when)

    def _judge(self, findings: Findings, when: str) -> None:
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


def told(findings: Findings) -> str:
    """Say in one line what is wrong: the first range of each kind, and how many blocks and labels in all."""
    total = sum(findings.wrong.values())
    return f"{'; '.join(findings.examples())} ({total} wrong in all)"


def _need_refused(barred: Barred, command: Command, result: Result) -> None:
    seen = Outcome.of(result)
    if not barred.allows(seen):
        due = " or ".join(map(str, barred.outcomes)) or "a refusal"
        raise Difference(f"{opcode_name(command.cdb)} ended in {seen} instead of {due} ({barred.rule})")


def _need_executed(result: Result, name: str) -> None:
    if result.unit_attention:
        raise DeviceError(f"{name}: a unit attention in mid-sequence, {result.sense}: the command was not executed")
    if not result.executed:
        raise DeviceError(f"{name}: {result.status.name}: the command was not executed")
