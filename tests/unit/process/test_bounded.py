"""A runner that keeps only so much of what a program prints ends as the other one does."""

from __future__ import annotations

import time

import pytest

from copyproof import process
from copyproof.errors import ToolMissing, TransportTimeout

RUN = process.bounded(1000)


def test_both_outputs_and_the_exit_status_are_kept() -> None:
    done = RUN(["sh", "-c", "echo one; echo two >&2; exit 3"], timeout=10)
    assert (done.code, done.out, done.err) == (3, b"one\n", b"two\n")


def test_what_is_too_much_is_dropped_and_the_program_goes_on_to_its_end() -> None:
    script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 7"
    done = RUN(["sh", "-c", script], timeout=30)
    assert (done.code, len(done.out), len(done.err)) == (7, 1000, 1000)


def test_standard_input_reaches_the_program_and_ends() -> None:
    assert RUN(["cat"], timeout=10, stdin=b"some text").out == b"some text"


def test_a_program_that_reads_no_input_is_no_fault() -> None:
    assert RUN(["true"], timeout=10, stdin=b"some text").code == 0


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "yes", "(sleep 60) & exit 0"])
def test_a_program_that_does_not_end_is_killed_after_its_time(script: str) -> None:
    began = time.monotonic()
    with pytest.raises(TransportTimeout, match=r"^sh gave no answer within 0\.2 s$"):
        RUN(["sh", "-c", script], timeout=0.2)
    assert time.monotonic() - began < 30


def test_a_signal_is_told_as_such() -> None:
    assert RUN(["sh", "-c", "kill -TERM $$"], timeout=10).code == -15


def test_a_missing_program_is_told_as_such() -> None:
    with pytest.raises(ToolMissing):
        RUN(["no-such-program"], timeout=10)
