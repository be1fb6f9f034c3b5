"""`copyproof serve`: up until it is told to end, and down then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from copyproof import cli

STAND_IN = """
import sys
from pathlib import Path
from copyproof import cli
from copyproof.cli import serve
from copyproof.device import Device
from copyproof.errors import TargetLost
from copyproof.targets import drivers, spec
from copyproof.targets.live import LiveTarget, Lun, Role

class Control:
    def __init__(self): self.left = 3
    def internal_errors(self):
        self.left -= 1
        if not self.left and {fate!r} == "lost":
            raise TargetLost("no answer")
        return [] if self.left or not {fate!r} else ["KeyError: 7"]

class Driver:
    def __init__(self, spec): self.spec = spec
    def __enter__(self):
        if {waiting}:
            print("building", flush=True)
            sys.stdin.read()
        device = Device("6001405abcdef012", blocks=2048, sg=(Path("/dev/sg7"),), block=(Path("/dev/sdq"),))
        luns = {{Role.SOURCE: Lun(Role.SOURCE, device)}}
        return LiveTarget(self.spec, luns, {{"control": "/run/socket"}}, Control())
    def __exit__(self, *_): print("down", flush=True)

drivers.open_target = Driver
serve.LOOK = 0.02
sys.stdout.reconfigure(line_buffering=True)
cli.main(["serve", "tcmu-array"])
"""


def start(*, waiting: bool = False, fate: str = "") -> subprocess.Popen[str]:
    """`fate` is what becomes of the target: nothing, `lost`, or another word for an error of its own."""
    argv = [sys.executable, "-c", STAND_IN.format(waiting=waiting, fate=fate)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def said(served: subprocess.Popen[str], last: str) -> list[str]:
    assert served.stdout is not None
    heard: list[str] = []
    while not heard or not heard[-1].startswith(last):
        line = served.stdout.readline()
        assert line, heard
        heard.append(line.strip())
    return heard


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_nodes_and_socket_and_stays_up_until_it_is_told(told: signal.Signals) -> None:
    with start() as served:
        assert said(served, "up")[:2] == [
            "source: /dev/sdq /dev/sg7, naa.6001405abcdef012, 1 MiB",
            "control socket: /run/socket",
        ]
        assert served.poll() is None
        os.kill(served.pid, told)
        assert said(served, "down") == ["down"]
        assert served.wait(30) == 0


@pytest.mark.parametrize(("fate", "told"), [("lost", "no answer"), ("error", "")])
def test_a_target_that_fails_is_taken_down_without_being_told(fate: str, told: str) -> None:
    with start(fate=fate) as served:
        out, err = served.communicate(timeout=30)
    assert out.splitlines()[-2:] == ["up: end it by Ctrl-C or SIGTERM", "down"]
    assert told in err
    assert bool(served.returncode) is bool(told)


def test_a_target_that_is_not_up_yet_is_given_up() -> None:
    with start(waiting=True) as served:
        said(served, "building")
        os.kill(served.pid, signal.SIGTERM)
        assert said(served, "ended") == ["ended before it was up"]
        assert served.wait(30) == 0


def test_a_target_without_nodes_cannot_be_served(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["serve", "software-array"])
    assert end.value.code == 2
    assert "has no nodes" in capsys.readouterr().err
