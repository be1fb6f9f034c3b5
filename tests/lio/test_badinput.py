"""What the user can mend ends as one line, status 2, and nothing made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from copyproof import process
from copyproof.errors import UsageError
from copyproof.targets import spec
from copyproof.targets.drivers.lio.driver import LioDriver

MAIN = "from copyproof.cli import main; main()"

AS_NOBODY = """
import os
from copyproof.errors import UsageError
from copyproof.targets import drivers, spec
target = drivers.open_target(spec.load("lio-loopback"))
os.setuid(65534)
try:
    target.__enter__()
except UsageError as error:
    print(error)
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("no_leaks")
def test_a_missing_module_is_named_before_anything_is_made() -> None:
    subprocess.run(["modprobe", "-r", "target_core_iblock"], check=True)

    def without(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> process.Completed:
        hidden = ["modprobe", "-d", "/nowhere", *argv[1:]] if argv[0] == "modprobe" else argv
        return process.run(hidden, timeout=timeout, stdin=stdin)

    with pytest.raises(UsageError, match="lacks the module target_core_iblock: install and boot linux-image-amd64"):
        LioDriver(spec.load("lio-iblock"), without).__enter__()


@pytest.mark.usefixtures("no_leaks")
def test_not_being_root_is_one_line_and_nothing_made() -> None:
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, check=True)
    assert "building a LIO target needs root" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.usefixtures("no_leaks")
def test_an_unknown_target_is_one_line_with_the_near_miss() -> None:
    done = command("targets", "lio-lopback")
    assert done.returncode == 2
    assert done.stderr.startswith("copyproof: there is no target 'lio-lopback'. Did you mean lio-loopback")
    assert done.stderr.count("\n") == 1
