from __future__ import annotations

import tomllib

from copyproof import data

FOLDER = data.folder("reports")


def test_every_file_is_named_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    files = [path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file()]
    named = [p.as_posix() for p in files if p.parent.name != "requirements" and p.name != "README.md"]
    assert len(named) >= 7
    assert [name for name in named if name not in readme] == []


def test_every_file_of_the_catalogue_is_a_chapter_with_requirements() -> None:
    files = list((FOLDER / "requirements").iterdir())
    assert files
    for path in files:
        chapter = tomllib.loads(path.read_text("utf-8"))
        assert chapter["chapter"]
        assert chapter["requirement"]
