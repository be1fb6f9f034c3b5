from __future__ import annotations

from xml.etree import ElementTree

import pytest

from copyproof.reports.junit import LIMIT, properties
from copyproof.verdicts.record import Record

pytest_plugins = ["pytester"]


def test_every_case_names_its_requirement_and_verdict(sample_record: Record) -> None:
    cases = [(case, r) for r in sample_record.requirements for case in r.cases]
    assert cases
    for case, requirement in cases:
        held = dict(properties(case, requirement.source))
        assert held["hil_requirement"] == requirement.id
        assert held["hil_verdict"] == case.verdict.value
        assert held["hil_clause"] == requirement.source
        assert held.get("hil_deviation", "") == case.deviation


def test_no_value_holds_what_xml_cannot(hostile_record: Record) -> None:
    held = [pair for r in hostile_record.requirements for case in r.cases for pair in properties(case, r.source)]
    assert held
    for name, value in held:
        root = ElementTree.Element("property", name=name, value=value)
        again = ElementTree.fromstring(ElementTree.tostring(root, encoding="utf-8"))
        assert again.get("value") == value
        assert len(value) <= LIMIT


def test_pytest_writes_them_as_they_are(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from copyproof.reports.junit import properties
        from copyproof.verdicts.record import CaseRecord
        from copyproof.verdicts.verdict import Verdict

        def test_one(request):
            case = CaseRecord(test="m::t", requirement="XC1-A", verdict=Verdict.DEVIATION, deviation="esc \\x1b <b>")
            request.node.user_properties += properties(case, "SPC-4 6.4")
        """
    )
    pytester.runpytest("--junit-xml=out.xml", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    found = ElementTree.parse(pytester.path / "out.xml").iter("property")
    assert {p.get("name"): p.get("value") for p in found} == {
        "hil_requirement": "XC1-A",
        "hil_verdict": "DEVIATION",
        "hil_clause": "SPC-4 6.4",
        "hil_deviation": "esc \\x1b <b>",
    }
