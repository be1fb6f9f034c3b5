"""What wrong labels are.

>>> from copyproof.blocks.label import LABEL
>>> labels = np.array([(0xD0DB, 0, 17)], LABEL)
>>> found = diagnose_labels(labels, np.array([0xD0DB], np.uint16), 64, origin_lbas=np.array([17], np.uint64))
>>> print(found.findings[0])
LBA 64: label not exchanged: reference tag 00000011h, expected 00000040h
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copyproof.blocks.arrays import I64, U16, U64, Mask
from copyproof.blocks.findings import Finding, Findings, Wrong
from copyproof.blocks.label import ESCAPE, consecutive, reference_tags
from copyproof.blocks.runs import told_by_run
from copyproof.errors import DeviceError

_RIGHT = -1
_KINDS = (Wrong.ESCAPE, Wrong.GUARD, Wrong.LABEL_NOT_EXCHANGED, Wrong.LABEL_WRONG, Wrong.APPLICATION)
_FIELDS = {
    Wrong.ESCAPE: ("application tag", 4),
    Wrong.GUARD: ("guard tag", 4),
    Wrong.LABEL_NOT_EXCHANGED: ("reference tag", 8),
    Wrong.LABEL_WRONG: ("reference tag", 8),
    Wrong.APPLICATION: ("application tag", 4),
}


def diagnose_labels(
    labels: NDArray[np.void],
    guards: U16,
    first_lba: int,
    application: int | U16 | None = None,
    origin_lbas: U64 | None = None,
    known: Mask | None = None,
    place: str = "",
) -> Findings:
    """Check the type 1 labels, `LABEL` of shape (n,), of blocks at consecutive LBAs from `first_lba` on.

    `guards` are the guard tags of the data (`label.guards` of what was read, or `Stamper.guards_at` of what it was
    found to be), `application` the tag that is expected (None: any but the escape), `origin_lbas` where the blocks were
    copied from (None: unknown), `known` which labels to check (None: all). A label counts once, by the first of: escape
    tag, guard, reference, application tag. Raises DeviceError where there are fewer or more labels than blocks.
    """
    if len(labels) != len(guards):
        raise DeviceError(f"{len(labels)} labels for {len(guards)} blocks")
    checked = np.ones(len(labels), np.bool_) if known is None else known
    wanted = _wanted(labels, guards, first_lba, application)
    kinds = _kinds(labels, wanted, origin_lbas)
    at = np.flatnonzero(checked & (kinds != _RIGHT))
    findings = _told(labels[at], wanted[at], kinds[at], at + first_lba, place)
    return Findings(labels_checked=int(checked.sum())) + findings


def _wanted(labels: NDArray[np.void], guards: U16, first_lba: int, application: int | U16 | None) -> NDArray[np.void]:
    wanted = np.empty_like(labels)
    wanted["guard"] = guards
    wanted["application"] = labels["application"] if application is None else application
    wanted["reference"] = reference_tags(consecutive(first_lba, len(labels)))
    return wanted


def _kinds(labels: NDArray[np.void], wanted: NDArray[np.void], origin_lbas: U64 | None) -> I64:
    misplaced = labels["reference"] != wanted["reference"]
    kept = np.zeros(len(labels), np.bool_)
    if origin_lbas is not None:
        kept = labels["reference"] == reference_tags(origin_lbas)
    masks = [
        labels["application"] == ESCAPE,
        labels["guard"] != wanted["guard"],
        misplaced & kept,
        misplaced,
        labels["application"] != wanted["application"],
    ]
    return np.select(masks, range(len(_KINDS)), _RIGHT).astype(np.int64)


def _told(found: NDArray[np.void], wanted: NDArray[np.void], kinds: I64, lbas: I64, place: str) -> Findings:
    if not len(lbas):
        return Findings()
    breaks = (np.diff(lbas) != 1) | (np.diff(kinds) != 0) | _other_difference(found, wanted, kinds)

    def tell(at: int, count: int) -> Finding:
        kind = _KINDS[kinds[at]]
        return Finding(int(lbas[at]), count, kind, detail=_detail(found[at], wanted[at], kind, count), place=place)

    return told_by_run(kinds, _KINDS, breaks, tell)


def _other_difference(found: NDArray[np.void], wanted: NDArray[np.void], kinds: I64) -> Mask:
    """Return where a run of wrong reference or application tags is no longer off by the same amount."""
    off = {name: found[name].astype(np.int64) - wanted[name].astype(np.int64) for name in ("reference", "application")}
    by_reference = np.isin(kinds, [_KINDS.index(Wrong.LABEL_NOT_EXCHANGED), _KINDS.index(Wrong.LABEL_WRONG)])
    by_application = kinds == _KINDS.index(Wrong.APPLICATION)
    amount = np.where(by_reference, off["reference"], np.where(by_application, off["application"], 0))
    return np.asarray(np.diff(amount) != 0)


def _detail(found: np.void, wanted: np.void, kind: Wrong, count: int) -> str:
    title, digits = _FIELDS[kind]
    name = title.split()[0]
    first = " at the first" if count > 1 else ""
    if kind is Wrong.ESCAPE:
        return f"{title} {ESCAPE:04X}h switches the checks off"
    return f"{title} {int(found[name]):0{digits}X}h, expected {int(wanted[name]):0{digits}X}h{first}"
