"""`copyproof targets`: the target files, and whether each can run here."""

from __future__ import annotations

import click

from copyproof.errors import UsageError
from copyproof.targets import drivers, spec
from copyproof.targets.spec import TargetSpec


@click.command()
@click.option("--targetcli", metavar="NAME", help="Print targetcli commands that build an equal LIO target.")
@click.argument("names", nargs=-1)
def targets(targetcli: str | None, names: tuple[str, ...]) -> None:
    """List the shipped target files (or the given NAMES or paths), and whether each can run here."""
    if targetcli:
        click.echo(by_hand(targetcli), nl=False)
        return
    click.echo(table([spec.load(name) for name in names or spec.names()]))


def by_hand(name: str) -> str:
    """Return a shell script with the targetcli commands for a target; raises UsageError when it is not a LIO target."""
    target = spec.load(name)
    if target.driver != "lio":
        raise UsageError(f"target {target.name} has the {target.driver} driver; targetcli builds lio targets only")
    from copyproof.targets.drivers.lio.targetcli import script

    return script(target)


def table(found: list[TargetSpec]) -> str:
    """Return the targets as a table: name, what it is, and `yes` or why it cannot run here."""
    from tabulate import tabulate

    rows = [(target.name, target.title, _state(target)) for target in found]
    return tabulate(rows, headers=("target", "what it is", "runs here"), maxcolwidths=(None, 48, 60))


def _state(target: TargetSpec) -> str:
    return "; ".join(drivers.open_target(target).obstacles()) or "yes"
