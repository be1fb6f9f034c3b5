"""Every golden byte of `fixtures/golden` is read, or built, as the standard's table says."""

from __future__ import annotations

import importlib
import tomllib
from typing import Any

import pytest

from copyproof.data import folder
from copyproof.scsi import cdb, copylist

FILES = sorted((folder("fixtures") / "golden").glob("*"))
CASES = [case for file in FILES for case in tomllib.loads(file.read_text())["case"]]


def golden(case: dict[str, Any]) -> bytes:
    return bytes.fromhex("".join(line.partition(";")[0] for line in case["bytes"].splitlines()))


def plain(value: object, path: str) -> object:
    """Follow a dotted path of attributes and indices, to a value as TOML has it; the empty path is the value itself."""
    for step in path.split(".") if path else ():
        value = value[int(step)] if isinstance(value, tuple) and step.isdigit() else getattr(value, step)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset):
        return sorted(list(item) for item in value)
    return list(value) if isinstance(value, tuple) else value


def marked(key: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['name']} ({case['source']})") for case in CASES if key in case]


@pytest.mark.parametrize("case", marked("read"))
def test_golden_bytes_are_read_as_the_table_says(case: dict[str, Any]) -> None:
    module, _, function = case["read"].partition(".")
    value = getattr(importlib.import_module(f"copyproof.scsi.{module}"), function)(golden(case))
    assert {path: plain(value, path) for path in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", marked("build"))
def test_commands_are_built_and_named_as_the_table_says(case: dict[str, Any]) -> None:
    command = getattr(cdb, case["build"])(**case.get("arguments", {}))
    assert command.cdb.hex(" ") == golden(case).hex(" ")
    assert cdb.opcode_name(command.cdb) == case["name"]


@pytest.mark.parametrize("case", [case for case in CASES if case.get("read") == "copylist.decode"])
def test_golden_lists_are_written_as_they_were_read(case: dict[str, Any]) -> None:
    assert copylist.decode(golden(case)).encode().hex(" ") == golden(case).hex(" ")


def test_every_golden_file_is_read_and_every_case_is_judged() -> None:
    assert FILES
    assert all(file.suffix == ".toml" for file in FILES)
    assert all(("read" in case and case["expect"]) or "build" in case for case in CASES)
    names = [(case["name"], case["source"]) for case in CASES]
    assert len(set(names)) == len(names)
