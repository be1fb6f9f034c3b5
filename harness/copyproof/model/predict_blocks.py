"""Predict the commands that a host reads and writes blocks with (SBC-3 clause 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from copyproof.model.held import Label
from copyproof.model.known import Access, KnownTarget, KnownUnit
from copyproof.model.prediction import Branch, Forgetting, HostWrite, Prediction, Step, Zeroing
from copyproof.scsi.cdb import Opcode
from copyproof.scsi.command import Command, Status
from copyproof.scsi.layout import number
from copyproof.scsi.outcome import Outcome

_GOOD = Outcome(Status.GOOD)
UNMAP, WRITE_SAME_10, WRITE_SAME_16 = 0x42, 0x41, 0x93
#: Bytes of the header of an UNMAP parameter list, and of a block descriptor (SBC-3 5.28.2).
_UNMAP_HEADER, _UNMAP_DESCRIPTOR = 8, 16
_NOT_THIN = Branch((Outcome.parse("05/20/00"),), "SBC-3 4.7.3: UNMAP is for thin units")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the bytes of a CDB say which blocks are meant: offset and width of LBA and count."""

    lba: tuple[int, int]
    blocks: tuple[int, int]

    def of(self, cdb: bytes) -> tuple[int, int]:
        return number(cdb, *self.lba), number(cdb, *self.blocks)


_TEN, _SIXTEEN = _Place((2, 4), (7, 2)), _Place((2, 8), (10, 4))
_Effect = Callable[[Command, KnownUnit, int, int], tuple[Step, ...]]
Predictor = Callable[[Command, KnownUnit, KnownTarget], Prediction]


def _refusal(outcome: str, rule: str) -> Prediction:
    return Prediction((Branch((Outcome.parse(outcome),), rule),))


def _written(_: Command, unit: KnownUnit, lba: int, blocks: int) -> tuple[Step, ...]:
    return (HostWrite(unit.volume, lba, blocks),) if blocks else ()


def _same(command: Command, unit: KnownUnit, lba: int, blocks: int) -> tuple[Step, ...]:
    """WRITE SAME, with a count of 0 to the end: zeros where the block is of zeros or there is none (NDOB), unless the
    blocks may be unmapped and then read as anything. Whether they are is the unit's choice, and so is the label."""
    count = blocks or unit.blocks - lba
    may_unmap = bool(command.cdb[1] & 0x08)
    if any(command.data_out) or (may_unmap and not unit.zeroed):
        return (Forgetting(unit.volume, lba, count),)
    return (Zeroing(unit.volume, lba, count, Label.UNKNOWN if may_unmap else Label.OWN),)


def _nothing(_: Command, __: KnownUnit, ___: int, ____: int) -> tuple[Step, ...]:
    return ()


def _transfer(place: _Place, effect: _Effect, *, writing: bool = True) -> Predictor:
    """Make the predictor of a command that moves blocks between the host and one place of the unit."""

    def predicted(command: Command, unit: KnownUnit, target: KnownTarget) -> Prediction:
        lba, blocks = place.of(command.cdb)
        if not 0 <= lba <= unit.blocks - blocks:
            return _refusal("05/21/00", f"SBC-3 5.3: blocks {lba} to {lba + blocks}, the unit has {unit.blocks}")
        if writing and unit.access is Access.READ_ONLY:
            return _refusal("07/27/00", "SBC-3 4.12: the unit is write protected")
        if not unit.protection and command.cdb[1] >> 5:
            return _refusal("05/24/00", "SBC-3 5.11: protection information is asked for, the unit has none")
        faults = () if writing else tuple(_faults(unit, lba, blocks, target))
        return Prediction(faults or (Branch((_GOOD,), "SBC-3 5", effect(command, unit, lba, blocks)),))

    return predicted


def _faults(unit: KnownUnit, lba: int, blocks: int, target: KnownTarget) -> Iterator[Branch]:
    for fault in target.faults:
        if fault.reached(unit.volume, lba, blocks) is not None:
            yield Branch((Outcome.parse(fault.sense),), f"SBC-3 4.18: block {fault.lba} cannot be read")


def _unmap(command: Command, unit: KnownUnit, _: KnownTarget) -> Prediction:
    """UNMAP (SBC-3 5.28): each descriptor; where the unit does not say that zeros are read, nobody knows the blocks."""
    if 0 < len(command.data_out) < _UNMAP_HEADER:
        short = Branch((Outcome.parse("05/1A/00"),), "SBC-3 5.28.2: the parameter list is shorter than its header")
        return Prediction((short, _NOT_THIN))
    pieces = tuple(_pieces(command.data_out))
    if any(lba + blocks > unit.blocks for lba, blocks in pieces):
        return _refusal("05/21/00", "SBC-3 5.28: an UNMAP block descriptor leaves the unit")
    if unit.access is Access.READ_ONLY:
        return _refusal("07/27/00", "SBC-3 4.12: the unit is write protected")
    return Prediction((_unmapped(unit, pieces), _NOT_THIN))


def _pieces(raw: bytes) -> Iterator[tuple[int, int]]:
    """Yield LBA and count of each whole UNMAP block descriptor; one that is cut off is ignored (SBC-3 5.28.2)."""
    end = _UNMAP_HEADER + number(raw, 2, 2) if raw else 0
    for at in range(_UNMAP_HEADER, min(end, len(raw)) - _UNMAP_DESCRIPTOR + 1, _UNMAP_DESCRIPTOR):
        yield number(raw, at, 8), number(raw, at + 8, 4)


def _unmapped(unit: KnownUnit, pieces: Iterable[tuple[int, int]]) -> Branch:
    """Zeros in whole granules, where unmapped blocks read zeros; what fills none may have stayed mapped (SBC-3
    4.7.3.2)."""
    rule, named = "SBC-3 5.28: the blocks are unmapped", [(lba, blocks) for lba, blocks in pieces if blocks]
    if not unit.zeroed:
        return Branch((_GOOD,), rule, tuple(Forgetting(unit.volume, *piece) for piece in named))
    sure: list[Step] = []
    open_: list[Step] = []
    for lba, blocks in named:
        first, many = unit.granules(lba, blocks)
        begin, end = (first, first + many) if many else (lba, lba)
        sure += _zeroing(unit, begin, end)
        open_ += [*_zeroing(unit, lba, begin), *_zeroing(unit, end, lba + blocks)]
    return Branch((_GOOD,), rule, tuple(sure), perhaps=tuple(open_))


def _zeroing(unit: KnownUnit, first: int, end: int) -> Iterator[Zeroing]:
    if first < end:
        yield Zeroing(unit.volume, first, end - first, Label.ESCAPE)


#: By operation code.
BLOCK_COMMANDS: Mapping[int, Predictor] = {
    Opcode.READ_10: _transfer(_TEN, _nothing, writing=False),
    Opcode.READ_16: _transfer(_SIXTEEN, _nothing, writing=False),
    Opcode.WRITE_10: _transfer(_TEN, _written),
    Opcode.WRITE_16: _transfer(_SIXTEEN, _written),
    WRITE_SAME_10: _transfer(_TEN, _same),
    WRITE_SAME_16: _transfer(_SIXTEEN, _same),
    UNMAP: _unmap,
}
