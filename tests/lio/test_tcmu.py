"""The software array behind LIO: labels and isolation through real nodes, and what becomes of it when a run dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from copyproof.serving.control import Remote
from copyproof.targets import drivers, lease, spec
from copyproof.targets.live import Role
from copyproof.transport.base import drain
from copyproof.transport.sgio import Sgio
from copyproof.verdicts.verdict import Verdict
from tests.lio.suite import run_suite

TARGET = "tcmu-array"
SEEN_BY_KERNEL = "exchanged and 8 or hidden_unit_is_not_written or mapped_read_only"
GONE = 60.0
ERRORS_HANDLED = 600.0
"""Seconds for the kernel's error handling of all units of a server that was killed: 48 s were seen."""


def test_copies_through_real_nodes_exchange_labels_and_keep_to_the_mapping(no_leaks: None, tmp_path: Path) -> None:
    run = run_suite(TARGET, tmp_path, "--hil-transport=sgio", "-k", SEEN_BY_KERNEL)
    judged = {row.id: [case.verdict for case in run.cases(row.id)] for row in run.record.requirements}
    passed = {name: [Verdict.PASS] for name in ("XC1-ISOLATION", "XC1-PI-LABELS", "XC1-READONLY")}
    assert {name: cases for name, cases in judged.items() if cases} == passed, run.output
    assert run.code == 0


@contextmanager
def served() -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A target that is kept up, and the lines that tell of it."""
    argv = [sys.executable, "-c", "from copyproof.cli import main; main()", "serve", TARGET]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("up:"):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        yield process, lines


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_served_target_answers_and_a_killed_one_is_cleared_by_the_next(no_leaks: None) -> None:
    with served() as (process, lines):
        node = Path(next(word for word in lines[0].replace(",", "").split() if word.startswith("/dev/sg")))
        transport = Sgio(node)
        drain(transport, 30)
        transport.close()
        (path,) = [line.split(": ")[1].strip() for line in lines if line.startswith("control socket")]
        remote = Remote(Path(path))
        assert remote.internal_errors() == ()
        remote.close()
        (server,) = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + GONE
    while Path(f"/proc/{server}/cmdline").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Path(f"/proc/{server}/cmdline").exists()
    assert len(lease.dead()) == 1
    with drivers.open_target(spec.load(TARGET)) as live:
        assert lease.dead() == []
        assert live.lun(Role.SOURCE).device.protection == 1


@pytest.mark.nightly
def test_a_served_target_goes_when_it_is_told(no_leaks: None) -> None:
    with served() as (process, _):
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(120) == 0


@pytest.mark.nightly
def test_a_target_whose_server_is_killed_with_commands_under_way_goes_by_itself(no_leaks: None) -> None:
    with served() as (process, lines):
        node = next(word for word in lines[0].replace(",", "").split() if word.startswith("/dev/sg"))
        (server,) = children(process.pid)
        reading = ["sg_dd", f"if={node}", "of=/dev/null", "bs=512", "count=131072"]
        with subprocess.Popen(reading, stderr=subprocess.DEVNULL) as reader:
            time.sleep(1)
            os.kill(server, signal.SIGKILL)
            assert process.wait(ERRORS_HANDLED) != 0
            assert reader.wait(GONE) != 0
