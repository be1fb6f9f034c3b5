"""A tape of a real run, played to targets that were not there when it was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from copyproof import cli
from tests.lio.suite import run_suite


@pytest.mark.nightly
@pytest.mark.usefixtures("no_leaks")
def test_the_same_target_made_anew_answers_the_whole_suite_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, tape = "lio-loopback", tmp_path / "run.tape"
    run = run_suite(target, tmp_path / "run", "--hil-transport=sgio", f"--hil-tape={tape}")
    assert run.code == 0, run.output
    with pytest.raises(SystemExit) as end:
        cli.main(["replay", str(tape), target, "--transport=sgio"])
    said = capsys.readouterr()
    assert (end.value.code, "no result differs" in said.out) == (0, True), said.out + said.err
