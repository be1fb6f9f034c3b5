"""`copyproof replay`: the commands and host writes of a tape once more, to the same target or another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from copyproof.transport.ways import Way

if TYPE_CHECKING:
    from copyproof.plugin.replay import Difference, Replayed
    from copyproof.targets.spec import TargetSpec
    from copyproof.transport.tape import Recorded

SCHEMA = "copyproof.replay/1"


@click.command()
@click.argument("tape", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--transport", type=click.Choice([way.value for way in Way]), help="How commands reach a unit.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Write the differences there as JSON.")
def replay(tape: Path, target: str, transport: str | None, report: Path | None) -> None:
    """Play TAPE, written by --hil-tape, to TARGET, and print where its results differ from the recorded ones, and which
    of the blocks that were judged are wrong.

    What the tape writes to on the target's units is OVERWRITTEN, and nothing else, behind the same safety check as in a
    run. Units are matched by role, and their NAA designators exchanged in copies and answers. Not compared: serial
    numbers, designators other than NAA, the residual, times, labels. The exit status is 0 when every result is as
    recorded and every block as it must be, 1 when one is not or the target was lost on the way, 2 when the tape or the
    target does not serve, 3 when the target did not come up or did not take a host write.
    """
    from copyproof.plugin.replay import Replayed, ready
    from copyproof.plugin.replay import replay as play
    from copyproof.transport import tape as tapes

    recorded, spec = tapes.read(tape), _target(target, transport)
    done, found = Replayed(), []
    with ready(recorded, spec) as bench:
        for difference in play(recorded, bench, done):
            found.append(difference)
            click.echo(str(difference))
    for line in _summary(recorded, done):
        click.echo(line)
    if report:
        _write(report, recorded, spec, done, found)
    sys.exit(1 if found or done.lost else 0)


def _target(name: str, transport: str | None) -> TargetSpec:
    import msgspec

    from copyproof.targets import spec

    found = spec.load(name)
    return msgspec.structs.replace(found, transport=Way(transport)) if transport else found


def _summary(recorded: Recorded, done: Replayed) -> list[str]:
    aside = ", ".join(f"{what} ({times} times)" for what, times in sorted(done.passed_over.items()))
    ending = "no result differs" if not done.differences else f"differences: {done.differences}"
    return [
        f"{done.commands} commands and {done.writes} host writes of {recorded.name} replayed, {done.looked} blocks "
        f"looked at: {ending}",
        *([f"not compared: {aside}"] if aside else []),
        *(["the last line of the tape is not whole, and was left out"] if recorded.cut else []),
        *([f"the replay ended early, as the target was lost: {done.lost}"] if done.lost else []),
    ]


def _write(path: Path, recorded: Recorded, spec: TargetSpec, done: Replayed, found: list[Difference]) -> None:
    import msgspec

    from copyproof.reports.schema import write

    whole = {
        "schema": SCHEMA,
        "tape": recorded.name,
        "target": spec.name,
        "transport": spec.transport,
        "commands": done.commands,
        "writes": done.writes,
        "looked": done.looked,
        "not_compared": dict(done.passed_over),
        "lost": done.lost,
        "differences": found,
    }
    write(path, msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")
