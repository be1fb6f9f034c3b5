"""`copyproof bench`: how fast the harness is, each figure beside its peer or limit, measured in the same run."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from copyproof.bench.figures import Figure, Measured, NotMeasured

SCHEMA = "copyproof.bench/1"
NAMES = ("blocks", "verify", "model", "commands", "array")
"""The benchmarks, each a module of copyproof.bench."""

HEADERS = ("figure", "measured", "peer", "ratio", "reach", "")
WIDTHS = (26, 14, 17, 5, 7, 3)
"""Columns of the table, 80 characters with what is between them."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES), metavar=f"[{'|'.join(NAMES)}]...")
@click.option("--json", "report", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures there too.")
@click.option("--target", metavar="TARGET", help="What `commands` is measured on.  [default: lio-loopback]")
@click.option("--size", type=click.IntRange(4), metavar="MIB", help="How much `verify` verifies.  [default: 4096]")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR", help="Where `verify` writes, a disk.")
def bench(
    names: tuple[str, ...], report: Path | None, target: str | None, size: int | None, folder: Path | None
) -> None:
    """Measure the parts named, or all, and print each figure beside its peer: what else could do that work here.

    The ratio is the figure as a share of its peer, and the reach is what that should be. What cannot be measured here
    is shown with the reason. The exit status is 1 when a reach is missed, 2 when nothing could be measured, and 0
    otherwise.
    """
    if report:
        _write(report, [])
    of_verify: dict[str, object] = {"size": size and size << 20, "folder": folder}
    given: dict[str, dict[str, object]] = {"commands": {"target": target}, "verify": of_verify}
    found: list[Measured] = []
    for name in dict.fromkeys(names or NAMES):
        click.echo(f"measuring {name} …", err=True)
        figures = list(_figures(name, given.get(name, {})))
        found += figures
        click.echo(f"{name}\n{table(figures)}\n")
        if report:
            _write(report, found)
    sys.exit(_status(found))


def _figures(name: str, given: Mapping[str, object]) -> Iterator[Measured]:
    """Measure; what the machine does not allow is no figure, and keeps no other from being taken."""
    from copyproof.bench.figures import NotMeasured
    from copyproof.errors import CopyproofError

    measured = import_module(f"copyproof.bench.{name}").measured
    try:
        yield from measured(**{option: value for option, value in given.items() if value is not None})
    except CopyproofError as problem:
        yield NotMeasured(name, str(problem))


def table(figures: Iterable[Measured]) -> str:
    """Return the figures as a table of at most 80 columns."""
    from tabulate import tabulate

    from copyproof.bench.figures import Figure

    rows = [_row(figure) if isinstance(figure, Figure) else _reason(figure) for figure in figures]
    taken = [row for row in rows if isinstance(row, tuple)]
    others = [row for row in rows if isinstance(row, str)]
    shown = tabulate(taken, headers=HEADERS, maxcolwidths=list(WIDTHS), disable_numparse=True) if taken else ""
    return "\n".join(filter(None, [shown, *others]))


def _row(figure: Figure) -> tuple[str, ...]:
    reach = "" if figure.reach is None else f"{'≤' if figure.most else '≥'} {figure.reach:g}"
    return (
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        f"{figure.peer}: {_number(figure.peer_value)}",
        f"{figure.ratio:.2f}" if figure.ratio < 10 else _number(figure.ratio),
        reach,
        "" if figure.reach is None else "yes" if figure.reached else "NO",
    )


def _number(value: float) -> str:
    """Three digits, or all before the point.

    >>> _number(0.0123456), _number(1462.96)
    ('0.0123', '1463')
    """
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _reason(figure: NotMeasured) -> str:
    import textwrap

    return textwrap.fill(f"{figure.name}: not measured: {figure.why}", 80, subsequent_indent="  ")


def _status(found: Iterable[Measured]) -> int:
    """Return 0 where there are figures and all reach what they should, 1 where one does not, 2 where there is none."""
    from copyproof.bench.figures import Figure

    figures = [figure for figure in found if isinstance(figure, Figure)]
    if not figures:
        return 2
    return 0 if all(figure.reached for figure in figures) else 1


def _write(path: Path, figures: list[Measured]) -> None:
    """Write what there is so far; raises UsageError when that cannot be done, the first time before all measuring."""
    import msgspec

    from copyproof.reports.schema import write

    whole = {"schema": SCHEMA, "machine": machine(), "figures": [_plain(figure) for figure in figures]}
    write(path, msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")


def _plain(figure: Measured) -> dict[str, object]:
    import dataclasses

    from copyproof.bench.figures import Figure

    plain = dataclasses.asdict(figure)
    return plain | {"ratio": figure.ratio, "reached": figure.reached} if isinstance(figure, Figure) else plain


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, kernel, Python, numpy."""
    return {
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
