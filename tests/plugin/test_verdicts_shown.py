"""How each verdict shows in pytest: outcome, letter, cause, exit status; and what cannot change it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Run, Stand

EACH = """
@hil_requirement("XC1-LUN-TO-LUN")
def test_right(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))

@hil_requirement("XC1-DEVICE-TYPE")
def test_deviating(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("cscd[0].device_type", 1))))

@hil_requirement("XC1-SELF")
def test_better_than_known(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("segment[0].source_index", 0xFFFF))))

@hil_requirement("XC1-LIST-SHORT")
def test_wrong(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(cut(15))))

@hil_requirement("XC1-SEG-TYPE")
@hil_needs(Capability.PARAMETERS)
def test_unsupported(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(spoil("segment[0].type", hil.unadvertised(range(0xBE))))))

@hil_requirement("XC1-PI-LABELS")
@hil_needs(Capability.LABELS)
def test_unseen(hil):
    hil.judge(hil.send(hil.copy(blocks=8)))

@hil_requirement("XC1-ONE-BLOCK")
def test_judging_nothing(hil):
    hil.send(hil.copy(blocks=1))
"""


def each(stand: Stand, *options: str) -> Run:
    """Run a test for each verdict, on a target that gives reason for it."""
    stand.configure(profile="lio")
    stand.misbehave("takes-any-device-type", "has-no-operating-parameters 0", "refuses-with-a-wrong-sense")
    stand.write(EACH)
    return stand.run("-ra", f"--junit-xml={stand.folder / 'junit.xml'}", *options)


def test_each_verdict_shows_as_its_own_outcome_with_its_cause(stand: Stand) -> None:
    run = each(stand)
    run.result.assert_outcomes(passed=1, xfailed=1, failed=2, skipped=2, errors=1)
    assert run.status == pytest.ExitCode.TESTS_FAILED
    run.result.stdout.fnmatch_lines(["test_mine.py .dUFsoE*"])
    run.result.stdout.fnmatch_lines(
        [
            "XC1-ONE-BLOCK: ERROR: the test judged nothing",
            "XC1-SELF: UNEXPECTED_PASS: GOOD is allowed, but the profile expects 05/26/00: mend the profile",
            "XC1-LIST-SHORT: FAIL: 05/25/00 instead of 05/1A/00",
            "  expected  05/1A/00",
            "  observed  05/25/00",
            "  sent      EXTENDED COPY(LID1) to file:source: 05/25/00",
            "  by hand   sg_raw /dev/source 83 00*",
        ]
    )
    for shown in (
        "SKIPPED * NOT_SUPPORTED: RECEIVE COPY OPERATING PARAMETERS ends in 05/20/00",
        "SKIPPED * NOT_OBSERVABLE: the destination is not formatted with protection information",
        "DEVIATION * GOOD instead of 0A/0D/03 or 05/26/00: the peripheral device type is not looked at*",
    ):
        run.result.stdout.fnmatch_lines([shown])


def test_no_verdict_shows_a_traceback(stand: Stand) -> None:
    run = each(stand)
    assert "Traceback" not in run.text
    assert ".py:" not in run.text.partition("short test summary")[0].partition("FAILURES")[2]


def test_each_verdict_is_in_the_record(stand: Stand) -> None:
    run = each(stand)
    verdicts = {row.id: row.verdict.value for row in run.record.requirements}
    assert {name: word for name, word in verdicts.items() if word != "NOT_RUN"} == {
        "XC1-LUN-TO-LUN": "PASS",
        "XC1-DEVICE-TYPE": "DEVIATION",
        "XC1-SELF": "UNEXPECTED_PASS",
        "XC1-LIST-SHORT": "FAIL",
        "XC1-SEG-TYPE": "NOT_SUPPORTED",
        "XC1-PI-LABELS": "NOT_OBSERVABLE",
        "XC1-ONE-BLOCK": "ERROR",
    }
    assert run.record.summary == dict(Counter(verdicts.values()))


def test_junit_tells_requirement_clause_and_verdict_of_each_test(stand: Stand) -> None:
    each(stand)
    properties = _properties(stand)
    assert properties["test_right"] == {
        "hil_requirement": "XC1-LUN-TO-LUN",
        "hil_case": "test_right",
        "hil_verdict": "PASS",
        "hil_clause": "SPC-4 5.17.7.2, 6.4.6.4",
    }
    assert properties["test_deviating"]["hil_deviation"].startswith("the peripheral device type is not looked at")
    assert {name: found["hil_verdict"] for name, found in properties.items()} == {
        "test_right": "PASS",
        "test_deviating": "DEVIATION",
        "test_better_than_known": "UNEXPECTED_PASS",
        "test_wrong": "FAIL",
        "test_unsupported": "NOT_SUPPORTED",
        "test_unseen": "NOT_OBSERVABLE",
        "test_judging_nothing": "ERROR",
    }


def _properties(stand: Stand) -> dict[str, dict[str, str]]:
    cases = ElementTree.parse(stand.folder / "junit.xml").iter("testcase")
    return {
        case.get("name", ""): {one.get("name", ""): one.get("value", "") for one in case.iter("property")}
        for case in cases
    }


def test_only_passes_end_with_status_0(stand: Stand) -> None:
    stand.write('@hil_requirement("XC1-ONE-BLOCK")\ndef test_one(hil):\n    hil.judge(hil.send(hil.copy(blocks=1)))\n')
    run = stand.run()
    assert run.status == pytest.ExitCode.OK
    assert run.events == ["enter", "exit"]


TOLERATED = """
@hil_requirement("XC1-LIST-OVER")
def test_too_long(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(repeat_cscds(33))))
"""
COUNTS_FIRST = """
from dataclasses import replace
from copyproof.scsi.sense import decode_sense

class CountsFirst:
    def __init__(self, inner):
        self.inner, self.name, self.repeat_by_hand = inner, inner.name, inner.repeat_by_hand

    def execute(self, command, timeout):
        result = self.inner.execute(command, timeout)
        too_many = decode_sense(bytes.fromhex("7205260600000000"))
        return replace(result, sense=too_many) if str(result.sense) == "05/1A/00" else result

def pytest_hil_transport(transport):
    return CountsFirst(transport)
"""


def test_a_tolerated_outcome_passes_with_its_reason(stand: Stand) -> None:
    stand.pytester.makeconftest(COUNTS_FIRST)
    stand.write(TOLERATED)
    run = stand.run()
    assert run.status == 0
    assert run.requirement("XC1-LIST-OVER").cause == "tolerated: the list also has too many CSCD descriptors"
    assert not run.record.strict


def test_a_tolerated_outcome_fails_where_the_run_is_strict(stand: Stand) -> None:
    stand.pytester.makeconftest(COUNTS_FIRST)
    stand.write(TOLERATED)
    run = stand.run("--hil-strict")
    assert run.status == 1
    assert run.requirement("XC1-LIST-OVER").cause == "05/26/06 instead of 05/1A/00"
    assert run.record.strict


MARKED = """
@pytest.mark.xfail(reason="known")
@hil_requirement("XC1-LIST-SHORT")
def test_wrong(hil):
    hil.judge(hil.send(hil.copy(blocks=8).spoilt(cut(15))))

@pytest.mark.xfail(strict=True)
@hil_requirement("XC1-ONE-BLOCK")
def test_right(hil):
    hil.judge(hil.send(hil.copy(blocks=1)))
"""


def test_an_xfail_mark_changes_no_verdict(stand: Stand) -> None:
    stand.misbehave("refuses-with-a-wrong-sense")
    stand.write(MARKED)
    run = stand.run()
    run.result.assert_outcomes(passed=1, failed=1)
    assert (run.status, run.verdict("XC1-LIST-SHORT"), run.verdict("XC1-ONE-BLOCK")) == (1, "FAIL", "PASS")


BROKEN = """
@hil_requirement("XC1-ONE-BLOCK")
def test_asserting(hil):
    hil.judge(hil.send(hil.copy(blocks=1)))
    assert hil.maximum_blocks == 3, "not three"

@pytest.fixture
def down(hil):
    yield
    raise RuntimeError("in the way down")

@hil_requirement("XC1-SAME-LUN")
def test_torn_down(hil, down):
    hil.judge(hil.send(hil.copy(blocks=1)))

@pytest.fixture
def up():
    raise RuntimeError("in the way up")

@hil_requirement("XC1-MAXIMUM")
def test_set_up(up, hil):
    hil.judge(hil.send(hil.copy(blocks=1)))
"""


def test_what_a_test_dies_of_is_an_error_and_shows_its_traceback(stand: Stand) -> None:
    stand.write(BROKEN)
    run = stand.run()
    assert run.requirement("XC1-ONE-BLOCK").cause == "AssertionError: not three"
    assert run.requirement("XC1-SAME-LUN").cause == "RuntimeError: in the way down"
    assert run.requirement("XC1-MAXIMUM").cause == "RuntimeError: in the way up"
    assert {run.verdict(name) for name in ("XC1-ONE-BLOCK", "XC1-SAME-LUN", "XC1-MAXIMUM")} == {"ERROR"}
    run.result.stdout.fnmatch_lines(["*assert hil.maximum_blocks == 3*"])
    assert run.status == 1


TWICE = """
turns = []

@hil_requirement("XC1-ONE-BLOCK")
def test_one(hil):
    turns.append(len(turns))
    hil.judge(hil.send(hil.copy(blocks=1)), "" if turns[1:] else "the first time")
"""
RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for turn in range(2):
        for report in runtestprotocol(item, nextitem=None, log=False):
            if turn == 0 and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_second_judgement_does_not_heal_the_first(stand: Stand) -> None:
    stand.write(TWICE)
    stand.pytester.makeconftest(RERUN)
    run = stand.run()
    found = run.requirement("XC1-ONE-BLOCK")
    assert [case.verdict.value for case in found.cases] == ["FAIL", "PASS"]
    assert (found.verdict.value, found.cause) == ("FAIL", "the first time")
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_reruns_are_refused_with_the_way_out(stand: Stand) -> None:
    stand.write(TWICE)
    stand.pytester.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--reruns', type=int)\n")
    run = stand.run("--reruns=2")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: reruns are refused: a judgement that failed stays failed (remove --reruns)" in run.text
    assert run.events == []


def test_the_table_keeps_to_80_columns(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stand.configure(profile="lio")
    stand.misbehave("refuses-with-a-wrong-sense")
    stand.write(EACH)
    table = stand.run().text.split("compliance of files")[1].split("\n", 1)[1].partition("/report.html")[0]
    lines = table.splitlines()[:-1]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("FAIL") and "XC1-LIST-SHORT" in line for line in lines)
    assert any(line.startswith("NOT_RUN (") for line in lines)


def test_the_record_and_the_page_tell_what_was_sent(stand: Stand) -> None:
    stand.write(EACH)
    run = stand.run()
    command = run.requirement("XC1-LUN-TO-LUN").cases[0].commands[0]
    assert (command.name, command.status, command.length) == ("EXTENDED COPY(LID1)", "GOOD", 16 + 2 * 32 + 28)
    assert command.repeat.startswith("sg_raw /dev/source 83 00")
    raw = json.loads((stand.folder / "report" / "record.json").read_text())
    assert raw["schema"] == "copyproof.record/1"
    assert "XC1-LIST-SHORT" in (stand.folder / "report" / "report.html").read_text("utf-8")
