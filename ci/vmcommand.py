"""The command line of ``ci/vm``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ci.attend import guarded
from ci.core import OUT, ROOT, cache_folder, digest, find_tool, locked, replace_file, say
from ci.debian import ensure_guest_tools
from ci.kernel import ensure_first_files, ensure_kernel
from ci.machine import Job, Outcome, Parts, environment, hidden_folders, run, same_stream
from ci.prepare import PYTHON, set_up


def machine_parts(memory: str = "2G") -> Parts:
    """Return what a machine needs, made first where it is missing."""
    OUT.mkdir(exist_ok=True)
    with locked(cache_folder() / "lock"):
        kernel = ensure_kernel()
        parts = Parts(kernel, ensure_first_files(kernel), ensure_guest_tools(), kvm=True, memory=memory)
        return parts if kvm_works(parts) else replace(parts, kvm=False)


def kvm_works(parts: Parts) -> bool:
    """Return whether a guest really boots with KVM here; tried once for each host kernel, QEMU and guest kernel."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    qemu = find_tool("qemu-system-x86_64") or ""
    built = Path(qemu).stat().st_mtime_ns if qemu else 0
    answer = cache_folder() / f"kvm-{digest(os.uname().release, built, parts.kernel.version)}"
    if not answer.is_file():
        say("trying whether a guest boots with KVM (20 s at most, once)")
        outcome = run(parts, job(["true"]), timeout=20)
        replace_file(answer, b"yes" if outcome.status == 0 else b"no")
        say("KVM is used" if outcome.status == 0 else "no guest boots with KVM here: emulation is used")
    return answer.read_text() == "yes"


def job(command: Sequence[str]) -> Job:
    """Return a job that runs a command where the user stands."""
    folder = Path.cwd()
    kept = hidden_folders([ROOT, folder, Path(sys.base_prefix).resolve()])
    return Job(command, folder, environment(os.environ), same_stream(), kept)


def in_machine(command: Sequence[str], *, timeout: float, memory: str = "2G", times: bool = False) -> int:
    """Run a command in the machine, say what went wrong with the machine itself, and return the exit status."""
    parts = machine_parts(memory)
    _compile_ahead()
    outcome = run(parts, job(command), timeout=timeout)
    sys.stdout.flush()
    if outcome.problem:
        print(f"vm: {outcome.problem}", file=sys.stderr)
    if times:
        print(f"vm: {_times(outcome)}", file=sys.stderr)
    return outcome.status


def _compile_ahead() -> None:
    """Compile the package here: an emulated machine takes ten times as long, and forgets it."""
    if PYTHON.exists():
        subprocess.run([PYTHON, "-m", "compileall", "-q", ROOT / "harness"], check=False, capture_output=True)


def _times(outcome: Outcome) -> str:
    started = (
        "command never started"
        if outcome.started_after is None
        else f"command started after {outcome.started_after:.1f} s"
    )
    first = (
        "no output" if outcome.first_output_after is None else f"first output after {outcome.first_output_after:.1f} s"
    )
    return f"{started}, {first}"


def main(arguments: Sequence[str]) -> int:
    """Run ``ci/vm`` and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="ci/vm", description="Run a command as root in the test machine.", allow_abbrev=False
    )
    parser.add_argument(
        "--timeout", type=float, default=1800, metavar="SECONDS", help="end a hung machine then (default 1800)"
    )
    parser.add_argument("--memory", default="2G", help="memory of the machine (default 2G)")
    parser.add_argument("--time", action="store_true", help="say how long the boot took")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="the command and its arguments")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("a command is missing, for instance: ci/vm uname -r")
    return guarded(lambda: _set_up_and_run(command, options))


def _set_up_and_run(command: Sequence[str], options: argparse.Namespace) -> int:
    set_up()
    return in_machine(command, timeout=options.timeout, memory=options.memory, times=options.time)
