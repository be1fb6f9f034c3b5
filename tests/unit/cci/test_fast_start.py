"""A command of CCI's starts fast: scripts call these by the dozen, and each start counts in an emulated machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.unit.cci.cci_desk import Desk

#: What takes long to load, and is needed by none of these commands.
HEAVY = {"numpy", "pytest", "_pytest", "msgspec", "pyudev", "jinja2", "rich", "tabulate", "hypothesis"}
LINES = (
    "paircreate -g oradb -vl", "pairsplit -g oradb -E", "pairresync -g oradb", "pairdisplay -g oradb -fcx -CLI",
    "pairevtwait -g oradb -s copy -t 1", "pairvolchk -g oradb -ss",
)  # fmt: skip


def test_no_command_loads_what_takes_long(desk: Desk) -> None:
    code = f"""
import sys
from copyproof.cli import main
for line in {LINES!r}:
    try:
        main(["cci", "--conf", {str(desk.folder / "horcm0.conf")!r}, *line.split()])
    except SystemExit as end:
        print(line, end.code)
print(*sorted({HEAVY!r} & {{name.partition(".")[0] for name in sys.modules}}), "heavy")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    codes = [int(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith(LINES)]
    assert codes == [0, 0, 0, 0, 0, 22], done.stderr
    assert done.stdout.splitlines()[-1].split() == ["heavy"]


@pytest.mark.parametrize("module", ["copyproof.safety", "copyproof.pairing.inband", "copyproof.targets.discovery"])
def test_what_the_commands_stand_on_is_light_too(module: str) -> None:
    code = f"import sys, {module}; print(*({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_a_reader_that_goes_away_gets_no_traceback(desk: Desk) -> None:
    conf = str(desk.folder / "horcm0.conf")
    code = f"from copyproof.cli import main; main(['cci', '--conf', {conf!r}, 'pairdisplay', '-g', 'oradb'])"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (237, b"")
