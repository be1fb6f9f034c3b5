"""The catalogue: what a wrong file is told, and how an id is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copyproof import data
from copyproof.errors import UsageError
from copyproof.scsi.outcome import Outcome
from copyproof.verdicts.catalogue import Effect, Level, catalogue, read_chapter, requirement

CHAPTER = """
chapter = "A chapter"
[[requirement]]
id = "XC9-ONE"
check = 1
title = "One"
source = "SPC-4 1"
level = "optional"
effect = "nothing"
strict = ["05/26/00"]
tolerated = [{ outcome = "0A/0D/01", reason = "why not" }]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder `reports` of its own."""
    monkeypatch.setattr(data, "folder", lambda name: tmp_path)
    (tmp_path / "requirements").mkdir()
    catalogue.cache_clear()
    yield tmp_path / "requirements"
    catalogue.cache_clear()


def test_a_chapter_is_read(folder: Path) -> None:
    path = folder / "1.toml"
    path.write_text(CHAPTER)
    (one,) = read_chapter(path)
    assert (one.id, one.level, one.effect, one.chapter) == ("XC9-ONE", Level.OPTIONAL, Effect.NOTHING, "A chapter")
    assert one.strictly_allows(Outcome.parse("05/26/00"))
    assert not one.strictly_allows(Outcome.parse("0A/0D/01"))
    toleration = one.toleration(Outcome.parse("0A/0D/01>05/21/00"))
    assert toleration is not None
    assert toleration.reason == "why not"
    assert one.toleration(Outcome.parse("GOOD")) is None


WRONG = {
    'level = "obligatory"': "obligatory",
    'effect = "copies"': "copies",
    'check = "one"': "check",
    'strict = ["05/26"]': "XC9-ONE: '05/26' is no outcome",
    "strict = []": "XC9-ONE: strict is empty",
    'tolerated = [{ outcome = "GOD", reason = "r" }]': "XC9-ONE: 'GOD' is no outcome",
    'tolerated = [{ outcome = "GOOD" }]': "missing required field `reason`",
    "touchs = true": "unknown field `touchs`",
    "title = ": "",
}


@pytest.mark.parametrize(("line", "told"), WRONG.items(), ids=list(WRONG))
def test_a_wrong_chapter_is_told_with_its_path_and_key(folder: Path, line: str, told: str) -> None:
    key = line.partition(" ")[0]
    kept = [old for old in CHAPTER.splitlines() if not old.startswith(f"{key} ")]
    path = folder / "1.toml"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(UsageError) as refused:
        read_chapter(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert told in str(refused.value)


def test_the_same_id_in_two_files_is_told(folder: Path) -> None:
    (folder / "1.toml").write_text(CHAPTER)
    (folder / "2.toml").write_text(CHAPTER)
    with pytest.raises(UsageError, match=r"2\.toml: requirement XC9-ONE is there twice"):
        catalogue()


def test_the_catalogue_keeps_the_order_of_the_files(folder: Path) -> None:
    (folder / "2.toml").write_text(CHAPTER)
    (folder / "1.toml").write_text(CHAPTER.replace("XC9-ONE", "XC9-TWO"))
    assert list(catalogue()) == ["XC9-TWO", "XC9-ONE"]


def test_an_unknown_id_is_told_with_the_near_misses() -> None:
    with pytest.raises(UsageError, match=r"no requirement 'XC1-SELV' .*did you mean XC1-SELF\b"):
        requirement("XC1-SELV")
    with pytest.raises(UsageError, match=r"no requirement '' \(reports/requirements\)$"):
        requirement("")
