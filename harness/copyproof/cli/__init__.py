"""The command line: one module a command, imported when the command is used.

What the user can mend ends as one line on standard error and status 2, what a device did as one line and status 3;
`cci` has the exit codes of its own commands, by which 2 tells a state.

>>> sorted(COMMANDS)
['bench', 'cci', 'devices', 'replay', 'run', 'serve', 'targets']
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from copyproof.errors import CopyproofError, UsageError

COMMANDS = {
    "bench": ("copyproof.cli.bench:bench", "Measure how fast the harness is, beside its peers and limits."),
    "cci": ("copyproof.cli.cci:cci", "Order pairs as with CCI: paircreate, pairsplit, pairresync, pairdisplay…"),
    "devices": ("copyproof.cli.devices:devices", "List SCSI disks, and why safety would refuse each."),
    "replay": ("copyproof.cli.replay:replay", "Play a tape to a target, and tell where its results differ."),
    "run": ("copyproof.cli.run:run", "Run the conformance suite against a target."),
    "serve": ("copyproof.cli.serve:serve", "Bring a target up and keep it up for other programs."),
    "targets": ("copyproof.cli.targets:targets", "List target files, and whether each can run here."),
}
"""Name → (module:command, one line for --help)."""


_CCI = frozenset({"cci", "paircreate", "pairsplit", "pairresync", "pairdisplay", "pairevtwait", "pairvolchk"})
_INVALID, _BROKEN = 253, 237
"""EX_INVARG and EX_CMDIOE of `cci.codes`, which is not imported for other commands."""


class Lazy(click.Group):
    """A group that imports a command only when it is used."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command."""
        with _no_state(tuple(args)):
            return super().make_context(info_name, args, parent, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        with _no_state(tuple(args)):
            return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _of_pairs(words: Sequence[str]) -> bool:
    """Whether a command of CCI's is meant: its users take the status 1 or 2 for what a volume is."""
    return not _CCI.isdisjoint(words)


@contextmanager
def _no_state(words: Sequence[str]) -> Iterator[None]:
    """Let what is wrong before a command of CCI's end with no status that tells a state."""
    try:
        yield
    except click.UsageError as problem:
        if not _of_pairs(words):
            raise
        problem.show()
        raise SystemExit(_INVALID) from None


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="copyproof")
def entry() -> None:
    """Prove that a SCSI array's copies are right: every block, every label, nothing else touched."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends by SystemExit."""
    try:
        entry.main(arguments, prog_name="copyproof")
    except CopyproofError as error:
        print(f"copyproof: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 3)
    except Exception:
        if not _of_pairs(sys.argv[1:] if arguments is None else arguments):
            raise
        traceback.print_exc()
        sys.exit(_BROKEN)
