"""A control unit with small volumes for tests of pairs: blocks are told apart by a number that fills them."""

from __future__ import annotations

import numpy as np

from copyproof.array.core.pair_orders import PairOrder
from copyproof.array.core.pair_rules import PairRules
from copyproof.array.core.unit import ControlUnit
from copyproof.array.defects import Defect
from copyproof.array.settings import ArraySettings, VolumeSettings
from copyproof.array.trace import Trace
from copyproof.scsi.pair import Answer, PairCommand, PairState, SplitKind

BLOCKS = 60
"""Blocks of each volume: seven grains of eight, and one of four."""

GRAIN = 8
"""Blocks of a grain."""

P, S, T, U, V = 1, 2, 3, 4, 5


class PairBench:
    """An array of five volumes, each block of which holds 100 times its volume's number plus its LBA."""

    def __init__(
        self, *defects: Defect, rules: PairRules | None = None, fill: bool = True, slots: int = 1 << 20
    ) -> None:
        volumes = tuple(VolumeSettings(number, BLOCKS) for number in (P, S, T, U, V))
        settings = ArraySettings(
            volumes, unit_bytes=2048, slot_bytes=4096, cache_bytes=slots * 4096, defects=frozenset(defects),
            pairs=rules or PairRules(grain=GRAIN * 512, pace=1),
        )  # fmt: skip
        self.trace = Trace()
        self.unit = ControlUnit(settings, self.trace)
        self.table = self.unit.pairs
        for number in (P, S, T, U, V) if fill else ():
            self.write(number, 0, *(100 * number + lba for lba in range(BLOCKS)))

    def order(self, command: PairCommand, secondary: int = S, primary: int = P, **more: object) -> Answer:
        """Order a pair command; the rest goes into the order."""
        return self.table.order(PairOrder(command, primary, secondary, **more))  # type: ignore[arg-type]

    def create(self, secondary: int = S, primary: int = P, group: int = 0) -> None:
        """Make a pair and wait for the end of its initial copy."""
        self.order(PairCommand.CREATE, secondary, primary, group=group)
        self.finish()

    def split(self, secondary: int = S, primary: int = P, kind: SplitKind = SplitKind.STEADY) -> None:
        """Split a pair, and do not wait."""
        self.order(PairCommand.SPLIT, secondary, primary, kind=kind)

    def create_split(self, kind: SplitKind = SplitKind.QUICK, secondary: int = S, primary: int = P) -> None:
        """Make a pair and split it in the same moment, and do not wait."""
        self.order(PairCommand.CREATE_SPLIT, secondary, primary, kind=kind)

    def finish(self) -> None:
        """Let all copying end."""
        self.unit.run(2 * BLOCKS)

    def state(self, secondary: int = S, primary: int = P) -> PairState:
        """The state of a pair."""
        return self.table.state(primary, secondary)

    def write(self, volume: int, lba: int, *values: int) -> None:
        """Write blocks as a host does."""
        data = np.stack([block(value) for value in values])
        self.unit.write(volume, lba, self.unit.labelled(volume, lba, data))

    def read(self, volume: int, lba: int = 0, count: int | None = None) -> list[int]:
        """Read blocks as a host does. A block that was never written shows as 0, one that is torn, or whose label is
        not its own, as -1."""
        blocks = self.unit.read_raw(volume, lba, BLOCKS - lba if count is None else count)
        own = self.unit.labelled(volume, lba, blocks.data)
        words = blocks.data.view("<u8")
        blank = (words == 0).all(axis=1) & (blocks.labels.view(np.uint64) == 2**64 - 1)
        right = (words == words[:, :1]).all(axis=1) & ((blocks.labels == own.labels) | blank)
        return [int(value) for value in np.where(right, words[:, 0].astype(np.int64), -1)]


def block(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the payload of a block that holds a number."""
    return np.frombuffer(value.to_bytes(8, "little") * 64, np.uint8)


def first(volume: int) -> list[int]:
    """What a volume holds at first."""
    return [100 * volume + lba for lba in range(BLOCKS)]


def with_(held: list[int], changes: dict[int, int]) -> list[int]:
    """Return what a volume holds after changes, value by LBA."""
    return [changes.get(lba, value) for lba, value in enumerate(held)]
