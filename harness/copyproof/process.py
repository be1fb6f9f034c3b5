"""The one gateway to other programs: an argument list, a time-out, never a shell.

>>> run(["true"], timeout=5).code
0
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from copyproof.errors import PermissionDenied, ToolMissing, TransportTimeout


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left: exit status (negative: killed by that signal), both outputs, seconds."""

    code: int
    out: bytes
    err: bytes
    duration: float

    @property
    def text(self) -> str:
        """Standard output as text; what is not UTF-8 is replaced."""
        return self.out.decode(errors="replace")

    @property
    def error_text(self) -> str:
        """Standard error as text; what is not UTF-8 is replaced."""
        return self.err.decode(errors="replace")


class Runner(Protocol):
    """The shape of `run`, so that tests can replay recorded answers."""

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        """Run a program to its end."""
        ...


def environment() -> Mapping[str, str]:
    """The environment that programs get: ours, in the C locale, with the system folders on PATH."""
    return {**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"}


def run(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
    """Run a program to its end.

    Raises ToolMissing, PermissionDenied, or TransportTimeout after `timeout` seconds (the program is killed; whatever it ordered may go on).
    """
    started = time.monotonic()
    try:
        done = subprocess.run(list(argv), input=stdin, capture_output=True, timeout=timeout, env=environment(), check=False)
    except FileNotFoundError:
        raise ToolMissing(f"{argv[0]} is not installed (Debian: see ci/packages)") from None
    except PermissionError:
        raise PermissionDenied(f"{argv[0]} may not be run by this user") from None
    except subprocess.TimeoutExpired:
        raise TransportTimeout(f"{argv[0]} gave no answer within {timeout:g} s") from None
    return Completed(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
