"""The page about templates holds for what it shows: its examples load, and read what they say they read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from copyproof.pairing.names import OPTIONS, STATES
from copyproof.pairing.reading import status_in
from copyproof.pairing.template import FACTS, NUMBER_GROUPS, Template
from copyproof.targets.templates import parse

PAGE = (Path(__file__).parents[3] / "docs" / "pair-templates.md").read_text()
BLOCKS = re.findall(r"^```(toml|text)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TEMPLATES = [tomllib.loads(text) for kind, text in BLOCKS if kind == "toml"][1:]
PRINTED = [text for kind, text in BLOCKS if kind == "text"]
SAID = re.findall(r"^as (\S+) with (\d+) percent", PAGE, re.MULTILINE)


@pytest.mark.parametrize("at", range(3))
def test_each_example_reads_what_the_page_says(at: int) -> None:
    asked = parse(TEMPLATES[at], "docs/pair-templates.md").status
    state, percent = SAID[at]
    seen = status_in(PRINTED[at], 0, asked)
    assert (seen.secondary_state.value, seen.percent) == (state, int(percent))


def test_there_are_as_many_examples_as_are_looked_at() -> None:
    assert len(TEMPLATES) == len(PRINTED) == len(SAID) == 3


def test_the_page_explains_every_key_placeholder_option_and_state() -> None:
    tables = [f"| `{name}` |" for name in Template.__struct_fields__ if name != "operations"]
    words = [f"`{name}`" for name in (*OPTIONS, *STATES, *FACTS, *NUMBER_GROUPS)]
    assert [key for key in (*tables, *words) if key not in PAGE] == []
