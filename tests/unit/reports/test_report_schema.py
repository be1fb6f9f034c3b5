from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof import data
from copyproof.errors import UsageError
from copyproof.reports.schema import decode, dump, encode, load, schema, schema_text, write
from copyproof.verdicts.record import Record

SAMPLE = data.folder("reports") / "sample" / "record.json"


def test_the_committed_schema_is_that_of_the_types() -> None:
    assert (data.folder("reports") / "record.schema.json").read_text("utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_sample_obeys_the_schema() -> None:
    jsonschema.validate(json.loads(SAMPLE.read_bytes()), schema())


@pytest.mark.parametrize(
    "change", [{"schema": "copyproof.record/9"}, {"seed": "one"}, {"requirements": {}}, {"target": {}}]
)
def test_schema_and_reader_refuse_the_same_things(change: dict[str, Any]) -> None:
    bad = json.loads(SAMPLE.read_bytes()) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema())
    with pytest.raises(UsageError, match=r"r\.json"):
        decode(json.dumps(bad).encode(), "r.json")


def test_a_record_comes_back_as_it_was_written(sample_record: Record, tmp_path: Path) -> None:
    dump(sample_record, tmp_path / "new" / "record.json")
    assert load(tmp_path / "new" / "record.json") == sample_record


def test_equal_records_give_equal_bytes_whatever_the_order_of_their_dictionaries(sample_record: Record) -> None:
    turned = msgspec.structs.replace(sample_record, tools=dict(reversed(sample_record.tools.items())))
    assert encode(turned) == encode(sample_record)


def test_the_sample_is_written_as_dump_writes_it(sample_record: Record) -> None:
    assert SAMPLE.read_bytes() == encode(sample_record)


def test_text_that_is_no_unicode_is_written_escaped(hostile_record: Record) -> None:
    again = decode(encode(hostile_record), "r.json")
    assert "\\ud800" in again.target.vendor
    assert encode(again) == encode(hostile_record)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_crashes_nothing(raw: bytes) -> None:
    with pytest.raises(UsageError, match=r"^r\.json"):
        decode(raw, "r.json")


@given(st.integers(0, SAMPLE.stat().st_size - 2))
def test_half_a_record_is_refused(length: int) -> None:
    with pytest.raises(UsageError):
        decode(SAMPLE.read_bytes()[:length], "r.json")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(UsageError):
        decode(b"[" * 100_000, "r.json")


def test_a_summary_that_counts_otherwise_is_refused(sample_record: Record) -> None:
    lying = msgspec.structs.replace(sample_record, summary={"PASS": len(sample_record.requirements)})
    with pytest.raises(UsageError, match="summary"):
        decode(encode(lying), "r.json")


def test_a_requirement_that_is_there_twice_is_refused(sample_record: Record) -> None:
    twice = [*sample_record.requirements, sample_record.requirements[0]]
    with pytest.raises(UsageError, match="more than once"):
        decode(encode(msgspec.structs.replace(sample_record, requirements=twice)), "r.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json: No such file"):
        load(tmp_path / "nowhere.json")


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(sample_record: Record, tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(UsageError, match="--hil-report"):
        dump(sample_record, tmp_path / "record.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "record.json"]


def test_who_reads_while_it_is_written_anew_reads_the_old_one_to_its_end(tmp_path: Path) -> None:
    write(tmp_path / "record.json", b"old")
    with (tmp_path / "record.json").open("rb") as reader:
        write(tmp_path / "record.json", b"new")
        assert reader.read() == b"old"
    assert (tmp_path / "record.json").read_bytes() == b"new"


def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write(path, b"old")

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
