"""A mark's lock is held by a living process and by no dead one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from copyproof.errors import PermissionDenied
from copyproof.targets import lease
from copyproof.targets.lease import Mark

HOLDER = """
import sys
from pathlib import Path
from copyproof.targets import lease
with lease.lease(state=Path(sys.argv[1])) as mark:
    print(mark, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(state: Path) -> Iterator[tuple[subprocess.Popen[str], Mark]]:
    """Another process that holds a mark until its standard input ends."""
    argv = [sys.executable, "-c", HOLDER, str(state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        mark = Mark.parse(process.stdout.readline())
        assert mark is not None
        try:
            yield process, mark
        finally:
            process.kill()


def test_a_living_run_is_not_dead(tmp_path: Path) -> None:
    with holder(tmp_path):
        assert lease.dead(state=tmp_path) == []


def test_a_killed_run_is_dead_and_can_be_forgotten(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, mark):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lease.dead(state=tmp_path) == [mark]
        lease.forget(mark, state=tmp_path)
    assert lease.dead(state=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_ends_leaves_no_lock_file(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, _):
        process.communicate("")
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_our_own_lease_is_not_dead(tmp_path: Path) -> None:
    with lease.lease(state=tmp_path):
        assert lease.dead(state=tmp_path) == []


def test_a_lock_is_refused_while_it_is_held_and_given_after(tmp_path: Path) -> None:
    with lease.hold("device-1", state=tmp_path) as first, lease.hold("device-1", state=tmp_path) as second:
        assert (first, second) == (True, False)
        assert (tmp_path / "device-1.lock").exists()
    with lease.hold("device-1", state=tmp_path) as again:
        assert again


def test_refusal_does_not_remove_the_holders_file(tmp_path: Path) -> None:
    with lease.hold("device-1", state=tmp_path):
        with lease.hold("device-1", state=tmp_path):
            pass
        assert (tmp_path / "device-1.lock").exists()


def test_an_exception_frees_the_lock(tmp_path: Path) -> None:
    def interrupted() -> None:
        with lease.hold("build", state=tmp_path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with lease.hold("build", state=tmp_path) as again:
        assert again


def test_many_waiters_get_the_lock_one_after_the_other(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    step = """
import sys
from pathlib import Path
from copyproof.targets import lease
for _ in range(50):
    with lease.hold("build", wait=True, state=Path(sys.argv[1]) / "state"):
        count = Path(sys.argv[1]) / "count"
        count.write_text(str(int(count.read_text()) + 1))
"""
    processes = [subprocess.Popen([sys.executable, "-c", step, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert count.read_text() == "200"


def test_files_of_others_in_the_folder_are_no_marks(tmp_path: Path) -> None:
    (tmp_path / "build.lock").touch()
    (tmp_path / "copyproof-nonsense.lock").touch()
    assert lease.dead(state=tmp_path) == []


def test_marks_differ() -> None:
    assert len({Mark.fresh().run for _ in range(100)}) > 95


def test_the_mark_names_the_xdist_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert str(Mark.fresh()).endswith("-gw3")


def test_a_state_folder_that_cannot_be_made_says_so() -> None:
    with pytest.raises(PermissionDenied, match="needs root"), lease.hold("x", state=Path("/proc/nowhere/copyproof")):
        pass
