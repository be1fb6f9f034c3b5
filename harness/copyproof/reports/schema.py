"""The record as a file: its JSON Schema, written whole or not at all, read back with its contradictions named."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from copyproof.errors import UsageError
from copyproof.reports.text import escape
from copyproof.verdicts.record import SCHEMA, Record

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a record, generated from the types.

    >>> schema()["$ref"]
    '#/$defs/Record'
    """
    made = msgspec.json.schema(Record)
    made["$defs"]["Record"]["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": DIALECT, "$id": SCHEMA, "title": "Copyproof record of one run on one target", **made}


def schema_text() -> str:
    """Return the JSON Schema as it is committed in `reports/record.schema.json`."""
    return _pretty(msgspec.json.encode(schema(), order="deterministic")).decode()


def encode(record: Record) -> bytes:
    """Return the record as indented UTF-8 JSON with keys in a fixed order: equal records, equal bytes."""
    try:
        return _pretty(msgspec.json.encode(record, order="deterministic"))
    except UnicodeEncodeError:  # a lone surrogate from a device or tool; rare, so the walk is made only then
        clean = msgspec.convert(_encodable(msgspec.to_builtins(record)), Record)
        return _pretty(msgspec.json.encode(clean, order="deterministic"))


def decode(raw: bytes, where: str) -> Record:
    """Read a record; `where` names its place in errors.

    Raises UsageError for text that is no JSON, a wrong or missing key, another schema version, two requirements of one
    id, or a summary that does not count what the requirements say.
    """
    try:
        record = msgspec.json.decode(raw, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{where} is not a record of copyproof: {error}") from error
    problem = _contradiction(record)
    if problem:
        raise UsageError(f"{where}: {problem}")
    return record


def load(path: Path) -> Record:
    """Read the record at `path`; raises UsageError when it cannot be read or is not a sound record (see `decode`)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the record {path}: {error.strerror}") from error
    return decode(raw, str(path))


def dump(record: Record, path: Path) -> None:
    """Write the record to `path`, whole or not at all; raises UsageError when the folder cannot be written."""
    write(path, encode(record))


def write(path: Path, content: bytes) -> None:
    """Write a file through a temporary one beside it, so that no reader and no crash ever sees half of it.

    Makes missing folders. Raises UsageError when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; choose another place (--hil-report, --report, --json)"
        ) from error


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _pretty(raw: bytes) -> bytes:
    return msgspec.json.format(raw, indent=2) + b"\n"


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(escape(c) if "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _contradiction(record: Record) -> str:
    if record.schema != SCHEMA:
        return f"schema is {record.schema!r}, this version of copyproof reads {SCHEMA!r}"
    repeated = [name for name, times in Counter(r.id for r in record.requirements).items() if times > 1]
    if repeated:
        return f"requirement {repeated[0]!r} stands in it more than once"
    counted = Counter(r.verdict.value for r in record.requirements)
    if counted != Counter({verdict: count for verdict, count in record.summary.items() if count}):
        return f"summary says {record.summary}, but its requirements count {dict(counted)}"
    return ""


if __name__ == "__main__":
    print(schema_text(), end="")
