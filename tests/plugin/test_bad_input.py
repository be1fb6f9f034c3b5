"""What the user can mend ends as one clear line and status 4, and nothing is brought up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Stand

ONE = """
@hil_requirement("XC1-ONE-BLOCK")
def test_one(hil):
    hil.judge(hil.send(hil.copy(blocks=1)))
"""

UNJUDGEABLE = [
    ("def test_bare(hil):\n    pass\n", "test_mine.py::test_bare: a test that uses the fixture hil needs a mark *"),
    (
        '@hil_requirement("XC1-ONE-BLOK")\ndef test_lost(hil):\n    pass\n',
        "test_mine.py::test_lost: the catalogue has no requirement 'XC1-ONE-BLOK' * did you mean XC1-ONE-BLOCK*",
    ),
    (
        '@pytest.mark.hil_needs("LID1")\n@hil_requirement("XC1-NUL")\ndef test_needy(hil):\n    pass\n',
        "test_mine.py::test_needy: hil_needs takes members of copyproof.hil.Capability (LID1, *), not 'LID1'*",
    ),
]


@pytest.mark.parametrize(("tests", "told"), UNJUDGEABLE, ids=["no-mark", "unknown-id", "no-capability"])
def test_a_test_that_could_not_be_judged_is_refused_before_the_target_is_up(
    stand: Stand, tests: str, told: str
) -> None:
    stand.write(ONE + tests)
    run = stand.run()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.result.stdout.fnmatch_lines([f"*{told}"])
    assert run.events == []
    assert "INTERNALERROR" not in run.text


def test_what_is_deselected_is_not_refused(stand: Stand) -> None:
    stand.write(ONE + UNJUDGEABLE[0][0])
    run = stand.run("-k", "test_one")
    assert run.status == 0


def test_workers_of_xdist_refuse_alike(stand: Stand) -> None:
    stand.write(ONE + UNJUDGEABLE[1][0])
    run = stand.apart(stand.options("-n2"))
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "the catalogue has no requirement 'XC1-ONE-BLOK'" in run.text
    assert "Traceback" not in run.text
    assert run.events == []


def test_an_unknown_target_is_refused_with_the_near_misses(stand: Stand) -> None:
    stand.write(ONE)
    result = stand.pytester.runpytest_inprocess("-p", "fake_target", "--hil-target=lio-lopback")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: there is no target 'lio-lopback'. Did you mean lio-loopback?*"])


def test_a_wrong_target_file_is_refused_with_file_and_key(stand: Stand) -> None:
    stand.write(ONE)
    stand.target.write_text(stand.target.read_text() + "bystandr = { naa = '60000000000000000000000000000009' }\n")
    run = stand.run()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.result.stderr.fnmatch_lines([f"ERROR: {stand.target}: luns.bystandr: *did you mean bystander?*"])
    assert run.events == []


def test_a_wrong_profile_is_refused(stand: Stand) -> None:
    stand.configure(profile="nobodys")
    stand.write(ONE)
    run = stand.run()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "there is no deviation profile 'nobodys'; there are: lio" in run.text
    assert run.events == []


def test_a_target_that_the_user_must_mend_ends_the_run_with_one_line(stand: Stand) -> None:
    stand.misbehave("needs-another-block-size")
    stand.write(ONE + ONE.replace("test_one", "test_two"))
    run = stand.run()
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "the units of files have block sizes of 512, 4096 bytes: choose units of one size" in run.text
    assert run.record.interrupted.startswith("the units of files have block sizes of 512, 4096")
    assert {row.verdict.value for row in run.record.requirements} == {"NOT_RUN"}
    assert run.events == ["enter", "exit"]


def test_workers_of_xdist_hand_such_a_line_on(stand: Stand) -> None:
    stand.misbehave("needs-another-block-size")
    stand.write(ONE + ONE.replace("test_one", "test_two"))
    run = stand.apart(stand.options("-n2"))
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert run.record.interrupted.startswith("the units of files have block sizes of 512, 4096")
    assert "Traceback" not in run.text
    assert run.events.count("enter") == run.events.count("exit") > 0


def test_without_a_target_a_test_says_how_to_name_one(stand: Stand) -> None:
    stand.write(ONE)
    result = stand.pytester.runpytest_inprocess("-p", "no:hypothesispytest")
    result.assert_outcomes(errors=1)
    assert "this test needs a target: give --hil-target=NAME or PATH.toml" in result.stdout.str()


def test_a_run_in_which_nothing_is_judged_is_no_success(stand: Stand) -> None:
    stand.write("def test_plain():\n    pass\n")
    run = stand.run()
    run.result.assert_outcomes(passed=1)
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run.events == []


@pytest.mark.parametrize("seed", ["-1", str(1 << 64)])
def test_a_seed_that_no_stamp_can_hold_is_refused(stand: Stand, seed: str) -> None:
    stand.write(ONE)
    run = stand.run(f"--hil-seed={seed}")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    told = f"ERROR: --hil-seed={seed} is not allowed; it must be a whole number from 0 to {(1 << 64) - 1}"
    run.result.stderr.fnmatch_lines([told])
    assert run.events == []


def test_the_largest_seed_is_taken(stand: Stand) -> None:
    stand.write(ONE)
    run = stand.run(f"--hil-seed={(1 << 64) - 1}")
    assert (run.status, run.record.seed) == (0, (1 << 64) - 1)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("file", "is not a folder; name one, which is made where there is none"),
        ("file/below", "nothing can be written there (Not a directory); name a folder that you may write to"),
        ("/proc/report", "nothing can be written there (*); name a folder that you may write to"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_target_is_up(
    stand: Stand, place: str, told: str
) -> None:
    (stand.folder / "file").write_text("")
    stand.write(ONE)
    run = stand.run(f"--hil-report={stand.folder / place}")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    run.result.stderr.fnmatch_lines([f"ERROR: --hil-report={stand.folder / place}*{told}"])
    assert run.events == []


def test_a_folder_for_the_report_is_made_with_those_above_it(stand: Stand) -> None:
    stand.write(ONE)
    assert stand.run(f"--hil-report={stand.folder / 'one' / 'two'}").status == 0
    assert (stand.folder / "one" / "two" / "record.json").is_file()
