"""The one gateway to other programs: an argument list, a time-out, never a shell.

>>> run(["true"], timeout=5).code
0
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from copyproof.errors import DeviceError, PermissionDenied, ToolMissing, TransportTimeout

REAP = 2.0
"""Seconds to wait for a killed program to go; one that sits in the kernel may never do so."""

_unkillable: list[subprocess.Popen[bytes]] = []


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
    """The environment that programs get: ours, in the C locale, with the system folders on PATH.

    What steers sg3_utils from the environment (`SG3_UTILS_…`) is left out, as it changes what its tools print.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SG3_UTILS_")}
    return {**kept, "LC_ALL": "C", "PATH": kept.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"}


def run(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
    """Run a program to its end.

    Raises ToolMissing, PermissionDenied, or TransportTimeout after `timeout` seconds. Then the program and its
    children are killed, but not waited for beyond `REAP` seconds: one that is stuck in the kernel must not take the
    harness with it. Whatever it ordered may go on.
    """
    return _to_the_end(argv, timeout, lambda child: child.communicate(stdin, timeout=timeout))


def bounded(most: int) -> Runner:
    """Return a runner as `run` that keeps at most `most` bytes of each output; what comes after that is read and
    dropped, so that a program neither fills the memory nor is stopped halfway.

    >>> bounded(4)(["echo", "one two"], timeout=5).out
    b'one '
    """

    def limited(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:
        end = time.monotonic() + timeout
        return _to_the_end(argv, timeout, lambda child: _gather(child, stdin, most, end))

    return limited


def _to_the_end(
    argv: Sequence[str], timeout: float, collect: Callable[[subprocess.Popen[bytes]], tuple[bytes, bytes]]
) -> Completed:
    """Start a program and collect both its outputs; TimeoutExpired from `collect` becomes ours."""
    started = time.monotonic()
    child = _start(argv)
    try:
        out, err = collect(child)
    except subprocess.TimeoutExpired:
        _kill(child)
        raise TransportTimeout(f"{argv[0]} gave no answer within {timeout:g} s") from None
    except BaseException:
        _kill(child)
        raise
    return Completed(child.returncode, out, err, time.monotonic() - started)


def _gather(child: subprocess.Popen[bytes], stdin: bytes, most: int, end: float) -> tuple[bytes, bytes]:
    """Read both outputs until they end and the program has; `stdin` must fit a pipe (64 KiB). Raises TimeoutExpired at
    `end`, a time of the monotonic clock."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(stdin)
        child.stdin.close()
    kept = {pipe: bytearray() for pipe in (child.stdout, child.stderr) if pipe is not None}
    with selectors.DefaultSelector() as ready:
        for pipe in kept:
            ready.register(pipe, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select(max(0, end - time.monotonic())):
                data = os.read(key.fd, 1 << 16)
                kept[key.fileobj] += data[: most - len(kept[key.fileobj])]  # type: ignore[index]  # the pipes above
                if not data:
                    ready.unregister(key.fileobj)
            if time.monotonic() >= end:
                raise subprocess.TimeoutExpired(child.args, 0)
    for pipe in kept:
        pipe.close()
    child.wait(max(0, end - time.monotonic()))
    out, err = kept.values()
    return bytes(out), bytes(err)


def _start(argv: Sequence[str], errors: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        # A session of its own: Ctrl-C reaches the harness alone, which then decides what to kill.
        return subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=errors, env=environment(), start_new_session=True
        )
    except FileNotFoundError:
        raise ToolMissing(f"{argv[0]} is not installed (Debian: see ci/packages)") from None
    except PermissionError:
        raise PermissionDenied(f"{argv[0]} may not be run by this user") from None
    except OSError as error:
        raise ToolMissing(f"{argv[0]} cannot be run: {error.strerror}") from None


class Companion:
    """A program that runs beside ours until `end`, or until ours is gone: then its standard input ends.

    `word` is the line by which it says that it is ready, `log` the file that gets its standard error. Raises
    DeviceError when it does not say so within `timeout` seconds, and what `run` does when it cannot be started.

    >>> beside = Companion(["sh", "-c", "echo up; exec cat"], b"", "up", Path("/dev/null"), timeout=5)
    >>> beside.end(patience=5)
    0
    """

    def __init__(self, argv: Sequence[str], stdin: bytes, word: str, log: Path, timeout: float) -> None:
        with log.open("ab") as errors:
            self._child = _start(argv, errors.fileno())
        self._name, self._log = " ".join(argv), log
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(stdin)
            self._child.stdin.flush()
            self._await(word, timeout)
        except BaseException:
            _kill(self._child)
            raise

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._child.poll() is None

    def end(self, patience: float) -> int:
        """End its standard input, wait at most `patience` seconds, then kill it; return its exit status."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            return self._child.wait(patience)
        except subprocess.TimeoutExpired:
            _kill(self._child)
            return -signal.SIGKILL

    def _await(self, word: str, timeout: float) -> None:
        out = self._child.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], timeout)
        said = out.readline().decode(errors="replace").strip() if ready else f"nothing within {timeout:g} s"
        if said != word:
            trouble = self._log.read_text(errors="replace").strip().splitlines()[-1:] if self._log.is_file() else []
            raise DeviceError(f"{self._name} did not start: {'; '.join([said or 'it ended', *trouble])}")


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        child.wait(timeout=REAP)
    except subprocess.TimeoutExpired:
        _unkillable.append(child)


@dataclass(frozen=True, slots=True)
class Take:
    """One recorded run of a program: what it was asked, what it got on standard input, and what it left."""

    argv: tuple[str, ...]
    completed: Completed
    stdin: bytes = b""


def takes(path: Path) -> tuple[Take, ...]:
    """Read a transcript: a JSON object with a list `takes`, in order.

    Each holds `argv`, `code`, `err` (text), `stdin` and `out` (hex).
    """
    return tuple(_take(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["takes"])


def _take(entry: Mapping[str, object]) -> Take:
    argv, code, err = entry["argv"], entry["code"], entry["err"]
    assert isinstance(argv, list)
    assert isinstance(code, int)
    out, stdin = (bytes.fromhex(str(entry.get(key, ""))) for key in ("out", "stdin"))
    return Take(tuple(argv), Completed(code, out, str(err).encode(), 0.0), stdin)


class Replay:
    """A runner that gives recorded answers in their order, and refuses whatever was not recorded.

    >>> replay = Replay([Take(("sg_raw", "-V"), Completed(1, b"", b"sg_raw 0.4.34", 0.0))])
    >>> replay(["sg_raw", "-V"], timeout=1).error_text
    'sg_raw 0.4.34'
    """

    def __init__(self, recorded: Iterable[Take]) -> None:
        self.left = list(recorded)

    def __call__(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> Completed:  # noqa: ARG002
        """Return the next recorded answer; raises LookupError when the next recorded question was another one."""
        if not self.left:
            raise LookupError(f"nothing is left on the transcript for {' '.join(argv)}")
        take = self.left.pop(0)
        if (tuple(argv), stdin) != (take.argv, take.stdin):
            raise LookupError(
                f"recorded {' '.join(take.argv)} < {take.stdin.hex()}, asked {' '.join(argv)} < {stdin.hex()}"
            )
        return take.completed
