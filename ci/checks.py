"""``ci/test``: the project's own checks, each with its name and time; the first failure ends it."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.attend import guarded
from ci.core import OUT, ROOT, find_tool, say
from ci.package import prove_package
from ci.prepare import PYTHON, set_up, tools_environment
from ci.vmcommand import machine_parts

RESULTS = OUT / "ci"
"""Where the JUnit files of the last run are."""


class CheckFailed(Exception):
    """A check did not pass; the argument is its name."""


@dataclass(frozen=True)
class Check:
    """One step: its name, the part of ``ci/test`` that it belongs to, and what it does (False: it failed)."""

    name: str
    part: str
    work: Callable[[], bool]


def _tool(*argv: str) -> Callable[[], bool]:
    return lambda: _run([str(PYTHON.parent / argv[0]), *argv[1:]])


def _run(argv: Sequence[str]) -> bool:
    done = subprocess.run(argv, cwd=ROOT, env=tools_environment(), check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        say(f"{Path(argv[0]).name} ended with status {done.returncode}")
    return done.returncode == 0


def _pytest(name: str, *arguments: str, before: Sequence[str] = ()) -> bool:
    """Run pytest, on the host or behind ``ci/vm``; its JUnit file must exist afterwards, or the step failed."""
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    python = [*before, "python"] if before else [str(PYTHON)]
    argv = [*python, "-m", "pytest", "-q", "-m", "not nightly", f"--junit-xml={report}", *arguments]
    return _run(argv) and report.is_file()


def _on_lio(name: str, hours: int, *arguments: str) -> bool:
    """Run tests in the machine, which is ended after so many hours."""
    machine = (str(ROOT / "ci/vm"), f"--timeout={hours * 3600}", "--memory=4G", "--")
    return _pytest(name, "--durations=20", "tests/lio", *arguments, before=machine)


def _nightly() -> bool:
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if "mark.nightly" in path.read_text()]
    if not marked:
        say("no test is marked nightly")
        return True
    return _pytest("nightly", "-m", "nightly", *_host_tests(), "tests/vm")


def _browser() -> bool:
    if find_tool("chromium") is None:
        say("no chromium can be installed here: the browser tests are left out")
        return True
    return _pytest("browser", "tests/browser")


HOST_TESTS = ("tests/unit", "tests/contract", "tests/model", "tests/array", "tests/plugin", "tests/fuzz")


def _existing(*folders: str) -> list[str]:
    return [folder for folder in folders if any((ROOT / folder).rglob("test_*.py"))]


def _host_tests() -> list[str]:
    return [*_existing(*HOST_TESTS), "harness", "ci"]


CHECKS = (
    Check("ruff check", "lint", _tool("ruff", "check")),
    Check("ruff format", "lint", _tool("ruff", "format", "--check")),
    Check("mypy", "lint", _tool("mypy")),
    Check("import directions", "lint", _tool("lint-imports")),
    Check("unit tests", "unit", lambda: _pytest("unit", "-n2", *_host_tests())),
    Check("browser tests", "unit", _browser),
    Check("package", "package", prove_package),
    Check("test machine", "vm", lambda: _pytest("vm", "tests/vm")),
    Check("tests on LIO", "lio", lambda: _on_lio("lio", 1)),
)


def counts(files: Sequence[Path]) -> Counter[str]:
    """Return how many tests passed, failed, were skipped or broke, from pytest's JUnit files."""
    total: Counter[str] = Counter()
    for file in files:
        for case in ElementTree.parse(file).iter("testcase"):
            total[_outcome(case)] += 1
    return total


def _outcome(case: ElementTree.Element) -> str:
    for tag, word in (("error", "errors"), ("failure", "failed")):
        if case.find(tag) is not None:
            return word
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    return "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"


def summary(total: Mapping[str, int], seconds: float) -> str:
    """Return the last line of a run, as pytest writes it.

    >>> summary({"passed": 3, "skipped": 1}, 1.5)
    '==== 3 passed, 1 skipped in 1.50s ===='
    """
    words = ("failed", "passed", "skipped", "xfailed", "errors")
    said = ", ".join(f"{total[word]} {word}" for word in words if total.get(word))
    return f"==== {said or 'no tests ran'} in {seconds:.2f}s ===="


def run_checks(parts: Sequence[str], checks: Sequence[Check] = CHECKS) -> int:
    """Set up, run the checks of these parts (all of them if none is named) and return the exit status."""
    begin = time.monotonic()
    set_up(purpose="test")
    machine_parts()
    say("set-up done")
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    chosen = [check for check in checks if not parts or check.part in parts]
    failed = next((check.name for check in chosen if not _passes(check)), None)
    print(summary(counts(sorted(RESULTS.glob("*.xml"))), time.monotonic() - begin), flush=True)
    if failed:
        print(f"ci/test: FAILED at: {failed}", flush=True)
    return 1 if failed else 0


def _passes(check: Check) -> bool:
    say(f"{check.name} …")
    begin = time.monotonic()
    passed = check.work()
    say(f"{check.name}: {'ok' if passed else 'FAILED'} ({time.monotonic() - begin:.1f} s)")
    return passed


def main(arguments: Sequence[str]) -> int:
    """Run ``ci/test [PART…]``."""
    return guarded(lambda: run_checks(_parts("ci/test", "Run the project's own tests.", arguments)))


def _parts(program: str, description: str, arguments: Sequence[str]) -> list[str]:
    known = list(dict.fromkeys(check.part for check in CHECKS))
    parser = argparse.ArgumentParser(prog=program, description=description, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these parts: {', '.join(known)}")
    parts = list(parser.parse_args(arguments).parts)
    if unknown := [part for part in parts if part not in known]:
        parser.error(f"unknown part {unknown[0]}; the parts are: {', '.join(known)}")
    return parts


def nightly(arguments: Sequence[str]) -> int:
    """Run ``ci/nightly``: the tests, what is marked nightly, and every target that needs no hardware."""
    argparse.ArgumentParser(prog="ci/nightly", description=str(nightly.__doc__)).parse_args(arguments)
    targets = sorted(path.stem for path in (ROOT / "targets").glob("lio-*.toml"))
    compliance = Check("all targets", "nightly", lambda: _run([str(ROOT / "ci/compliance"), *targets]))
    marked = Check("nightly tests", "nightly", _nightly)
    on_lio = Check("nightly tests on LIO", "nightly", lambda: _on_lio("nightly-lio", 6, "-m", "nightly"))
    return guarded(lambda: run_checks([], [*CHECKS, marked, on_lio, compliance]))
