"""Two instances of group files over an array that is served by a socket, and the commands called in process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from copyproof import process
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.cli.cci import cci
from copyproof.serving.inproc import Served
from copyproof.serving.socket import Seat, ServedSocket

#: Blocks of each volume by its number: 5 is smaller, and no S-VOL for the others.
VOLUMES = {1: 4096, 2: 4096, 3: 4096, 4: 4096, 5: 2048, 6: 4096, 7: 4096, 26: 4096}
GRAINS = 8
"""Grains of 256 KiB that each of the larger volumes has: so many ticks a copy takes at pace 1."""
#: The groups of both sides, by name: device → (local number, remote number).
GROUPS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "oradb": {"dev1": (1, 2), "dev2": (3, 4)},
    "odd": {"self": (1, 1), "small": (1, 5), "taken": (3, 2), "swapped": (2, 1)},
    "many": {"first": (1, 2), "second": (1, 4), "third": (1, 6), "fourth": (1, 7)},
    "mixed": {"there": (1, 2), "back": (4, 3)},
    "high": {"dev1": (26, 1)},
}


def naa(number: int) -> str:
    """The NAA of a volume."""
    return f"6020000{number:025x}"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """An array, and the commands by which its pairs are ordered."""

    array: Served
    folder: Path

    def run(self, line: str, side: int = 0) -> Ended:
        """Run a command of one side, written as in a shell."""
        words = ["--conf", str(self.folder / f"horcm{side}.conf"), *line.split()]
        done = CliRunner().invoke(cci, words)
        return Ended(done.exit_code, done.stdout, done.stderr)

    def code(self, line: str, side: int = 0) -> int:
        """The exit code of a command."""
        return self.run(line, side).code

    def table(self, line: str, side: int = 0) -> list[list[str]]:
        """The words of each line below the heading."""
        done = self.run(f"{line} -CLI", side)
        assert done.code == 0, done.err
        return [row.split() for row in done.out.splitlines()[1:]]

    def states(self, group: str = "oradb") -> list[str]:
        """The status of each row of a group, both sides of each pair."""
        return [row[9] for row in self.table(f"pairdisplay -g {group}")]


def in_this_process(argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> process.Completed:
    """Run a command of CCI's as its program does, without the program."""
    program = Path(argv[0])
    done = CliRunner().invoke(cci, ["--conf", str(program.parent), program.name, *argv[1:]])
    return process.Completed(done.exit_code, done.stdout.encode(), done.stderr.encode(), 0.001)


@contextmanager
def opened(folder: Path) -> Iterator[Desk]:
    """An array with its groups; it is held, so that nothing goes on but by `array.run`."""
    array = Served(ArraySettings(volumes=tuple(VolumeSettings(n, size, naa(n)) for n, size in VOLUMES.items())))
    array.hold()
    folder.chmod(0o700)
    socket = folder / "array"
    for side, other in ((0, 1), (1, 0)):
        (folder / f"horcm{side}.conf").write_text(_file(side, other, socket))
    with ServedSocket(socket, array, {naa(number): Seat("host", number) for number in VOLUMES}):
        yield Desk(array, folder)


def _file(side: int, other: int, socket: Path) -> str:
    volumes = [
        f"{group} {device} naa.{naa(ends[side])}"
        for group, devices in GROUPS.items()
        for device, ends in devices.items()
    ]
    others = [f"{group} localhost horcm{other}" for group in GROUPS]
    return "\n".join(["HORCM_CMD", f"unix:{socket}", "HORCM_LDEV", *volumes, "HORCM_INST", *others, ""])
