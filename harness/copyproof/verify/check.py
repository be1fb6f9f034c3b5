"""Read blocks back and hold them against the model: data, and labels where a probe sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from copyproof.blocks.arrays import U8, U16, U64, Mask
from copyproof.blocks.diagnose import diagnose, diagnose_labels
from copyproof.blocks.expected import Expected
from copyproof.blocks.findings import Finding, Findings, Wrong
from copyproof.blocks.origin import Content, Origin, Zeros
from copyproof.blocks.stamp import Stamper
from copyproof.model.controller import ReferenceModel, Snapshot
from copyproof.model.extents import Extent, Label
from copyproof.verify.labels import Sidecar
from copyproof.verify.volume import HostVolume, UnreadableBlocks

# Each is found by a binary search, whose failing reads may each cost an array's own retries.
_SOUGHT = 4


@dataclass(frozen=True, slots=True)
class Place:
    """How one volume's blocks, and perhaps its labels, are seen."""

    volume: HostVolume
    sidecar: Sidecar | None = None


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
    block that was written wrongly. `application_tag` is what the labels of all blocks must carry, 0 to FFFEh; None
    allows any but the escape.
    """

    def __init__(
        self,
        model: ReferenceModel,
        stamper: Stamper,
        names: Mapping[int, str],
        places: Mapping[int, Place],
        application_tag: int | None = 0,
    ) -> None:
        self._model, self._stamper, self._names, self._places = model, stamper, names, places
        self._application_tag = application_tag
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
        place = self._places[number]
        return Findings.total(self._piece(number, place, *piece) for piece in place.volume.pieces(lba, count))

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

    def _piece(self, number: int, place: Place, lba: int, count: int) -> Findings:
        labels = self._labels(number, place, self._model.slice(number, lba, count))
        data = self._data(number, place, lba, count, _SOUGHT)
        # A wrong block has no right label either, so what the block is comes first; but a wrong label tells why a
        # block is unreadable.
        seen = labels + data if Wrong.UNREADABLE in data.wrong else data + labels
        return seen + self._thawed(number, place, lba, count)

    def _thawed(self, number: int, place: Place, lba: int, count: int) -> Findings:
        """Find what was written in a frozen range; a changed block is told by the stamp that it now holds."""
        frozen = self._frozen.get(number)
        if frozen is None or not lba <= frozen.lba < lba + count:
            return Findings()
        data = place.volume.read(frozen.lba, len(frozen.data))
        changed = (data != frozen.data).any(axis=1)
        right = Findings(checked=len(data), right=int((~changed).sum()))
        return right + Findings.total(
            self._stray(number, data[at : at + 1], frozen.lba + at) for at in changed.nonzero()[0].tolist()
        )

    def _stray(self, number: int, block: U8, lba: int) -> Findings:
        told = diagnose(self._stamper, block, lba, _NEVER, None, self._names, self._names.get(number, ""))
        plain = tuple(replace(finding, expected=None, detail="changed by the target") for finding in told.findings)
        return Findings(wrong=told.wrong, findings=plain)

    def _data(self, number: int, place: Place, lba: int, count: int, sought: int) -> Findings:
        """Check the data; of unreadable blocks the first `sought` are told one by one, the rest as a whole."""
        try:
            data = place.volume.read(lba, count)
        except UnreadableBlocks as problem:
            if count == 1 or not sought:
                return self._unreadable(number, problem)
            first = _first_unreadable(place.volume, lba, count)
            parts = (lba, first - lba), (first, 1), (first + 1, lba + count - first - 1)
            return Findings.total(self._data(number, place, at, many, sought - 1) for at, many in parts if many)
        expected = _expected(self._model.slice(number, lba, count))
        previous = _expected(self._before.slice(number, lba, count))
        place_name = self._names.get(number, "")
        return diagnose(self._stamper, data, lba, expected, previous, self._names, place=place_name)

    def _labels(self, number: int, place: Place, extents: Sequence[Extent]) -> Findings:
        """Labels are looked at where the data is known, past the target: a wrong one can make the data unreadable."""
        if place.sidecar is None:
            return Findings()
        return Findings.total(
            self._label_run(number, place.sidecar, extent)
            for extent in extents
            if extent.label is Label.OWN and len(extent.origins) == 1
        )

    def _label_run(self, number: int, sidecar: Sidecar, extent: Extent) -> Findings:
        guards, origin_lbas = self._guards(extent.origins[0], extent.count)
        return diagnose_labels(
            sidecar.read(extent.lba, extent.count),
            guards,
            extent.lba,
            application=self._application_tag,
            origin_lbas=origin_lbas,
            place=self._names.get(number, ""),
        )

    def _guards(self, content: Content, count: int) -> tuple[U16, U64 | None]:
        """Return the guard tags of blocks, and the LBAs they come from; those of zeros come from nowhere."""
        if isinstance(content, Zeros):
            return np.zeros(count, np.uint16), None
        origins = Expected.run(content, count).origins
        return self._stamper.guards_at(origins.volumes, origins.lbas, origins.generations), origins.lbas

    def _unreadable(self, number: int, problem: UnreadableBlocks) -> Findings:
        name = self._names.get(number, "")
        finding = Finding(problem.lba, problem.count, Wrong.UNREADABLE, detail=str(problem), place=name)
        return Findings(checked=problem.count, wrong={Wrong.UNREADABLE: problem.count}, findings=(finding,))


def _first_unreadable(volume: HostVolume, lba: int, count: int) -> int:
    """Return the LBA of the first unreadable block of a range that cannot be read as a whole."""
    readable, failing = 0, count
    while failing - readable > 1:
        middle = (readable + failing) // 2
        try:
            volume.read(lba + readable, middle - readable)
            readable = middle
        except UnreadableBlocks:
            failing = middle
    return lba + readable


def _expected(extents: Sequence[Extent]) -> Expected:
    return Expected.joined([_expected_run(extent) for extent in extents])


def _expected_run(extent: Extent) -> Expected:
    if not extent.origins:
        return Expected.unknown(extent.count)
    first, *others = (_expected_content(content, extent.count) for content in extent.origins)
    return first.or_else(*others)


def _expected_content(content: Content, count: int) -> Expected:
    return Expected.zeros(count) if isinstance(content, Zeros) else Expected.run(content, count)
