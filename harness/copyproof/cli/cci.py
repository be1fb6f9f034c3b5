"""`copyproof cci`: pair commands as CCI users know them, options and exit codes included (docs/cci.md).

Starts fast: nothing heavy is imported, as scripts call these commands by the dozen.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from copyproof.cci import display, horcm, orders, states, waiting
from copyproof.cci.array import Array
from copyproof.cci.codes import CciError, Code, code_of
from copyproof.errors import CopyproofError, printable
from copyproof.scsi.pair import PairCommand, SplitKind, VolumeRole

_KINDS = {kind.value: kind for kind in SplitKind}
_HELP = {"help_option_names": ["-h", "--help"]}


class Commands(click.Group):
    """Commands whose every error ends with an exit code of CCI's, above those by which they tell states."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command; ends by SystemExit where they are wrong."""
        with _coded(lambda: "cci"):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; ends by SystemExit where it fails."""
        with _coded(lambda: ctx.invoked_subcommand or "cci"):
            return super().invoke(ctx)


@contextmanager
def _coded(command: Callable[[], str]) -> Iterator[None]:
    """Let every error end with a code: 1, with which Python ends by itself, would tell of volumes that are SMPL."""
    try:
        yield
    except (click.exceptions.Exit, click.Abort):
        raise
    except click.ClickException as problem:
        missing = isinstance(problem, click.MissingParameter)
        code = Code.EX_REQARG if missing else Code.EX_INVARG
        raise _ended(command(), f"{problem.format_message()} See --help.", code) from None
    except CopyproofError as problem:
        raise _ended(command(), str(problem), code_of(problem)) from None
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(int(Code.EX_CMDIOE)) from None
    except (Exception, KeyboardInterrupt) as problem:
        why = traceback.format_exc() if isinstance(problem, Exception) else "interrupted"
        print(f"{command()}: [{Code.EX_CMDIOE.name}] {why}", file=sys.stderr)
        raise SystemExit(int(Code.EX_CMDIOE)) from None


def _ended(command: str, why: str, code: Code) -> SystemExit:
    print(f"{command}: [{code.name}] {printable(why)}", file=sys.stderr)
    return SystemExit(int(code))


@click.group(cls=Commands, context_settings=_HELP, no_args_is_help=False)
@click.option(
    "--conf", default="", metavar="PATH", help="The group file of this side, or its folder; else $HORCM_CONF."
)
@click.pass_context
def cci(ctx: click.Context, conf: str) -> None:
    """Order and watch pairs of volumes by the options and exit codes of CCI.

    Needs an array that takes the vendor commands of docs/pair-commands.md, such as the software array. Groups are those
    of a group file, see docs/cci.md.
    """
    ctx.obj = conf


@contextmanager
def _opened(conf: str, instance: str, group: str, device: str) -> Iterator[tuple[Array, orders.Target]]:
    here = horcm.read(horcm.choose(conf, instance, os.environ))
    target = orders.Target(horcm.members(here, group, device), whole=not device)
    with Array(here.socket) as array:
        yield array, target


def _of_group(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command -g, -d and -I, and call it with the array and the members that they mean."""

    @click.option("-g", "group", required=True, metavar="GROUP", help="The group, as the group file names it.")
    @click.option("-d", "device", default="", metavar="PAIR_VOL", help="One pair of the group only.")
    @click.option("-I", "instance", default="", metavar="[H|M]N", help="The instance: the group file is horcmN.conf.")
    @click.pass_obj
    @wraps(command)
    def opened(conf: str, /, group: str, device: str, instance: str, **options: object) -> None:
        with _opened(conf, instance, group, device) as (array, target):
            command(array, target, **options)

    return opened


_kind = click.option(
    "-fq", "kind", type=click.Choice(sorted(_KINDS)), help="quick: the S-VOL can be used at once, and is copied later."
)


@cci.command(context_settings=_HELP)
@click.option("-vl", "local", is_flag=True, help="The P-VOLs are on this side.")
@click.option("-vr", "remote", is_flag=True, help="The P-VOLs are on the other side.")
@click.option("-split", is_flag=True, help="Split at once: the S-VOL gets what the P-VOL holds now.")
@_kind
@click.option("-m", "mode", type=click.Choice(["grp"]), help="grp: all in one consistency group.")
@click.option("-c", "pace", type=click.IntRange(1, 15), default=None, help="Copy pace, 1 (slow) to 15.")
@click.argument("ctgid", type=click.IntRange(1, 255), required=False)
@_of_group
def paircreate(
    array: Array,
    target: orders.Target,
    local: bool,
    remote: bool,
    split: bool,
    kind: str | None,
    mode: str | None,
    pace: int | None,
    ctgid: int | None,
) -> None:
    """Create pairs, and begin to copy the P-VOLs to the S-VOLs, which are overwritten.

    CTGID is the number of the consistency group, for -m grp; without it any that is free.
    """
    if local == remote:
        code = Code.EX_INVARG if local else Code.EX_REQARG
        raise CciError(code, "say on which side the P-VOLs are: either -vl, on this one, or -vr, on the other")
    if kind and not split:
        raise CciError(Code.EX_INVARG, "-fq is for -split")
    if ctgid and not mode:
        raise CciError(Code.EX_INVARG, f"{ctgid}: a number of a consistency group needs -m grp")
    chosen = _KINDS[kind or "normal"] if split else None
    group = (ctgid or 0) if mode else None
    orders.create(array, target, orders.Creation(local, chosen, group, pace or 0))


@cci.command(context_settings=_HELP)
@click.option("-S", "simplex", is_flag=True, help="Delete the pairs: both volumes are simplex then.")
@click.option("-E", "suspend", is_flag=True, help="Suspend the pairs, as by an error.")
@click.option("-r", "read", is_flag=True, help="For S-VOLs that are only read: this array has none, so it is refused.")
@click.option("-rw", "write", is_flag=True, help="For S-VOLs that are read and written, which is how they are.")
@_kind
@_of_group
def pairsplit(
    array: Array, target: orders.Target, simplex: bool, suspend: bool, read: bool, write: bool, kind: str | None
) -> None:
    """Split pairs: their S-VOLs stand for what the P-VOLs hold now, and can be written."""
    if read:
        raise CciError(Code.EX_INVARG, "-r: the array lets split S-VOLs be written; there is -rw")
    if sum((simplex, suspend, write or kind is not None)) > 1:
        raise CciError(Code.EX_INVARG, "-S, -E and how to split (-rw, -fq) do not go together")
    command = PairCommand.DELETE if simplex else PairCommand.SUSPEND if suspend else PairCommand.SPLIT
    orders.order(array, target, command, _KINDS[kind or "normal"])


@cci.command(context_settings=_HELP)
@click.option("-restore", is_flag=True, help="From the S-VOLs to the P-VOLs, which are overwritten.")
@_of_group
def pairresync(array: Array, target: orders.Target, restore: bool) -> None:
    """Copy again what differs, from the P-VOLs to the S-VOLs, and keep it the same."""
    orders.order(array, target, PairCommand.RESTORE if restore else PairCommand.RESYNC)


@cci.command(context_settings=_HELP)
@click.option("-fc", "copied", is_flag=True, help="Show how much is copied, in percent.")
@click.option("-fx", "hexadecimal", is_flag=True, help="Show the volumes' numbers in hexadecimal.")
@click.option("-fcx", "both", is_flag=True, help="Both.")
@click.option("-CLI", "table", is_flag=True, help="Columns for programs: one heading, words between blanks.")
@_of_group
def pairdisplay(array: Array, target: orders.Target, copied: bool, hexadecimal: bool, both: bool, table: bool) -> None:
    """Show both sides of each pair, with their states."""
    form = display.Form(copied or both, hexadecimal or both, table)
    shown = list(display.rows(array, target.members, form))
    click.echo("\n".join(display.lines(shown, form)))


@cci.command(context_settings=_HELP)
@click.option(
    "-s", "wanted", required=True, multiple=True, type=click.Choice(waiting.STATES, case_sensitive=False),
    help="The state of the P-VOLs; given several times, any of them.",
)  # fmt: skip
@click.option("-t", "timeout", required=True, type=click.IntRange(0), metavar="SECONDS", help="Wait at most so long.")
@click.argument("interval", type=click.FloatRange(0.05, 3600), default=waiting.INTERVAL)
@_of_group
def pairevtwait(array: Array, target: orders.Target, wanted: tuple[str, ...], timeout: int, interval: float) -> None:
    """Wait until all pairs are in a state, and ask every INTERVAL seconds."""
    waiting.wait(array, target.members, wanted, timeout, interval)
    click.echo("pairevtwait : Wait status done.")


@cci.command(context_settings=_HELP)
@click.option("-ss", "status", is_flag=True, help="By the exit code tell the status too: 11, 22 to 25, 32 to 35.")
@_of_group
def pairvolchk(array: Array, target: orders.Target, status: bool) -> None:
    """Tell by the exit code what the volumes on this side are: 1 SMPL, 2 P-VOL, 3 S-VOL."""
    sights = [array.local(member) for member in target.members]
    role = states.one_role(sights)
    word, code = states.status_code(sights)
    known = "" if role is VolumeRole.SIMPLEX else f".[status = {word}]"
    click.echo(f"pairvolchk : Volstat is {states.ATTRIBUTES[role]}{known}")
    sys.exit(code if status else role + 1)
