"""What volumes of pairs hold, as plainly as it can be said: lists of blocks, and for each split a whole copy of P.

Nothing is copied in the background here and nothing first: a split takes a picture. A block of which nothing is known,
as of an S-VOL that follows its P-VOL, is None and is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from copyproof.scsi.pair import PairCommand, PairState

Held = list[int | None]


@dataclass
class Reference:
    """The volumes by number, and the last known state of each pair (P, S)."""

    volumes: dict[int, Held]
    states: dict[tuple[int, int], PairState] = field(default_factory=dict)

    def write(self, volume: int, lba: int, values: list[int]) -> None:
        self.volumes[volume][lba : lba + len(values)] = values

    def copy(self, source: int, source_lba: int, destination: int, lba: int, count: int) -> None:
        self.volumes[destination][lba : lba + count] = self.volumes[source][source_lba : source_lba + count]

    def done(self, command: PairCommand, primary: int, secondary: int, state: PairState, settled: bool) -> None:
        """An order was carried out. `settled` says that nothing was left to be copied before it."""
        key = (primary, secondary)
        before = self.states.get(key, PairState.SMPL)
        if command in (PairCommand.SPLIT, PairCommand.CREATE_SPLIT):
            self.volumes[secondary] = list(self.volumes[primary])
        elif command is PairCommand.RESTORE:
            self.volumes[primary] = list(self.volumes[secondary])
        elif command in (PairCommand.CREATE, PairCommand.RESYNC):
            self.forget(secondary)
        elif command is PairCommand.DELETE and before is PairState.PAIR and settled:
            self.volumes[secondary] = list(self.volumes[primary])
        elif not settled:
            # Stopped halfway: what was to be overwritten may be, or not.
            self.forget(primary if before is PairState.RCPY else secondary)
        self.see(key, state)

    def see(self, key: tuple[int, int], state: PairState) -> None:
        """A pair was seen in a state; once it is in PAIR, a restore just over, its S-VOL follows."""
        if state is PairState.PAIR and self.states.get(key) is not PairState.PAIR:
            self.forget(key[1])
        self.states[key] = state

    def forget(self, volume: int) -> None:
        self.volumes[volume] = [None] * len(self.volumes[volume])

    def wrong(self, volume: int, held: list[int]) -> list[int]:
        """The LBAs of blocks that are not what they should be."""
        known = enumerate(zip(self.volumes[volume], held, strict=True))
        return [lba for lba, (due, seen) in known if due is not None and due != seen]
