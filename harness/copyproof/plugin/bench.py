"""The bench of a session: a target that is up, its units behind the safety check, the model, the stamps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from copyproof.blocks.arrays import U8
from copyproof.blocks.findings import Findings
from copyproof.blocks.origin import GENERATIONS
from copyproof.blocks.stamp import Stamper
from copyproof.errors import UsageError
from copyproof.model.controller import ReferenceModel
from copyproof.model.known import Fault, KnownTarget
from copyproof.model.prediction import HostWrite, Prediction
from copyproof.plugin.order import Span
from copyproof.scsi.command import Command
from copyproof.targets.capabilities import Capabilities
from copyproof.targets.known import NUMBERS as NUMBERS
from copyproof.targets.known import known_target, known_unit
from copyproof.targets.live import LiveTarget, Lun, Role
from copyproof.targets.spec import LabelProbe, OverlapKind, TargetSpec
from copyproof.transport.base import Transport
from copyproof.transport.counting import Tally
from copyproof.transport.inband import InBandLabels
from copyproof.transport.tape import Looked, Stamped, Waited, Written, looked
from copyproof.verdicts.profile import Profile
from copyproof.verify.check import Checker
from copyproof.verify.labels import LabelStore, Sidecar
from copyproof.verify.pipeline import Advance, drawn, unseen, verify
from copyproof.verify.volume import Volume

if TYPE_CHECKING:
    from copyproof.plugin.pairing import PairBench

NAMES: Mapping[int, str] = {number: role.value for role, number in NUMBERS.items()}
ROLES: Mapping[int, Role] = {number: role for role, number in NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Unit:
    """One logical unit as a test drives it. `volume` is None where no block node of this host shows it."""

    number: int
    lun: Lun
    transport: Transport
    volume: Volume | None

    @property
    def blocks(self) -> int:
        """Its capacity in blocks."""
        return self.lun.device.blocks


def _unheard(event: Stamped | Written | Looked | Waited) -> None:
    del event


@dataclass(slots=True)
class Bench:
    """What all tests of a session share. `broken` says why nothing more may be sent, empty while all is well; `faults`
    are blocks that a test has made unreadable for now.

    `heard` is told of each host write, of all blocks that are looked at, and of time let pass for pairs. `sampling` is
    how many random blocks of each unit are looked at after each test, `sampled` how many that were; `tally` counts what
    commands carry. `pairs` is None where the target declares none.
    """

    live: LiveTarget
    units: Mapping[Role, Unit]
    capabilities: Capabilities
    profile: Profile
    stamper: Stamper
    model: ReferenceModel
    checker: Checker
    seed: int
    strict: bool = False
    broken: str = ""
    generation: int = 0
    faults: list[Fault] = field(default_factory=list)
    pairs: PairBench | None = None
    sampling: int = 0
    sampled: int = 0
    tally: Tally = field(default_factory=Tally)
    heard: Callable[[Stamped | Written | Looked | Waited], None] = _unheard
    _next: dict[Role, int] = field(default_factory=dict)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    @property
    def spec(self) -> TargetSpec:
        """The target file."""
        return self.live.spec

    @property
    def version(self) -> str:
        """The version that profiles speak of: the target file's, else this kernel where it is the target, else the
        product revision."""
        return self.spec.version or self.live.facts.get("kernel", "") or self.capabilities.inquiry.revision

    @property
    def known(self) -> KnownTarget:
        """What the model may know of the target when it predicts a command."""
        devices = {role: lun.device for role, lun in self.live.luns.items()}
        units = (known_unit(role, d.naa, d.blocks, d.block_size, d.protection) for role, d in devices.items())
        return known_target(units, self.capabilities.parameters, self.capabilities.has, self.faults)

    def unit(self, role: Role) -> Unit:
        """Return a unit; raises UsageError when this target has none in that role."""
        if role not in self.units:
            raise UsageError(f"target {self.spec.name} has no {role.value} unit")
        return self.units[role]

    def lease(self, role: Role, blocks: int, margin: int, at: int | None = None, beside: Sequence[Span] = ()) -> Span:
        """Give out a stamped span with margins that meets none `beside` it; places go round, `at` fixes the first
        block.

        Raises UsageError when the unit is too small.
        """
        lba = self._place(role, blocks, margin, beside) if at is None else at
        span = Span(role, lba, blocks, margin)
        self.stamp(role, *self.around(span))
        return span

    def around(self, span: Span) -> tuple[int, int]:
        """Return first LBA and count of a span with its margins, cut to the unit."""
        first = max(0, span.lba - span.margin)
        return first, min(self.unit(span.role).blocks, span.end + span.margin) - first

    def stamp(self, role: Role, lba: int, count: int, advance: Advance = unseen) -> None:
        """Write blocks that say who they are, with a new generation; raises as `put` does."""
        self.put(role, lba, count, self.generation + 1, advance)

    def put(self, role: Role, lba: int, count: int, generation: int, advance: Advance = unseen) -> None:
        """Write the blocks of a generation, as a tape has it; raises UsageError, SafetyRefusal or DeviceError.

        `advance` is told how many more blocks were written.
        """
        unit = self.unit(role)
        if unit.volume is None:
            raise UsageError(f"the {role.value} unit has no block node on this host")
        self.generation = max(self.generation, generation)
        for first, many in unit.volume.pieces(lba, count):
            unit.volume.write(first, self.stamper.make(unit.number, first, many, generation))
            advance(many)
        self.model.write(unit.number, lba, count, generation)
        self.heard(Stamped(role=role.value, lba=lba, count=count, generation=generation))

    def write(self, role: Role, lba: int, data: U8) -> None:
        """Write blocks that do not say who they are, shape (n, block size): the model knows nothing of them. Raises as
        `put` does."""
        unit = self.unit(role)
        if unit.volume is None:
            raise UsageError(f"the {role.value} unit has no block node on this host")
        unit.volume.write(lba, data)
        self.model.forget(unit.number, lba, len(data))
        self.heard(Written(role=role.value, lba=lba, count=len(data), data=data.tobytes().hex()))

    def generation_of(self, command: Command, prediction: Prediction) -> int | None:
        """Return the generation whose stamps a command writes where they belong; None where it writes other bytes."""
        written = [step for branch in prediction.branches for step in branch.done if isinstance(step, HostWrite)]
        if len(written) != 1 or len(command.data_out) != written[0].blocks * self.stamper.block_size:
            return None
        (step,) = written
        data = np.frombuffer(command.data_out, np.uint8).reshape(step.blocks, self.stamper.block_size)
        generation = int(self.stamper.read(data[:1]).origins.generations[0])
        if generation >= GENERATIONS or not self.stamper.compare(data, step.volume, step.lba, generation).all():
            return None
        self.generation = max(self.generation, generation)
        return generation

    def mark_bystander(self) -> None:
        """Stamp the bystander whole, where there is one, so that no block of it can change unseen; raises as `put`
        does."""
        if Role.BYSTANDER in self.units:
            self.stamp(Role.BYSTANDER, 0, self.unit(Role.BYSTANDER).blocks)

    def labels(self, role: Role) -> LabelStore:
        """Return a way to see and to change a unit's labels; raises UsageError when there is none (see
        Capability.SIDECAR)."""
        store = label_store(self.unit(role), self.spec)
        if store is None:
            raise UsageError(f"the labels of the {role.value} unit are not seen: the test must need Capability.SIDECAR")
        return store

    def check(self, role: Role, lba: int, count: int) -> Findings:
        """Read blocks back and compare them with the model."""
        for extent in self.model.slice(self.unit(role).number, lba, count):
            if extent.origins:
                self.heard(looked(role.value, extent.lba, extent.count, extent.origins))
        return self.checker.check(self.unit(role).number, lba, count)

    def sample(self) -> Findings:
        """Check some random blocks of each unit of those that the model knows; draws are repeated by the seed."""
        total = Findings()
        for unit in (unit for unit in self.units.values() if self.sampling and self.readable(unit)):
            ranges = drawn(self.checker.known(unit.number), self.sampling, self._random)
            total += verify(self.checker, unit.number, ranges).findings
        self.sampled += total.checked
        return total

    def readable(self, unit: Unit) -> bool:
        """Whether a unit can be read now; of the volumes of pairs not each can, in every state."""
        paired = self.pairs is not None and unit.lun.role in self.pairs.roles
        return self.pairs.readable(unit.lun.role) if self.pairs and paired else unit.volume is not None

    def _place(self, role: Role, blocks: int, margin: int, beside: Sequence[Span]) -> int:
        """Go through a unit from a place of its own, so that a copy goes to another LBA than it came from."""
        room, whole = self.unit(role).blocks, blocks + 2 * margin
        start = self._next.get(role, (NUMBERS[role] * 7919 + self.seed % 1009) % max(1, room // 4))
        ends = sorted(span.end + span.margin for span in beside if span.role is role)
        for first in (start, 0, *ends):
            meets = any(span.lba - span.margin < first + whole for span in beside if _reaches(span, role, first))
            if first + whole <= room and not meets:
                self._next[role] = first + whole
                return first + margin
        raise UsageError(f"the {role.value} unit has {room} blocks, which is too small for another span of {whole}")


def _reaches(span: Span, role: Role, lba: int) -> bool:
    return span.role is role and span.end + span.margin > lba


def overlap_chunk(spec: TargetSpec, block_size: int) -> int:
    """Return the chunk of the declared overlap rule in blocks; 0 stands for memmove."""
    if spec.overlap.rule is OverlapKind.MEMMOVE:
        return 0
    return spec.overlap.chunk // block_size


def label_store(unit: Unit, spec: TargetSpec) -> LabelStore | None:
    """Return a way to a unit's labels: past the target where there is one, else in band; None where nothing shows
    them."""
    if LabelProbe.SIDECAR in spec.labels.probes and unit.lun.sidecar:
        return Sidecar(unit.lun.sidecar)
    if LabelProbe.RDPROTECT in spec.labels.probes and unit.lun.device.protection:
        return InBandLabels(unit.transport, unit.lun.device.block_size)
    return None
