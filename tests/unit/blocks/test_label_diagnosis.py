"""Label diagnosis: every way a label can be wrong, told in order of what it makes vacuous."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from copyproof.blocks.arrays import U16, U64
from copyproof.blocks.diagnose import diagnose_labels
from copyproof.blocks.findings import LISTED, Findings, Wrong
from copyproof.blocks.label import assemble, consecutive
from copyproof.errors import DeviceError

COUNT, SOURCE, DESTINATION = 8, 16, 64
GUARDS: U16 = np.arange(0x1000, 0x1000 + COUNT, dtype=np.uint16)
ORIGINS: U64 = consecutive(SOURCE, COUNT)
BLOCK = st.integers(0, COUNT - 1)


def judged(labels: NDArray[np.void], **more: Any) -> Findings:
    options = {"application": 0, "origin_lbas": ORIGINS, "place": "destination", **more}
    return diagnose_labels(labels, GUARDS, DESTINATION, **options)


def exchanged() -> NDArray[np.void]:
    return assemble(GUARDS, DESTINATION)


@given(st.integers(0, 2**63 - 100), st.integers(0, 0xFFFE))
def test_exchanged_labels_give_no_finding(first: int, application: int) -> None:
    labels = assemble(GUARDS, first, application)
    assert diagnose_labels(labels, GUARDS, first, application, ORIGINS) == Findings(labels_checked=COUNT)


@given(BLOCK)
def test_the_label_of_the_source_is_not_exchanged(block: int) -> None:
    labels = exchanged()
    labels["reference"][block] = SOURCE + block
    (finding,) = judged(labels).findings
    assert (finding.kind, finding.lba, finding.count) == (Wrong.LABEL_NOT_EXCHANGED, DESTINATION + block, 1)
    assert str(finding) == (
        f"destination LBA {DESTINATION + block}: label not exchanged: "
        f"reference tag {SOURCE + block:08X}h, expected {DESTINATION + block:08X}h"
    )


def test_a_run_of_unexchanged_labels_is_one_finding() -> None:
    findings = judged(assemble(GUARDS, SOURCE))
    assert findings.wrong == {Wrong.LABEL_NOT_EXCHANGED: COUNT}
    text = "destination LBA 64 to 71: label not exchanged: reference tag 00000010h, expected 00000040h at the first"
    assert [str(finding) for finding in findings.findings] == [text]


@given(
    BLOCK,
    st.sampled_from(
        [
            ("reference", 0xDEAD, Wrong.LABEL_WRONG),
            ("application", 7, Wrong.APPLICATION),
            ("guard", 7, Wrong.GUARD),
            ("application", 0xFFFF, Wrong.ESCAPE),
        ]
    ),
)
def test_each_wrong_field_has_its_own_name(block: int, spoilt: tuple[str, int, Wrong]) -> None:
    field, value, kind = spoilt
    labels = exchanged()
    labels[field][block] = value
    findings = judged(labels)
    assert findings.wrong == {kind: 1}
    assert [(each.lba, each.count) for each in findings.findings] == [(DESTINATION + block, 1)]


def test_the_worst_field_is_told_first() -> None:
    labels = exchanged()
    labels["reference"], labels["guard"], labels["application"] = ORIGINS, 0, 0xFFFF
    assert judged(labels).wrong == {Wrong.ESCAPE: COUNT}
    labels["application"] = 9
    assert judged(labels).wrong == {Wrong.GUARD: COUNT}
    labels["guard"] = GUARDS
    assert judged(labels).wrong == {Wrong.LABEL_NOT_EXCHANGED: COUNT}


def test_without_an_origin_a_wrong_reference_is_only_wrong() -> None:
    assert judged(assemble(GUARDS, SOURCE), origin_lbas=None).wrong == {Wrong.LABEL_WRONG: COUNT}


def test_at_the_same_lba_the_label_of_the_source_is_right() -> None:
    labels = assemble(GUARDS, DESTINATION)
    assert judged(labels, origin_lbas=consecutive(DESTINATION, COUNT)).clean


def test_a_free_application_tag_may_be_anything_but_the_escape() -> None:
    labels = exchanged()
    labels["application"] = [1, 2, 3, 4, 5, 6, 7, 0xFFFF]
    findings = judged(labels, application=None)
    assert findings.wrong == {Wrong.ESCAPE: 1}
    assert "application tag FFFFh switches the checks off" in str(findings.findings[0])


def test_application_tags_may_be_told_for_each_block() -> None:
    tags = np.arange(COUNT, dtype=np.uint16)
    labels = exchanged()
    labels["application"] = tags
    assert judged(labels, application=tags).clean
    assert judged(labels, application=tags[::-1].copy()).wrong == {Wrong.APPLICATION: COUNT}


def test_labels_that_are_not_known_are_not_checked() -> None:
    labels = exchanged()
    labels["application"] = 0xFFFF
    known = np.arange(COUNT) >= COUNT - 2
    assert judged(labels, known=known).wrong == {Wrong.ESCAPE: 2}
    assert judged(labels, known=known).labels_checked == 2


def test_too_few_labels_are_the_device_s_error() -> None:
    with pytest.raises(DeviceError, match="7 labels for 8 blocks"):
        judged(exchanged()[:-1])


def test_more_findings_than_are_listed_are_counted() -> None:
    count = 2 * LISTED + 4
    guards = np.zeros(count, np.uint16)
    labels = assemble(guards, 0)
    labels["guard"][::2] = 1
    findings = diagnose_labels(labels, guards, 0)
    assert findings.wrong == {Wrong.GUARD: LISTED + 2}
    assert (len(findings.findings), findings.unlisted) == (LISTED, 2)
