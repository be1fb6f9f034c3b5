"""Deviation profiles: which entry speaks of a case, for which versions, and what a wrong file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import data
from copyproof.errors import UsageError
from copyproof.verdicts.profile import NO_PROFILE, Deviation, Profile, in_range, load_profile

GOOD = """
name = "mine"
[[deviation]]
requirement = "XC1-SELF"
outcome = "05/26/00"
clause = "SPC-4 6.4.6.1"
shown_by = "parse()"
reason = "refused"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder `targets` of its own."""
    others = data.folder
    monkeypatch.setattr(data, "folder", lambda name: tmp_path if name == "targets" else others(name))
    (tmp_path / "profiles").mkdir()
    return tmp_path / "profiles"


@pytest.mark.parametrize(
    ("version", "bounds", "within"),
    [
        ("6.1.0-56-amd64", "", True),
        ("", "", True),
        ("6.1.0-56-amd64", ">=6.1", True),
        ("6.1", ">=6.1.0", True),
        ("6.1", "<6.1.0", False),
        ("6.1.0", ">=6.1,<6.1.1", True),
        ("6.10.1", ">=6.9", True),
        ("6.10.1", "<6.9", False),
        ("5.14.21", ">=5.15", False),
        ("5.15.0-rc1", ">=5.15, <6.2", True),
        ("6.2", ">=5.15, <6.2", False),
        ("10.0", ">=9", True),
        ("0", ">=0", True),
        ("", "<6.2", False),
        ("unknown", "<6.2", False),
        ("unknown", ">=0", False),
    ],
)
def test_a_version_lies_within_its_bounds(version: str, bounds: str, within: bool) -> None:
    assert in_range(version, bounds) is within


def entry(case: str = "*", versions: str = "", requirement: str = "XC1-SELF") -> Deviation:
    return Deviation(
        requirement=requirement,
        outcome="05/26/00",
        clause="c",
        shown_by="f",
        reason=f"{case}{versions}",
        case=case,
        versions=versions,
    )


def test_the_entry_that_names_the_case_goes_before_one_for_every_case() -> None:
    profile = Profile(name="p", deviation=(entry(), entry("short"), entry("long", ">=7")))
    assert profile.entry("XC1-SELF", "short", "6.1") == entry("short")
    assert profile.entry("XC1-SELF", "other", "6.1") == entry()
    assert profile.entry("XC1-SELF", "long", "6.1") == entry()
    assert profile.entry("XC1-SELF", "long", "7.1") == entry("long", ">=7")
    assert profile.entry("XC1-NUL", "short", "6.1") is None


def test_no_name_is_the_empty_profile() -> None:
    assert load_profile("") is NO_PROFILE
    assert NO_PROFILE.entry("XC1-SELF", "any", "6.1") is None


def test_a_sound_file_is_read(folder: Path) -> None:
    (folder / "mine.toml").write_text(GOOD)
    assert [item.requirement for item in load_profile("mine").deviation] == ["XC1-SELF"]


WRONG = {
    'outcome = "05/26"': "'05/26' is no outcome",
    'outcome = "GOOD"': "XC1-SELF allows GOOD: that is no deviation",
    'requirement = "XC1-SELFISH"': "the catalogue has no requirement 'XC1-SELFISH'",
    'requirement = "XC1-NEIGHBOURS"': "XC1-NEIGHBOURS is about data or isolation: that is never a deviation",
    'requirement = "XC1-ISOLATION"': "XC1-ISOLATION is about data or isolation: that is never a deviation",
    'versions = ">5"': "versions '>5': allowed are >=N and <N, separated by commas",
    'versions = "5.15"': "versions '5.15': allowed are",
    'version = ">=5"': "unknown field `version`",
    "clause = 5": "clause",
    "reason = [": "",
}


@pytest.mark.parametrize(("line", "told"), WRONG.items(), ids=list(WRONG))
def test_a_wrong_file_is_told_with_its_path_and_what_is_wrong(folder: Path, line: str, told: str) -> None:
    key = line.partition(" ")[0]
    kept = [old for old in GOOD.splitlines() if not old.startswith(f"{key} ")]
    path = folder / "mine.toml"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(UsageError) as refused:
        load_profile("mine")
    assert str(refused.value).startswith(f"{path}: ")
    assert told in str(refused.value)


@pytest.mark.parametrize("key", ["requirement", "outcome", "clause", "shown_by", "reason"])
def test_a_missing_key_is_told(folder: Path, key: str) -> None:
    (folder / "mine.toml").write_text("\n".join(x for x in GOOD.splitlines() if not x.startswith(f"{key} ")))
    with pytest.raises(UsageError, match=f"missing required field `{key}`"):
        load_profile("mine")


def test_bytes_that_are_no_text_are_told(folder: Path) -> None:
    (folder / "mine.toml").write_bytes(b"name = '\xff'\n")
    with pytest.raises(UsageError, match=r"mine\.toml: "):
        load_profile("mine")


def test_an_unknown_profile_is_told_with_those_there_are(folder: Path) -> None:
    (folder / "other.toml").write_text(GOOD)
    with pytest.raises(UsageError, match="there is no deviation profile 'mine'; there are: other; or give a path"):
        load_profile("mine")


def test_a_near_miss_of_a_profile_is_told(folder: Path) -> None:
    (folder / "mine.toml").write_text(GOOD)
    with pytest.raises(
        UsageError, match=r"there is no deviation profile 'mien' \(did you mean mine\?\); there are: mine"
    ):
        load_profile("mien")


def test_a_name_does_not_lead_out_of_the_folder(folder: Path) -> None:
    (folder.parent / "mine.toml").write_text(GOOD)
    with pytest.raises(UsageError, match=r"there is no deviation profile '\.\./mine'"):
        load_profile("../mine")


def test_a_file_of_ones_own_is_read_by_its_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    assert load_profile(str(tmp_path / "own.toml")).name == "mine"


def test_a_file_that_is_not_there_is_told_with_the_near_misses(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    with pytest.raises(UsageError) as refused:
        load_profile(str(tmp_path / "owns.toml"))
    assert str(refused.value) == (f"{tmp_path}/owns.toml: there is no such deviation profile (did you mean own.toml?)")


def test_a_file_of_ones_own_that_is_wrong_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD.replace("XC1-SELF", "XC1-SELFISH"))
    with pytest.raises(UsageError, match=rf"{tmp_path}/own\.toml: the catalogue has no requirement 'XC1-SELFISH'"):
        load_profile(str(tmp_path / "own.toml"))
