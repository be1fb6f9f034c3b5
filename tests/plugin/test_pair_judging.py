"""What a test on pairs must do to be believed: order or try something, judge all of it, and leave no pair behind."""

from __future__ import annotations

import pytest

from copyproof.verdicts.record import CaseRecord
from tests.plugin.conftest import Stand

TESTS = """
pytestmark = [hil_needs(Capability.PAIRS), hil_requirement("CTL-04")]

def test_judges_nothing_ordered(hil):
    hil.pair()
    hil.judge_pairs()

def test_leaves_an_order_unjudged(hil):
    pair = hil.pair()
    pair.order(PairCommand.CREATE)
    hil.judge_pairs()
    pair.order(PairCommand.DELETE)

def test_judges_again_what_it_ordered_once(hil):
    hil.pair().brought_to(PairState.PSUS)
    hil.judge_pairs()
    hil.judge_pairs()

def test_finds_a_wrong_block(hil):
    pair = hil.pair().brought_to(PairState.PSUS)
    hil.pairs.bench.unit(Role.SECONDARY).volume.write(700, hil.pairs.bench.stamper.make(9, 3, 2, 1))
    hil.judge_pairs()

def test_finds_a_wrong_block_of_a_volume_beside(hil):
    pair = hil.pair().brought_to(PairState.PSUS)
    for role in (Role.SECONDARY_2, Role.SECONDARY_3, Role.OTHER_PRIMARY, Role.OTHER_SECONDARY):
        hil.pairs.bench.unit(role).volume.write(700, hil.pairs.bench.stamper.make(9, 3, 2, 1))
    hil.judge_pairs()

def test_is_given_sound_volumes_again(hil):
    hil.pair().brought_to(PairState.PSUE)
    hil.judge_pairs()

def test_finds_its_volumes_on_their_own(hil):
    pair = hil.pair()
    assert pair.status.primary_state is PairState.SMPL
    pair.order(PairCommand.CREATE)
    hil.judge_pairs()
"""


@pytest.fixture
def cases(stand: Stand) -> dict[str, CaseRecord]:
    stand.write(TESTS)
    report = f"--hil-report={stand.folder / 'report'}"
    run = stand.here(["-p", "no:hypothesispytest", "--hil-target=software-array", report, "--hil-seed=1"])
    return {case.test.partition("::")[2]: case for case in run.cases if "test_mine" in case.test}


def test_only_what_was_ordered_and_judged_and_is_right_passes(cases: dict[str, CaseRecord]) -> None:
    told = {name: (case.verdict.value, case.cause) for name, case in cases.items()}
    assert told["test_judges_nothing_ordered"] == ("ERROR", "nothing was ordered or tried, so nothing is judged")
    assert told["test_judges_again_what_it_ordered_once"] == told["test_judges_nothing_ordered"]
    assert told["test_leaves_an_order_unjudged"] == ("ERROR", "the test gave 1 orders that it did not judge")
    verdict, cause = told["test_finds_a_wrong_block"]
    assert verdict == "FAIL"
    assert cause.startswith("secondary LBA 700 to 701: copied from the wrong place")
    verdict, cause = told["test_finds_a_wrong_block_of_a_volume_beside"]
    assert verdict == "FAIL"
    assert cause.startswith("after the test: ")
    assert "LBA 700 to 701" in cause
    assert told["test_is_given_sound_volumes_again"] == ("PASS", "")
    assert told["test_finds_its_volumes_on_their_own"] == ("PASS", "")


def test_the_record_has_each_order_with_its_bytes_and_ending(cases: dict[str, CaseRecord]) -> None:
    orders = cases["test_is_given_sound_volumes_again"].orders
    assert [order.command for order in orders] == ["paircreate", "pairsplit -E"]
    assert [(order.before, order.answer) for order in orders] == [("SMPL", "GOOD"), ("PAIR", "GOOD")]
    assert all(order.steps[0].what.startswith("inprocess:primary: c1") for order in orders)
    assert orders[1].expected == "accepted, then PSUE"
    assert orders[1].shown.startswith("P-VOL PSUE, S-VOL PSUE")
