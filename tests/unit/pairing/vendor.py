"""A vendor for tests: volumes that say who they are, and a program that keeps the pairs in files beside itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from copyproof.pairing.command import CommandPairs
from copyproof.pairing.service import Declared, PairRequest, PairVolume, Presence
from copyproof.pairing.setting import Setting
from copyproof.scsi.command import Command, Result, Status
from copyproof.scsi.pair import PairCommand
from copyproof.targets.templates import parse

NAAS = ("60200000000000000000000000000006", "60200000000000000000000000000007", "60200000000000000000000000000008")
NAMES = ("primary", "secondary", "secondary-2")

#: Orders and questions as a vendor may have them; each run is logged, so that a test can say that none was.
TOOL = """
file="$0.$2.$3"
state=$(cat "$file" 2>/dev/null || echo SMPL)
case $1 in
  show) echo "pair $2 $3 $state 100.0%"; exit 0 ;;
  name) echo "volume $2 has id $3"; exit 0 ;;
esac
echo "$@" >> "$0.log"
case $1 in
  create|resync) state=PAIR ;;
  split) [ $state = PAIR ] || { echo "state does not allow this" >&2; exit 228; }; state=SSUS ;;
  delete) state=SMPL ;;
  *) echo "usage"; exit 1 ;;
esac
echo "$state" > "$file"
"""

RAW: Mapping[str, Any] = {
    "names": {"tool": ""},
    "operations": {
        name: {"steps": [["sh", "{tool}", name, "{primary.name}", "{secondary.name}"]]}
        for name in ("create", "split", "resync", "delete")
    },
    "refusals": [{"exit": 228, "name": "EX_INVSTP"}],
    "status": {
        "steps": [["sh", "{tool}", "show", "{primary.name}", "{secondary.name}"]],
        "patterns": [{"pattern": r"^pair \S+ \S+ (?P<state>\S+) (?P<percent>\S+)%$"}],
        "words": {"SSUS": "PSUS"},
    },
}


class Named:
    """A path to a unit that says its NAA, and nothing else."""

    name = "named"

    def __init__(self, naa: str) -> None:
        self.naa, self.asked = naa, 0

    def execute(self, command: Command, timeout: float) -> Result:
        assert command.cdb[:3] == bytes([0x12, 1, 0x83])
        self.asked += 1
        raw = bytes.fromhex(self.naa)
        page = bytes([0, 0x83, 0, 4 + len(raw), 1, 3, 0, len(raw)]) + raw
        return Result(Status.GOOD, data=page)

    def repeat_by_hand(self, command: Command) -> str:
        return ""


VOLUMES = tuple(
    PairVolume(number, name, naa, 2048, 512, Named(naa))
    for number, (name, naa) in enumerate(zip(NAMES, NAAS, strict=True), start=6)
)
P, S, S2 = VOLUMES


@dataclass(frozen=True)
class Lab:
    """The vendor's program in a folder of its own."""

    folder: Path

    @property
    def log(self) -> Sequence[str]:
        """The orders that were run."""
        path = self.folder / "tool.log"
        return path.read_text().splitlines() if path.exists() else []

    def service(
        self,
        tool: str = TOOL,
        raw: Mapping[str, Any] = RAW,
        presence: Presence | None = None,
        timeout: float = 10,
        **declared: Any,
    ) -> CommandPairs:
        """The service by a template; `raw` is the template's table."""
        (self.folder / "tool").write_text(tool)
        setting = Setting(parse(dict(raw), "t.toml"), "t.toml", "lab", names={"tool": str(self.folder / "tool")})
        return CommandPairs(replace(setting, timeout=timeout), Declared(**declared), VOLUMES, presence)


def changed(path: str, value: Any, raw: Mapping[str, Any] = RAW) -> dict[str, Any]:
    """A template's table with one key set, by a path such as `status.patterns`."""
    table: dict[str, Any] = copy.deepcopy(dict(raw))
    *parents, last = path.split(".")
    here = table
    for key in parents:
        here = here.setdefault(key, {})
    here[last] = value
    return table


def ask(command: PairCommand, primary: PairVolume = P, secondary: PairVolume = S, **more: Any) -> PairRequest:
    """An order."""
    return PairRequest(command, primary, secondary, **more)
