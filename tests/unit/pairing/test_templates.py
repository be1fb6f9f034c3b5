"""A wrong template ends as one line that names the file, the key and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from copyproof.errors import UsageError
from copyproof.targets import templates
from tests.unit.pairing.vendor import RAW, changed

STATUS = [["sh", "{tool}"]]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("sattus", {}, "sattus: unknown key; did you mean status"),
        ("operations.mirror", {"steps": STATUS}, "operations.mirror: unknown key. Allowed: create, create-split"),
        ("operations.split", {"steps": "sh"}, "operations.split.steps: 'sh' is not allowed"),
        ("operations.split", {}, "operations.split.steps: is missing"),
        ("operations.split", {"steps": []}, "operations.split.steps: must be lists of a program and its arguments"),
        ("operations.split", {"steps": [[]]}, "operations.split.steps: must be lists of a program and its arguments"),
        ("operations.split", {"steps": STATUS, "timeout": -1}, "operations.split.timeout: -1 is not allowed"),
        ("operations.split", {"steps": STATUS, "expect": "["}, "operations.split.expect: is no regular expression"),
        ("operations.split", {"steps": [["sh", "{device}"]]}, "steps[0][1]: there is no placeholder {device}; "),
        ("operations.split", {"steps": [["sh", "{volume.naa}"]]}, "there is no placeholder {volume.naa}"),
        ("operations.split", {"steps": [["sh", "{ x"]]}, "has a brace that is no placeholder's"),
        ("operations.split", {"steps": [["sh", "{?pace}"]]}, "there is no option 'pace'"),
        ("options.slow", ["-s"], "options.slow: unknown key. Allowed: pace, group, quick, steady"),
        ("options.pace", ["{speed}"], "options.pace[0]: there is no placeholder {speed}"),
        ("refusals", [{"exit": 256}], "refusals[0].exit: 256 is not allowed; an exit status is 0 to 255"),
        ("refusals", [{"exit": "228"}], "refusals[0].exit: '228' is not allowed; it must be a whole number"),
        ("refusals", [{"exit": 5, "pattern": "("}], "refusals[0].pattern: is no regular expression"),
        ("status.patterns", [], "status.patterns: is empty"),
        ("status.patterns", [{"pattern": "(?P<stat>x)"}], "there is no named group 'stat'; allowed: state, primary_"),
        ("status.patterns", [{"pattern": "x"}], "status.patterns[0]: must say either state, or both"),
        ("status.patterns", [{"pattern": "(?P<primary_state>x)"}], "must say either state, or both"),
        ("status.patterns", [{"pattern": "(?P<state>x)", "state": "PAIR"}], "status.patterns[0].state: is given twice"),
        ("status.patterns", [{"pattern": "x", "state": "SSUS"}], "'SSUS' is not allowed; it must be one of SMPL"),
        ("status.patterns", [{"state": "PAIR"}], "status.patterns[0]: would take any output for this state"),
        ("status.words", {"SSUS": "SPLIT"}, "status.words.SSUS: 'SPLIT' is not allowed; it must be one of SMPL"),
        ("names.Tool", "x", "names.Tool: is not allowed; a name must be of lower-case letters"),
        ("names.pace", "x", "names.pace: is not allowed"),
        ("volumes.naa", "x", "volumes.naa: is not allowed"),
        ("volumes.lv", "{primary.name}", "volumes.lv: there is no placeholder {primary.name}"),
        ("identify", {"steps": STATUS, "pattern": "(?P<naa>.*)"}, "identify.pattern: there is no named group 'naa'"),
        ("identify", {"steps": STATUS, "pattern": ".*"}, "identify.pattern: lacks the named group 'id'"),
        ("identify", {"steps": STATUS, "pattern": "(?P<id>.)", "expected": "{naa}"}, "identify.expected: there is no"),
        ("display", {"steps": STATUS, "row": "(?P<state>.)"}, "display.row: lacks the named group 'primary'"),
        ("display", {"steps": STATUS, "row": "(?P<primary>.)(?P<secondary>.)"}, "display.row: must say either state"),
        ("wait", {"steps": STATUS, "words": {"SSUS": "x"}}, "wait.words.SSUS: unknown key"),
        ("wait", {"steps": [["w", "{states}"]], "words": {}}, "wait.steps[0][1]: there is no placeholder {states}"),
        ("paired", {"steps": [["w", "{group}"]], "patterns": [{"exit": 11, "state": "SMPL"}]}, "paired.steps"),
        ("volumes", {"lv": "lv"}, "volumes: are the vendor's names, which nothing proves: add identify"),
        ("refusals", [{"exit": 0}], "refusals[0]: would take every order for refused"),
        ("identify_group", {"steps": STATUS, "row": "(?P<primary>.)"}, "identify_group.row: lacks the named group"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_told_by_file_and_key(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(UsageError) as told:
        templates.parse(changed(path, value), "mine.toml")
    assert str(told.value).startswith("mine.toml: ")
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


def test_the_template_that_is_spoilt_here_is_sound() -> None:
    assert set(templates.parse(dict(RAW), "mine.toml").operations) == {"create", "split", "resync", "delete"}


@pytest.mark.parametrize("name", templates.names())
def test_every_shipped_template_loads(name: str) -> None:
    assert templates.load(name).status.patterns


def test_a_template_needs_a_way_to_ask() -> None:
    raw = {key: value for key, value in RAW.items() if key != "status"}
    with pytest.raises(UsageError, match=r"^mine\.toml: status: is missing; it must be a table$"):
        templates.parse(raw, "mine.toml")


def test_an_unknown_template_is_told_with_its_near_misses() -> None:
    with pytest.raises(UsageError, match=r"there is no template 'ccy'\. Did you mean cci\? Shipped templates: "):
        templates.load("ccy")


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("status = ")
    with pytest.raises(UsageError, match=r"mine\.toml: cannot be read as TOML: "):
        templates.load(str(path))
    with pytest.raises(UsageError, match=r"other\.toml: cannot be read as TOML: "):
        templates.load(str(tmp_path / "other.toml"))
