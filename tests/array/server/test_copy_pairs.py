"""EXTENDED COPY on the volumes of a pair: refused where a host may not write, tracked where it may."""

from __future__ import annotations

import numpy as np
import pytest

from copyproof.array.core.pair_orders import PairOrder
from copyproof.array.core.pair_rules import PairRules
from copyproof.scsi.outcome import Outcome
from copyproof.scsi.pair import PairCommand
from tests.array.server.copy_bench import BYSTANDER, DESTINATION, SIZE, SOURCE, Bench, bench, segment


@pytest.fixture
def array() -> Bench:
    """A pair of SOURCE and DESTINATION, its initial copy done."""
    found = bench(pairs=PairRules(grain=8 * SIZE, pace=15))
    order(found, PairCommand.CREATE)
    return found


def order(array: Bench, command: PairCommand) -> None:
    array.server.unit.pairs.order(PairOrder(command, SOURCE, DESTINATION))
    array.server.run(64)


def test_a_copy_onto_the_secondary_of_a_pair_is_refused(array: Bench) -> None:
    before = array.data(DESTINATION)
    answer = array.copy(array.order(segment(), volumes=(BYSTANDER, DESTINATION)))
    assert Outcome.of(answer) == Outcome.parse("0A/0D/01>07/27/00")
    assert answer.sense
    assert answer.sense.forwarded[0].origin.name == "DESTINATION"
    assert np.array_equal(array.data(DESTINATION), before)


def test_a_copy_from_the_secondary_of_a_pair_is_allowed(array: Bench) -> None:
    assert array.copy(array.order(segment(), volumes=(DESTINATION, BYSTANDER))).good
    assert np.array_equal(array.data(BYSTANDER, 64, 8), array.first[SOURCE][16:24])


def test_what_a_copy_wrote_to_the_primary_is_in_the_next_resync_even_where_the_copy_failed(array: Bench) -> None:
    order(array, PairCommand.SPLIT)
    blocks = array.server.unit.read_raw(BYSTANDER, 21, 1)
    blocks.labels["guard"] ^= 1
    array.server.unit.write(BYSTANDER, 21, blocks)
    answer = array.copy(array.order(segment(), volumes=(BYSTANDER, SOURCE)))
    assert answer.sense
    assert answer.sense.information == 3
    assert np.array_equal(array.data(SOURCE, 64, 5), array.first[BYSTANDER][16:21])
    order(array, PairCommand.RESYNC)
    assert np.array_equal(array.data(DESTINATION), array.data(SOURCE))
