"""The gateway to other programs, with real programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from copyproof import process
from copyproof.errors import PermissionDenied, ToolMissing, TransportTimeout
from copyproof.process import Completed, Replay, Take, run


def test_outputs_and_exit_status_come_back_as_bytes() -> None:
    done = run(["sh", "-c", r"printf '\000\377'; printf oops >&2; exit 7"], timeout=10)
    assert (done.code, done.out, done.err) == (7, b"\x00\xff", b"oops")
    assert (done.text, done.error_text) == ("\x00\ufffd", "oops")


def test_standard_input_is_given_byte_for_byte() -> None:
    data = bytes(range(256)) * 5000
    assert run(["cat"], timeout=10, stdin=data).out == data


def test_a_program_that_ignores_its_input_is_no_error() -> None:
    assert run(["true"], timeout=10, stdin=bytes(1 << 20)).code == 0


def test_death_by_a_signal_is_a_negative_exit_status() -> None:
    assert run(["sh", "-c", "kill -TERM $$"], timeout=10).code == -signal.SIGTERM


def test_nothing_passes_through_a_shell() -> None:
    assert run(["echo", "$HOME; `id` | $(id)"], timeout=10).text == "$HOME; `id` | $(id)\n"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolMissing, match="no-such-tool is not installed"):
        run(["no-such-tool"], timeout=1)


def test_a_program_that_may_not_run_is_permission_denied(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    with pytest.raises(PermissionDenied, match="tool may not be run"):
        run([str(tool)], timeout=1)


def test_a_file_that_is_no_program_is_a_missing_tool(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x00\x01")
    tool.chmod(0o755)
    with pytest.raises(ToolMissing, match="cannot be run"):
        run([str(tool)], timeout=1)


def test_a_hung_program_dies_with_its_children_at_the_time_out(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    started = time.monotonic()
    with pytest.raises(TransportTimeout, match=r"no answer within 0\.5 s"):
        run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout=0.5)
    assert time.monotonic() - started < 10
    assert gone(int(note.read_text()))


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_an_unkillable_program_does_not_hold_the_harness(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(process, "_unkillable", left)
    monkeypatch.setattr(process, "REAP", 0.1)
    monkeypatch.setattr(os, "killpg", lambda *_: None)
    with pytest.raises(TransportTimeout):
        run(["sleep", "60"], timeout=0.1)
    assert [child.poll() for child in left] == [None]
    left[0].kill()
    left[0].wait()


def test_an_interrupt_kills_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"from copyproof.process import run; run(['sh', '-c', 'echo $$ > {note}; exec sleep 60'], timeout=60)"
    harness = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    while not (note.exists() and note.read_text().strip()):
        time.sleep(0.05)
    threading.Timer(0.2, harness.send_signal, [signal.SIGINT]).start()
    assert b"KeyboardInterrupt" in harness.communicate(timeout=20)[1]
    assert gone(int(note.read_text()))


def test_programs_see_the_c_locale_and_no_orders_to_sg3_utils(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("SG3_UTILS_DSENSE", "1")
    seen = run(["env"], timeout=10).text.splitlines()
    assert "LC_ALL=C" in seen
    assert not [line for line in seen if line.startswith("SG3_UTILS")]


def test_the_system_folders_are_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(["ls", "/"], timeout=10).code == 0


def test_a_replay_refuses_what_was_not_recorded() -> None:
    take = Take(("sg_raw", "/dev/sg1"), Completed(0, b"", b"", 0.0), stdin=b"\x01")
    with pytest.raises(LookupError, match="recorded sg_raw /dev/sg1 < 01, asked sg_raw /dev/sg1 < 02"):
        Replay([take])(["sg_raw", "/dev/sg1"], timeout=1, stdin=b"\x02")
    with pytest.raises(LookupError, match="nothing is left"):
        Replay([])(["sg_raw"], timeout=1)
