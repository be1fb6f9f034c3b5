"""Ending in order: signals, and programs that need time to clean up."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ci.core import SetupError

TIMED_OUT = 124
_PATIENCE = 60.0
"""Seconds that an interrupted program has to take its target down."""


class Ended(Exception):
    """A signal asked this program to end; the argument is its number."""


def guarded(work: Callable[[], int]) -> int:
    """Run a command line: signals end it in order, and what the user can mend is one plain message."""
    # A shell starts its background jobs with this one ignored, and so would every program below be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        return work()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Ended as ended:
        return 128 + int(ended.args[0])


def _end(number: int, _frame: object) -> None:
    raise Ended(number)


def attended(argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float) -> int:
    """Run a program that makes targets; interrupted or late, it is asked to end and given time to clean up."""
    process = subprocess.Popen(argv, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return TIMED_OUT
    except KeyboardInterrupt:
        # The terminal sent it to both.
        process.wait(_PATIENCE)
        raise
    finally:
        _end_in_order(process)


def _end_in_order(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
