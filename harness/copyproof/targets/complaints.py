"""Turn a decoded table into typed values, and what is wrong with it into one line: file, key, what is allowed."""

from __future__ import annotations

import difflib
from enum import Enum
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from copyproof.errors import UsageError
from copyproof.targets.scalars import Naa, Size

T = TypeVar("T")
_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}

Fault = tuple[tuple[str, ...], str]


def convert(raw: Any, kind: type[T], where: str) -> T:
    """Return `raw` as a `kind`; raises UsageError `where: key: complaint` for the first fault in the file."""
    for key, problem in faults(raw, kind, ()):
        raise UsageError(f"{where}: {'.'.join(key) or 'the file'}: {problem}")
    return msgspec.convert(raw, kind, dec_hook=_scalar)


def _scalar(kind: type[Any], value: Any) -> Any:
    if kind in (Size, Naa):
        return kind.parse(value)
    raise NotImplementedError(kind)


def faults(raw: Any, kind: Any, key: tuple[str, ...]) -> list[Fault]:
    """Return (key path, complaint) for everything in `raw` that is not as `kind` wants it.

    >>> faults({"a": "x"}, dict[str, int], ())
    [(('a',), "'x' is not allowed; it must be a whole number")]
    """
    if get_origin(kind) in (UnionType, Union):
        # What may be left out: TOML has no null, so what is there must be of the first kind.
        return faults(raw, get_args(kind)[0], key)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _table_faults(raw, kind, key) if isinstance(raw, dict) else [(key, "must be a table")]
    if get_origin(kind) is dict and isinstance(raw, dict):
        return _entry_faults(raw, get_args(kind)[0], get_args(kind)[1], key)
    if get_origin(kind) is tuple and isinstance(raw, list):
        return [
            fault for at, value in enumerate(raw) for fault in faults(value, get_args(kind)[0], _item(key, at, value))
        ]
    try:
        msgspec.convert(raw, kind, dec_hook=_scalar)
    except (msgspec.ValidationError, ValueError):
        return [(key, f"{raw!r} is not allowed; it must be {allowed(kind)}")]
    return []


def _item(key: tuple[str, ...], at: int, value: Any) -> tuple[str, ...]:
    """The key of an item of a list: only tables have keys below it, by which they would be taken for each other."""
    return (*key[:-1], f"{key[-1]}[{at}]") if key and isinstance(value, dict) else key


def _entry_faults(raw: dict[str, Any], names: Any, kind: Any, key: tuple[str, ...]) -> list[Fault]:
    """A table with names of the file's own choice, or of a list of allowed ones."""
    known = [str(name) for name in get_args(names)]
    strange = [((*key, name), unknown(name, known)) for name in raw if known and name not in known]
    return strange + [fault for name, value in raw.items() for fault in faults(value, kind, (*key, name))]


def _table_faults(raw: dict[str, Any], kind: type[msgspec.Struct], key: tuple[str, ...]) -> list[Fault]:
    hints = get_type_hints(kind)
    found = []
    for name, value in raw.items():
        here = (*key, name)
        found += faults(value, hints[name], here) if name in hints else [(here, unknown(name, list(hints)))]
    required = (field.name for field in msgspec.structs.fields(kind) if field.required)
    found += [((*key, name), f"is missing; it must be {allowed(hints[name])}") for name in required if name not in raw]
    return found


def unknown(name: str, known: list[str]) -> str:
    """Return the complaint about an unknown key, with the near misses.

    >>> unknown("sise", ["size", "naa"])
    'unknown key; did you mean size? Allowed: size, naa'
    """
    near = difflib.get_close_matches(name, known, n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"unknown key{hint} Allowed: {', '.join(known)}"


def allowed(kind: Any) -> str:
    """Return what a type allows, in words.

    >>> allowed(Literal[512, 4096])
    'one of 512, 4096'
    """
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(value) for value in get_args(kind))
    if get_origin(kind) is tuple:
        return f"a list, each {allowed(get_args(kind)[0])}"
    if get_origin(kind) is dict or issubclass(kind, msgspec.Struct):
        return "a table"
    if issubclass(kind, Enum):
        return "one of " + ", ".join(str(member.value) for member in kind)
    return _WORDS.get(kind) or str(kind.ALLOWED)
