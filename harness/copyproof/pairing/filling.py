"""Placeholders in the arguments of a template.

>>> list(placeholders("{vg}/{primary.lv}{{}}")), filled("{vg}/{lv}{{x}}", {"vg": "a", "lv": "b"})
(['vg', 'primary.lv'], 'a/b{x}')
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

FAULTY = "{"
"""Stands for a brace that belongs to nothing."""

_PART = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[a-z][a-z0-9_.]*)\}|(?P<faulty>[{}])")


def placeholders(text: str) -> Iterator[str]:
    """Yield the names in braces in a text, and `FAULTY` for each brace that is no placeholder's; a brace that is meant
    is written twice."""
    for part in _PART.finditer(text):
        if name := part["name"]:
            yield name
        elif part["faulty"]:
            yield FAULTY


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders replaced; raises KeyError for one that has no value."""
    return _PART.sub(lambda part: values[part["name"]] if part["name"] else part[0][0], text)


def arguments(
    step: Sequence[str], values: Mapping[str, str], options: Mapping[str, Sequence[str]], chosen: Collection[str]
) -> list[str]:
    """Return a program and its arguments: placeholders replaced, and `{?NAME}` by the arguments of an option where that
    is chosen, else by nothing.

    >>> arguments(["t", "{?pace}", "{?quick}"], {"pace": "3"}, {"pace": ["-c", "{pace}"], "quick": ["-q"]}, \
frozenset({"pace"}))
    ['t', '-c', '3']
    """
    made: list[str] = []
    for text in step:
        if text.startswith("{?"):
            made += [filled(part, values) for part in options[text[2:-1]] if text[2:-1] in chosen]
        else:
            made.append(filled(text, values))
    return made
