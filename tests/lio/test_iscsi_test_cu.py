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
WITHOUT_LABELS: list[str] = LIST["without-labels"]["tests"]
QUICK = {"ReceiveCopyResults", "ExtendedCopy", "ModeSense6", "ProutReserve", "ReadCapacity16", "ReadOnly", "Reserve6"}
"""What takes seconds in an emulated machine; a family that goes through 256 counts of blocks takes minutes."""
PATIENCE = 1200.0
RUNS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.nightly]) for name in FAMILIES]
_DID_SOMETHING = re.compile(r"^ *(Send |\[OK\]|\[SUCCESS\]|\w+ completed: )", re.MULTILINE)


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    target = TwoHosts()
    with target as live:
        yield target.doors
        assert live.control is not None
        assert live.control.internal_errors() == ()


def run(doors: Doors, tests: str, lun: int = 0) -> tuple[int, str]:
    """Run what a pattern of tests means, and return status and words, with all that the program has to say."""
    argv = ["iscsi-test-cu", "-d", "-V", "-i", doors.first, "-I", doors.second, "-t", tests, doors.url(lun)]
    done = process.run(argv, timeout=PATIENCE)
    return done.code, done.text


def outcomes(said: str) -> dict[str, str]:
    """How each test ended, by family and name: `passed`, `skipped`, or the program's words for a failure.

    One that says nothing of a command, or of what it has found in an answer, has skipped itself without saying so.

    >>> outcomes('''Suite: Read10
    ...   Test: Simple ...
    ...     [OK] READ10 returned SUCCESS
    ... passed
    ...   Test: Dpo ...    [SKIPPED] no DPO
    ... passed
    ...   Test: ReadProtect ...
    ...     No tests for devices that support protection information yet.
    ... passed    Send PRIN/READ_KEYS
    ... ''')
    {'Read10.Simple': 'passed', 'Read10.Dpo': 'skipped', 'Read10.ReadProtect': 'skipped'}
    """
    ended = {}
    for suite in re.split(r"^Suite: ", said.partition("Run Summary:")[0], flags=re.MULTILINE)[1:]:
        family, *parts = re.split(r"^  Test: (\S+) \.\.\.", suite, flags=re.MULTILINE)
        for name, words in zip(parts[::2], parts[1::2], strict=True):
            ended[f"{family.strip()}.{name}"] = _outcome(words)
    return ended


def _outcome(words: str) -> str:
    before, passed, _ = words.partition("\npassed")
    if not passed:
        return " ".join(line.strip() for line in words.splitlines() if "FAILED" in line) or words[-1000:]
    return "skipped" if "[SKIPPED]" in before or not _DID_SOMETHING.search(before) else "passed"


@pytest.mark.parametrize("family", RUNS)
def test_a_family_of_tests_ends_as_committed(doors: Doors, family: str) -> None:
    wanted, known = FAMILIES[family], LIST["objections"].get(family, {})
    code, said = run(doors, f"SCSI.{family}", wanted.get("lun", 0))
    found = {name.removeprefix(f"{family}."): end for name, end in outcomes(said).items()}
    skipped = [name for name, end in found.items() if end == "skipped"]
    objections = {name: words for name, words in found.items() if words not in ("passed", "skipped")}
    assert (len(found) - len(skipped), skipped) == (wanted["executed"], wanted.get("skipped", [])), found
    assert objections.keys() == known.keys(), objections
    assert [name for name, words in objections.items() if known[name]["says"] not in words] == [], objections
    assert code == (1 if objections else 0)


@pytest.mark.nightly
def test_labels_are_refused_where_the_unit_has_none() -> None:
    wanted = {f"{family}.{name}" for family in FAMILIES for name in FAMILIES[family].get("skipped", [])}
    target, ended = TwoHosts(protection=0), {}
    with target:
        for name in WITHOUT_LABELS:
            ended.update(outcomes(run(target.doors, f"SCSI.*.{name}")[1]))
    assert {name for name in wanted if name.split(".")[1] in WITHOUT_LABELS} <= ended.keys()
    assert {name: end for name, end in ended.items() if end != "passed" and name in wanted} == {}


def test_the_list_leaves_no_family_or_test_out_without_a_reason() -> None:
    known = process.run(["iscsi-test-cu", "--list"], timeout=60).text.split()
    families = {name.split(".")[1] for name in known if name.startswith("SCSI.")}
    assert families == FAMILIES.keys() | LIST["left-out"].keys()
    assert all(LIST["left-out"].values())
    skipped = {name for family in FAMILIES.values() for name in family.get("skipped", [])}
    assert skipped == LIST["skips"].keys() | set(WITHOUT_LABELS)
