"""What more than one room of the tests needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from copyproof.verdicts.record import Record
    from copyproof.verdicts.verification import UnitVerification, Verification

pytest_plugins = ["pytester"]

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
def motley_record(sample_record: Record) -> Record:
    """The sample with every verdict in it, in turn, each case with wrong blocks and a reason to be read, and with every
    diagnosis on the block map."""
    from collections import Counter
    from itertools import cycle

    from msgspec.structs import replace

    from copyproof.verdicts.record import BlockRecord
    from copyproof.verdicts.verdict import Verdict

    blocks = BlockRecord(checked=9, right=6, labels_checked=8, wrong={"torn": 2, "zero": 1}, examples=["LBA 7: torn"])
    rows = []
    for row, verdict in zip(sample_record.requirements, cycle(Verdict), strict=False):
        cases = [replace(c, verdict=verdict, cause="why", deviation="named", blocks=blocks) for c in row.cases]
        rows.append(replace(row, verdict=verdict, cause="" if verdict is Verdict.PASS else "why", cases=cases))
    summary = Counter(row.verdict.value for row in rows)
    return replace(
        sample_record,
        requirements=rows,
        summary=dict(summary),
        interrupted="Ctrl-C",
        strict=True,
        verification=_motley_verification(),
    )


def _motley_verification() -> Verification:
    from copyproof.blocks.findings import Wrong
    from copyproof.verdicts.verification import MapRecord, UnitVerification, Verification

    states = ["unknown", "right", *(kind.value for kind in Wrong)]
    cells = [MapRecord(lba=4096 * at, count=4096, state=state) for at, state in enumerate(states)]
    unit = UnitVerification(
        role="destination",
        node="/dev/sdb",
        blocks=4096 * len(states),
        read=4096 * len(states),
        checked=4096 * (len(states) - 1),
        right=4096,
        labels_checked=4096,
        wrong={kind.value: 4096 for kind in Wrong},
        examples=[f"destination LBA {cell.lba}: {cell.state}" for cell in cells[2:]],
        map=cells,
    )
    sound = _all_right(unit, "source")
    return Verification(mode="full", units=[sound, unit], sampled=7, seconds=1.5, bytes=1 << 25, problem="lost")


def _all_right(unit: UnitVerification, role: str) -> UnitVerification:
    from msgspec.structs import replace

    from copyproof.verdicts.verification import MapRecord

    whole = [MapRecord(lba=0, count=unit.blocks, state="right")]
    return replace(unit, role=role, right=unit.checked, wrong={}, examples=[], map=whole)


@pytest.fixture(scope="session")
def hostile_record(motley_record: Record) -> Record:
    """Every verdict, and every text that a device, a tool or a file may have given replaced by the worst one."""
    import msgspec

    from copyproof.verdicts.record import Record

    poisoned = poison(msgspec.to_builtins(motley_record))
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
