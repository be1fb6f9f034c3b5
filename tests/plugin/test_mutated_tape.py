"""A tape is a file from anywhere: whatever stands in it, a replay ends by itself or says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copyproof import cli
from tests.plugin.fake_target import in_place

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

TESTS = """
@hil_requirement("XC1-ONE-BLOCK")
def test_copy(hil):
    hil.judge(hil.send(hil.copy(blocks=1)))
"""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of each value in a line of a tape."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield from ((path,) if path else ())
    for key, part in inner:
        yield from leaves(part, (*path, key))


def mutated(lines: list[bytes], data: st.DataObject) -> list[bytes]:
    """The same tape with one value replaced by another, most often one that is nearly right."""
    at = data.draw(st.integers(0, len(lines) - 1))
    line = json.loads(lines[at])
    *way, last = data.draw(st.sampled_from(list(leaves(line))))
    place = line
    for key in way:
        place = place[key]
    place[last] = data.draw(st.one_of(near(place[last]), STRANGE))
    return [*lines[:at], json.dumps(line).encode(), *lines[at + 1 :]]


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.sampled_from([-1, 0, 1, 2**16, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]),
    st.text(max_size=8),
    st.binary(max_size=300).map(bytes.hex),
    st.lists(st.integers(), max_size=2),
)


def near(value: object) -> st.SearchStrategy[object]:
    """What a value could have become by little."""
    if isinstance(value, int):
        return st.sampled_from([value - 1, value + 1, -value])
    if isinstance(value, str) and value:
        cut = st.integers(0, len(value)).map(lambda at: value[:at])
        swapped = st.tuples(st.integers(0, len(value) - 1), st.sampled_from("0123456789abcdefXg\n"))
        return st.one_of(cut, swapped.map(lambda change: value[: change[0]] + change[1] + value[change[0] + 1 :]))
    return st.just(value)


def test_a_tape_with_one_wrong_value_is_played_or_refused_in_one_line(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = tmp_path / "run.tape"
    stand.write(TESTS)
    assert stand.run(f"--hil-tape={tape}").status == 0
    lines = tape.read_bytes().splitlines()

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def plays(data: st.DataObject) -> None:
        tape.write_bytes(b"".join(line + b"\n" for line in mutated(lines, data)))
        capsys.readouterr()
        with in_place(), pytest.raises(SystemExit) as end:
            cli.main(["replay", str(tape), str(stand.target)])
        said = capsys.readouterr()
        assert end.value.code in (0, 1, 2), said.err
        assert (end.value.code == 2) == said.err.startswith("copyproof: ")
        assert said.err.count("\n") <= 1

    plays()
