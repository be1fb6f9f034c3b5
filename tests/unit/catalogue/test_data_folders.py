"""Every file of the data folders is read by what it is for, and each folder says what it holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from copyproof import data
from copyproof.cli.run import arguments
from copyproof.plugin.fixtures import _case_of as case_of
from copyproof.plugin.fixtures import requirement_of
from copyproof.scsi.outcome import Outcome
from copyproof.targets import spec
from copyproof.verdicts.catalogue import Effect, Requirement, catalogue, read_chapter
from copyproof.verdicts.profile import Deviation, load_profile

FOLDERS = [data.folder(name) for name in ("targets", "fixtures", "reports")]
CHAPTERS = sorted((data.folder("reports") / "requirements").iterdir())
PROFILES = sorted((data.folder("targets") / "profiles").iterdir())
DEVIATIONS = [item for path in PROFILES for item in load_profile(path.stem).deviation]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_data_folder_holds_no_code_and_a_page_that_names_what_is_in_it(folder: Path) -> None:
    files = [
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert [str(path) for path in files if path.suffix == ".py"] == []
    page = (folder / "README.md").read_text("utf-8")
    named = {path.parts[0] if len(path.parts) > 1 else path.stem for path in files} - {"README"}
    assert [name for name in sorted(named) if name not in page] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_a_chapter_is_sound(path: Path) -> None:
    entries = read_chapter(path)
    assert entries
    assert {entry.chapter for entry in entries} == {tomllib.loads(path.read_text("utf-8"))["chapter"]}
    assert [entry.check for entry in entries] == sorted(entry.check for entry in entries)


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.id)
def test_a_requirement_says_what_and_by_which_clause(entry: Requirement) -> None:
    assert re.fullmatch(r"XC1(-[A-Z0-9]+)+|CTL-\d\d", entry.id)
    assert re.match(r"(SPC-4|SBC-3) \d+\.\d|US [\d,]+ claim \d", entry.source)
    assert entry.title[0].isupper()
    assert not entry.title.endswith(".")
    assert all(item.reason and not item.reason.endswith(".") for item in entry.tolerated)
    allowed = [*entry.strict, *(item.outcome for item in entry.tolerated)]
    assert len(set(allowed)) == len(allowed)


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.id)
def test_what_must_be_copied_is_good_and_what_must_be_refused_is_not(entry: Requirement) -> None:
    good = Outcome.parse("GOOD")
    if entry.effect is Effect.COPIED:
        assert entry.strict == ("GOOD",)
    elif entry.touches:
        assert not entry.strictly_allows(good)
        assert entry.toleration(good) is None


def test_the_chapters_have_names_of_their_own() -> None:
    names = [read_chapter(path)[0].chapter for path in CHAPTERS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_a_profile_is_sound_and_named_like_its_file(path: Path) -> None:
    profile = load_profile(path.stem)
    assert profile.name == path.stem
    assert profile.about
    keys = [(item.requirement, item.case, item.versions) for item in profile.deviation]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("item", DEVIATIONS, ids=lambda item: f"{item.requirement}-{item.case}")
def test_a_deviation_names_its_clause_its_function_and_its_versions(item: Deviation) -> None:
    assert re.match(r"(SPC-4|SBC-3) \d+\.\d", item.clause)
    assert re.fullmatch(r"\w+", item.shown_by)
    assert item.versions
    assert item.reason


@pytest.mark.parametrize("path", sorted(data.folder("targets").glob("*.toml")), ids=lambda path: path.name)
def test_a_target_loads_and_its_profile_is_there(path: Path) -> None:
    target = spec.load(path.stem)
    assert target.name == path.stem
    assert target.title
    assert load_profile(target.profile).name == target.profile


def test_every_deviation_is_of_a_case_that_the_suite_has(pytester: pytest.Pytester) -> None:
    items, _ = pytester.inline_genitems(*arguments("", None, ("-p", "no:hypothesispytest")))
    cases = {(requirement_of(item).id, case) for item in items for case in ("*", case_of(item))}
    assert [item.requirement for item in DEVIATIONS if (item.requirement, item.case) not in cases] == []
    assert ("XC1-SEG-INDEX", "destination") in cases
    assert ("XC1-ALLOCATION", "16") in cases
