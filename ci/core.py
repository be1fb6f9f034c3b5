"""What every part of the set-up shares: where things are, how progress is told, and steps that run once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

VENV = ROOT / ".venv"
OUT = ROOT / "out"
_STARTED = time.monotonic()


class SetupError(Exception):
    """Something that the user can mend; the message says what and how."""


def cache_folder() -> Path:
    """Return the folder that keeps kernels and boot images between runs, made if absent."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("COPYPROOF_CACHE") or Path(base) / "copyproof").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    """Tell the user on standard error what is being done, with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {text}", file=sys.stderr, flush=True)


def digest(*parts: object) -> str:
    """Return a short hash of values that JSON can write.

    >>> digest("a", 1) == digest("a", 1) != digest("a", 2)
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def once(stamp: Path, key: str, work: Callable[[], object]) -> None:
    """Do ``work`` unless ``stamp`` says that it was done for the same ``key``.

    The stamp is written last, so that a step that broke runs again.
    """
    if stamp.is_file() and stamp.read_text() == key:
        return
    stamp.unlink(missing_ok=True)
    work()
    replace_file(stamp, key.encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two set-ups at once do not step on each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_tool(name: str) -> str | None:
    """Return the path of a program, also of one in the folders that only root has in its PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")


def output_of(argv: Sequence[str], *, cwd: Path | None = None) -> str:
    """Run a tool and return its standard output.

    Raises:
        SetupError: the tool is missing or fails; the message ends with the last lines it wrote.
    """
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SetupError(f"cannot run {argv[0]}: {error.strerror}") from error
    if done.returncode:
        tail = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise SetupError(f"`{' '.join(argv)}` failed with status {done.returncode}:\n  {tail}")
    return done.stdout
