"""Marks and locks: what a run makes carries its mark, and whoever holds the mark's lock file is alive.

The kernel drops an flock when its process ends, however it ends. So a mark whose lock is free belongs to a run that
died, and only what carries such a mark may be cleared by another run.

>>> Mark.parse(str(Mark("00c0ffe", "gw1")))
Mark(run='00c0ffe', worker='gw1')
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from copyproof.errors import PermissionDenied, UsageError

STATE = Path("/run/copyproof")
"""Where lock files are: cleared by a reboot, as is all that they stand for."""

_MARK = re.compile(r"copyproof-([0-9a-f]{7})-([a-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """Who made a thing.

    `run` is 7 hex digits (28 bits), so that it fits into WWNs and numbers too; `worker` is for the reader.
    """

    run: str
    worker: str

    @classmethod
    def fresh(cls) -> Mark:
        """Return a mark of a new run in this worker (pytest-xdist's name, else `main`)."""
        return cls(secrets.token_hex(4)[:7], os.environ.get("PYTEST_XDIST_WORKER", "main"))

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """Return the mark that a name carries, None when it carries none."""
        match = _MARK.search(text)
        return cls(match[1], match[2]) if match else None

    @property
    def number(self) -> int:
        """The run as a number below 2**28."""
        return int(self.run, 16)

    def __str__(self) -> str:
        return f"copyproof-{self.run}-{self.worker}"


@contextmanager
def hold(name: str, *, wait: bool = False, state: Path | None = None) -> Iterator[bool]:
    """Hold the lock file `name` and yield True, or yield False when another process has it and `wait` is not asked for.

    The file is removed while it is still held, so that none is left behind.

    Raises PermissionDenied when the folder cannot be made.
    """
    path = _folder(state) / f"{name}.lock"
    handle = _take(path, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


@contextmanager
def lease(*, state: Path | None = None) -> Iterator[Mark]:
    """Hold a fresh mark for the length of the block."""
    mark = Mark.fresh()
    with hold(str(mark), state=state) as held:
        if not held:
            raise UsageError(f"the mark {mark} is taken by another run; start again")
        yield mark


def dead(*, state: Path | None = None) -> list[Mark]:
    """Return the marks whose lock is free: their runs died without taking their targets down."""
    marks = {path: Mark.parse(path.stem) for path in sorted(_folder(state).glob("copyproof-*.lock"))}
    return [mark for path, mark in marks.items() if mark and _free(path)]


def forget(mark: Mark, *, state: Path | None = None) -> None:
    """Remove a dead mark's lock file, once all that carries it has been cleared."""
    (_folder(state) / f"{mark}.lock").unlink(missing_ok=True)


def note(thing: str, *, state: Path | None = None) -> None:
    """Remember that a run made something that runs share, so that the last of them gives it back."""
    (_folder(state) / f"made-{thing}").touch()


def noted(thing: str, *, state: Path | None = None) -> bool:
    """Whether a run made the shared thing."""
    return (_folder(state) / f"made-{thing}").exists()


def unnote(thing: str, *, state: Path | None = None) -> None:
    """Forget a shared thing, which has been given back."""
    (_folder(state) / f"made-{thing}").unlink(missing_ok=True)


def _folder(state: Path | None) -> Path:
    folder = state or STATE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionDenied(f"{folder} cannot be made ({error.strerror}); building a target needs root") from None
    return folder


def _take(path: Path, wait: bool) -> int | None:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        # The holder removed the file between our open and our lock: what we hold is no longer the lock.
        os.close(handle)


def _free(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
