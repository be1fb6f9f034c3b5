"""`copyproof run`: the shipped conformance suite against a target, with an ini of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target")
@click.option(
    "--report", "--hil-report", "report", metavar="DIR", help="Folder for record.json, report.html, junit.xml."
)
@click.option("--transport", "--hil-transport", "transport", metavar="sg3|sgio", help="How commands reach a unit.")
@click.option(
    "--verify", "--hil-verify", "verify", metavar="changed|full|sample:N", help="What is verified beside judgements."
)
@click.option(
    "--fuzz",
    "--hil-fuzz",
    "fuzz",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Also play so many random operations.",
)
@click.option(
    "--fuzz-seconds",
    "--hil-fuzz-seconds",
    "fuzz_seconds",
    type=click.FloatRange(min=1),
    metavar="N",
    help="End the random operations after so many seconds, shrinking not counted.  [default: 3600]",
)
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def run(
    target: str,
    report: str | None,
    transport: str | None,
    verify: str | None,
    fuzz: int | None,
    fuzz_seconds: float | None,
    pytest_options: tuple[str, ...],
) -> None:
    """Run the conformance suite against TARGET, a shipped name or a target file.

    Further options go to pytest: `--hil-seed=N`, `--hil-strict`, `-k WORD`, `-x`. The exit status is pytest's: 0 when
    nothing failed, 1 when a requirement ended in FAIL, ERROR or UNEXPECTED_PASS or the last verification or
    a random sequence found a difference, 2 when interrupted.
    """
    import pytest

    given = {
        "--hil-transport": transport,
        "--hil-verify": verify,
        "--hil-fuzz": fuzz,
        "--hil-fuzz-seconds": fuzz_seconds,
    }
    chosen = [f"{option}={value}" for option, value in given.items() if value is not None]
    sys.exit(int(pytest.main(arguments(target, report, (*chosen, *pytest_options)))))


def arguments(target: str, report: str | None, further: tuple[str, ...]) -> list[str]:
    """Return pytest's arguments: a rootdir and ini of the suite's own, since a user's `python_files` would collect
    nothing; and the suite by its path, since with its name pytest would run a conftest of the current folder.

    >>> arguments("lio-loopback", None, ("-x",))[-3:-1]
    ['--hil-target=lio-loopback', '-x']
    """
    import copyproof.conformance

    suite = Path(copyproof.conformance.__file__).parent
    own = ["-c", str(suite / "pytest.ini"), f"--rootdir={suite}"]
    written = [f"--hil-report={report}", f"--junit-xml={Path(report) / 'junit.xml'}"] if report else []
    return [*own, *written, f"--hil-target={target}", *further, str(suite)]
