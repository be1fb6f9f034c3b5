"""Labels on the wire: blocks interleaved with their labels, and which fields each protect code has checked (SBC-3
tables 45 to 52)."""

from __future__ import annotations

from enum import Flag, auto

import numpy as np

from copyproof.array.core.blocks import Blocks, joined
from copyproof.array.core.errors import LabelKind
from copyproof.array.server.faults import label_check_failed
from copyproof.array.server.spans import Span
from copyproof.blocks.arrays import U8, Mask
from copyproof.blocks.guard_check import wrong_guards
from copyproof.blocks.label import ESCAPE, LABEL, LABEL_SIZE, consecutive, reference_tags


class Checks(Flag):
    """The fields of a label that are looked at."""

    NONE = 0
    GUARD = auto()
    APPLICATION = auto()
    REFERENCE = auto()
    ALL = GUARD | APPLICATION | REFERENCE


CHECKS = (
    Checks.ALL,
    Checks.ALL,
    Checks.APPLICATION | Checks.REFERENCE,
    Checks.NONE,
    Checks.GUARD,
    Checks.ALL,
)
"""What the codes 000b to 101b of RDPROTECT, WRPROTECT, VRPROTECT and ORPROTECT ask to be checked."""


def interleave(blocks: Blocks) -> bytes:
    """Return blocks as the wire has them with RDPROTECT: each followed by its label.

    >>> one = joined(np.ones((1, 512), np.uint8), np.zeros(1, LABEL))
    >>> len(interleave(one)), deinterleave(interleave(one), 512).data.tolist() == one.data.tolist()
    (520, True)
    """
    labels = blocks.labels.view(np.uint8).reshape(-1, LABEL_SIZE)
    return np.hstack((blocks.data, labels)).tobytes()


def deinterleave(raw: bytes, block_size: int) -> Blocks:
    """Return the blocks of so many whole pairs of payload and label; the labels can be written to."""
    pairs: U8 = np.frombuffer(raw, np.uint8).reshape(-1, block_size + LABEL_SIZE)
    labels = pairs[:, block_size:].copy().reshape(-1).view(LABEL)
    return joined(np.ascontiguousarray(pairs[:, :block_size]), labels)


def repeated(one: Blocks, start: int, count: int) -> Blocks:
    """Return one block `count` times, its reference tag `start` higher and going up by one from block to block (SBC-3
    5.42).

    >>> one = joined(np.ones((1, 512), np.uint8), np.zeros(1, LABEL))
    >>> repeated(one, 5, 3).labels["reference"].tolist()
    [5, 6, 7]
    """
    labels = np.repeat(one.labels, count)
    labels["reference"] = reference_tags(consecutive(int(one.labels["reference"][0]) + start, count))
    return joined(np.repeat(one.data, count, axis=0), labels)


def check_labels(blocks: Blocks, span: Span, checks: Checks) -> None:
    """Raise CheckCondition, 0B/10/01 to 03, for the first block whose label is wrong in one of the fields named.

    The application tag is the array's own (ATO 0): it must be the volume's number.
    """
    labels = blocks.labels
    looked = looked_at(blocks, span)
    wrong = {
        LabelKind.GUARD: looked & wrong_guards(blocks.data, labels["guard"].astype(np.uint16))
        if Checks.GUARD in checks
        else ~looked & looked,
        LabelKind.APPLICATION: looked & (Checks.APPLICATION in checks) & (labels["application"] != span.unit.number),
        LabelKind.REFERENCE: looked & _wrong_references(blocks, span, checks),
    }
    any_of = np.flatnonzero(np.logical_or.reduce(list(wrong.values())))
    if any_of.size:
        at = int(any_of[0])
        kind = next(kind for kind, mask in wrong.items() if mask[at])
        raise label_check_failed(kind, span.lba + at)


def looked_at(blocks: Blocks, span: Span) -> Mask:
    """Return which blocks are checked: all but those whose tags switch the checks off (SBC-3 4.22.2.2)."""
    escaped = blocks.labels["application"] == ESCAPE
    if span.unit.protection == 3:
        escaped &= blocks.labels["reference"] == 0xFFFFFFFF
    return np.asarray(~escaped)


def _wrong_references(blocks: Blocks, span: Span, checks: Checks) -> Mask:
    if Checks.REFERENCE not in checks or span.reference is None:
        return np.zeros(len(blocks), np.bool_)
    expected = reference_tags(consecutive(span.reference, len(blocks)))
    return np.asarray(blocks.labels["reference"] != expected)
