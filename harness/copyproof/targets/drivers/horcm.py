"""Group files and commands for `copyproof cci`, so that the template `cci` orders an array's pairs as it does CCI's.

>>> text = group_file([Entry("copyproof", "primary.secondary", "60200000000000000000000000000006")], "horcm1", None)
>>> print(text, end="")
HORCM_LDEV
copyproof primary.secondary naa.60200000000000000000000000000006
HORCM_INST
copyproof localhost horcm1
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from copyproof.targets.known import NUMBERS
from copyproof.targets.live import PairHooks, Role
from copyproof.targets.spec import TargetSpec

COMMANDS = ("paircreate", "pairsplit", "pairresync", "pairdisplay", "pairevtwait", "pairvolchk")
TEMPLATE, GROUP = "cci", "copyproof"
LOCAL, REMOTE = "horcm0", "horcm1"

_TOGETHER = ((Role.PRIMARY, Role.SECONDARY), (Role.OTHER_PRIMARY, Role.OTHER_SECONDARY))
"""The pairs of the one consistency group that CCI has a name for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line on a volume: the name of a pair in a group, and the NAA of its volume on one side."""

    group: str
    device: str
    naa: str


def wanted(spec: TargetSpec) -> bool:
    """Whether a target's pairs are ordered by the template `cci`."""
    return spec.pairs is not None and spec.pairs.way == "command" and spec.pairs.template == TEMPLATE


def prepare(folder: Path, naas: Mapping[Role, str], socket: Path | None) -> PairHooks:
    """Write group files for every pair that there could be of some units, wrong ones too, and the commands that read
    them; return what the template has to know of it. `socket` leads to units without nodes."""
    couples = [(first, second) for first in naas for second in naas]
    for name, other, side in ((LOCAL, REMOTE, 0), (REMOTE, LOCAL, 1)):
        entries = [Entry(group, called(*couple), naas[couple[side]]) for group, couple in _grouped(couples)]
        (folder / f"{name}.conf").write_text(group_file(entries, other, socket), encoding="utf-8")
    for command in COMMANDS:
        path = folder / command
        path.write_text(_script(command, folder), encoding="utf-8")
        path.chmod(0o700)
    ldevs = {role: {"ldev": f"{NUMBERS[role]:x}"} for role in naas}
    return PairHooks(names={"folder": str(folder), "instance": "0", "group_name": GROUP}, volumes=ldevs)


def called(primary: Role, secondary: Role) -> str:
    """Return the name of a pair."""
    return f"{primary.value}.{secondary.value}"


def _grouped(couples: Iterable[tuple[Role, Role]]) -> Iterator[tuple[str, tuple[Role, Role]]]:
    """Every pair in one group, and those that are ordered together in a group of each one's name."""
    there = list(couples)
    yield from ((GROUP, couple) for couple in there)
    together = [couple for couple in _TOGETHER if couple in there]
    # The first of a group is the one that an order goes to.
    yield from ((called(*first), couple) for first in together for couple in [first, *(set(together) - {first})])


def group_file(entries: Iterable[Entry], other: str, socket: Path | None) -> str:
    """Return a group file (docs/cci.md); `other` is the instance that has the other side."""
    listed = list(entries)
    lines = [f"HORCM_CMD\nunix:{socket}"] if socket else []
    lines += ["HORCM_LDEV", *(f"{entry.group} {entry.device} naa.{entry.naa}" for entry in listed)]
    lines += ["HORCM_INST", *(f"{group} localhost {other}" for group in dict.fromkeys(e.group for e in listed))]
    return "\n".join([*lines, ""])


def _script(command: str, folder: Path) -> str:
    """A program of CCI's name; the harness starts it as it would CCI's own."""
    code = "from copyproof.cli import main; main()"
    # -P: nothing of the folder that it is called in is imported in the place of a module.
    words = [sys.executable, "-P", "-c", code, "cci", "--conf", str(folder), command]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
