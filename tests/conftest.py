"""What more than one room of the tests needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from copyproof.verdicts.record import Record

HOSTILE = (
    "<script>window.owned=1</script><img src=x onerror=window.owned=2>\"'`{{7*7}}{%x%}&lt;]]>"
    "\x1b[31m\x00\x9b\u202egpj.exe\u2066\u2028\r\n\ufffe\ud800 " + "W" * 300 + " end"
)


@pytest.fixture(scope="session")
def sample_record() -> Record:
    """The record that is committed as the sample."""
    from copyproof import data
    from copyproof.reports.schema import load

    return load(data.folder("reports") / "sample" / "record.json")


@pytest.fixture(scope="session")
def hostile_record(sample_record: Record) -> Record:
    """The sample with every text that a device, a tool or a file may have given replaced by the worst one."""
    import msgspec

    from copyproof.verdicts.record import Record

    poisoned = poison(msgspec.to_builtins(sample_record))
    for number, requirement in enumerate(poisoned["requirements"]):
        requirement["id"] = f"{number}{HOSTILE}"
    return msgspec.convert(poisoned, Record)


def poison(value: Any, key: str = "") -> Any:
    if key in ("verdict", "schema", "summary"):
        return value
    if isinstance(value, dict):
        named = key in ("wrong", "tools", "capabilities")
        return {f"{name}{HOSTILE}" if named else name: poison(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poison(item) for item in value]
    return HOSTILE if isinstance(value, str) else value
