"""Read blocks back and hold them against the model: data, and labels where a probe sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import U8, U16, U64, Mask
from copyproof.blocks.diagnose import diagnose, diagnose_labels
from copyproof.blocks.expected import Expected
from copyproof.blocks.findings import Finding, Findings, Wrong
from copyproof.blocks.origin import Content, Origin, Zeros
from copyproof.blocks.stamp import Stamper
from copyproof.model.controller import ReferenceModel, Snapshot
from copyproof.model.extents import Extent
from copyproof.verify.apart import apart, gathered
from copyproof.verify.labels import LabelReader
from copyproof.verify.quick import Quick, sure
from copyproof.verify.volume import Range, Streamed, UnreadableBlocks, Volume, united


@dataclass(frozen=True, slots=True)
class Place:
    """How one volume's blocks, and perhaps its labels, are seen.

    `tag` is the application tag that all its labels must carry, 0 to FFFEh; None allows any but the escape.
    """

    volume: Volume
    labels: LabelReader | None = None
    tag: int | None = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a range held when it was frozen: bytes of shape (n, block_size) from `lba` on."""

    lba: int
    data: U8


# Nothing that a target can copy has this origin, so a changed block is told by what it holds.
_NEVER = Expected.run(Origin(0, 0, 0), 1)


class Checker:
    """Compares volumes with the model. `places` and `names` are keyed by volume number.

    `remember` notes what each block holds before a command, so that a block that was not written can be told from a
    block that was written wrongly.
    """

    def __init__(
        self,
        model: ReferenceModel,
        stamper: Stamper,
        names: Mapping[int, str],
        places: Mapping[int, Place],
    ) -> None:
        self._model, self._stamper, self._names, self._places = model, stamper, names, places
        self._quick = Quick(stamper)
        self._before: Snapshot = model.snapshot()
        self._frozen: dict[int, Frozen] = {}

    def freeze(self, number: int, lba: int, count: int) -> None:
        """Note what a range holds, at most one piece, that this host cannot stamp; from now on it must hold that.

        One range a volume: a later one takes its place.
        """
        self._frozen[number] = Frozen(lba, self._places[number].volume.read(lba, count))

    def remember(self) -> None:
        """Note what each block holds now, as what it held before the next command."""
        self._before = self._model.snapshot()

    def check(self, number: int, lba: int, count: int) -> Findings:
        """Check [lba, lba + count) of a volume; raises DeviceError when it cannot be read for another reason than its
        contents."""
        pieces = self._places[number].volume.pieces(lba, count)
        return Findings.total(self._piece(number, *piece) for piece in pieces)

    def judge(self, number: int, lba: int, data: U8) -> Findings:
        """Check blocks that were read at an LBA, shape (n, block_size), and their labels where a probe sees them.

        Where all are right this costs one comparison in bulk. `data` is not kept.
        """
        extents = self._model.slice(number, lba, len(data))
        labels = self._labels(number, lba, extents)
        seen = self._quick.right(extents, data, labels, self._places[number].tag)
        if seen is None:
            # A wrong block has no right label either, so what the block is comes first.
            seen = self._data(number, lba, data, extents) + self._label_findings(number, labels, extents)
        return seen + self._thawed(number, lba, data)

    def lost(self, number: int, problems: Sequence[UnreadableBlocks]) -> Findings:
        """Tell of blocks in a row that cannot be read, and check their labels.

        A problem of several blocks, some of which cannot be read, is UNSOUGHT, and not counted as checked: see `apart`
        for what tells them from each other.
        """
        first, last = problems[0], problems[-1]
        extents = self._model.slice(number, first.lba, last.lba + last.count - first.lba)
        # A wrong label tells why a block is unreadable; those of a row are told as one range.
        seen = self._label_findings(number, self._labels(number, first.lba, extents), extents)
        return seen + Findings.total(self._unreadable(number, problem) for problem in problems)

    def _unreadable(self, number: int, problem: UnreadableBlocks) -> Findings:
        kind = Wrong.UNREADABLE if problem.count == 1 else Wrong.UNSOUGHT
        place = self._names.get(number, "")
        finding = Finding(problem.lba, problem.count, kind, detail=str(problem), place=place)
        checked = int(kind is Wrong.UNREADABLE)
        return Findings(checked=checked, wrong={kind: problem.count}, findings=(finding,))

    def blocks(self, number: int) -> int:
        """Return the size of a volume in blocks."""
        return self._model.blocks(number)

    def volume(self, number: int) -> Volume:
        """Return what a volume is read through."""
        return self._places[number].volume

    def known(self, number: int) -> list[Range]:
        """Return (lba, count) of each range of a volume that must hold something, in ascending order."""
        return self.expected(number, 0, self.blocks(number))

    def expected(self, number: int, lba: int, count: int) -> list[Range]:
        """Return the same for [lba, lba + count), cut to it."""
        told = [(extent.lba, extent.count) for extent in self._model.slice(number, lba, count) if extent.origins]
        frozen = self._frozen.get(number)
        if frozen is not None:
            first, end = max(lba, frozen.lba), min(lba + count, frozen.lba + len(frozen.data))
            told += [(first, end - first)] if first < end else []
        return united(told)

    def torn_prefix(self, number: int, lba: int, count: int) -> str:
        """Say where a partial copy, at most one piece, is no prefix: a block was copied behind one that was not.

        The model allows each of its blocks the old and the new origin, in this order; a prefix has one cut.
        """
        extents = [extent for extent in self._model.slice(number, lba, count) if len(extent.origins) > 1]
        copied = [at for extent in extents for at in (extent.lba + self._holds(number, extent).nonzero()[0]).tolist()]
        doubtful = [at for extent in extents for at in range(extent.lba, extent.end)]
        if copied == doubtful[: len(copied)]:
            return ""
        stray = next(at for at, due in zip(copied, doubtful, strict=False) if at != due)
        return f"{self._names.get(number, '')} LBA {stray} was copied, and not all of the segment before it"

    def _holds(self, number: int, extent: Extent) -> Mask:
        """Return which blocks of an extent hold its last allowed origin."""
        data = self._places[number].volume.read(extent.lba, extent.count)
        return _expected_content(extent.origins[-1], extent.count).holds(self._stamper, data)

    def _piece(self, number: int, lba: int, count: int) -> Findings:
        volume = self._places[number].volume
        try:
            data = volume.read(lba, count)
        except UnreadableBlocks as problem:
            return Findings.total(self._part(number, part) for part in gathered(apart(volume, problem)))
        return self.judge(number, lba, data)

    def _part(self, number: int, part: Streamed | list[UnreadableBlocks]) -> Findings:
        if isinstance(part, list):
            return self.lost(number, part)
        assert not isinstance(part.data, UnreadableBlocks)
        return self.judge(number, part.lba, part.data)

    def _data(self, number: int, lba: int, data: U8, extents: Sequence[Extent]) -> Findings:
        expected = _expected(extents)
        previous = _expected(self._before.slice(number, lba, len(data)))
        place = self._names.get(number, "")
        return diagnose(self._stamper, data, lba, expected, previous, self._names, place=place)

    def _labels(self, number: int, lba: int, extents: Sequence[Extent]) -> NDArray[np.void] | None:
        """Read the labels of a piece where a probe sees them and some are known."""
        labels = self._places[number].labels
        if labels is None or not any(map(sure, extents)):
            return None
        return labels.read(lba, extents[-1].end - lba)

    def _label_findings(self, number: int, labels: NDArray[np.void] | None, extents: Sequence[Extent]) -> Findings:
        """Labels are looked at where the data is known, past the target: a wrong one can make the data unreadable."""
        if labels is None:
            return Findings()
        first = extents[0].lba
        return Findings.total(
            self._label_run(number, labels[extent.lba - first : extent.end - first], extent)
            for extent in extents
            if sure(extent)
        )

    def _label_run(self, number: int, labels: NDArray[np.void], extent: Extent) -> Findings:
        guards, origin_lbas = self._guards(extent.origins[0], extent.count)
        return diagnose_labels(
            labels,
            guards,
            extent.lba,
            application=self._places[number].tag,
            origin_lbas=origin_lbas,
            place=self._names.get(number, ""),
        )

    def _guards(self, content: Content, count: int) -> tuple[U16, U64 | None]:
        """Return the guard tags of blocks, and the LBAs they come from; those of zeros come from nowhere."""
        if isinstance(content, Zeros):
            return np.zeros(count, np.uint16), None
        origins = Expected.run(content, count).origins
        return self._stamper.guards_at(origins.volumes, origins.lbas, origins.generations), origins.lbas

    def _thawed(self, number: int, lba: int, data: U8) -> Findings:
        """Find what was written in a frozen range; a changed block is told by the stamp that it now holds."""
        frozen = self._frozen.get(number)
        if frozen is None:
            return Findings()
        first, end = max(lba, frozen.lba), min(lba + len(data), frozen.lba + len(frozen.data))
        if first >= end:
            return Findings()
        held = data[first - lba : end - lba]
        changed = (held != frozen.data[first - frozen.lba : end - frozen.lba]).any(axis=1)
        right = Findings(checked=len(held), right=int((~changed).sum()))
        return right + Findings.total(
            self._stray(number, held[at : at + 1], first + at) for at in changed.nonzero()[0].tolist()
        )

    def _stray(self, number: int, block: U8, lba: int) -> Findings:
        told = diagnose(self._stamper, block, lba, _NEVER, None, self._names, self._names.get(number, ""))
        plain = tuple(replace(finding, expected=None, detail="changed by the target") for finding in told.findings)
        return Findings(wrong=told.wrong, findings=plain)


def _expected(extents: Sequence[Extent]) -> Expected:
    return Expected.joined([_expected_run(extent) for extent in extents])


def _expected_run(extent: Extent) -> Expected:
    if not extent.origins:
        return Expected.unknown(extent.count)
    first, *others = (_expected_content(content, extent.count) for content in extent.origins)
    return first.or_else(*others)


def _expected_content(content: Content, count: int) -> Expected:
    return Expected.zeros(count) if isinstance(content, Zeros) else Expected.run(content, count)
