"""``ci/compliance``: the conformance suite on this kernel where it has LIO, else in the test machine.

A target in process needs neither.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ci.attend import attended, guarded
from ci.core import OUT, ROOT, SetupError, find_tool, say
from ci.prepare import PYTHON, set_up, tools_environment
from ci.vmcommand import in_machine

DEFAULT = ("software-array", "lio-loopback")
IN_PROCESS = "software"
"""The driver whose targets need no kernel of their own."""
RESULTS = ("report.html", "record.json", "junit.xml")


def report_folder(target: str) -> Path:
    """Return where the files of a target's run go.

    >>> report_folder("lab/my-array.toml").name
    'my-array'
    """
    return OUT / "report" / Path(target).name.removesuffix(".toml")


def script(targets: Sequence[str], passed_on: Sequence[str]) -> str:
    """Return a shell text that runs the suite on each target and ends with the worst status."""
    runs = [["copyproof", "run", target, f"--hil-report={report_folder(target)}", *passed_on] for target in targets]
    steps = [f"{shlex.join(run)}; s=$?; [ $s -gt $worst ] && worst=$s" for run in runs]
    return "\n".join(["worst=0", *steps, "exit $worst"])


def native() -> bool:
    """Tell whether this very kernel can serve: root, configfs and LIO loaded or loadable."""
    if os.geteuid() != 0:
        return False
    if Path("/sys/module/target_core_mod").is_dir():
        return True
    modprobe = find_tool("modprobe")
    return modprobe is not None and subprocess.run([modprobe, "-q", "target_core_mod"], check=False).returncode == 0


def drivers_of(targets: Sequence[str]) -> dict[str, str]:
    """Let the project itself read the target files before anything is booted, and return the driver of each.

    Raises:
        SetupError: its own words about a name or a file that is wrong.
    """
    program = (
        "import sys\nfrom copyproof.errors import UsageError\nfrom copyproof.targets.spec import load\n"
        "try:\n    print(*(load(name).driver for name in sys.argv[1:]))\n"
        "except UsageError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run([str(PYTHON), "-c", program, *targets], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(done.stderr.strip())
    return dict(zip(targets, done.stdout.split(), strict=True))


def split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Part the command line before the first option that is not one of ours.

    >>> split(["--vm", "lio-pi", "-k", "word"])
    (['--vm', 'lio-pi'], ['-k', 'word'])
    """
    ours = ("--vm", "--timeout", "-h", "--help")
    foreign = (at for at, word in enumerate(arguments) if word.startswith("-") and word.partition("=")[0] not in ours)
    at = next(foreign, len(arguments))
    return arguments[:at], arguments[at:]


def main(arguments: Sequence[str]) -> int:
    """Run ``ci/compliance`` and return its exit status: the worst of its runs."""
    parser = argparse.ArgumentParser(
        prog="ci/compliance",
        description="Run the conformance suite and write its reports to out/report/TARGET.",
        epilog="All from the first other option on goes to `copyproof run`, for instance --hil-seed=7.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"names or target files (default {' '.join(DEFAULT)})"
    )
    parser.add_argument("--vm", action="store_true", help="use the test machine even where this kernel has LIO")
    parser.add_argument(
        "--timeout", type=float, default=7200, metavar="SECONDS", help="end the whole run then (default 7200)"
    )
    own, passed_on = split(arguments)
    options = parser.parse_args(own)
    return guarded(lambda: _comply(options.targets or DEFAULT, passed_on, options))


def _comply(targets: Sequence[str], passed_on: Sequence[str], options: argparse.Namespace) -> int:
    set_up()
    drivers = drivers_of(targets)
    for target in targets:
        _clear(report_folder(target))
    here = [target for target in targets if drivers[target] == IN_PROCESS and not options.vm]
    status = _run(here, passed_on, in_vm=False, timeout=options.timeout)
    there = [target for target in targets if target not in here]
    in_vm = bool(there) and (options.vm or not native())
    return _tell(targets, max(status, _run(there, passed_on, in_vm=in_vm, timeout=options.timeout)))


def _clear(folder: Path) -> None:
    """Remove the files of an earlier run, so that nothing old is taken for a result."""
    for name in RESULTS:
        (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _run(targets: Sequence[str], passed_on: Sequence[str], *, in_vm: bool, timeout: float) -> int:
    if not targets:
        return 0
    command = ["sh", "-c", script(targets, passed_on)]
    where = "the test machine" if in_vm else "this kernel"
    say(f"running {', '.join(targets)} on {where}")
    if in_vm:
        return in_machine(command, timeout=timeout, memory="4G")
    return attended(command, folder=ROOT, environment=tools_environment(), timeout=timeout)


def _tell(targets: Sequence[str], status: int) -> int:
    """Print where the results are; a run that left none has failed, whatever it said."""
    for target in targets:
        for name in RESULTS:
            path = report_folder(target) / name
            print(f"{target}: {path}" if path.is_file() else f"{target}: {path} is missing")
            status = status if path.is_file() else max(status, 1)
    return status
