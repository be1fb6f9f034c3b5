"""Volumes of unequal size, where a vendor's programs would pair them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from copyproof.errors import UsageError
from copyproof.scsi.pair import PairCommand
from tests.unit.pairing.vendor import Lab, P, S, ask


def test_they_are_not_paired_by_programs_that_would_take_them(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    text = r"^lab: pairs\.refuses_unequal: \S+ has 2048 blocks and \S+ has 2049 blocks, .* nothing was ordered$"
    with pytest.raises(UsageError, match=text):
        lab.service(refuses_unequal=False).order(ask(PairCommand.CREATE, P, replace(S, blocks=2049)))
    assert not lab.log


def test_they_are_ordered_of_programs_that_refuse_them_and_equal_ones_of_all(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    assert lab.service(refuses_unequal=True).order(ask(PairCommand.CREATE, P, replace(S, blocks=2049))).accepted
    assert len(lab.log) == 1
    assert Lab(tmp_path).service(refuses_unequal=False).order(ask(PairCommand.DELETE)).accepted
    assert len(lab.log) == 2
