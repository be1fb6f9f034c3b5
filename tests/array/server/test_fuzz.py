"""Whatever is sent to the device server, it answers by the rules, and a refused command changes no block."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from copyproof.array.server.commands import Handler
from copyproof.array.server.request import Request
from copyproof.array.server.sense_data import CheckCondition, invalid_cdb
from copyproof.array.server.server import DeviceServer
from copyproof.array.server.table import COMMANDS
from copyproof.scsi.sense import SenseKey
from tests.array.server.fuzzing import Fuzz
from tests.array.server.host import SIZE

ROOT = Path(__file__).parents[3]


def played(seed: int, commands: int) -> Fuzz:
    """Play commands on a volume formatted with a protection type that the seed chooses."""
    fuzz = Fuzz(Random(seed), protection=seed % 4)
    fuzz.play(commands)
    return fuzz


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_answered_by_the_rules_and_half_reach_a_handler(seed: int) -> None:
    fuzz = played(seed, 1_500)
    assert fuzz.handled >= fuzz.sent / 2, fuzz.endings
    assert fuzz.endings["GOOD"] >= fuzz.sent / 10, fuzz.endings


def raising(server: DeviceServer, request: Request) -> bytes:
    raise IndexError(request.cdb)


def writing_and_refusing(server: DeviceServer, request: Request) -> bytes:
    server.unit.zero(request.volume, 0, 1)
    raise invalid_cdb(0)


def changing_unseen(server: DeviceServer, request: Request) -> bytes:
    server.unit.store(request.volume, 5, server.unit.labelled(request.volume, 5, bytes([request.cdb[-1] | 1]) * SIZE))
    raise invalid_cdb(0)


def too_long(server: DeviceServer, request: Request) -> bytes:
    return bytes(16)


def pointing_nowhere(server: DeviceServer, request: Request) -> bytes:
    raise invalid_cdb(200)


def refusing_without_pointer(server: DeviceServer, request: Request) -> bytes:
    raise CheckCondition(SenseKey.ILLEGAL_REQUEST, 0x24, 0x00)


def failing_inside(server: DeviceServer, request: Request) -> bytes:
    raise CheckCondition(SenseKey.HARDWARE_ERROR, 0x44, 0x00)


@pytest.mark.parametrize(
    "handler",
    [
        raising,
        writing_and_refusing,
        changing_unseen,
        too_long,
        pointing_nowhere,
        refusing_without_pointer,
        failing_inside,
    ],
)
def test_the_judge_notices_a_handler_that_does_wrong(handler: Handler) -> None:
    key = (0x00, None)
    commands = {**COMMANDS, key: replace(COMMANDS[key], handler=handler)}
    with pytest.raises(AssertionError):
        Fuzz(Random(1), protection=1, commands=commands).play(4_000)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_million_commands_are_answered_by_the_rules(seed: int) -> None:
    fuzz = played(seed, 50_000)
    assert fuzz.handled >= fuzz.sent / 2, fuzz.endings
    there = {row.name for row in COMMANDS.values() if row.format_type in (None, seed % 4)}
    assert set(fuzz.reached) == there


MEASURED = """
from random import Random
from tests.array.server.fuzzing import Fuzz
for seed in range(8):
    Fuzz(Random(seed), protection=seed % 4).play(20_000)
"""


@pytest.mark.nightly
def test_the_commands_reach_nearly_every_branch_of_the_server(tmp_path: Path) -> None:
    script, data = tmp_path / "fuzz.py", tmp_path / "data"
    script.write_text(MEASURED)
    measure = [sys.executable, "-m", "coverage"]
    options = [f"--data-file={data}", "--branch", "--source=copyproof.array.server"]
    subprocess.run([*measure, "run", *options, str(script)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True)
    report = [*measure, "report", f"--data-file={data}", "--fail-under=95"]
    told = subprocess.run(report, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout
