"""The test machine: a QEMU guest with a stock kernel and the host's files, that runs one command as root."""

from __future__ import annotations

import ctypes
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ci.attend import TIMED_OUT
from ci.core import OUT, ROOT, SetupError, cache_folder, find_tool
from ci.kernel import Kernel, archive

NO_RESULT = 125
"""Exit status for a machine that ended without telling how its command did."""

_PASSED = ("LANG", "LC_ALL", "TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTEST_ADDOPTS")


@dataclass(frozen=True)
class Parts:
    """What a machine is made of."""

    kernel: Kernel
    first_files: Path
    tools: Path
    """Programs laid over the host's."""
    kvm: bool
    memory: str = "2G"


@dataclass(frozen=True)
class Job:
    """One command for the machine: its arguments, the folder it runs in and its environment."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    one_stream: bool = False
    kept: Sequence[Path] = ()

    def script(self, modules: Path) -> str:
        """Return the shell text that hands this job to ``ci/guest/main.sh``, each value quoted."""
        quoted = shlex.quote
        names = [*(f'"$1" {quoted(str(path))}' for path in self.kept), ":"]
        settings = {"out": OUT, "modules": modules, "folder": self.folder, "one_stream": int(self.one_stream)}
        return "\n".join(
            [
                *(f"export {name}={quoted(value)}" for name, value in self.environment.items()),
                *(f"{name}={quoted(str(value))}" for name, value in settings.items()),
                "each_kept() { " + "; ".join(names) + "; }",
                f"set -- {shlex.join(self.command)}",
                f". {quoted(str(ROOT / 'ci/guest/main.sh'))}",
                "",
            ]
        )


def environment(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a job: a plain root's, .venv first in PATH, and the few settings passed on.

    >>> sorted(environment({"COPYPROOF_SEED": "7", "SECRET": "x"}))
    ['COPYPROOF_SEED', 'HOME', 'PATH', 'VIRTUAL_ENV']
    """
    path = f"{ROOT}/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    passed = {name: value for name, value in outside.items() if name in _PASSED or name.startswith("COPYPROOF_")}
    return passed | {"HOME": "/root", "PATH": path, "VIRTUAL_ENV": f"{ROOT}/.venv"}


def hidden_folders(folders: Sequence[Path]) -> list[Path]:
    """Return those of some folders that the machine's fresh /tmp would hide, outermost only.

    >>> hidden_folders([Path("/tmp/a/b"), Path("/home/me"), Path("/tmp/a")])
    [PosixPath('/tmp/a')]
    """
    inside = sorted({path for path in folders if path.is_relative_to("/tmp") and path != Path("/tmp")})
    return [path for path in inside if not any(other in path.parents for other in inside)]


def same_stream() -> bool:
    """Return whether standard output and error are one file, so that their order matters."""
    one, two = os.fstat(1), os.fstat(2)
    return (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


@dataclass
class _Forwarder:
    """Copies a pipe to a stream as it comes, never making the machine wait for a slow reader."""

    source: int
    target: BinaryIO
    on_data: threading.Event
    broken: threading.Event
    waiting: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self.threads:
            thread.start()

    def _read(self) -> None:
        while data := os.read(self.source, 65536):
            self.on_data.set()
            self.waiting.put(data)
        self.waiting.put(b"")
        os.close(self.source)

    def _write(self) -> None:
        try:
            while data := self.waiting.get():
                self.target.write(data)
                self.target.flush()
        except OSError:
            self.broken.set()

    def finish(self) -> None:
        for thread in self.threads:
            thread.join()


class _Control:
    """What the machine says of itself: ``started``, then ``exit STATUS``."""

    def __init__(self, source: int) -> None:
        self.source = source
        self.started = threading.Event()
        self.ended = threading.Event()
        self.status: int | None = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with os.fdopen(self.source, "rb") as lines:
            for line in lines:
                self._take(line.split())
        self.ended.set()

    def _take(self, words: list[bytes]) -> None:
        if words == [b"started"]:
            self.started.set()
        elif len(words) == 2 and words[0] == b"exit" and words[1].isdigit():
            self.status = int(words[1])
            self.ended.set()


@dataclass(frozen=True)
class Outcome:
    """How a machine's run ended: the command's status, or why there is none."""

    status: int
    problem: str = ""
    started_after: float | None = None
    first_output_after: float | None = None


def run(parts: Parts, job: Job, *, timeout: float) -> Outcome:
    """Boot a machine, run a job in it and return how it ended.

    Standard output and error come through as they are written.

    Raises:
        SetupError: QEMU is missing.
        Ended: SIGTERM or SIGHUP arrived; the machine is gone.
        KeyboardInterrupt: likewise for SIGINT.
    """
    qemu = find_tool("qemu-system-x86_64")
    if qemu is None:
        raise SetupError("qemu-system-x86_64 is missing; ci/packages names its package")
    with tempfile.TemporaryDirectory(prefix="copyproof-vm-") as folder:
        return _Machine(qemu, parts, job, Path(folder)).run(timeout)


class _Machine:
    def __init__(self, qemu: str, parts: Parts, job: Job, folder: Path) -> None:
        self.console = folder / "console"
        first_files = folder / "first-files"
        script = job.script(parts.kernel.modules).encode()
        # The kernel unpacks archives one after the other: the job rides behind the first files.
        first_files.write_bytes(parts.first_files.read_bytes() + archive([("job", 0o100644, script)]))
        self.pipes = {name: os.pipe() for name in ("control", "stdout", "stderr")}
        ports = {name: ends[1] for name, ends in self.pipes.items()}
        self.argv = [qemu, *arguments(parts, first_files, self.console, ports)]
        self.ports = tuple(ports.values())
        self.broken = threading.Event()
        self.spoke = threading.Event()

    def run(self, timeout: float) -> Outcome:
        begin = time.monotonic()
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self.ports,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        for port in self.ports:
            os.close(port)
        control = _Control(self.pipes["control"][0])
        forwarders = [
            _Forwarder(self.pipes[name][0], stream, self.spoke, self.broken)
            for name, stream in (("stdout", sys.stdout.buffer), ("stderr", sys.stderr.buffer))
        ]
        for forwarder in forwarders:
            forwarder.start()
        times: dict[str, float] = {}
        try:
            ended = self._wait(control, begin, timeout, times)
        finally:
            self.process.kill()
            said = self.process.communicate()[0].decode(errors="replace").strip()
        for forwarder in forwarders:
            forwarder.finish()
        control.thread.join()
        started, spoke = times.get("started"), times.get("spoke")
        if control.status is not None:
            return Outcome(control.status, self._memory_problem(), started, spoke)
        if self.broken.is_set():
            return Outcome(128 + signal.SIGPIPE, "", started, spoke)
        if not ended:
            where = "its command" if started is not None else f"its boot\n{self._last_words(said)}"
            problem = f"the machine was ended after {timeout:g} s, still busy with {where}"
            return Outcome(TIMED_OUT, problem, started, spoke)
        return Outcome(NO_RESULT, f"the machine ended without a result\n{self._last_words(said)}", started, spoke)

    def _wait(self, control: _Control, begin: float, timeout: float, times: dict[str, float]) -> bool:
        """Wait for the result; note when the job started and first spoke. False: it took too long."""
        while not control.ended.wait(0.05):
            now = time.monotonic() - begin
            if control.started.is_set():
                times.setdefault("started", now)
            if self.spoke.is_set():
                times.setdefault("spoke", now)
            if self.broken.is_set():
                return True
            if now > timeout:
                return False
        return True

    def _memory_problem(self) -> str:
        victims = re.findall(r"Out of memory: (Killed process .*?\))", self._console())
        advice = "the machine ran out of memory, more is given by --memory"
        return f"{advice}: {', '.join(victims)}" if victims else ""

    def _console(self) -> str:
        return self.console.read_text(errors="replace") if self.console.is_file() else ""

    def _last_words(self, said: str) -> str:
        console = self._console()
        (cache_folder() / "console.log").write_text(console)
        return "\n".join(f"  | {line}" for line in last_words(f"{console}\n{said}")) or "  | (its console is empty)"


def last_words(console: str, most: int = 25) -> list[str]:
    """Return the lines that tell best why a machine died: from the crash on, else the last ones.

    >>> last_words("a\\nb\\nKernel panic - x\\nc\\nd", 2)
    ['Kernel panic - x', 'c']
    """
    lines = [line for line in console.splitlines() if line.strip()]
    crash = next((number for number, line in enumerate(lines) if re.search(r"Kernel panic|BUG: |Oops", line)), None)
    return lines[-most:] if crash is None else lines[crash : crash + most]


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG: even a killed parent leaves no machine behind.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def arguments(parts: Parts, first_files: Path, console: Path, ports: Mapping[str, int]) -> list[str]:
    """Return QEMU's arguments; ``ports`` are the descriptors that take what the guest writes to each port."""
    # numpy's wheels want x86-64-v2, and the plainest such processor is the cheapest to emulate.
    speed = ["-accel", "kvm", "-cpu", "host"] if parts.kvm else ["-accel", "tcg,thread=multi", "-cpu", "Nehalem"]
    kernel_line = "console=ttyS0 quiet panic=-1 oops=panic nokaslr mitigations=off apparmor=0 audit=0"
    arguments = ["-M", "q35", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", *speed]
    arguments += ["-m", parts.memory, "-smp", str(min(2, os.cpu_count() or 1))]
    arguments += ["-kernel", str(parts.kernel.image), "-initrd", str(first_files), "-append", kernel_line]
    arguments += ["-chardev", f"file,id=console,path={_comma(console)}", "-serial", "chardev:console"]
    arguments += _share("root", Path("/"), readonly=True)
    arguments += _share("tools", parts.tools, readonly=True) + _share("out", OUT, readonly=False)
    arguments += ["-device", "virtio-serial-pci"]
    for name, descriptor in ports.items():
        arguments += ["-chardev", f"file,id={name},path=/dev/fd/{descriptor}"]
        arguments += ["-device", f"virtserialport,chardev={name},name=copyproof.{name}"]
    return arguments


def _share(tag: str, folder: Path, *, readonly: bool) -> list[str]:
    mode = ",readonly=on" if readonly else ""
    source = f"local,id={tag},path={_comma(folder)},security_model=none,multidevs=remap{mode}"
    return ["-fsdev", source, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def _comma(path: Path) -> str:
    """Double the commas of a path, as QEMU's option lists want."""
    return str(path).replace(",", ",,")
