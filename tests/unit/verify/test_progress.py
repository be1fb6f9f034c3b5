"""Progress shows on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

PROGRAM = """
from copyproof.verify.progress import progress
with progress("verifying the source unit", 1000, 4096) as advance:
    advance(1000)
"""


def test_a_terminal_is_shown_what_runs_and_how_far_it_is() -> None:
    ours, theirs = pty.openpty()
    named = {**os.environ, "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, env=named, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "verifying the source unit" in shown
    assert "3.9/3.9 MiB" in shown


def test_a_file_is_shown_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=60, check=True)
    assert done.stdout + done.stderr == b""
