"""Command templates by name or path: TOML in, frozen values out; what is wrong is told by file, key and allowed values.

>>> "cci" in names()
True
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from copyproof import data
from copyproof.errors import UsageError
from copyproof.pairing.template import Template, complaints
from copyproof.targets.complaints import convert


def names() -> list[str]:
    """Return the names of the shipped templates, sorted."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load(name_or_path: str) -> Template:
    """Read a shipped template by name, or a file by a path ending in `.toml`.

    Raises UsageError for an unknown name (with the near misses), an unreadable file, and a wrong key, type or value.
    """
    path = _find(name_or_path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from None
    return parse(raw, str(path))


def parse(raw: dict[str, Any], where: str) -> Template:
    """Make a template of a decoded table; `where` names the file in errors.

    >>> parse({"status": {"steps": [["tool"]], "patterns": []}}, "t.toml")
    Traceback (most recent call last):
        ...
    copyproof.errors.UsageError: t.toml: status.patterns: is empty: nothing that is printed could be read
    """
    template = convert(raw, Template, where)
    for key, problem in complaints(template):
        raise UsageError(f"{where}: {key}: {problem}")
    return template


def _find(name_or_path: str) -> Path:
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if name_or_path not in names():
        near = difflib.get_close_matches(name_or_path, names(), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        shipped = f"Shipped templates: {', '.join(names())}; or give a path ending in .toml"
        raise UsageError(f"there is no template {name_or_path!r}.{hint} {shipped}")
    return _folder() / f"{name_or_path}.toml"


def _folder() -> Path:
    return data.folder("targets") / "pairing"
