"""libiscsi's iscsi-test-cu against the software array behind LIO's iSCSI fabric: every family of its SCSI tests.

The committed list says how each family ends. What fails in it fails for a reason that is written down there, with the
words of the program.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copyproof import process
from tests.lio.programs import Doors, TwoHosts

LIST = tomllib.loads((Path(__file__).parent / "expected/programs/iscsi-test-cu.toml").read_text())
FAMILIES: dict[str, dict[str, Any]] = LIST["families"]
# A family that goes through 256 counts of blocks takes up to a minute in an emulated machine.
QUICK = {"Inquiry", "ReceiveCopyResults", "ExtendedCopy", "ProutReserve"}
PATIENCE = 600.0
RUNS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.nightly]) for name in FAMILIES]


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    target = TwoHosts()
    with target as live:
        yield target.doors
        assert live.control is not None
        assert live.control.internal_errors() == ()


def outcomes(said: str) -> dict[str, str]:
    """How each test of a family ended, by its name: `passed`, `skipped`, or the program's words for a failure.

    >>> outcomes("  Test: Simple ...passed\\n  Test: Dpo ...    [SKIPPED] no DPO\\npassed\\n")
    {'Simple': 'passed', 'Dpo': 'skipped'}
    """
    parts = re.split(r"^  Test: (\S+) \.\.\.", said.partition("Run Summary:")[0], flags=re.MULTILINE)[1:]
    return {name: _outcome(words) for name, words in zip(parts[::2], parts[1::2], strict=True)}


def _outcome(words: str) -> str:
    lines = [line.strip() for line in words.strip().splitlines()]
    if "passed" in lines:
        return "skipped" if any(line.startswith("[SKIPPED]") for line in lines) else "passed"
    return " ".join(lines)


@pytest.mark.parametrize("family", RUNS)
def test_a_family_of_tests_ends_as_committed(doors: Doors, family: str) -> None:
    wanted, initiators = FAMILIES[family], ["-i", doors.first, "-I", doors.second]
    unit = doors.url(wanted.get("lun", 0))
    done = process.run(["iscsi-test-cu", "-d", *initiators, "-t", f"SCSI.{family}", unit], timeout=PATIENCE)
    found = outcomes(done.text)
    objections = {name: words for name, words in found.items() if words not in ("passed", "skipped")}
    skipped = [name for name, word in found.items() if word == "skipped"]
    assert (len(found), skipped) == (wanted["tests"], wanted.get("skipped", [])), done.text
    known = LIST["objections"].get(family, {})
    assert objections.keys() == known.keys(), done.text
    assert [name for name, words in objections.items() if known[name]["says"] not in words] == [], done.text
    assert done.code == (1 if objections else 0)


def test_the_list_leaves_no_family_out_without_a_reason() -> None:
    known = process.run(["iscsi-test-cu", "--list"], timeout=60).text.split()
    families = {name.split(".")[1] for name in known if name.startswith("SCSI.")}
    assert families == FAMILIES.keys() | LIST["left-out"].keys()
    assert all(LIST["left-out"].values())
