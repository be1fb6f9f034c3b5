"""`--hil-fuzz` in a session of pytest: what it prints, records and leaves behind."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Stand


def test_a_right_target_shows_no_difference_and_the_mix_is_told(stand: Stand) -> None:
    run = stand.run("--hil-fuzz=60")
    assert run.status == pytest.ExitCode.OK
    found = run.record.fuzz
    assert found is not None
    assert (found.steps, found.difference, found.problem) == (60, None, "")
    assert "60 of 60 random operations in" in run.text
    assert "all steps were done" in run.text


def test_a_difference_fails_the_run_and_is_written_down(stand: Stand) -> None:
    stand.misbehave("copies-from-the-next-block")
    run = stand.run("--hil-fuzz=60")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    found = run.record.fuzz
    assert found is not None
    assert found.difference is not None
    assert found.difference.operations == ["copy source LBA 0 to destination 0"]
    assert "copied from the wrong place: holds source LBA 1" in found.difference.diagnosis
    assert "Compliant: no" in run.text
    names = {path.name for path in (stand.folder / "report").iterdir()}
    assert names >= {found.difference.script, found.difference.tape, "fuzz-difference.bin"}


@pytest.mark.nightly
def test_a_worker_of_xdist_hands_on_what_it_found(stand: Stand) -> None:
    stand.misbehave("copies-from-the-next-block")
    stand.write("def test_nothing(): pass")
    run = stand.apart(stand.options("-n2", "--hil-fuzz=20"))
    assert run.status == pytest.ExitCode.TESTS_FAILED
    found = run.record.fuzz
    assert found is not None
    assert found.difference is not None
